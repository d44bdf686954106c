//! What single values of a space file do not show: names that must be there, numbers within bounds,
//! parts that fit each other. From here on a file is known to be sound.

use std::collections::{BTreeMap, HashSet};

use super::layers::{Amount, Channels, Conv, Layer, Padding, Part, Pool, Stride};
use super::{
    CellFile, EdgeFile, EdgesFile, NetworkFile, OperationFile, PartFile, SpaceFile, StageFile,
    TextForm, fault, limits,
};
use crate::error::Result;
use crate::space::{Cell, CellKind, Edge, Range, RankPreset, Space, SpaceData, Stage};

/// The space of a file.
pub(super) fn space(file: SpaceFile) -> Result<Space> {
    name("name", &file.name)?;
    count("operations", file.operations.len(), 1..=limits::OPERATIONS)?;
    let mut names = HashSet::new();
    for (i, operation) in file.operations.iter().enumerate() {
        let at = format!("operations[{i}]");
        operation_file(&at, operation)?;
        unique(&mut names, &format!("{at}.name"), &operation.name)?;
    }
    if file.operations.iter().filter(|o| o.zero).count() > 1 {
        return Err(fault("operations", "found more than one that is zero, expected at most one"));
    }
    count("cells", file.cells.len() + file.choices.len(), 1..=limits::CELLS)?;
    let mut names = HashSet::new();
    let mut cells = Vec::new();
    for (i, cell) in file.cells.iter().enumerate() {
        let at = format!("cells[{i}]");
        unique(&mut names, &format!("{at}.name"), &cell.name)?;
        cells.push(graph_cell(&at, &file, cell)?);
    }
    for (i, group) in file.choices.iter().enumerate() {
        let at = format!("choices[{i}]");
        name(&format!("{at}.name"), &group.name)?;
        unique(&mut names, &format!("{at}.name"), &group.name)?;
        count(&format!("{at}.edges"), group.edges.len(), 1..=limits::NODES)?;
        let mut edges = HashSet::new();
        for (e, edge) in group.edges.iter().enumerate() {
            let at = format!("{at}.edges[{e}]");
            name(&at, edge)?;
            unique(&mut edges, &at, edge)?;
        }
        let options = options(&format!("{at}.options"), &file, &group.options)?;
        let places = group.edges.len();
        cells.push(Cell {
            name: group.name.clone(),
            edges: (0..places).map(|e| Edge { from: e, to: e + 1 }).collect(),
            edge_names: group.edges.clone(),
            options: vec![options; places],
            // Filled in below.
            kind: CellKind::Choices { joined: vec![false; places] },
        });
    }
    let edges: usize = cells.iter().map(|c| c.edges.len()).sum();
    count("edges of all cells and choices", edges, 1..=limits::EDGES)?;

    count("macros", file.macros.len(), 1..=limits::NETWORKS)?;
    let mut uses = Uses::default();
    for (key, structure) in &file.macros {
        let at = format!("macros.{key}");
        name(&at, key)?;
        within(&format!("{at}.divisible_by"), structure.divisible_by, 1..=limits::IMAGE)?;
        path(&format!("{at}.path"), &structure.path)?;
        count(&format!("{at}.stem"), structure.stem.len(), 0..=limits::PARTS)?;
        count(&format!("{at}.body"), structure.body.len(), 1..=limits::PARTS)?;
        for (i, stem) in structure.stem.iter().enumerate() {
            let at = format!("{at}.stem[{i}]");
            path(&format!("{at}.name"), &stem.name)?;
            recipe(&format!("{at}.layers"), &stem.layers)?;
            uses.channels(&format!("{at}.channels"), &file, &stem.channels)?;
        }
        for (i, part) in structure.body.iter().enumerate() {
            part_file(&format!("{at}.body[{i}]"), &file, part, &mut uses)?;
        }
        let at = format!("{at}.head");
        path(&format!("{at}.name"), &structure.head.name)?;
        path(&format!("{at}.classifier"), &structure.head.classifier)?;
        recipe(&format!("{at}.layers"), &structure.head.layers)?;
        uses.channels(&format!("{at}.channels"), &file, &structure.head.channels)?;
    }
    let networks = &file.networks;
    network("networks.ntk", &file, &networks.ntk)?;
    if let Some(thin) = &networks.thin {
        network("networks.thin", &file, thin)?;
        if thin.image.is_some() {
            let text = "found a size, expected none: its images are of 3 x 3";
            return Err(fault("networks.thin.image", text));
        }
    }
    if networks.ntk.image.is_some() {
        let text = "found a size, expected none: its images are those of the data set";
        return Err(fault("networks.ntk.image", text));
    }
    network("networks.training", &file, &networks.training)?;
    count("networks.training_on", networks.training_on.len(), 0..=limits::NETWORKS)?;
    for (key, of) in &networks.training_on {
        network(&format!("networks.training_on.{key}"), &file, of)?;
    }

    let first = file.cells.len();
    for (g, group) in file.choices.iter().enumerate() {
        let mut joined = vec![false; group.edges.len()];
        for (e, edge) in group.edges.iter().enumerate() {
            let at = format!("choices[{g}].edges[{e}]");
            let key = format!("{}.{edge}", group.name);
            let Some(used) = uses.of.get(&key) else {
                return Err(fault(&at, &format!("found {edge:?}, which no macro structure uses")));
            };
            check_use(&at, &file, *used, &cells[first + g].options[e])?;
            let before = e.checked_sub(1).map(|b| format!("{}.{}", group.name, group.edges[b]));
            joined[e] = before.is_some_and(|before| are_joined(&file, &before, &key));
        }
        cells[first + g].kind = CellKind::Choices { joined };
    }

    let stages = stages(&file, &cells)?;
    preset("preset", file.preset.batch_size, file.preset.prune_per_edge)?;
    count("presets", file.presets.len(), 0..=limits::NETWORKS)?;
    for (key, of) in &file.presets {
        preset(&format!("presets.{key}"), of.batch_size, of.prune_per_edge)?;
    }
    rank_preset(&file.rank)?;
    let own_graphs = uses.of.values().any(|used| *used != Use::Block);
    let space = SpaceData::of_file(file, cells, stages, own_graphs)?;
    text_form(&space)?;
    Ok(space)
}

