//! Genotype texts: printed, parsed, refused with the place of the fault.

#[path = "common/messages.rs"]
mod messages;

use messages::assert_safe;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;
use tenas::space::Choice;
use tenas::{Error, Genotype, GenotypeFormat, Mask, Space, SpaceKind};

const SPACES: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];

const ARCHITECTURE: &str = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+\
                            |none~0|nor_conv_3x3~1|nor_conv_3x3~2|";

/// Genotypes as their authors published them.
const PUBLISHED: [(&str, &str); 5] = [
    (
        "DARTS_V1",
        "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), \
         ('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), \
         ('skip_connect', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), \
         ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 0), \
         ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], \
         reduce_concat=[2, 3, 4, 5])",
    ),
    (
        "DARTS_V2",
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), \
         ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), \
         ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), \
         ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), \
         ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], \
         reduce_concat=[2, 3, 4, 5])",
    ),
    (
        "PC_DARTS_cifar",
        "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), \
         ('dil_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), \
         ('dil_conv_3x3', 1)], normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), \
         ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), \
         ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], \
         reduce_concat=range(2, 6))",
    ),
    (
        "PC_DARTS_image",
        "Genotype(normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), \
         ('skip_connect', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), \
         ('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('sep_conv_3x3', 0), \
         ('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1), ('sep_conv_3x3', 2), \
         ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)], \
         reduce_concat=range(2, 6))",
    ),
    (
        "PDARTS",
        "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),\
         ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), \
         ('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), \
         ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0), \
         ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], \
         reduce_concat=range(2, 6))",
    ),
];

/// What this library prints for DARTS_V2: pairs of a step by state.
const DARTS_V2: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), \
    ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), \
    ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], \
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1), ('skip_connect', 2), \
    ('max_pool_3x3', 0), ('skip_connect', 2), ('max_pool_3x3', 1), ('skip_connect', 2)], \
    reduce_concat=[2, 3, 4, 5])";

fn text(space: &Space, mask: &Mask) -> String {
    Genotype::from_mask(space, mask).unwrap().to_text(GenotypeFormat::Native)
}

