//! What a DARTS search prints is what training code, in Python, evaluates.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tenas::{Config, Context, Dataset, DatasetKind, GenotypeFormat, SpaceKind, Supernet};

/// Whether the script accepts `text`, and what it says.
fn check(text: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check_genotype.py");
    let mut child = Command::new("python3")
        .arg(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs python3 (3.6 or later): {error}"));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn python_evaluates_what_a_search_prints() {
    // A few of the operations: it is the text that matters here.
    let names = ["none", "skip_connect", "dil_conv_3x3", "max_pool_3x3"];
    let mut file: Value = serde_json::from_str(SpaceKind::Darts.json()).unwrap();
    let operations = file["operations"].as_array_mut().unwrap();
    operations.retain(|o| names.contains(&o["name"].as_str().unwrap()));
    let supernet = Supernet::from_json(&file.to_string()).unwrap();
    let mut config = Config::for_supernet(Arc::new(supernet), DatasetKind::Custom);
    config.set_batch_size(2).unwrap();
    config.set_repeats(1).unwrap();
    // One round of operations.
    config.set_prune_per_edge(16).unwrap();
    config.set_threads(2).unwrap();
    let bytes: Vec<u8> = (0..4 * 27u32).map(|i| (i * i * 7919 % 65_521 % 256) as u8).collect();
    let dataset = Dataset::from_images(&bytes, 4, [3, 3, 3], None, 2).unwrap();
    let mut context = Context::new(&config, &dataset).unwrap();
    context.run(&mut |_| ControlFlow::Continue(())).unwrap();
    let text = context.genotype().unwrap().to_text(GenotypeFormat::Native);
    let (accepted, said) = check(&text);
    assert!(accepted, "{said}");
    assert_eq!(said.trim(), "1 passed, 0 failed");

    // The script looks: it refuses what training code could not use.
    let pair = &text[text.find("[(").unwrap() + 1..=text.find(')').unwrap()];
    for (broken, fault) in [
        (text.replacen(pair, "('none', 0)", 1), "the operation 'none'"),
        (text.replacen(pair, "('skip_connect', 2)", 1), "step 0 of normal reads"),
        (text.replacen(pair, "('skip_connect', '0')", 1), "the state '0'"),
        (text.replacen(&format!("{pair}, "), "", 1), "normal has 7 pairs, expected 8"),
        (
            text.replacen("reduce_concat=[2, 3, 4, 5]", "reduce_concat=[2, 3]", 1),
            "reduce_concat is",
        ),
        (text.replacen("reduce=", "reduction=", 1), "TypeError"),
        (text[..text.len() - 1].to_owned(), "SyntaxError"),
    ] {
        assert_ne!(broken, text);
        let (accepted, said) = check(&format!("{text}\n{broken}\n"));
        assert!(!accepted && said.contains("1 passed, 1 failed"), "{broken}: {said}");
        assert!(said.contains(fault), "{said:?} does not contain {fault:?}");
    }
    assert!(!check("").0);
}