/// What a choice of a group decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Block,
    Channels,
    Repeat,
}

/// What the choices are used for, by `group.edge`.
#[derive(Debug, Default)]
struct Uses {
    of: BTreeMap<String, Use>,
}

impl Uses {
    fn add(&mut self, at: &str, file: &SpaceFile, key: &str, what: Use) -> Result<()> {
        let known = file.choices.iter().any(|group| {
            group.edges.iter().any(|edge| {
                key.strip_prefix(group.name.as_str()).and_then(|rest| rest.strip_prefix('.'))
                    == Some(edge)
            })
        });
        if !known {
            let text = format!("found {key:?}, expected a choice of a group, \"group.edge\"");
            return Err(fault(at, &text));
        }
        match self.of.insert(key.to_owned(), what) {
            Some(before) if before != what => {
                let text = format!("found {key:?}, which another place uses for something else");
                Err(fault(at, &text))
            }
            _ => Ok(()),
        }
    }

    fn channels(&mut self, at: &str, file: &SpaceFile, amount: &Amount) -> Result<()> {
        match amount {
            Amount::Exactly(n) => within(at, *n, 1..=limits::CHANNELS),
            Amount::Named(key) => self.add(at, file, key, Use::Channels),
        }
    }
}

/// Whether the options of a choice are what its use needs.
fn check_use(at: &str, file: &SpaceFile, used: Use, options: &[usize]) -> Result<()> {
    let mut values = HashSet::new();
    for option in options {
        let operation = &file.operations[*option];
        let fits = match used {
            Use::Block => operation.layers.is_some(),
            Use::Channels => operation.value.is_some_and(|v| (1..=limits::CHANNELS).contains(&v)),
            Use::Repeat => operation.value.is_some_and(|v| v <= limits::REPEAT),
        };
        let expected = match used {
            Use::Block => "one with \"layers\"".to_owned(),
            Use::Channels => format!("one with a \"value\" of 1 to {}", limits::CHANNELS),
            Use::Repeat => format!("one with a \"value\" of 0 to {}", limits::REPEAT),
        };
        if !fits {
            let found = &operation.name;
            return Err(fault(at, &format!("found the option {found:?}, expected {expected}")));
        }
        if operation.value.is_some_and(|value| !values.insert(value)) {
            let found = &operation.name;
            let text = format!("found the option {found:?}, whose value another option has");
            return Err(fault(at, &text));
        }
    }
    Ok(())
}