#[track_caller]
fn parsed(kind: SpaceKind, text: &str) -> Mask {
    match Genotype::parse(&kind.space(), text) {
        Ok(genotype) => genotype.mask().clone(),
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Checks that `text` is refused at byte `at`, with what was expected there.
#[track_caller]
fn refused(kind: SpaceKind, text: &str, at: usize, expected: &str) {
    match Genotype::parse(&kind.space(), text) {
        Err(Error::Format(message)) => {
            assert_safe(&message);
            assert!(
                message.starts_with(&format!("genotype: byte {at}: found ")),
                "{message:?} is not of byte {at} of {text:?}"
            );
            let (_, after) = message.split_once(", expected ").expect("what was expected");
            assert!(after.contains(expected), "{message:?} does not expect {expected:?}");
        }
        other => panic!("{text:?}: {other:?}"),
    }
}

/// `text` with its `n`-th `from` (from 0) replaced, and the place of the replacement.
fn edited(text: &str, from: &str, n: usize, to: &str) -> (String, usize) {
    let (at, _) = text.match_indices(from).nth(n).expect("the text has that part");
    (format!("{}{to}{}", &text[..at], &text[at + from.len()..]), at)
}

// ---- Printing and parsing --------------------------------------------------------------------

/// The mask with one operation on each of these edges: (cell, edge, operation).
fn mask_of(space: &Space, choices: &[(usize, usize, usize)]) -> Mask {
    let cell = |c: usize| vec![vec![false; space.operations.len()]; space.cells[c].edges.len()];
    let mut active: Vec<_> = (0..space.cells.len()).map(cell).collect();
    for (cell, edge, operation) in choices {
        active[*cell][*edge][*operation] = true;
    }
    Mask::from_nested(space, active).unwrap()
}

#[test]
fn texts_are_what_the_papers_write() {
    let space = SpaceKind::NasBench201.space();
    let choices = [(0, 0, 4), (0, 1, 2), (0, 2, 1), (0, 3, 0), (0, 4, 3), (0, 5, 3)];
    let mask = mask_of(&space, &choices);
    assert_eq!(text(&space, &mask), ARCHITECTURE);
    assert_eq!(parsed(SpaceKind::NasBench201, ARCHITECTURE), mask);
    // An edge without any operation is one with `none`.
    let mask = mask_of(&space, &[(0, 0, 4), (0, 1, 2), (0, 2, 1), (0, 4, 3), (0, 5, 3)]);
    assert_eq!(text(&space, &mask), ARCHITECTURE);
}

#[test]
fn published_darts_genotypes_are_read() {
    for (name, published) in PUBLISHED {
        let mask = parsed(SpaceKind::Darts, published);
        for cell in 0..2 {
            let edges = (0..14).map(|e| mask.active_on(cell, e)).sum::<usize>();
            assert_eq!(edges, 8, "{name}");
        }
        let printed = text(&SpaceKind::Darts.space(), &mask);
        assert_eq!(parsed(SpaceKind::Darts, &printed), mask, "{name}");
        if name == "DARTS_V2" {
            assert_eq!(printed, DARTS_V2);
        }
    }
    // Spot checks of DARTS_V2: step 3 of the normal cell, step 1 of the reduction cell.
    let mask = parsed(SpaceKind::Darts, PUBLISHED[1].1);
    let is_active = |cell, edge, operation| mask.is_active(Choice { cell, edge, operation });
    assert!(is_active(0, 9, 1) && is_active(0, 11, 4) && is_active(1, 3, 7) && is_active(1, 4, 1));
}

#[test]
fn variants_of_the_text_mean_the_same() {
    let expected = parsed(SpaceKind::Darts, DARTS_V2);
    let v = |from: &str, to: &str| DARTS_V2.replace(from, to);
    let all: Vec<String> = vec![
        v("[2, 3, 4, 5]", "range(2, 6)"),
        v("[2, 3, 4, 5]", "range( 2,6 )"),
        v("[2, 3, 4, 5]", "(2, 3, 4, 5)"),
        v("[2, 3, 4, 5]", "[2,3,4,5,]"),
        v("'", "\""),
        v(", ", ","),
        v(", ", " ,\n\t  "),
        v("=", " = "),
        v("[(", "((").replace(")]", "))"),
        v("[(", "[[").replace(")]", "]]").replace("), (", "], ["),
        v(")]", "),]"),
        v("5])", "5],\n)"),
        v("Genotype(", "Genotype (\n    "),
        format!("\n  {DARTS_V2} \n"),
        v("('skip_connect', 0), ('sep_conv_3x3', 1)", "('sep_conv_3x3', 1), ('skip_connect', 0)"),
    ];
    for variant in all {
        assert_ne!(variant, DARTS_V2);
        assert_eq!(parsed(SpaceKind::Darts, &variant), expected, "{variant}");
    }
    let spaced = format!(" \n{ARCHITECTURE}\n");
    let expected = parsed(SpaceKind::NasBench201, ARCHITECTURE);
    assert_eq!(parsed(SpaceKind::NasBench201, &spaced), expected);
}

#[test]
fn none_is_read_as_an_operation() {
    let text = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    let mask = parsed(SpaceKind::NasBench201, text);
    assert!((0..6).all(|edge| mask.is_active(Choice { cell: 0, edge, operation: 0 })));
    let (none, _) = edited(DARTS_V2, "skip_connect", 0, "none");
    let mask = parsed(SpaceKind::Darts, &none);
    assert!(mask.is_active(Choice { cell: 0, edge: 5, operation: 0 }));
    assert_eq!(self::text(&SpaceKind::Darts.space(), &mask), none);
}

#[test]
fn a_step_prints_its_first_two_edges() {
    let space = SpaceKind::Darts.space();
    let mut choices = Vec::new();
    for cell in 0..2 {
        choices.extend((0..14).map(|edge| (cell, edge, 1 + edge % 7)));
    }
    let printed = text(&space, &mask_of(&space, &choices));
    assert!(printed.starts_with(
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), \
         ('dil_conv_3x3', 1), ('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_5x5', 0)"
    ));
}

#[test]
fn json_has_the_documented_fields() {
    let json = |kind: SpaceKind, text: &str| -> Value {
        let genotype = Genotype::parse(&kind.space(), text).unwrap();
        serde_json::from_str(&genotype.to_text(GenotypeFormat::Json)).unwrap()
    };
    let value = json(SpaceKind::NasBench201, ARCHITECTURE);
    assert_eq!(value["space"], "nas-bench-201");
    assert_eq!(value["architecture"], ARCHITECTURE);
    let edges = value["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 6);
    assert_eq!(edges[2], serde_json::json!({ "to": 2, "from": 1, "operation": "skip_connect" }));
    assert_eq!(edges[3], serde_json::json!({ "to": 3, "from": 0, "operation": "none" }));

    let value = json(SpaceKind::Darts, DARTS_V2);
    assert_eq!(value["space"], "darts");
    for field in ["normal_concat", "reduce_concat"] {
        assert_eq!(value[field], serde_json::json!([2, 3, 4, 5]));
    }
    assert_eq!(value["normal"].as_array().unwrap().len(), 8);
    assert_eq!(value["normal"][7], serde_json::json!(["dil_conv_3x3", 2]));
    assert_eq!(value["reduce"][3], serde_json::json!(["skip_connect", 2]));
}

#[test]
fn two_operations_on_an_edge_are_no_genotype() {
    for kind in SPACES {
        let space = kind.space();
        let last = space.cells.len() - 1;
        let mask = mask_of(&space, &[(last, 3, 1), (last, 3, 2)]);
        let Err(Error::InvalidState(message)) = Genotype::from_mask(&space, &mask) else {
            panic!("an edge with two operations");
        };
        let edge = space.cells[last].edges[3].to_string();
        for part in [&edge, space.cells[last].name.as_str(), "has 2 active operations"] {
            assert!(message.contains(part), "{message:?} does not contain {part:?}");
        }
        assert!(Genotype::from_mask(&space, &Mask::full(&space)).is_err());
    }
}

#[test]
fn a_mask_of_other_lengths_is_named() {
    let space = SpaceKind::Darts.space();
    let good = Mask::full(&space).nested().to_vec();
    let message = |nested| match Mask::from_nested(&space, nested) {
        Err(Error::InvalidArgument(message)) => message,
        other => panic!("{other:?}"),
    };
    assert!(message(good[..1].to_vec()).contains("found 1 cells, expected 2"));
    let mut bad = good.clone();
    bad[1].pop();
    assert!(message(bad).contains("found 13 edges in the reduction cell, expected 14"));
    let mut bad = good;
    bad[0][5].push(true);
    assert!(message(bad).contains("found 9 operations on an edge, expected 8"));
}

// ---- Faults ----------------------------------------------------------------------------------

#[test]
fn faults_in_an_architecture_string() {
    const NAS: SpaceKind = SpaceKind::NasBench201;
    let a = ARCHITECTURE;
    refused(NAS, "", 0, "\"|\"");
    refused(NAS, "   \n", 4, "\"|\"");
    refused(NAS, &a[1..], 0, "\"|\"");
    let (bad, at) = edited(a, "skip_connect", 0, "skip");
    refused(NAS, &bad, at, "an operation of nas-bench-201 (none, skip_connect, nor_conv_1x1");
    // The place counts from the start of the text, white space included.
    refused(NAS, &format!("\n \t{bad}"), at + 3, "an operation of nas-bench-201");
    // An operation of the other space; an operation without a name.
    let (bad, at) = edited(a, "skip_connect", 0, "sep_conv_3x3");
    refused(NAS, &bad, at, "an operation of nas-bench-201");
    let (bad, at) = edited(a, "skip_connect", 0, "");
    refused(NAS, &bad, at, "an operation");
    let (bad, at) = edited(a, "|skip_connect", 0, "skip_connect");
    refused(NAS, &bad, at, "\"|\"");
    let (bad, at) = edited(a, "0|+", 0, "0+");
    refused(NAS, &bad, at + 1, "\"|\"");
    let (bad, at) = edited(a, "+", 1, "");
    refused(NAS, &bad, at, "\"+\"");
    let (bad, at) = edited(a, "~1", 0, "~0");
    refused(NAS, &bad, at + 1, "\"1\"");
    let (bad, at) = edited(a, "~1", 0, "~11");
    refused(NAS, &bad, at + 2, "\"|\"");
    let (bad, at) = edited(a, "~1", 0, "1");
    refused(NAS, &bad, at - "skip_connect".len(), "an operation of");
    // Too short anywhere, too long.
    for end in 0..a.len() {
        let bad = &a[..end];
        assert!(Genotype::parse(&NAS.space(), bad).is_err(), "{bad}");
    }
    refused(NAS, &format!("{a}+|none~0|"), a.len(), "the end");
    refused(NAS, &format!("{a} x"), a.len() + 1, "the end");
    refused(NAS, "|\u{e9}~0|", 1, "an operation");
    refused(NAS, DARTS_V2, 0, "\"|\"");
}

#[test]
fn faults_in_a_darts_text() {
    const D: SpaceKind = SpaceKind::Darts;
    let t = DARTS_V2;
    refused(D, "", 0, "\"Genotype\"");
    refused(D, &t[1..], 0, "\"Genotype\"");
    let (bad, at) = edited(t, "dil_conv_3x3", 0, "dil_conv_7x7");
    refused(D, &bad, at, "an operation of darts (none, skip_connect, sep_conv_3x3");
    refused(D, &format!("  {bad}"), at + 2, "an operation of darts");
    // A state that the step cannot read.
    let (bad, at) = edited(t, "('sep_conv_3x3', 1)", 0, "('sep_conv_3x3', 2)");
    refused(D, &bad, at, "step 0 with a state below 2");
    let (bad, at) = edited(t, "('dil_conv_3x3', 2)", 0, "('dil_conv_3x3', 5)");
    refused(D, &bad, at, "step 3 with a state below 5");
    for state in ["-1", "+1", "x", "", "1e3", "0x1", "99999999999999999999999"] {
        let (bad, at) = edited(t, "('sep_conv_3x3', 1)", 0, &format!("('sep_conv_3x3', {state})"));
        refused(D, &bad, at + "('sep_conv_3x3', ".len(), "a number");
    }
    let (bad, at) = edited(t, "('sep_conv_3x3', 1)", 0, "('sep_conv_3x3', 18446744073709551615)");
    refused(D, &bad, at, "a state below 2");
    // Too few pairs, too many.
    let (bad, _) = edited(t, ", ('dil_conv_3x3', 2)]", 0, "]");
    refused(D, &bad, t.find('[').unwrap(), "8 pairs, not 7");
    let (bad, at) = edited(t, "2)]", 0, "2), ('skip_connect', 0)]");
    refused(D, &bad, at + "2), ".len(), "at most 8 pairs");
    let (bad, at) = edited(t, "2)]", 0, "2), x]");
    refused(D, &bad, at + "2), ".len(), "\"(\"");
    let list = &t[t.find('[').unwrap()..=t.find(']').unwrap()];
    let (bad, at) = edited(t, list, 0, "[]");
    refused(D, &bad, at, "8 pairs, not 0");
    // What is concatenated.
    for concat in ["[2, 3, 4]", "[2, 3, 4, 5, 6]", "[5, 4, 3, 2]", "[]", "range(2, 5)"] {
        let (bad, at) = edited(t, "[2, 3, 4, 5]", 1, concat);
        refused(D, &bad, at, "the states 2, 3, 4, 5");
    }
    for concat in ["range(0, 18446744073709551615)", "range(18446744073709551615, 1)"] {
        let (bad, at) = edited(t, "[2, 3, 4, 5]", 0, concat);
        refused(D, &bad, at, "the states 2, 3, 4, 5");
    }
    let (bad, at) = edited(t, "[2, 3, 4, 5]", 0, "range(2, 6, 2)");
    refused(D, &bad, at, "range(start, end)");
    // A range is a call, not an index.
    let (bad, at) = edited(t, "[2, 3, 4, 5]", 0, "range[2, 6]");
    refused(D, &bad, at + "range".len(), "\"(\"");
    let (bad, at) = edited(t, "[2, 3, 4, 5]", 0, "{2, 3, 4, 5}");
    refused(D, &bad, at, "\"[\" or \"(\"");
    // Punctuation.
    let (bad, at) = edited(t, "'sep_conv_3x3'", 0, "'sep_conv_3x3\"");
    refused(D, &bad, at + "'sep_conv_3x3".len(), "\"'\"");
    let (bad, at) = edited(t, "('sep_conv_3x3', 0)", 0, "('sep_conv_3x3', 0]");
    refused(D, &bad, at + "('sep_conv_3x3', 0".len(), "\")\"");
    let (bad, at) = edited(t, "), (", 0, ") (");
    refused(D, &bad, at + 2, "\",\"");
    let (bad, at) = edited(t, "], normal_concat", 0, "] normal_concat");
    refused(D, &bad, at + 2, "\",\"");
    let (bad, at) = edited(t, "reduce=", 0, "normal=");
    refused(D, &bad, at, "\"reduce\"");
    let (bad, at) = edited(t, "reduce_concat=", 0, "reduce_concat");
    refused(D, &bad, at + "reduce_concat".len(), "\"=\"");
    for end in 0..t.len() {
        assert!(Genotype::parse(&D.space(), &t[..end]).is_err(), "{}", &t[..end]);
    }
    refused(D, &format!("{t};"), t.len(), "the end");
    refused(D, &format!("{t} {t}"), t.len() + 1, "the end");
    let (bad, at) = edited(t, "'sep_conv_3x3'", 0, "'sep\u{2212}conv'");
    refused(D, &bad, at + 1, "an operation of darts");
    refused(D, ARCHITECTURE, 0, "\"Genotype\"");
}

#[test]
fn very_long_texts_are_refused_with_a_short_message() {
    let long = "\u{1F600}".repeat(1 << 18);
    let nested = "[".repeat(1 << 20);
    let texts = [
        long.clone(),
        nested.clone(),
        format!("|{}", "a".repeat(1 << 20)),
        format!("|none~0{}", "0".repeat(1 << 20)),
        format!("{ARCHITECTURE}{long}"),
        format!("Genotype(normal={nested}"),
        format!("Genotype(normal=[{}", "('skip_connect', 0), ".repeat(1 << 16)),
        DARTS_V2.replace("[2, 3, 4, 5]", &format!("[{}]", "2, ".repeat(1 << 18))),
        format!("{}x", " ".repeat(1 << 20)),
    ];
    for text in &texts {
        for kind in SPACES {
            match Genotype::parse(&kind.space(), text) {
                Err(Error::Format(message)) => {
                    assert_safe(&message);
                    let length = message.chars().count();
                    assert!(length < 300, "{length} characters");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

// ---- Texts that users have ---------------------------------------------------------------------

/// Each text of `tests/genotypes/variants.json` is read as what it means, or refused with what was
/// expected instead.
#[test]
fn texts_that_users_have_are_read_or_refused_with_the_remedy() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/genotypes/variants.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(cases.len() > 90);
    for case in &cases {
        let field = |name: &str| case[name].as_str().unwrap_or_default();
        let space = SPACES.iter().map(|s| s.space()).find(|s| s.name == field("space")).unwrap();
        match (Genotype::parse(&space, field("text")), case.get("means")) {
            (Ok(found), Some(means)) => {
                assert_eq!(found.to_text(GenotypeFormat::Native), *means, "{}", field("name"));
            }
            (Err(Error::Format(message)), None) => {
                let (_, after) = message.split_once(", expected ").unwrap_or_default();
                assert!(after.contains(field("expected")), "{}: {message}", field("name"));
                assert!(!message.contains(char::is_control), "{}: {message:?}", field("name"));
                assert!(message.len() < 400, "{}: {message}", field("name"));
            }
            (found, _) => panic!("{}: {found:?}", field("name")),
        }
    }
    let lines = include_str!("genotypes/multiline.txt");
    let mask = parsed(SpaceKind::Darts, lines);
    assert_eq!(parsed(SpaceKind::Darts, &lines.replace('\n', " ")), mask);
}

/// A step whose two edges come from the same state.
#[test]
fn a_step_may_read_a_state_twice() {
    let space = SpaceKind::Darts.space();
    let step = |pairs: &str| {
        let first = "('sep_conv_3x3', 0), ('sep_conv_3x3', 1)";
        Genotype::parse(&space, &DARTS_V2.replacen(first, pairs, 1)).unwrap()
    };
    for (a, b) in [("none", "dil_conv_5x5"), ("skip_connect", "sep_conv_3x3"), ("none", "none")] {
        let genotype = step(&format!("('{a}', 0), ('{b}', 0)"));
        assert!(genotype.has_parallel_edges());
        // The order of two edges from one state has no meaning.
        let turned = step(&format!("('{b}', 0), ('{a}', 0)"));
        for format in [GenotypeFormat::Native, GenotypeFormat::Json] {
            assert_eq!(genotype.to_text(format), turned.to_text(format));
            let again = Genotype::parse(&space, &genotype.to_text(format)).unwrap();
            assert_eq!((again.mask(), again.space().slots()), (genotype.mask(), 2 * space.slots()));
        }
        assert_eq!(genotype.canonical(), turned.canonical());
        assert!(
            genotype.is_isomorphic(&turned)
                && !genotype.is_isomorphic(&step("('none', 0), ('none', 1)"))
        );
        // It adds both up: 16 operations of weight 1, none of less.
        let weights = genotype.mask().mixing(genotype.space());
        assert_eq!(weights.iter().filter(|w| **w == 1.0).count(), 16);
        assert_eq!(weights.iter().filter(|w| **w == 0.0).count(), weights.len() - 16);
        // The numbers and the operation indices have no place for it.
        assert_eq!((genotype.index(), genotype.operations()), (None, None));
    }
    // JSON with the same pair twice is the same architecture.
    let json = step("('none', 0), ('none', 0)").to_text(GenotypeFormat::Json);
    assert!(Genotype::parse(&space, &json).unwrap().has_parallel_edges());
    assert!(!Genotype::parse(&space, DARTS_V2).unwrap().has_parallel_edges());
}

// ---- Any text, any mask ----------------------------------------------------------------------

/// A finished architecture's mask: one operation on every edge of NAS-Bench-201, `none` included;
/// on two edges of every step of DARTS.
fn any_mask(kind: SpaceKind) -> impl Strategy<Value = Mask> {
    let space = kind.space();
    let edges: Vec<(usize, usize)> = space.edges().collect();
    let operations = space.operations.len();
    let picks = prop::collection::vec((0..operations, any::<u32>()), edges.len());
    picks.prop_map(move |picks| {
        let mut choices: Vec<_> = edges
            .iter()
            .zip(&picks)
            .map(|((cell, edge), (operation, weight))| (*cell, *edge, *operation, *weight))
            .collect();
        if kind == SpaceKind::Darts {
            // Of each step the two edges with the largest weights.
            let step = |c: &(usize, usize, usize, u32)| (c.0, space.cells[c.0].edges[c.1].to);
            choices.sort_by_key(|c| (step(c), std::cmp::Reverse(c.3)));
            choices = choices
                .chunk_by(|a, b| step(a) == step(b))
                .flat_map(|s| &s[..2])
                .copied()
                .collect();
        }
        let choices: Vec<_> = choices.iter().map(|c| (c.0, c.1, c.2)).collect();
        mask_of(&space, &choices)
    })
}

/// A valid text with a few bytes changed: a piece dropped, doubled, or replaced by another.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        "[\\[\\](),'\"|~+ 0-9a-z_=]{1,3}",
        Just("range(2, 6)".to_owned()),
        Just("none".to_owned()),
        Just("\u{e9}".to_owned()),
    ];
    let text = prop_oneof![Just(ARCHITECTURE), Just(DARTS_V2)];
    (text, any::<prop::sample::Index>(), 0..12usize, piece).prop_map(|(text, at, len, piece)| {
        let at = at.index(text.len());
        let end = (at + len).min(text.len());
        format!("{}{piece}{}", &text[..at], &text[end..])
    })
}

/// Parses, and checks what must hold of any text.
fn check(kind: SpaceKind, text: &str) -> Result<(), TestCaseError> {
    let space = kind.space();
    match Genotype::parse(&space, text) {
        Ok(genotype) => {
            let printed = genotype.to_text(GenotypeFormat::Native);
            let again = Genotype::parse(&space, &printed).unwrap();
            prop_assert_eq!(again.mask(), genotype.mask());
        }
        Err(Error::Format(message)) => {
            prop_assert!(!message.contains(char::is_control), "{:?}", message);
            prop_assert!(message.contains(", expected "), "{}", message);
            if message.starts_with("genotype: \"") && text.trim_start().starts_with('{') {
                // A key of a JSON text.
                return Ok(());
            }
            let rest = message.strip_prefix("genotype: byte ");
            let at = rest.and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
            prop_assert!(at.is_some_and(|at| at <= text.len()), "{}", message);
            prop_assert!(text.is_char_boundary(at.unwrap()), "{}", message);
        }
        Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
    }
    Ok(())
}

/// The same cases on every run, and no file of failed ones.
fn fixed() -> ProptestConfig {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(1), None);
    ProptestConfig { cases: 1000, rng_seed, failure_persistence, ..Default::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn architectures_survive_the_round_trip(mask in any_mask(SpaceKind::NasBench201)) {
        let printed = text(&SpaceKind::NasBench201.space(), &mask);
        prop_assert_eq!(parsed(SpaceKind::NasBench201, &printed), mask);
    }

    #[test]
    fn darts_genotypes_survive_the_round_trip(mask in any_mask(SpaceKind::Darts)) {
        let printed = text(&SpaceKind::Darts.space(), &mask);
        prop_assert_eq!(printed.matches("('").count(), 16);
        prop_assert_eq!(parsed(SpaceKind::Darts, &printed), mask);
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,200}") {
        for kind in SPACES {
            check(kind, &text)?;
            check(kind, &format!("Genotype(normal={text}"))?;
            check(kind, &format!("|{text}"))?;
        }
    }

    #[test]
    fn no_fault_is_too_small(text in mutated()) {
        for kind in SPACES {
            check(kind, &text)?;
        }
    }
}
