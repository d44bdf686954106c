//! The genotype text of DARTS (Liu, Simonyan and Yang, ICLR 2019).

use serde_json::{Value, json};

use super::text::{check_space, fault, mask_of, operation_of};
use super::{CellKind, Choice, Cursor, Edge, GenotypeText, Mask, Output, Space};
use crate::error::Result;

const STEPS: usize = 4;
/// Edges of a step that a finished cell keeps.
const KEEP: usize = 2;

/// Whether a space has what this text can say: two cells of two inputs and four steps, each step
/// with an edge from every earlier state and two in the end.
pub(super) fn fits(space: &Space) -> bool {
    let all: Vec<Edge> =
        (0..STEPS).flat_map(|to| (0..2 + to).map(move |from| Edge { from, to })).collect();
    let cell = |c: usize| {
        let kind = &space.cells[c].kind;
        let two = matches!(kind, CellKind::Graph { inputs: 2, output: Output::Concat, .. });
        two && space.cells[c].edges == all && space.kept(c) == Some(KEEP)
    };
    space.cells.len() == 2 && cell(0) && cell(1)
}

/// The Python namedtuple that training code for this space reads.
#[derive(Debug)]
pub(super) struct NamedTuple;

/// The namedtuple's fields of the two cells.
const FIELDS: [&str; 2] = ["normal", "reduce"];

impl NamedTuple {
    /// (operation, state) pairs of a cell: of each step the first two edges with an operation.
    fn pairs<'s>(space: &'s Space, mask: &Mask, cell: usize) -> Vec<(&'s str, usize)> {
        Self::steps(space, mask, cell).into_iter().flatten().collect()
    }

    /// The pairs, step by step.
    fn steps<'s>(space: &'s Space, mask: &Mask, cell: usize) -> Vec<Vec<(&'s str, usize)>> {
        let step = |step: usize| {
            let edges = space.cells[cell].edges.iter().enumerate().filter(|(_, e)| e.to == step);
            let chosen = edges.filter_map(|(i, e)| {
                let operation = mask.operations_on(cell, i).next()?;
                Some((space.operations[operation].as_str(), e.from))
            });
            chosen.take(KEEP).collect()
        };
        (0..STEPS).map(step).collect()
    }

    fn concat() -> Vec<usize> {
        (2..2 + STEPS).collect()
    }
}

/// Takes a list or a tuple of `item`s.
fn sequence<T>(
    c: &mut Cursor<'_>,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    c.space();
    let close = if c.take("[") {
        "]"
    } else if c.take("(") {
        ")"
    } else {
        return Err(c.fault("\"[\" or \"(\""));
    };
    let mut items = Vec::new();
    loop {
        c.space();
        if c.take(close) {
            return Ok(items);
        }
        if !items.is_empty() {
            c.expect(",")?;
            c.space();
            if c.take(close) {
                return Ok(items);
            }
        }
        items.push(item(c)?);
    }
}

/// Takes `('operation', state)`, or the same as a list.
fn pair(c: &mut Cursor<'_>, space: &Space) -> Result<(usize, usize)> {
    c.space();
    let close = if c.take("[") {
        "]"
    } else {
        c.expect("(")?;
        ")"
    };
    c.space();
    let quote = if c.take("\"") {
        "\""
    } else {
        c.expect("'")?;
        "'"
    };
    let operation = c.operation(space)?;
    c.expect(quote)?;
    c.space();
    c.expect(",")?;
    c.space();
    let state = c.number()?;
    c.space();
    c.expect(close)?;
    Ok((operation, state))
}

/// Takes the list of a cell's eight pairs as choices.
fn cell_pairs(c: &mut Cursor<'_>, space: &Space, cell: usize) -> Result<Vec<Choice>> {
    let mut choices: Vec<Choice> = Vec::new();
    let mut count = 0;
    let before = c.clone();
    sequence(c, |c| {
        c.space();
        let here = c.clone();
        let step = count / KEEP;
        count += 1;
        let (operation, from) = pair(c, space)?;
        let wanted = Edge { from, to: step };
        let edge = space.cells[cell].edges.iter().position(|e| *e == wanted).ok_or_else(|| {
            here.fault(&format!(
                "at most {} pairs, one of step {step} with a state below {}",
                KEEP * STEPS,
                2 + step
            ))
        })?;
        if choices.iter().any(|c| c.edge == edge) {
            return Err(here.fault(&format!("a state that step {step} does not read already")));
        }
        choices.push(Choice { cell, edge, operation });
        Ok(())
    })?;
    if count != KEEP * STEPS {
        return Err(before.fault(&format!("a list of {} pairs, not {count}", KEEP * STEPS)));
    }
    Ok(choices)
}