/// Whether wherever the one choice is, the other follows directly and changes no shape. Then it does
/// not matter which of the two is skipped.
fn are_joined(file: &SpaceFile, before: &str, after: &str) -> bool {
    let is = |part: &PartFile, key: &str| part.choice.as_deref() == Some(key);
    let mut places = 0;
    for structure in file.macros.values() {
        for (i, part) in structure.body.iter().enumerate() {
            let next = structure.body.get(i + 1);
            if is(part, before) {
                let plain = part.repeat.is_one();
                let follows = next.is_some_and(|n| {
                    is(n, after)
                        && n.stride == 1
                        && n.repeat.is_one()
                        && n.channels == part.channels
                });
                if !(plain && follows) {
                    return false;
                }
                places += 1;
            }
            if is(part, after) && !(i > 0 && is(&structure.body[i - 1], before)) {
                return false;
            }
        }
    }
    places > 0
}

fn operation_file(at: &str, operation: &OperationFile) -> Result<()> {
    let OperationFile { layers, strided, zero, value, .. } = operation;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let found = &operation.name;
    if found.is_empty() || found.len() > limits::NAME || !found.chars().all(word) {
        let text = format!("found {found:?}, expected 1 to 64 letters, digits and underscores");
        return Err(fault(&format!("{at}.name"), &text));
    }
    let kinds = [layers.is_some(), *zero, value.is_some()];
    if kinds.iter().filter(|k| **k).count() != 1 {
        let text = "found none or several of \"layers\", \"zero\" and \"value\", expected one";
        return Err(fault(at, text));
    }
    if strided.is_some() && layers.is_none() {
        return Err(fault(at, "found \"strided\" without \"layers\", expected both"));
    }
    both(at, layers.as_deref().unwrap_or_default(), strided.as_deref())
}

/// The recipes of a place.
fn both(at: &str, layers: &[Layer], strided: Option<&[Layer]>) -> Result<()> {
    recipe(&format!("{at}.layers"), layers)?;
    strided.map_or(Ok(()), |layers| recipe(&format!("{at}.strided"), layers))
}

fn recipe(at: &str, layers: &[Layer]) -> Result<()> {
    let mut left = limits::LAYERS;
    all_layers(at, layers, 1, &mut left)
}

fn all_layers(at: &str, layers: &[Layer], depth: usize, left: &mut usize) -> Result<()> {
    if depth > limits::DEPTH {
        let text = format!("found more than {} layers inside each other", limits::DEPTH);
        return Err(fault(at, &text));
    }
    for (i, layer) in layers.iter().enumerate() {
        if *left == 0 {
            let text = format!("found more than {} layers of one recipe", limits::LAYERS);
            return Err(fault(at, &text));
        }
        *left -= 1;
        let at = format!("{at}[{i}]");
        if let Some(name) = layer.name()
            && !name.is_empty()
        {
            path(&format!("{at}.name"), name)?;
        }
        match layer {
            Layer::Identity | Layer::Relu | Layer::BatchNorm(_) => {}
            Layer::Conv(conv) => convolution(&format!("{at}.conv"), conv)?,
            Layer::AvgPool(pool) => window(&format!("{at}.avg_pool"), pool)?,
            Layer::MaxPool(pool) => window(&format!("{at}.max_pool"), pool)?,
            Layer::Sequence(of) => {
                all_layers(&format!("{at}.sequence.layers"), &of.layers, depth + 1, left)?;
            }
            Layer::Residual(of) => {
                all_layers(&format!("{at}.residual.layers"), &of.layers, depth + 1, left)?;
            }
            Layer::Shortcut(of) => {
                all_layers(&format!("{at}.shortcut.layers"), &of.layers, depth + 1, left)?;
            }
            Layer::Sum(of) | Layer::Concat(of) => {
                let key = if matches!(layer, Layer::Sum(_)) { "sum" } else { "concat" };
                let at = format!("{at}.{key}.branches");
                if of.branches.is_empty() {
                    return Err(fault(&at, "found no branch, expected at least one"));
                }
                all_layers(&at, &of.branches, depth + 1, left)?;
            }
        }
    }
    Ok(())
}

