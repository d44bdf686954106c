//! The genotype text of spaces that have none of their own.
//!
//! `name[cell: operation, operation; cell: ...]`: cells in order, of each the operations of its edges
//! in order. An edge that the architecture lacks is `-`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::text::{check_space, fault};
use super::{CellKind, Choice, Cursor, GenotypeText, Mask, Output, Space, mask_of};
use crate::digest::digest_of;
use crate::error::{Error, Result};

/// What stands for an edge without an operation.
const ABSENT: &str = "-";
/// Written sums that are longer are replaced by their hashes.
const WRITTEN: usize = 256;

#[derive(Debug)]
pub(super) struct Listing;

impl Listing {
    /// The cells that have something to decide. Others are left out of texts.
    fn open(space: &Space) -> Vec<usize> {
        let open = |c: &usize| space.cells[*c].options.iter().any(|options| options.len() > 1);
        (0..space.cells.len()).filter(open).collect()
    }

    /// What all architectures have.
    fn fixed(space: &Space) -> Vec<Choice> {
        let open = Self::open(space);
        let edges = space.edges().filter(|(cell, _)| !open.contains(cell));
        edges
            .map(|(cell, edge)| Choice {
                cell,
                edge,
                operation: space.cells[cell].options[edge][0],
            })
            .collect()
    }

    /// The operation's name; `None` for an edge that is not there.
    fn operation<'s>(space: &'s Space, mask: &Mask, cell: usize, edge: usize) -> Option<&'s str> {
        let absent = if space.kept(cell).is_some() { None } else { space.none };
        let active = mask.operations_on(cell, edge).next().or(absent);
        active.map(|o| space.operations[o].as_str())
    }

    /// Whether as many edges are there as an architecture has; or what is wrong.
    fn complete(space: &Space, choices: Vec<Choice>) -> std::result::Result<Vec<Choice>, String> {
        let mask = mask_of(space, &choices);
        for group in space.groups() {
            let found = group.edges.clone().filter(|e| mask.active_on(group.cell, *e) > 0).count();
            let expected = group.keep.unwrap_or(group.edges.len());
            if found != expected {
                let cell = &space.cells[group.cell];
                return Err(format!(
                    "found {found} edges into node {} of the {} cell, expected {expected}",
                    cell.edges[group.edges.start].to, cell.name
                ));
            }
        }
        Ok(choices)
    }

    /// What each state of a graph adds up, written out; sorted, so that the order of sums and the
    /// numbers of nodes do not matter.
    fn written(space: &Space, mask: &Mask, cell: usize) -> String {
        let of = &space.cells[cell];
        let CellKind::Graph { inputs, first_node, output, .. } = of.kind else {
            return String::new();
        };
        let mut states: Vec<String> = (0..inputs).map(|i| i.to_string()).collect();
        let last = of.edges.last().map_or(first_node, |e| e.to);
        for node in first_node..=last {
            let mut terms = Vec::new();
            for (e, edge) in of.edges.iter().enumerate().filter(|(_, e)| e.to == node) {
                let operation = mask.operations_on(cell, e).next().or(space.none);
                let from = &states[edge.from];
                match operation {
                    // Zero, or made from zero.
                    None => {}
                    _ if operation == space.none || from.is_empty() => {}
                    Some(o) if space.passes(cell, e, o) => terms.push(from.clone()),
                    Some(o) => terms.push(format!("({from})@{}", space.operations[o])),
                }
            }
            states.push(short(sum(terms)));
        }
        let nodes = states.split_off(inputs);
        match output {
            Output::Last => nodes.last().cloned().unwrap_or_default(),
            Output::Sum => sum(nodes.into_iter().filter(|n| !n.is_empty()).collect()),
            Output::Concat => {
                let mut nodes = nodes;
                nodes.sort();
                nodes.join(" ")
            }
        }
    }

    /// The options of a group of choices. Where two neighbours of the same shape could both be skipped,
    /// it does not matter which one is.
    fn chain(space: &Space, mask: &Mask, cell: usize, joined: &[bool]) -> String {
        let mut text = String::new();
        for (edge, joined) in joined.iter().enumerate() {
            let operation = mask.operations_on(cell, edge).next();
            if !joined {
                text += "/";
            }
            if let Some(o) = operation.filter(|o| !space.passes(cell, edge, *o)) {
                text += &format!("{} ", space.operations[o]);
            }
        }
        text
    }
}

fn sum(mut terms: Vec<String>) -> String {
    terms.sort();
    terms.join("+")
}

/// The text, or its hashes: sums of sums may be long.
fn short(text: String) -> String {
    if text.len() <= WRITTEN {
        return text;
    }
    let reversed: Vec<u8> = text.bytes().rev().collect();
    format!("#{:016x}{:016x}", digest_of(text.as_bytes()), digest_of(&reversed))
}