/// Takes the states that a cell's output concatenates: a list, a tuple or `range(2, 6)`.
fn concat(c: &mut Cursor<'_>) -> Result<()> {
    c.space();
    let here = c.clone();
    let states = if c.take("range") {
        c.space();
        c.clone().expect("(")?;
        match sequence(c, |c| c.number())?[..] {
            [end] => (0..end.min(99)).collect(),
            [start, end] => (start..end.min(99)).collect(),
            _ => return Err(here.fault("range(start, end)")),
        }
    } else {
        sequence(c, |c| c.number())?
    };
    if states == NamedTuple::concat() { Ok(()) } else { Err(here.fault("the states 2, 3, 4, 5")) }
}

impl GenotypeText for NamedTuple {
    fn native(&self, space: &Space, mask: &Mask) -> String {
        let field = |cell: usize| {
            let pairs: Vec<String> = Self::pairs(space, mask, cell)
                .iter()
                .map(|(o, s)| format!("('{o}', {s})"))
                .collect();
            let name = FIELDS[cell];
            format!("{name}=[{}], {name}_concat={:?}", pairs.join(", "), Self::concat())
        };
        format!("Genotype({}, {})", field(0), field(1))
    }

    fn json(&self, space: &Space, mask: &Mask) -> Value {
        let pairs = |cell| -> Value {
            Self::pairs(space, mask, cell).iter().map(|(o, s)| json!([o, s])).collect()
        };
        json!({
            "space": space.name,
            "normal": pairs(0), "normal_concat": Self::concat(),
            "reduce": pairs(1), "reduce_concat": Self::concat(),
        })
    }

    fn parse(&self, space: &Space, text: &str) -> Result<Mask> {
        let mut c = Cursor::new(text);
        let mut choices = Vec::new();
        c.space();
        c.expect("Genotype")?;
        c.space();
        c.expect("(")?;
        for (cell, name) in FIELDS.iter().enumerate() {
            for suffix in ["", "_concat"] {
                c.space();
                c.expect(&format!("{name}{suffix}"))?;
                c.space();
                c.expect("=")?;
                if suffix.is_empty() {
                    choices.extend(cell_pairs(&mut c, space, cell)?);
                } else {
                    concat(&mut c)?;
                }
                c.space();
                if !(c.take(",") || cell == 1 && !suffix.is_empty()) {
                    return Err(c.fault("\",\""));
                }
            }
        }
        c.space();
        c.expect(")")?;
        c.space();
        c.end()?;
        Ok(mask_of(space, &choices))
    }

    fn parse_json(&self, space: &Space, json: &Value) -> Result<Mask> {
        check_space(space, json)?;
        let mut choices: Vec<Choice> = Vec::new();
        for (cell, name) in FIELDS.iter().enumerate() {
            let found = json.get(name);
            let pairs = found.and_then(Value::as_array).filter(|p| p.len() == KEEP * STEPS);
            let pairs = pairs
                .ok_or_else(|| fault(name, found, &format!("a list of {} pairs", KEEP * STEPS)))?;
            for (i, pair) in pairs.iter().enumerate() {
                let step = i / KEEP;
                let operation = pair.get(0).and_then(Value::as_str);
                let state = pair.get(1).and_then(Value::as_u64);
                let edge = state.and_then(|state| {
                    let wanted = Edge { from: state as usize, to: step };
                    space.cells[cell].edges.iter().position(|e| *e == wanted)
                });
                let edge = edge.filter(|e| choices.iter().all(|c| (c.cell, c.edge) != (cell, *e)));
                let (Some(operation), Some(edge)) = (operation, edge) else {
                    let expected = format!(
                        "an operation and a state below {} that step {step} does not read already",
                        2 + step
                    );
                    return Err(fault(name, Some(pair), &expected));
                };
                let operation = operation_of(space, operation)?;
                choices.push(Choice { cell, edge, operation });
            }
            let concat = format!("{name}_concat");
            match json.get(&concat) {
                Some(states) if *states != json!(Self::concat()) => {
                    return Err(fault(&concat, Some(states), "the states 2, 3, 4, 5"));
                }
                _ => {}
            }
        }
        Ok(mask_of(space, &choices))
    }

    /// What each step adds up, written out from the two inputs; steps and terms sorted.
    fn canonical(&self, space: &Space, mask: &Mask) -> String {
        let cells = (0..space.cells.len()).map(|cell| {
            let mut states = vec!["0".to_owned(), "1".to_owned()];
            for pairs in Self::steps(space, mask, cell) {
                let mut terms: Vec<String> =
                    pairs.iter().map(|(o, s)| format!("({})@{o}", states[*s])).collect();
                terms.sort();
                states.push(terms.join("+"));
            }
            let mut steps = states.split_off(2);
            steps.sort();
            steps.join(" ")
        });
        cells.collect::<Vec<_>>().join(" | ")
    }
}