fn convolution(at: &str, conv: &Conv) -> Result<()> {
    within(&format!("{at}.kernel"), conv.kernel, 1..=limits::KERNEL)?;
    within(&format!("{at}.dilation"), conv.dilation, 1..=limits::DILATION)?;
    stride(&format!("{at}.stride"), conv.stride)?;
    match conv.padding {
        Padding::Same if conv.kernel.is_multiple_of(2) => {
            let kernel = conv.kernel;
            let text = format!("found \"same\" for a kernel of {kernel}, expected a number");
            return Err(fault(&format!("{at}.padding"), &text));
        }
        Padding::Exactly(padding) => {
            let most = (conv.dilation * (conv.kernel - 1)) as i32;
            within(&format!("{at}.padding"), padding, -1..=most)?;
        }
        Padding::Same => {}
    }
    within(&format!("{at}.groups"), conv.groups, 1..=limits::CHANNELS)?;
    if conv.depthwise && conv.groups > 1 {
        let text = "found a number for a depthwise convolution, whose groups are its channels";
        return Err(fault(&format!("{at}.groups"), text));
    }
    let at = format!("{at}.channels");
    if conv.depthwise && conv.channels != Channels::default() {
        let text = "found a number for a depthwise convolution, whose channels are those it reads";
        return Err(fault(&at, text));
    }
    match conv.channels {
        Channels::Exactly(n) => within(&at, n, 1..=limits::CHANNELS),
        Channels::Of(Part { times, divide, .. }) => {
            within(&format!("{at}.times"), times, 1..=limits::CHANNELS)?;
            within(&format!("{at}.divide"), divide, 1..=limits::CHANNELS)
        }
    }
}

fn window(at: &str, pool: &Pool) -> Result<()> {
    within(&format!("{at}.kernel"), pool.kernel, 1..=limits::KERNEL)?;
    stride(&format!("{at}.stride"), pool.stride)?;
    let at = format!("{at}.padding");
    match pool.padding {
        Padding::Same if pool.kernel.is_multiple_of(2) => {
            let kernel = pool.kernel;
            Err(fault(&at, &format!("found \"same\" for a window of {kernel}, expected a number")))
        }
        // As PyTorch has it: every window has a pixel.
        Padding::Exactly(padding) => within(&at, padding, 0..=pool.kernel as i32 / 2),
        Padding::Same => Ok(()),
    }
}

fn stride(at: &str, stride: Stride) -> Result<()> {
    match stride {
        Stride::Given => Ok(()),
        Stride::Exactly(n) => within(at, n, 1..=limits::STRIDE),
    }
}

/// The places of options among the operations.
fn options(at: &str, file: &SpaceFile, names: &[String]) -> Result<Vec<usize>> {
    count(at, names.len(), 1..=limits::OPERATIONS)?;
    let mut found = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let at = format!("{at}[{i}]");
        let place = file.operations.iter().position(|o| o.name == *name);
        let Some(place) = place else {
            return Err(fault(&at, &format!("found {name:?}, expected the name of an operation")));
        };
        if found.contains(&place) {
            return Err(fault(&at, &format!("found {name:?} again, expected each option once")));
        }
        found.push(place);
    }
    found.sort_unstable();
    Ok(found)
}

