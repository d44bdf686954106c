//! Cells and whole networks as classes.

use super::python::{Attributes, Expr, class_name, reference};
use super::recipe::{Channel, Classes, Place, Tensor};
use crate::error::{Error, Result};
use crate::model::Origin;
use crate::space::{
    Amount, CellKind, Edge, Genotype, Layer, MacroFile, Output, PartFile, SpaceData, fill,
};

/// The text of all classes of a network.
pub(super) struct Code {
    /// Classes of recipes.
    pub(super) recipes: String,
    /// Classes of cells.
    pub(super) cells: String,
    /// The class `Network`.
    pub(super) network: String,
    /// Whether some cell has a node without edges.
    pub(super) has_zeros: bool,
    /// What DARTS trains with beside.
    pub(super) extras: Extras,
}

/// What networks of cells with two inputs have, as DARTS's, to be trained with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extras {
    /// Whether outputs of edges may be dropped.
    pub(super) drop_path: bool,
    /// Whether there may be a second classifier.
    pub(super) auxiliary: bool,
}

/// A class of cells.
struct CellClass {
    /// The kind of cell, and whether it stands at a stride.
    of: (usize, bool),
    name: String,
    body: String,
}

/// Writes the classes of one network.
struct Writer<'a> {
    genotype: &'a Genotype,
    space: &'a SpaceData,
    structure: &'a MacroFile,
    origin: &'a Origin,
    classes: Classes,
    cells: Vec<CellClass>,
    has_zeros: bool,
    drops: bool,
}

/// The code of a network for images of `[channels, height, width]`.
pub(super) fn code(origin: &Origin, image: [usize; 3], classes: usize) -> Result<Code> {
    let space: &SpaceData = origin.genotype.space();
    let structure = space.file().structure(&origin.network.structure)?;
    let writer = Writer {
        genotype: &origin.genotype,
        space,
        structure,
        origin,
        classes: Classes::default(),
        cells: Vec::new(),
        has_zeros: false,
        drops: false,
    };
    writer.code(image, classes)
}

/// What the body's parts read: the outputs so far.
struct Body {
    /// The last two outputs.
    history: Vec<Tensor>,
    /// The number of the next part.
    index: usize,
    /// The path of each part, and whether it reads two outputs.
    parts: Vec<(Vec<String>, bool)>,
    /// Behind the last part with a stride: its number, channels and size.
    reduced: Option<(usize, Tensor)>,
}

