//! The genotype text of DARTS (Liu, Simonyan and Yang, ICLR 2019).

use serde_json::{Value, json};

use super::text::{check_space, fault, operation_of};
use super::{CellKind, Choice, Cursor, Edge, GenotypeText, Group, Mask, Output, Space};
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
        let step = |group: Group| {
            let chosen = group.edges.filter_map(|e| {
                let operation = mask.operations_on(cell, e).next()?;
                Some((space.operations[operation].as_str(), space.cells[cell].edges[e].from))
            });
            chosen.take(KEEP).collect()
        };
        space.groups_of(cell).into_iter().map(step).collect()
    }

    fn concat() -> Vec<usize> {
        (2..2 + STEPS).collect()
    }
}

/// The edge that pair number `pair` of a cell stands for: its step follows from its place.
fn edge_of(space: &Space, cell: usize, pair: usize, from: usize) -> Option<usize> {
    let wanted = Edge { from, to: pair / KEEP };
    space.cells[cell].edges.iter().position(|e| *e == wanted)
}

/// Takes the list of a cell's eight pairs as choices. The pairs of a step may be a list of their
/// own.
fn cell_pairs(c: &mut Cursor<'_>, space: &Space, cell: usize) -> Result<Vec<Choice>> {
    let mut choices: Vec<Choice> = Vec::new();
    c.space();
    let before = c.clone();
    let mut pair = |c: &mut Cursor<'_>| {
        c.space();
        let here = c.clone();
        let (operation, from) = c.operation_and_state(space)?;
        let count = choices.len();
        let edge = edge_of(space, cell, count, from).ok_or_else(|| {
            let step = count / KEEP;
            here.fault(&format!(
                "at most {} pairs, one of step {step} with a state below {}",
                KEEP * STEPS,
                2 + step
            ))
        })?;
        choices.push(Choice { cell, edge, operation });
        Ok(())
    };
    c.sequence(|c| {
        let here = c.clone();
        let mut inside = c.clone();
        let nested = (inside.take("[") || inside.take("(")) && {
            inside.space();
            inside.sees("[") || inside.sees("(")
        };
        if !nested {
            return pair(c);
        }
        match c.sequence(&mut pair)?.len() {
            KEEP => Ok(()),
            pairs => Err(here.fault(&format!("a step of {KEEP} pairs, not {pairs}"))),
        }
    })?;
    if choices.len() != KEEP * STEPS {
        let count = choices.len();
        return Err(before.fault(&format!("a list of {} pairs, not {count}", KEEP * STEPS)));
    }
    Ok(choices)
}

/// Takes the states that a cell's output concatenates: a list, a tuple, `range(2, 6)`, or a call
/// that makes a list of these.
fn concat(c: &mut Cursor<'_>) -> Result<()> {
    c.space();
    let here = c.clone();
    let call = LISTS.iter().any(|name| *name != RANGE && c.take(name));
    if call {
        c.space();
        c.expect("(")?;
        c.space();
    }
    let sum = |c: &mut Cursor<'_>| {
        let mut sum = c.number()?;
        c.space();
        while c.take("+") {
            c.space();
            sum = sum.saturating_add(c.number()?);
            c.space();
        }
        Ok(sum)
    };
    let states = if c.take(RANGE) {
        c.space();
        c.clone().expect("(")?;
        match c.sequence(sum)?[..] {
            [end] => (0..end.min(99)).collect(),
            [start, end] | [start, end, 1] => (start..end.min(99)).collect(),
            _ => return Err(here.fault("range(start, end)")),
        }
    } else {
        c.sequence(sum)?
    };
    if call {
        c.space();
        c.expect(")")?;
    }
    if states == NamedTuple::concat() {
        Ok(())
    } else {
        Err(here.fault("the states 2, 3, 4, 5, in that order"))
    }
}

/// Calls that make a list of numbers; of a list, or of numbers in the case of `range`.
const RANGE: &str = "range";
const LISTS: [&str; 6] = ["list", "tuple", "np.array", "numpy.array", "array", RANGE];

/// A field of the namedtuple: a cell's pairs, or what the cell concatenates.
struct Field {
    name: String,
    cell: usize,
    concat: bool,
}

/// The fields, in the namedtuple's order.
fn fields() -> Vec<Field> {
    let both = |(cell, name): (usize, &&str)| {
        let concat = format!("{name}_concat");
        [
            Field { name: (*name).to_owned(), cell, concat: false },
            Field { name: concat, cell, concat: true },
        ]
    };
    FIELDS.iter().enumerate().flat_map(both).collect()
}