fn graph_cell(at: &str, file: &SpaceFile, cell: &CellFile) -> Result<Cell> {
    name(&format!("{at}.name"), &cell.name)?;
    within(&format!("{at}.inputs"), cell.inputs, 1..=2)?;
    count(&format!("{at}.nodes"), cell.nodes, 1..=limits::NODES)?;
    let first_node = cell.first_node.unwrap_or(cell.inputs);
    within(&format!("{at}.first_node"), first_node, 0..=limits::NODES)?;
    if !cell.preprocess.is_empty() && cell.preprocess.len() != cell.inputs {
        let (found, inputs) = (cell.preprocess.len(), cell.inputs);
        let text =
            format!("found {found} recipes, expected none or one for each of {inputs} inputs");
        return Err(fault(&format!("{at}.preprocess"), &text));
    }
    for (i, of) in cell.preprocess.iter().enumerate() {
        both(&format!("{at}.preprocess[{i}]"), &of.layers, of.strided.as_deref())?;
    }
    template(&format!("{at}.path"), &cell.path)?;
    let recipes = |at: &str, names: &[String]| -> Result<Vec<usize>> {
        let found = options(at, file, names)?;
        match found.iter().find(|o| file.operations[**o].value.is_some()) {
            None => Ok(found),
            Some(o) => {
                let name = &file.operations[*o].name;
                Err(fault(at, &format!("found {name:?}, a number, expected recipes of layers")))
            }
        }
    };
    let common = match &cell.options {
        Some(names) => recipes(&format!("{at}.options"), names)?,
        None => {
            let all = file.operations.iter().filter(|o| o.value.is_none());
            let all: Vec<String> = all.map(|o| o.name.clone()).collect();
            recipes(&format!("{at}.options"), &all)?
        }
    };
    let (mut edges, mut each): (Vec<Edge>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    match &cell.edges {
        EdgesFile::All => {
            for node in 0..cell.nodes {
                for from in 0..cell.inputs + node {
                    edges.push(Edge { from, to: first_node + node });
                    each.push(common.clone());
                }
            }
        }
        EdgesFile::Listed(list) => {
            count(&format!("{at}.edges.listed"), list.len(), 1..=limits::EDGES)?;
            for (e, EdgeFile { from, to, options: own }) in list.iter().enumerate() {
                let at = format!("{at}.edges.listed[{e}]");
                let last = first_node + cell.nodes - 1;
                within(&format!("{at}.to"), *to, first_node..=last)?;
                let before = cell.inputs + (to - first_node);
                if *from >= before {
                    let text =
                        format!("found {from}, expected a state before node {to}, below {before}");
                    return Err(fault(&format!("{at}.from"), &text));
                }
                let edge = Edge { from: *from, to: *to };
                if edges.last().is_some_and(|last: &Edge| last.to > *to) {
                    return Err(fault(
                        &at,
                        "found an edge into an earlier node, expected them in order",
                    ));
                }
                if edges.contains(&edge) {
                    return Err(fault(
                        &at,
                        &format!("found {edge} again, expected each edge once"),
                    ));
                }
                edges.push(edge);
                each.push(match own {
                    Some(names) => recipes(&format!("{at}.options"), names)?,
                    None => common.clone(),
                });
            }
        }
    }
    for node in first_node..first_node + cell.nodes {
        if edges.iter().all(|e| e.to != node) {
            let text = format!("found no edge into node {node}, expected at least one");
            return Err(fault(&format!("{at}.edges"), &text));
        }
    }
    let is_strided = |p: &PartFile| p.cell.as_ref() == Some(&cell.name) && p.stride != 1;
    let strided = file.macros.values().any(|m| m.body.iter().any(is_strided));
    Ok(Cell {
        name: cell.name.clone(),
        edge_names: edges.iter().map(Edge::to_string).collect(),
        edges,
        options: each,
        kind: CellKind::Graph { inputs: cell.inputs, first_node, output: cell.output, strided },
    })
}

fn part_file(at: &str, file: &SpaceFile, part: &PartFile, uses: &mut Uses) -> Result<()> {
    let PartFile { cell, choice, layers, strided, repeat, channels, stride } = part;
    let kinds = [cell.is_some(), choice.is_some(), layers.is_some()];
    if kinds.iter().filter(|k| **k).count() != 1 {
        let text = "found none or several of \"cell\", \"choice\" and \"layers\", expected one";
        return Err(fault(at, text));
    }
    if strided.is_some() && layers.is_none() {
        return Err(fault(at, "found \"strided\" without \"layers\", expected both"));
    }
    both(at, layers.as_deref().unwrap_or_default(), strided.as_deref())?;
    let of_cell = match cell {
        None => None,
        Some(name) => Some(file.cells.iter().find(|c| c.name == *name).ok_or_else(|| {
            let text = format!("found {name:?}, expected the name of a cell");
            fault(&format!("{at}.cell"), &text)
        })?),
    };
    if let Some(key) = choice {
        uses.add(&format!("{at}.choice"), file, key, Use::Block)?;
    }
    uses.channels(&format!("{at}.channels"), file, channels)?;
    let at_repeat = format!("{at}.repeat");
    match repeat {
        Amount::Exactly(n) => within(&at_repeat, *n, 1..=limits::REPEAT)?,
        Amount::Named(name) if name == "cells" => {}
        Amount::Named(key) => {
            uses.add(&at_repeat, file, key, Use::Repeat)?;
            if of_cell.is_some_and(|c| c.inputs > 1) {
                let text = "found a choice for a cell of two inputs, expected a number";
                return Err(fault(&at_repeat, text));
            }
        }
    }
    within(&format!("{at}.stride"), *stride, 1..=limits::STRIDE)
}

fn network(at: &str, file: &SpaceFile, of: &NetworkFile) -> Result<()> {
    if !file.macros.contains_key(&of.structure) {
        let text = format!("found {:?}, expected the name of a macro structure", of.structure);
        return Err(fault(&format!("{at}.macro"), &text));
    }
    within(&format!("{at}.channels"), of.channels, 1..=limits::CHANNELS)?;
    within(&format!("{at}.cells"), of.cells, 1..=limits::REPEAT)?;
    of.image.map_or(Ok(()), |side| within(&format!("{at}.image"), side, 3..=limits::IMAGE))
}

fn stages(file: &SpaceFile, cells: &[Cell]) -> Result<Vec<Stage>> {
    count("stages", file.stages.len(), 1..=limits::EDGES)?;
    if file.stages[0] != StageFile::Operations {
        return Err(fault("stages[0]", "found another stage, expected \"operations\" first"));
    }
    let mut stages = Vec::new();
    for (i, stage) in file.stages.iter().enumerate() {
        let at = format!("stages[{i}]");
        let StageFile::Edges(group) = stage else {
            if i > 0 {
                return Err(fault(&at, "found \"operations\" again, expected it once"));
            }
            stages.push(Stage::Operations);
            continue;
        };
        let at = format!("{at}.edges");
        let cell = file.cells.iter().position(|c| c.name == group.cell).ok_or_else(|| {
            let text = format!("found {:?}, expected the name of a cell", group.cell);
            fault(&format!("{at}.cell"), &text)
        })?;
        let into = |e: &Edge| e.to == group.node;
        let edges = &cells[cell].edges;
        let (Some(first), Some(last)) = (edges.iter().position(into), edges.iter().rposition(into))
        else {
            let text = format!("found {}, expected a node of the cell", group.node);
            return Err(fault(&format!("{at}.node"), &text));
        };
        count(&format!("{at}.keep"), group.keep, 1..=last - first + 1)?;
        let range: Range<usize> = first..last + 1;
        let options = &cells[cell].options;
        if options.iter().any(|o| *o != options[0]) {
            let text =
                "found edges with different options, expected the same in a cell that keeps some";
            return Err(fault(&at, text));
        }
        for before in &stages {
            if let Stage::EdgeGroup { cell: c, edges, keep } = before
                && *c == cell
            {
                if *edges == range {
                    return Err(fault(&at, "found a node again, expected each once"));
                }
                if *keep != group.keep {
                    let text =
                        format!("found {}, expected {keep}, as in all of a cell", group.keep);
                    return Err(fault(&format!("{at}.keep"), &text));
                }
            }
        }
        stages.push(Stage::EdgeGroup { cell, edges: range, keep: group.keep });
    }
    // A node that keeps fewer edges than it has needs its round.
    for (c, cell) in cells.iter().enumerate() {
        let keep = stages.iter().find_map(|stage| match stage {
            Stage::EdgeGroup { cell, keep, .. } if *cell == c => Some(*keep),
            _ => None,
        });
        let Some(keep) = keep else { continue };
        for node in cell.edges.chunk_by(|a, b| a.to == b.to) {
            let pruned = stages.iter().any(|stage| match stage {
                Stage::EdgeGroup { cell, edges, .. } => {
                    *cell == c && cells[c].edges[edges.start].to == node[0].to
                }
                Stage::Operations => false,
            });
            if node.len() > keep && !pruned {
                let text = format!(
                    "found no stage for the {} edges into node {} of the {} cell, which keeps {keep}",
                    node.len(),
                    node[0].to,
                    cell.name
                );
                return Err(fault("stages", &text));
            }
        }
    }
    Ok(stages)
}

/// Whether the texts of genotypes can say what this space has.
fn text_form(space: &Space) -> Result<()> {
    let fits = match space.file().text {
        TextForm::Generic => true,
        TextForm::NasBench201 => crate::space::nas_bench_201::fits(space),
        TextForm::Darts => crate::space::darts::fits(space),
    };
    if fits {
        return Ok(());
    }
    let name = serde_json::to_string(&space.file().text).unwrap_or_default();
    Err(fault("text", &format!("found {name}, expected \"generic\": other cells than that writes")))
}

/// The ranges of the setters of a configuration.
fn rank_preset(rank: &RankPreset) -> Result<()> {
    within("rank.channels", rank.channels, 0..=256)?;
    within("rank.cells", rank.cells, 0..=64)?;
    within("rank.image_size", rank.image_size, 0..=1024)?;
    within("rank.batch_size", rank.batch_size, 2..=1024)?;
    within("rank.budget", rank.budget, 1..=60_000)?;
    within("rank.rungs", rank.rungs, 1..=6)?;
    within("rank.reduction", rank.reduction, 2..=1024)?;
    within("rank.draw_growth", rank.draw_growth, 2..=8)
}

fn preset(at: &str, batch_size: u32, prune_per_edge: u32) -> Result<()> {
    within(&format!("{at}.batch_size"), batch_size, 2..=1024)?;
    within(&format!("{at}.prune_per_edge"), prune_per_edge, 1..=16)
}

/// A name that can stand in texts and on a command line.
fn name(at: &str, found: &str) -> Result<()> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !found.is_empty() && found.len() <= limits::NAME && found.chars().all(word) {
        return Ok(());
    }
    let text = "expected 1 to 64 letters, digits, \"_\" and \"-\"";
    Err(fault(at, &format!("found {:?}, {text}", clip(found))))
}

