//! The architecture string of NAS-Bench-201 (Dong and Yang, ICLR 2020).

use serde_json::{Value, json};

use super::text::{check_space, fault, mask_of, operation_of};
use super::{CellKind, Choice, Cursor, Edge, GenotypeText, Mask, Output, Space};
use crate::error::Result;

/// Whether a space has what this text can say: one cell of one input, whose nodes keep all of their
/// edges.
pub(super) fn fits(space: &Space) -> bool {
    let [cell] = space.cells.as_slice() else { return false };
    let one = matches!(cell.kind, CellKind::Graph { inputs: 1, output: Output::Last, .. });
    one && space.kept(0).is_none()
}

/// `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`: nodes joined by `+`, each edge as operation `~` source.
#[derive(Debug)]
pub(super) struct ArchitectureString;

impl ArchitectureString {
    /// An edge's operation; an edge without one reads as `none`.
    fn operation<'s>(space: &'s Space, mask: &Mask, edge: usize) -> &'s str {
        let chosen = mask.operations_on(0, edge).next().or(space.none);
        chosen.map_or("none", |o| &space.operations[o])
    }

    /// Edges of the cell, grouped by the node they end in.
    fn nodes(space: &Space) -> Vec<Vec<(usize, Edge)>> {
        let mut nodes: Vec<Vec<(usize, Edge)>> = Vec::new();
        for (i, edge) in space.cells[0].edges.iter().enumerate() {
            match nodes.last_mut() {
                Some(node) if node[0].1.to == edge.to => node.push((i, *edge)),
                _ => nodes.push(vec![(i, *edge)]),
            }
        }
        nodes
    }
}

impl GenotypeText for ArchitectureString {
    fn native(&self, space: &Space, mask: &Mask) -> String {
        let node = |edges: &Vec<(usize, Edge)>| {
            let ops: String = edges
                .iter()
                .map(|(i, e)| format!("{}~{}|", Self::operation(space, mask, *i), e.from))
                .collect();
            format!("|{ops}")
        };
        Self::nodes(space).iter().map(node).collect::<Vec<_>>().join("+")
    }

    fn json(&self, space: &Space, mask: &Mask) -> Value {
        let edges: Vec<Value> = space.cells[0]
            .edges
            .iter()
            .enumerate()
            .map(|(i, e)| {
                json!({
                    "to": e.to, "from": e.from, "operation": Self::operation(space, mask, i)
                })
            })
            .collect();
        json!({
            "space": space.name, "architecture": self.native(space, mask), "edges": edges
        })
    }

    fn parse(&self, space: &Space, text: &str) -> Result<Mask> {
        let mut cursor = Cursor::new(text);
        cursor.space();
        let mut choices = Vec::new();
        for (n, node) in Self::nodes(space).iter().enumerate() {
            if n > 0 {
                cursor.expect("+")?;
            }
            cursor.expect("|")?;
            for (edge, Edge { from, .. }) in node {
                let operation = cursor.operation(space)?;
                cursor.expect("~")?;
                cursor.expect(&from.to_string())?;
                cursor.expect("|")?;
                choices.push(Choice { cell: 0, edge: *edge, operation });
            }
        }
        cursor.space();
        cursor.end()?;
        Ok(mask_of(space, &choices))
    }

    fn parse_json(&self, space: &Space, json: &Value) -> Result<Mask> {
        check_space(space, json)?;
        let text = |v: &Value, key: &str| match v.get(key).and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => Err(fault(key, v.get(key), "a text")),
        };
        let edges = json.get("edges").map(|edges| -> Result<Mask> {
            let all = &space.cells[0].edges;
            let items = edges.as_array().map_or(&[][..], Vec::as_slice);
            if items.len() != all.len() {
                return Err(fault("edges", Some(edges), &format!("a list of {}", all.len())));
            }
            let mut choices: Vec<Choice> = Vec::new();
            for item in items {
                let number = |key: &str| item.get(key).and_then(Value::as_u64).map(|n| n as usize);
                let edge = number("to")
                    .zip(number("from"))
                    .and_then(|(to, from)| all.iter().position(|e| *e == Edge { from, to }));
                let edge = edge.filter(|e| choices.iter().all(|c| c.edge != *e));
                let edge = edge.ok_or_else(|| {
                    fault("edges", Some(item), "\"to\" and \"from\" of an edge, each edge once")
                })?;
                let name = text(item, "operation")?;
                let operation = operation_of(space, &name)?;
                choices.push(Choice { cell: 0, edge, operation });
            }
            Ok(mask_of(space, &choices))
        });
        let edges = edges.transpose()?;
        let Some(edges) = edges else {
            return self.parse(space, &text(json, "architecture")?);
        };
        if json.get("architecture").is_some()
            && self.native(space, &self.parse(space, &text(json, "architecture")?)?)
                != self.native(space, &edges)
        {
            return Err(fault("architecture", json.get("architecture"), "that of \"edges\""));
        }
        Ok(edges)
    }

    /// The string that NAS-Bench-201's code calls unique, built node by node.
    fn canonical(&self, space: &Space, mask: &Mask) -> String {
        let mut states = vec!["0".to_owned()];
        for node in Self::nodes(space) {
            let mut terms: Vec<String> = node
                .iter()
                .map(|(edge, Edge { from, .. })| {
                    match mask.operations_on(0, *edge).next().or(space.none) {
                        _ if states[*from] == "#" => "#".to_owned(),
                        None => "#".to_owned(),
                        operation if operation == space.none => "#".to_owned(),
                        Some(o) if space.passes(0, *edge, o) => states[*from].clone(),
                        Some(o) => format!("({})@{}", states[*from], space.operations[o]),
                    }
                })
                .collect();
            terms.sort();
            states.push(terms.join("+"));
        }
        states.pop().unwrap_or_default()
    }
}