/// Takes a field's name up to its value, and gives its place in `left`, the fields that are not
/// read yet; or takes all of a field of another namedtuple whose value is `None`.
fn field(c: &mut Cursor<'_>, left: &[Field], dictionary: bool) -> Result<Option<usize>> {
    let here = c.clone();
    let unknown = || {
        let names: Vec<String> = left.iter().map(|f| format!("\"{}\"", f.name)).collect();
        here.fault(&if names.is_empty() {
            "the end of the fields".into()
        } else {
            names.join(" or ")
        })
    };
    let by_place = c.sees("[") || c.sees("(") || LISTS.iter().any(|name| c.sees(name));
    if by_place && !dictionary {
        return if left.is_empty() { Err(unknown()) } else { Ok(Some(0)) };
    }
    let quote = if !dictionary {
        ""
    } else if c.take("\"") {
        "\""
    } else {
        c.expect("'")?;
        "'"
    };
    let name = c.word("a field").map_err(|_| unknown())?;
    c.expect(quote)?;
    c.space();
    let equals = if dictionary { ":" } else { "=" };
    let place = left.iter().position(|f| f.name == name);
    if place.is_some() {
        c.expect(equals)?;
    } else if c.take(equals) {
        c.space();
        if !c.take("None") {
            return Err(unknown());
        }
    } else {
        return Err(unknown());
    }
    Ok(place)
}

/// Takes the fields up to what closes them: as Python's arguments, by place or by name and in any
/// order, or as the items of a dictionary.
fn arguments(c: &mut Cursor<'_>, space: &Space, close: &str) -> Result<Vec<Choice>> {
    let mut left = fields();
    let mut choices = Vec::new();
    loop {
        c.space();
        if left.iter().all(|field| field.concat) && c.take(close) {
            return Ok(choices);
        }
        if let Some(place) = field(c, &left, close == "}")? {
            let field = left.remove(place);
            if field.concat {
                concat(c)?;
            } else {
                choices.extend(cell_pairs(c, space, field.cell)?);
            }
        }
        c.space();
        if !(c.take(",") || c.sees(close)) {
            return Err(c.fault(&format!("\",\" or \"{close}\"")));
        }
    }
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

    fn parse(&self, space: &Space, text: &str) -> Result<Vec<Choice>> {
        let mut c = Cursor::new(text);
        c.label();
        let closing = c.open();
        let close = if c.take("{") {
            "}"
        } else {
            // The namedtuple by its name, which may have a module's before it, or as a bare tuple.
            let here = c.clone();
            let expected = "\"Genotype\", as in Genotype(normal=[('sep_conv_3x3', 0), ...], ...)";
            while !c.sees("(") {
                match c.word(expected) {
                    Ok("Genotype") => break,
                    Ok(_) if c.take(".") => {}
                    _ => return Err(here.fault(expected)),
                }
            }
            c.space();
            c.expect("(")?;
            ")"
        };
        let choices = arguments(&mut c, space, close)?;
        c.close(&closing)?;
        Ok(choices)
    }

    fn parse_json(&self, space: &Space, json: &Value) -> Result<Vec<Choice>> {
        check_space(space, json)?;
        let mut choices: Vec<Choice> = Vec::new();
        for (cell, name) in FIELDS.iter().enumerate() {
            let found = json.get(name);
            // The pairs of a step may be a list of their own.
            let pairs: Vec<&Value> = found.and_then(Value::as_array).map_or(vec![], |items| {
                let pairs = items.iter().map(|item| match item.as_array() {
                    Some(step) if step.len() == KEEP && step[0].is_array() => step.iter().collect(),
                    _ => vec![item],
                });
                pairs.flatten().collect()
            });
            if pairs.len() != KEEP * STEPS {
                return Err(fault(name, found, &format!("a list of {} pairs", KEEP * STEPS)));
            }
            for (i, pair) in pairs.into_iter().enumerate() {
                let step = i / KEEP;
                let operation = pair.get(0).and_then(Value::as_str);
                let state = pair.get(1).and_then(Value::as_u64);
                let edge = state.and_then(|state| edge_of(space, cell, i, state as usize));
                let (Some(operation), Some(edge)) = (operation, edge) else {
                    let expected = format!(
                        "an operation and a state below {}, which step {step} reads",
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
        Ok(choices)
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