impl Writer<'_> {
    fn code(mut self, [colours, h, w]: [usize; 3], classes: usize) -> Result<Code> {
        let mut attributes = Attributes::default();
        let mut stems = Vec::new();
        let mut x =
            Tensor { text: "x".into(), channels: Channel::number(colours), size: [h, w], scale: 1 };
        let mut history = Vec::new();
        for stem in self.structure.stem.iter().filter(|_| self.origin.network.stem) {
            let place = Place::plain(self.width(&stem.channels)?);
            let doc = "What images go through first";
            let recipe = (stem.layers.as_slice(), None);
            let made = self.classes.module(&stem.name, doc, recipe, &x, &place, true)?;
            let path = names(&stem.name);
            attributes.add(&path, made.module)?;
            stems.push(path);
            x = made.out;
            history.push(x.clone());
        }
        if history.is_empty() {
            history.push(x.clone());
        }
        let mut body = Body { history, index: 0, parts: Vec::new(), reduced: None };
        for part in &self.structure.body {
            let out = self.width(&part.channels)?;
            for i in 0..self.repeats(&part.repeat)? {
                let stride = if i == 0 { part.stride as usize } else { 1 };
                self.part(part, stride, &out, &mut body, &mut attributes)?;
            }
        }
        let x = last(&body.history)?.clone();
        let head = &self.structure.head;
        let place = Place::plain(self.width(&head.channels)?);
        let (doc, recipe) = ("What comes before pooling", (head.layers.as_slice(), None));
        let made = self.classes.module(&head.name, doc, recipe, &x, &place, true)?;
        let head_path = names(&head.name);
        if !made.identity {
            attributes.add(&head_path, made.module)?;
        }
        let classifier = names(&head.classifier);
        let channels = made.out.channels.value;
        attributes.add(&classifier, Expr::text(format!("nn.Linear({channels}, classes)")))?;

        let two = body.parts.iter().any(|part| part.1);
        // Its window has 5 pixels, and must leave 2 of the pixels there.
        let reduced = body.reduced.clone().filter(|(_, x)| two && x.size.iter().all(|n| *n > 5));
        let extras = Extras { drop_path: self.drops, auxiliary: reduced.is_some() };
        let mut init = String::new();
        if extras.drop_path {
            init += "        self.drop_path = DropPath(drop_path)\n";
        }
        init += &attributes.statements(8);
        if let Some((_, x)) = &reduced {
            let stride = x.size.map(|n| n - 5);
            let stride = if stride[0] == stride[1] {
                stride[0].to_string()
            } else {
                format!("({}, {})", stride[0], stride[1])
            };
            init += &format!(
                "        self.auxiliary_head = AuxiliaryHead({}, {stride}, classes) if auxiliary \
                 else None\n",
                x.channels.value
            );
        }
        let mut forward = Vec::new();
        forwards(&mut forward, &stems, &body, two, reduced.as_ref(), &attributes);
        let mut x = if two { "s1".to_owned() } else { "x".to_owned() };
        if !made.identity {
            x = format!("{}({x})", reference(&head_path));
        }
        forward.push(format!("x = {x}.mean((2, 3))"));
        let logits = format!("{}(x)", reference(&classifier));
        if extras.auxiliary {
            forward.push(format!("logits = {logits}"));
            forward.push("return logits if auxiliary is None else (logits, auxiliary)".into());
        } else {
            forward.push(format!("return {logits}"));
        }
        let lines: String = forward.iter().map(|line| format!("        {line}\n")).collect();

        let mut arguments = format!("self, classes={classes}");
        let mut about = vec![format!("classes: logits of an image, {classes} in the search.")];
        if extras.auxiliary {
            arguments += ", auxiliary=False";
            about.push(
                "auxiliary: has a second classifier in training, and gives the logits of both."
                    .into(),
            );
        }
        if extras.drop_path {
            arguments += ", drop_path=0.0";
            about.push("drop_path: probability of an edge to be dropped in training.".into());
        }
        let about: String = about.iter().map(|line| format!("    {line}\n")).collect();
        let network = format!(
            "\nclass Network(nn.Module):\n    \"\"\"The whole network, for images of {colours} x {h} x \
             {w}.\n\n{about}    \"\"\"\n\n    def __init__({arguments}):\n        \
             super().__init__()\n{init}\n    def forward(self, x):\n{}",
            attributes.resolve(&lines)
        );
        let recipes: Vec<String> = self.classes.0.iter().map(|class| class.text()).collect();
        let cells: Vec<String> =
            self.cells.iter().map(|c| format!("\nclass {}{}", c.name, c.body)).collect();
        Ok(Code {
            recipes: recipes.join("\n"),
            cells: cells.join("\n"),
            network,
            has_zeros: self.has_zeros,
            extras,
        })
    }

    /// One part of the body.
    fn part(
        &mut self,
        part: &PartFile,
        stride: usize,
        out: &Channel,
        body: &mut Body,
        attributes: &mut Attributes,
    ) -> Result<()> {
        let mut path = names(&self.structure.path);
        path.push(body.index.to_string());
        let x = last(&body.history)?.clone();
        let place = Place { stride: (stride.to_string(), stride), out: out.clone() };
        let (y, two) = if let Some(name) = &part.cell {
            let kind = self.space.cells.iter().position(|cell| cell.name == *name);
            let kind = kind.ok_or_else(|| Error::Internal(format!("no cell {name}")))?;
            let (module, y) = self.cell(kind, &body.history, &place)?;
            attributes.add(&path, module)?;
            (y, self.space.file().cells[kind].inputs == 2)
        } else if let Some(key) = &part.choice {
            let (cell, edge) = self.choice(key)?;
            let operation = self.operation_on(cell, edge, key)?;
            let file = &self.space.file().operations[operation];
            let recipe = (file.layers.as_deref().unwrap_or_default(), file.strided.as_deref());
            let made = self.classes.module(&file.name, &file.name, recipe, &x, &place, false)?;
            let mut inner = path.clone();
            if !made.identity {
                inner.push(file.name.clone());
            }
            attributes.add(&inner, made.module)?;
            (made.out, false)
        } else {
            let layers = part.layers.as_deref().unwrap_or_default();
            let recipe = (layers, part.strided.as_deref());
            let doc = "What every architecture has between its cells or blocks";
            let adds = |layer: &Layer| matches!(layer, Layer::Sum(_) | Layer::Residual(_));
            let name = if layers.iter().any(adds) { "residual_block" } else { "block" };
            let made = self.classes.module(name, doc, recipe, &x, &place, true)?;
            attributes.add(&path, made.module)?;
            (made.out, false)
        };
        if stride != 1 {
            body.reduced = Some((body.index, y.clone()));
        }
        body.parts.push((path, two));
        body.history.push(y);
        if body.history.len() > 2 {
            body.history.remove(0);
        }
        body.index += 1;
        Ok(())
    }

    /// A cell as a call of its class, and its output.
    fn cell(&mut self, kind: usize, history: &[Tensor], place: &Place) -> Result<(Expr, Tensor)> {
        let (of, file) = (&self.space.cells[kind], &self.space.file().cells[kind]);
        let CellKind::Graph { first_node, output, .. } = of.kind else {
            return Err(Error::Internal(format!("{} is no cell", of.name)));
        };
        let c = Channel::new("c", place.out.value);
        let inputs = if file.inputs == 1 {
            vec![last(history)?.clone()]
        } else {
            vec![history[history.len().saturating_sub(2)].clone(), last(history)?.clone()]
        };
        // What the class is called with, and what it calls that.
        let (mut arguments, mut values) = (Vec::new(), Vec::new());
        let mut attributes = Attributes::default();
        let mut lines = Vec::new();
        let mut states = Vec::new();
        let scale = last(history)?.scale;
        for (i, input) in inputs.iter().enumerate() {
            let name = format!("s{i}");
            let mut state = Tensor { text: name.clone(), ..input.clone() };
            if let Some(recipe) = file.preprocess.get(i) {
                let stride = (scale / input.scale).max(1);
                let place = Place { stride: (stride.to_string(), stride), out: place.out.clone() };
                let doc = "Brings an input of a cell to the cell's channels";
                let layers = (recipe.layers.as_slice(), recipe.strided.as_deref());
                let made = self.classes.module("preprocess", doc, layers, input, &place, false)?;
                let argument = format!("preprocess{i}");
                attributes.add(std::slice::from_ref(&argument), Expr::text(&argument))?;
                lines.push(format!("{name} = self.{argument}({name})"));
                arguments.push(argument);
                values.push(made.module);
                state = Tensor { text: name, ..made.out };
                state.channels =
                    if state.channels.value == c.value { c.clone() } else { state.channels };
            } else if input.channels.value == c.value {
                state.channels = c.clone();
            } else {
                let argument = if file.inputs == 1 { "c_in".to_owned() } else { format!("c{i}") };
                state.channels = Channel::new(&argument, input.channels.value);
                arguments.push(argument);
                values.push(Expr::text(input.channels.value.to_string()));
            }
            states.push(state);
        }
        arguments.push("c".into());
        values.push(Expr::text(place.out.value.to_string()));
        let size = states[file.inputs - 1].size.map(|n| n.div_ceil(place.stride.1));
        let last_input = states[file.inputs - 1].text.clone();
        let mut drops = false;
        for node in first_node..first_node + file.nodes {
            let mut terms = Vec::new();
            for (e, &Edge { from, .. }) in of.edges.iter().enumerate().filter(|(_, e)| e.to == node)
            {
                let Some(operation) = self.genotype.mask().operations_on(kind, e).next() else {
                    continue;
                };
                let recipe = &self.space.file().operations[operation];
                let Some(layers) = &recipe.layers else { continue };
                let stride = if from < file.inputs { place.stride.1 } else { 1 };
                let edge = Place { stride: (stride.to_string(), stride), out: c.clone() };
                let layers = (layers.as_slice(), recipe.strided.as_deref());
                let x = &states[from];
                let made =
                    self.classes.module(&recipe.name, &recipe.name, layers, x, &edge, false)?;
                if made.identity {
                    terms.push(x.text.clone());
                    continue;
                }
                let name = fill(&file.path, &of.edge_names[e], &recipe.name, operation);
                let path = names(&name);
                attributes.add(&path, made.module)?;
                let term = format!("{}({})", reference(&path), x.text);
                if file.inputs == 2 {
                    drops = true;
                    terms.push(format!("self.drop_path({term})"));
                } else {
                    terms.push(term);
                }
            }
            let name = format!("s{}", states.len());
            if terms.is_empty() {
                self.has_zeros = true;
                let stride = place.stride.1;
                lines.push(format!("{name} = zeros({last_input}, self.zero_channels, {stride})"));
            } else {
                lines.push(format!("{name} = {}", terms.join(" + ")));
            }
            let scale = scale * place.stride.1;
            states.push(Tensor { text: name, channels: c.clone(), size, scale });
        }
        let nodes = &states[file.inputs..];
        let texts: Vec<&str> = nodes.iter().map(|node| node.text.as_str()).collect();
        let end = last(nodes)?.clone();
        let (result, channels) = match output {
            Output::Last => (end.text.clone(), place.out.clone()),
            Output::Sum => (texts.join(" + "), place.out.clone()),
            Output::Concat => (
                format!("torch.cat([{}], 1)", texts.join(", ")),
                Channel::number(nodes.len() * place.out.value),
            ),
        };
        lines.push(format!("return {result}"));
        let mut init = attributes.statements(8);
        if lines.iter().any(|line| line.contains("self.zero_channels")) {
            init += "        self.zero_channels = c\n";
        }
        if drops {
            arguments.push("drop_path".into());
            values.push(Expr::text("self.drop_path"));
            init += "        self.drop_path = drop_path\n";
            self.drops = true;
        }
        let used = |argument: &String| super::python::has_word(&init, argument);
        let (mut signature, mut items) = (String::from("self"), Vec::new());
        for (argument, value) in arguments.iter().zip(values) {
            if used(argument) {
                signature += &format!(", {argument}");
                items.push(value);
            }
        }
        let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
        let changes = arguments.iter().any(|argument| argument == "c_in" && used(argument));
        let what = if changes { " where the number of channels changes" } else { "" };
        let read: Vec<String> = (0..file.inputs).map(|i| format!("s{i}")).collect();
        let body = format!(
            "(nn.Module):\n    \"\"\"The {}{what}. Edge i<-j reads state j and adds into node \
             i.\"\"\"\n\n    def __init__({signature}):\n        super().__init__()\n{init}\n    \
             def forward(self, {}):\n{}",
            if of.name.ends_with("cell") { of.name.clone() } else { format!("{} cell", of.name) },
            read.join(", "),
            attributes.resolve(&lines)
        );
        let class = self.cell_class((kind, place.stride.1 != 1), body);
        let out = Tensor { text: String::new(), channels, size, scale: scale * place.stride.1 };
        Ok((Expr::call(&class, items), out))
    }

    /// The name of the class of that text; a new one if there is none.
    fn cell_class(&mut self, of: (usize, bool), body: String) -> String {
        if let Some(class) =
            self.cells.iter().find(|class| class.of.0 == of.0 && class.body == body)
        {
            return class.name.clone();
        }
        let kind = class_name(&self.space.cells[of.0].name);
        let mut base = if kind.ends_with("Cell") { kind } else { format!("{kind}Cell") };
        // At a stride, where the same kind also stands without.
        let of_kind = |class: &CellClass| class.of == (of.0, !of.1);
        let both = self
            .structure
            .body
            .iter()
            .filter(|part| part.cell.as_deref() == Some(self.space.cells[of.0].name.as_str()));
        let plain = |part: &PartFile| part.stride == 1 || part.repeat != Amount::Exactly(1);
        if of.1 && (self.cells.iter().any(of_kind) || both.into_iter().any(plain)) {
            base += "Strided";
        }
        let taken = |name: &str, writer: &Self| {
            writer.cells.iter().any(|class| class.name == name)
                || writer.classes.0.iter().any(|class| class.name == name)
        };
        let (mut name, mut number) = (base.clone(), 2);
        while taken(&name, self) {
            name = format!("{base}{number}");
            number += 1;
        }
        self.cells.push(CellClass { of, name: name.clone(), body });
        name
    }

    /// The edge of a choice `group.edge`.
    fn choice(&self, key: &str) -> Result<(usize, usize)> {
        let found = self.space.cells.iter().enumerate().find_map(|(c, cell)| {
            let edge = key.strip_prefix(cell.name.as_str())?.strip_prefix('.')?;
            Some((c, cell.edge_names.iter().position(|name| name == edge)?))
        });
        found.ok_or_else(|| Error::Internal(format!("no choice {key}")))
    }

    fn operation_on(&self, cell: usize, edge: usize, key: &str) -> Result<usize> {
        let found = self.genotype.mask().operations_on(cell, edge).next();
        found.ok_or_else(|| Error::Internal(format!("{key} without an option")))
    }

    /// The number that an amount is in this architecture.
    fn number(&self, key: &str) -> Result<usize> {
        let (cell, edge) = self.choice(key)?;
        let operation = self.operation_on(cell, edge, key)?;
        Ok(self.space.file().operations[operation].value.unwrap_or(1) as usize)
    }

    fn width(&self, channels: &Amount) -> Result<Channel> {
        let times = match channels {
            Amount::Exactly(n) => *n as usize,
            Amount::Named(key) => self.number(key)?,
        };
        Ok(Channel::number(times * self.origin.network.channels as usize))
    }

    fn repeats(&self, repeat: &Amount) -> Result<usize> {
        match repeat {
            Amount::Exactly(n) => Ok(*n as usize),
            Amount::Named(name) if name == "cells" => Ok(self.origin.network.cells as usize),
            Amount::Named(key) => self.number(key),
        }
    }
}

