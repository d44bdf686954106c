//! The trace of a search, also of one that is killed, and the file of masks beside it.
//!
//! This program starts itself: the child searches and writes its trace.

#[path = "common/python.rs"]
mod python;
#[path = "common/searches.rs"]
mod searches;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use searches::{config, context, noise, small, watch};
use serde_json::Value;
use tenas::space::Choice;
use tenas::{Config, Context, DatasetKind, Error, Sampling, SpaceKind, Strategy, proxy};

const FOLDER: &str = "TENAS_TEST_TRACE_FOLDER";
const RANKS: &str = "TENAS_TEST_TRACE_RANKS";

const BUDGET: u32 = 80;

/// The lines of a trace, each whole.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "{text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_event<'l>(lines: &'l [Value], event: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// The lines without what a clock has measured, in an order of their own: whatever the order in which
/// candidates became finished.
fn timeless(lines: &[Value]) -> BTreeSet<String> {
    let timeless = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("seconds");
        line.to_string()
    };
    let all: BTreeSet<String> = lines.iter().map(timeless).collect();
    assert_eq!(all.len(), lines.len(), "lines that are there twice");
    all
}

/// The shape and the values of a `.npy` file of 32-bit floats.
fn history(folder: &Path) -> (String, Vec<f32>) {
    let bytes = fs::read(folder.join("arch_parameters_history.npy")).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0);
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(
        header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (")
            && header.ends_with('\n')
    );
    let shape = header.split(['(', ')']).nth(1).unwrap().to_owned();
    let values = bytes[10 + length..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    (shape, values.collect())
}

#[test]
fn a_pruning_search_leaves_all_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let mut search = context(&small(Strategy::Prune, BUDGET));
    search.set_trace(Some(&path)).unwrap();
    let (shape, values) = history(folder.path());
    assert_eq!(shape, "1, 1, 6, 5,");
    // `none` is never active.
    assert!(values.chunks(5).all(|edge| edge == [-1000.0, 0.0, 0.0, 0.0, 0.0]));
    search.run(&mut watch).unwrap();

    let all = lines(&path);
    assert_eq!((&all[0]["event"], &all[0]["format"]), (&"search".into(), &"tenas trace".into()));
    assert_eq!(all[0]["config"], search.config().to_json());
    let (candidates, decisions) = (of_event(&all, "candidate"), of_event(&all, "decision"));
    assert_eq!((candidates.len(), decisions.len(), of_event(&all, "round").len()), (54, 54, 3));
    let space = &search.config().supernet().space;
    for (line, record) in decisions.iter().zip(search.records()) {
        let (score, choice) = (&record.score, record.score.choice);
        assert_eq!(line["round"], record.round);
        assert_eq!(line["cell"], space.cells[choice.cell].name);
        assert_eq!(line["edge"], space.cells[choice.cell].edge_names[choice.edge]);
        assert_eq!(line["operation"], space.operations[choice.operation]);
        for (key, value) in [
            ("ntk_now", score.ntk_now),
            ("ntk_without", score.ntk_without),
            ("ntk_delta", score.ntk_delta),
            ("regions_now", score.regions_now),
            ("regions_without", score.regions_without),
            ("regions_delta", score.regions_delta),
        ] {
            assert_eq!(line[key].as_f64().unwrap().to_bits(), value.to_bits(), "{key}");
        }
        assert_eq!(line["ntk_rank"], record.ranks.ntk);
        assert_eq!(line["regions_rank"], record.ranks.regions);
        assert_eq!(line["rank_sum"], record.ranks.ntk + record.ranks.regions);
        assert_eq!(line["pruned"], record.pruned);
        assert!(line["seconds"].as_f64().unwrap() > 0.0);
        // What was told when the candidate was finished.
        let same = |c: &&&Value| c["round"] == line["round"] && c["candidate"] == line["candidate"];
        let early = candidates.iter().find(same).unwrap().as_object().unwrap();
        let same = early.iter().filter(|(key, _)| !["event", "seconds"].contains(&key.as_str()));
        same.for_each(|(key, value)| assert_eq!(&line[key], value, "{key}"));
        assert!(early["seconds"].as_f64() <= line["seconds"].as_f64());
    }
    let (shape, values) = history(folder.path());
    assert_eq!(shape, "4, 1, 6, 5,");
    for (mask, values) in search.masks().iter().zip(values.chunks(30)) {
        let active: Vec<bool> = mask.nested().iter().flatten().flatten().copied().collect();
        assert_eq!(values.iter().map(|v| *v == 0.0).collect::<Vec<_>>(), active);
    }
}

