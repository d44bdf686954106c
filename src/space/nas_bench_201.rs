//! The architecture string of NAS-Bench-201 (Dong and Yang, ICLR 2020).

use serde_json::{Value, json};

use super::text::{check_space, fault, operation_of};
use super::{CellKind, Choice, Cursor, Edge, GenotypeText, Group, Mask, Output, Space};
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

    /// The edges of the cell with their numbers, grouped by the node they end in.
    fn nodes(space: &Space) -> Vec<Vec<(usize, Edge)>> {
        let edges = &space.cells[0].edges;
        let node = |group: Group| group.edges.map(|e| (e, edges[e])).collect();
        space.groups_of(0).into_iter().map(node).collect()
    }
}

impl ArchitectureString {
    /// Takes `|op~0|+|op~0|op~1|+...`; the edges of a node may come in any order.
    fn string(space: &Space, c: &mut Cursor<'_>) -> Result<Vec<Choice>> {
        let mut choices = Vec::new();
        for (n, mut left) in Self::nodes(space).into_iter().enumerate() {
            if n > 0 {
                c.space();
                c.expect("+")?;
                c.space();
            }
            c.expect("|")?;
            while !left.is_empty() {
                c.space();
                if c.sees("+") || c.end().is_ok() {
                    let from = left[0].1.from;
                    return Err(c.fault(&format!(
                        "an operation of the edge from {from}: an edge without one is none~{from}"
                    )));
                }
                let operation = c.operation(space)?;
                c.expect("~")?;
                let next = left.iter().position(|(_, e)| c.take(&e.from.to_string()));
                let Some(next) = next else {
                    let sources = left.iter().map(|(_, e)| format!("\"{}\"", e.from));
                    return Err(c.fault(&sources.collect::<Vec<_>>().join(" or ")));
                };
                c.expect("|")?;
                choices.push(Choice { cell: 0, edge: left.remove(next).0, operation });
            }
        }
        Ok(choices)
    }

    /// Takes a list of operations in the order of the edges, by name or by index, or the nodes as
    /// tuples of (name, source).
    fn list(space: &Space, c: &mut Cursor<'_>) -> Result<Vec<Choice>> {
        let before = c.clone();
        let edges = &space.cells[0].edges;
        let mut choices: Vec<Choice> = Vec::new();
        let (mut flat, mut to) = (0, 0);
        c.sequence(|c| {
            let here = c.clone();
            if c.sees("[") || c.sees("(") {
                to += 1;
                c.sequence(|c| {
                    let here = c.clone();
                    let (operation, from) = c.operation_and_state(space)?;
                    let edge = edges.iter().position(|e| *e == Edge { from, to });
                    let edge = edge.filter(|e| choices.iter().all(|c| c.edge != *e));
                    let edge = edge.ok_or_else(|| {
                        here.fault(&format!("a source of node {to}, below {to} and each once"))
                    })?;
                    choices.push(Choice { cell: 0, edge, operation });
                    Ok(())
                })?;
                return Ok(());
            }
            let operation = if c.sees_text() {
                c.quoted_operation(space)?
            } else if before.sees("(") {
                return Err(before.fault(&format!(
                    "indices in square brackets, {}; a tuple of indices is NASLib's, in an order \
                     of its own",
                    Self::order(space)
                )));
            } else {
                let index = c.number()?;
                if index >= space.operations.len() {
                    return Err(here.fault(&format!("an index, {}", Self::order(space))));
                }
                index
            };
            choices.push(Choice { cell: 0, edge: flat, operation });
            flat += 1;
            if flat > edges.len() || to > 0 {
                return Err(
                    here.fault(&format!("one operation for each edge, {}", Self::order(space)))
                );
            }
            Ok(())
        })?;
        if choices.len() != edges.len() {
            let count = edges.len();
            return Err(before.fault(&format!("{count} operations, {}", Self::order(space))));
        }
        Ok(choices)
    }

    /// The order of a list of operations, and that of their indices.
    fn order(space: &Space) -> String {
        let edges: Vec<String> = space.cells[0].edges.iter().map(Edge::to_string).collect();
        let operations = space.operations.iter().enumerate().map(|(i, o)| format!("{i} {o}"));
        format!("of the edges {} ({})", edges.join(", "), operations.collect::<Vec<_>>().join(", "))
    }

    /// What is expected at the beginning of a text that is none.
    fn expected(text: &str) -> &'static str {
        let text = text.trim();
        if text.contains(':') && text.split(':').all(|n| n.parse::<u32>().is_ok()) {
            "\"|\": an architecture of the topology space; channels of layers are of the size space"
        } else if text.contains('@') {
            "\"|\": an architecture; a text that isomorphic ones share cannot be read back"
        } else {
            "\"|\", as in |none~0|+|none~0|none~1|+|none~0|none~1|none~2|, or a list of operations"
        }
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

    fn parse(&self, space: &Space, text: &str) -> Result<Vec<Choice>> {
        let mut cursor = Cursor::new(text);
        cursor.label();
        let structure = cursor.take("Structure(");
        if structure {
            cursor.number()?;
            cursor.expect(" nodes with ")?;
        }
        let mut bare = cursor.clone();
        let mut closing = bare.open();
        if bare.sees("|") {
            cursor = bare;
        } else {
            closing.clear();
        }
        if structure {
            closing.insert(0, ")");
        }
        let choices = if cursor.sees("|") {
            Self::string(space, &mut cursor)?
        } else if cursor.sees("[") || cursor.sees("(") && !text.contains('@') {
            Self::list(space, &mut cursor)?
        } else {
            return Err(cursor.fault(Self::expected(text)));
        };
        cursor.close(&closing)?;
        Ok(choices)
    }

    fn parse_json(&self, space: &Space, json: &Value) -> Result<Vec<Choice>> {
        check_space(space, json)?;
        let text = |v: &Value, key: &str| match v.get(key).and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => Err(fault(
                key,
                v.get(key),
                match key {
                    "architecture" => {
                        "a text, or \"edges\": a list of \"to\", \"from\" and \"operation\""
                    }
                    _ => "a text",
                },
            )),
        };
        let edges = json.get("edges").map(|edges| -> Result<Vec<Choice>> {
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
            choices.sort();
            Ok(choices)
        });
        let architecture = || -> Result<Vec<Choice>> {
            let mut choices = self.parse(space, &text(json, "architecture")?)?;
            choices.sort();
            Ok(choices)
        };
        let Some(edges) = edges.transpose()? else {
            return architecture();
        };
        if json.get("architecture").is_some() && architecture()? != edges {
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