/// A part of a parameter's name.
fn path(at: &str, found: &str) -> Result<()> {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-.<>".contains(c);
    if !found.is_empty() && found.len() <= limits::NAME && found.chars().all(word) {
        return Ok(());
    }
    let text = "expected 1 to 64 letters, digits, \"_\", \"-\" and \".\"";
    Err(fault(at, &format!("found {:?}, {text}", clip(found))))
}

fn template(at: &str, found: &str) -> Result<()> {
    let filled = super::super::fill(found, "edge", "operation", 0);
    if !(found.contains("{edge}") && (found.contains("{operation}") || found.contains("{index}"))) {
        let text = "expected a text with {edge}, and {operation} or {index}";
        return Err(fault(at, &format!("found {:?}, {text}", clip(found))));
    }
    path(at, &filled)
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

fn unique<'a>(names: &mut HashSet<&'a str>, at: &str, name: &'a str) -> Result<()> {
    if names.insert(name) {
        return Ok(());
    }
    Err(fault(at, &format!("found {name:?} again, expected each name once")))
}

fn within<T: PartialOrd + std::fmt::Display + Copy>(
    at: &str,
    found: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<()> {
    if range.contains(&found) {
        return Ok(());
    }
    let text = format!("found {found}, expected {} to {}", range.start(), range.end());
    Err(fault(at, &text))
}

fn count(at: &str, found: usize, range: std::ops::RangeInclusive<usize>) -> Result<()> {
    within(at, found, range)
}