#[test]
fn darts_has_both_cells_and_one_mask_for_the_edges() {
    let folder = tempfile::tempdir().unwrap();
    let mut search = context(&config(SpaceKind::Darts, Sampling::Common));
    search.set_trace(Some(&folder.path().join("trace"))).unwrap();
    let mut rounds = Vec::new();
    loop {
        rounds.push(history(folder.path()).0);
        if search.run_round(&mut watch).unwrap() {
            break;
        }
    }
    // Four operations: two rounds, six rounds of edges.
    assert_eq!(
        rounds,
        [
            "1, 2, 14, 4,",
            "2, 2, 14, 4,",
            "3, 2, 14, 4,",
            "3, 2, 14, 4,",
            "3, 2, 14, 4,",
            "3, 2, 14, 4,",
            "3, 2, 14, 4,",
            "3, 2, 14, 4,"
        ]
    );
    let (shape, values) = history(folder.path());
    assert_eq!(shape, "4, 2, 14, 4,");
    let last = &values[3 * 2 * 14 * 4..];
    assert_eq!(last.iter().filter(|v| **v == 0.0).count(), 16);
    assert_eq!(search.masks().len(), 9);
}

#[test]
fn a_ranking_leaves_all_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let mut search = context(&small(Strategy::Rank, BUDGET));
    search.set_trace(Some(&path)).unwrap();
    search.run(&mut watch).unwrap();
    assert!(!folder.path().join("arch_parameters_history.npy").exists());
    let all = lines(&path);
    let decisions = of_event(&all, "decision");
    assert_eq!(of_event(&all, "candidate").len(), decisions.len());
    // The last decision on each of the ranking is its entry there.
    for (place, ranked) in search.ranking().iter().enumerate().filter(|(_, r)| r.connected) {
        let number = |line: &&&&Value| line["number"] == ranked.number;
        let last = decisions.iter().rev().find(|line| number(&line)).unwrap();
        assert_eq!((&last["draws"], &last["rung"]), (&ranked.draws.into(), &ranked.rung.into()));
        for (p, proxy) in search.config().proxies().iter().enumerate() {
            assert_eq!(last["values"][proxy.name()], ranked.values[p]);
        }
        if place == 0 {
            assert_eq!((&last["place"], &last["kept"]), (&1.into(), &true.into()));
            assert_eq!(last["total"], ranked.total);
        }
        let draws: usize = of_event(&all, "candidate")
            .iter()
            .filter(|line| line["number"] == ranked.number)
            .map(|line| line["draws"].as_array().unwrap().len())
            .sum();
        assert_eq!(draws, ranked.draws as usize);
    }
}