impl GenotypeText for Listing {
    fn native(&self, space: &Space, mask: &Mask) -> String {
        let cells = Self::open(space).into_iter().map(|c| {
            let cell = &space.cells[c];
            let names =
                (0..cell.edges.len()).map(|e| Self::operation(space, mask, c, e).unwrap_or(ABSENT));
            format!("{}: {}", cell.name, names.collect::<Vec<_>>().join(", "))
        });
        format!("{}[{}]", space.name, cells.collect::<Vec<_>>().join("; "))
    }

    fn json(&self, space: &Space, mask: &Mask) -> Value {
        let cell = |c: usize| -> Value {
            let names = space.cells[c].edge_names.iter().enumerate();
            let edges: Map<String, Value> = names
                .map(|(e, name)| (name.clone(), json!(Self::operation(space, mask, c, e))))
                .collect();
            Value::Object(edges)
        };
        let cells: Map<String, Value> =
            Self::open(space).into_iter().map(|c| (space.cells[c].name.clone(), cell(c))).collect();
        json!({ "space": space.name, "cells": cells })
    }

    fn parse(&self, space: &Space, text: &str) -> Result<Vec<Choice>> {
        let mut c = Cursor::new(text);
        let mut choices = Self::fixed(space);
        c.space();
        let start = c.clone();
        c.expect(&space.name)?;
        c.space();
        c.expect("[")?;
        for (place, cell) in Self::open(space).into_iter().enumerate() {
            let of = &space.cells[cell];
            if place > 0 {
                c.expect(";")?;
            }
            c.space();
            c.expect(&of.name)?;
            c.space();
            c.expect(":")?;
            for edge in 0..of.edges.len() {
                if edge > 0 {
                    c.expect(",")?;
                }
                c.space();
                let here = c.clone();
                if !c.take(ABSENT) {
                    let operation = c.operation(space)?;
                    let choice = Choice { cell, edge, operation };
                    if !space.offers(choice) || space.is_absent(choice) {
                        let name = &of.edge_names[edge];
                        return Err(here.fault(&format!(
                            "an operation of edge {name} of the {} cell ({})",
                            of.name,
                            space.offered(cell, edge)
                        )));
                    }
                    choices.push(choice);
                }
                c.space();
            }
        }
        c.expect("]")?;
        c.space();
        c.end()?;
        Self::complete(space, choices)
            .map_err(|problem| start.fault(&format!("another architecture: {problem}")))
    }

    fn parse_json(&self, space: &Space, json: &Value) -> Result<Vec<Choice>> {
        check_space(space, json)?;
        let object = |key: &str, value: Option<&Value>| -> Result<BTreeMap<String, Value>> {
            let found = value.and_then(Value::as_object);
            let found = found.ok_or_else(|| fault(key, value, "an object"))?;
            Ok(found.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
        };
        let cells = object("cells", json.get("cells"))?;
        let open = Self::open(space);
        let of_cell = |name: &str| open.iter().any(|c| space.cells[*c].name == *name);
        if let Some((name, value)) = cells.iter().find(|(name, _)| !of_cell(name)) {
            return Err(fault(name, Some(value), &format!("a cell of {}", space.name)));
        }
        let mut choices = Self::fixed(space);
        for &cell in &open {
            let of = &space.cells[cell];
            let edges = object(&of.name, cells.get(&of.name))?;
            if let Some((name, value)) = edges.iter().find(|(n, _)| !of.edge_names.contains(n)) {
                return Err(fault(name, Some(value), &format!("an edge of the {} cell", of.name)));
            }
            for (edge, name) in of.edge_names.iter().enumerate() {
                let value = edges.get(name);
                if value == Some(&Value::Null) {
                    continue;
                }
                let named = value.and_then(Value::as_str);
                let place = space.operations.iter().position(|o| Some(o.as_str()) == named);
                let choice = place.map(|operation| Choice { cell, edge, operation });
                match choice.filter(|c| space.offers(*c) && !space.is_absent(*c)) {
                    Some(choice) => choices.push(choice),
                    None => {
                        let expected = format!("one of {}", space.offered(cell, edge));
                        return Err(fault(name, value, &expected));
                    }
                }
            }
        }
        Self::complete(space, choices)
            .map_err(|problem| Error::Format(format!("genotype: {problem}")))
    }

    fn canonical(&self, space: &Space, mask: &Mask) -> String {
        let cells = space.cells.iter().enumerate().map(|(c, cell)| match &cell.kind {
            CellKind::Graph { .. } => Self::written(space, mask, c),
            CellKind::Choices { joined } => Self::chain(space, mask, c, joined),
        });
        cells.collect::<Vec<_>>().join(" | ")
    }
}