fn last<T>(all: &[T]) -> Result<&T> {
    all.last().ok_or_else(|| Error::Internal("a network of nothing".into()))
}

fn names(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// The stem and the body of `forward`.
fn forwards(
    lines: &mut Vec<String>,
    stems: &[Vec<String>],
    body: &Body,
    two: bool,
    reduced: Option<&(usize, Tensor)>,
    attributes: &Attributes,
) {
    if reduced.is_some() {
        lines.push("auxiliary = None".into());
    }
    if two {
        match stems {
            [] => lines.push("s0 = s1 = x".into()),
            [stem] => lines.push(format!("s0 = s1 = {}(x)", reference(stem))),
            [before @ .., first, second] => {
                for stem in before {
                    lines.push(format!("x = {}(x)", reference(stem)));
                }
                lines.push(format!("s0 = {}(x)", reference(first)));
                lines.push(format!("s1 = {}(s0)", reference(second)));
            }
        }
    } else {
        lines.extend(stems.iter().map(|stem| format!("x = {}(x)", reference(stem))));
    }
    let at_head = |lines: &mut Vec<String>, indent: &str| {
        lines.push(format!("{indent}auxiliary = self.auxiliary_head(s1)"));
    };
    const HAS_HEAD: &str = "self.training and self.auxiliary_head is not None";
    let uniform = body.parts.iter().all(|part| part.1 == two);
    let Some((first, _)) = body.parts.first() else { return };
    let list = &first[..first.len() - 1];
    if uniform && attributes.is_list(list, body.parts.len()) {
        let list = reference(list);
        if !two {
            lines.push(format!("for part in {list}:"));
            lines.push("    x = part(x)".into());
        } else if let Some((index, _)) = reduced {
            lines.push(format!("for i, cell in enumerate({list}):"));
            lines.push("    s0, s1 = s1, cell(s0, s1)".into());
            lines.push(format!("    if i == {index} and {HAS_HEAD}:"));
            at_head(lines, "        ");
        } else {
            lines.push(format!("for cell in {list}:"));
            lines.push("    s0, s1 = s1, cell(s0, s1)".into());
        }
        return;
    }
    for (i, (path, reads_two)) in body.parts.iter().enumerate() {
        let part = reference(path);
        lines.push(match (two, reads_two) {
            (false, _) => format!("x = {part}(x)"),
            (true, false) => format!("s0, s1 = s1, {part}(s1)"),
            (true, true) => format!("s0, s1 = s1, {part}(s0, s1)"),
        });
        if reduced.is_some_and(|(index, _)| *index == i) {
            lines.push(format!("if {HAS_HEAD}:"));
            at_head(lines, "    ");
        }
    }
}