#[test]
fn a_trace_is_continued_and_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let config = small(Strategy::Prune, BUDGET);
    let mut search = context(&config);
    search.set_trace(Some(&path)).unwrap();
    let mut left = 7;
    let mut some = |_: &tenas::Progress| {
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert!(matches!(search.run(&mut some), Err(Error::Cancelled)));
    let begun = lines(&path);
    assert!(of_event(&begun, "candidate").len() >= 7);
    // A machine that died in the middle of a line.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"event\":\"candidate\",\"ro").unwrap();
    drop(file);
    let mut again = context(&config);
    again.set_trace(Some(&path)).unwrap();
    again.run(&mut watch).unwrap();
    let all = lines(&path);
    assert_eq!(all[..begun.len()], begun);
    timeless(&all);
    assert_eq!((of_event(&all, "candidate").len(), of_event(&all, "decision").len()), (54, 54));
    // The same search once more adds nothing.
    let mut once_more = context(&config);
    once_more.set_trace(Some(&path)).unwrap();
    once_more.run(&mut watch).unwrap();
    assert_eq!(lines(&path), all);

    let mut other = config.clone();
    other.set_seed(6);
    let mut other = context(&other);
    let error = other.set_trace(Some(&path)).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument(_)));
    assert!(error.to_string().contains("trace of another search"), "{error}");
    for (text, expected) in [
        ("{}\n", "line 1: found no \"tenas trace\""),
        ("nothing\n", "line 1: found no JSON"),
        ("nothing", "line 1: found no whole line"),
        ("{\"format\":\"tenas trace\",\"version\":2}\n", "line 1: version: found 2, expected 1"),
    ] {
        fs::write(&path, text).unwrap();
        let error = other.set_trace(Some(&path)).unwrap_err();
        assert!(matches!(error, Error::Format(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    for wrong in
        [folder.path().to_owned(), folder.path().join("none/trace"), PathBuf::from("/dev/full")]
    {
        assert!(matches!(other.set_trace(Some(&wrong)), Err(Error::Io { .. })), "{wrong:?}");
    }
}

#[test]
fn rounds_in_pieces_and_prunings_of_the_host_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let config = small(Strategy::Prune, BUDGET);
    let mut here = context(&config);
    here.set_trace(Some(&path)).unwrap();
    here.prune(Choice { cell: 0, edge: 2, operation: 4 }).unwrap();
    let mut elsewhere = context(&config);
    elsewhere.prune(Choice { cell: 0, edge: 2, operation: 4 }).unwrap();
    let count = elsewhere.candidate_count();
    let scores = elsewhere.evaluate(0..count, &mut watch).unwrap();
    here.apply(&scores).unwrap();
    let all = lines(&path);
    let by_host = of_event(&all, "pruned_by_host");
    assert_eq!(by_host.len(), 1);
    assert_eq!(
        (&by_host[0]["edge"], &by_host[0]["operation"]),
        (&"2<-1".into(), &"avg_pool_3x3".into())
    );
    assert_eq!(of_event(&all, "candidate").len(), count);
    assert_eq!(of_event(&all, "decision").len(), count);
    assert_eq!(history(folder.path()).0, "2, 1, 6, 5,");
}

#[test]
fn a_trace_that_cannot_be_written_stops_the_run_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let mut search = context(&small(Strategy::Prune, BUDGET));
    search.set_trace(Some(&inner.join("trace"))).unwrap();
    // The place of the masks is gone.
    fs::rename(&inner, folder.path().join("moved")).unwrap();
    let error = search.run(&mut watch).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(search.records().len(), 0);
    fs::rename(folder.path().join("moved"), &inner).unwrap();
    search.run(&mut watch).unwrap();
    let all = lines(&inner.join("trace"));
    timeless(&all);
    assert_eq!((of_event(&all, "candidate").len(), of_event(&all, "decision").len()), (54, 54));
    assert_eq!(history(&inner).0, "4, 1, 6, 5,");
}

/// The child. It prints a line for each finished candidate.
#[test]
#[ignore = "the child process of the other tests"]
fn child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by another test"));
    let checkpoint = folder.join("search.json");
    let mut search = if checkpoint.exists() {
        Context::load(&checkpoint, &noise(12, 8), None).unwrap()
    } else {
        let ranks = std::env::var_os(RANKS).is_some();
        context(&small(if ranks { Strategy::Rank } else { Strategy::Prune }, BUDGET))
    };
    // Far older than the trace, when the process is killed.
    search.set_checkpoint(Some((&checkpoint, Duration::from_secs(3600)))).unwrap();
    search.set_trace(Some(&folder.join("trace.jsonl"))).unwrap();
    let mut report = std::io::stderr();
    let mut line = |_: &tenas::Progress| {
        report.write_all(b"candidate\n").unwrap();
        ControlFlow::Continue(())
    };
    search.run(&mut line).unwrap();
}

fn start(folder: &Path, strategy: Strategy) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    if strategy == Strategy::Rank {
        child.env(RANKS, "1");
    }
    child
        .args(["--ignored", "--exact", "--nocapture", "child"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn killed(strategy: Strategy) {
    let whole = tempfile::tempdir().unwrap();
    let path = whole.path().join("trace.jsonl");
    let mut undisturbed = context(&small(strategy, BUDGET));
    undisturbed.set_trace(Some(&path)).unwrap();
    undisturbed.run(&mut watch).unwrap();
    let expected = timeless(&lines(&path));
    let candidates =
        expected.iter().filter(|line| line.contains("\"event\":\"candidate\"")).count();
    for before in [1, candidates / 3, candidates / 2, candidates - 2] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.jsonl");
        let mut child = start(folder.path(), strategy);
        let told = BufReader::new(child.stderr.as_mut().unwrap()).lines();
        let told = told.map(|line| line.unwrap()).filter(|line| line == "candidate").take(before);
        assert_eq!(told.count(), before);
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let end = text.rfind('\n').unwrap() + 1;
        let found: Vec<Value> =
            text[..end].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(of_event(&found, "candidate").len() >= before);
        assert!(timeless(&found).is_subset(&expected));
        if strategy == Strategy::Prune {
            let rounds = of_event(&found, "round").len();
            let (shape, _) = history(folder.path());
            assert!(
                shape == format!("{}, 1, 6, 5,", rounds + 1)
                    || shape == format!("{rounds}, 1, 6, 5,")
            );
        }
        // It goes on from a checkpoint that lags behind, and tells nothing twice.
        assert!(start(folder.path(), strategy).wait_with_output().unwrap().status.success());
        assert_eq!(timeless(&lines(&path)), expected, "killed after {before}");
    }
}

#[test]
fn a_killed_pruning_leaves_all_up_to_its_last_candidate() {
    killed(Strategy::Prune);
}

#[test]
fn a_killed_ranking_leaves_all_up_to_its_last_candidate() {
    killed(Strategy::Rank);
}

/// NumPy reads the file, with the shapes of the published code; Python's json reads every line.
#[cfg(target_os = "linux")]
#[test]
fn numpy_and_python_read_both() {
    let packages = python::path_of(&["python"], "scripts/setup-python.sh");
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(kind, DatasetKind::Custom);
        if kind == SpaceKind::Darts {
            // All its operations, of which one round leaves one on each edge.
            config.set_prune_per_edge(6).unwrap();
        }
        config.set_device(tenas::DeviceKind::Cpu, 0).unwrap();
        config.set_batch_size(2).unwrap();
        config.set_repeats(1).unwrap();
        let mut search = context(&config);
        search.set_trace(Some(&folder.path().join("trace.jsonl"))).unwrap();
        search.run_round(&mut watch).unwrap();
        let script = "import json, sys, numpy\n\
            masks = numpy.load(sys.argv[1] + '/arch_parameters_history.npy')\n\
            lines = [json.loads(line) for line in open(sys.argv[1] + '/trace.jsonl')]\n\
            active = int((masks[-1] == 0).sum())\n\
            print(masks.dtype, masks.shape, sorted(set(masks.flat)), active, len(lines))\n";
        let output = Command::new("python3")
            .args(["-c", script])
            .arg(folder.path())
            .env("PYTHONPATH", &packages)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout).unwrap();
        let candidates = search.records().len();
        let (shape, active) = match kind {
            SpaceKind::NasBench201 => ("(2, 1, 6, 5)", 18),
            SpaceKind::Darts => ("(2, 2, 14, 8)", 28),
        };
        // The search, each candidate and each decision, the round.
        let expected = format!("float32 {shape}");
        assert!(found.starts_with(&expected), "{found}");
        assert!(found.trim().ends_with(&format!("{active} {}", 2 + 2 * candidates)), "{found}");
        assert!(found.contains("-1000.0"), "{found}");
    }
}

#[test]
fn scores_by_cost_alone_are_traced_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    let mut config = small(Strategy::Rank, BUDGET);
    config.set_proxies(&[proxy::named("flops").unwrap()]).unwrap();
    let mut search = context(&config);
    search.set_trace(Some(&path)).unwrap();
    search.run(&mut watch).unwrap();
    let all = lines(&path);
    let decisions = of_event(&all, "decision");
    assert!(decisions.iter().all(|line| line["values"]["flops"].is_f64()));
    assert_eq!(decisions.len(), search.ranking().iter().filter(|r| r.connected).count());
}
