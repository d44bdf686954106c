//! Searches that are saved and go on: to the same bits, from any place; and files that are refused.

#[path = "common/messages.rs"]
mod messages;
#[path = "common/searches.rs"]
mod searches;

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use messages::assert_safe;
use searches::{assert_same, config, context, finished, noise, undisturbed, watch};
use serde_json::{Value, json};
use tenas::compute::{Engine, Plan, Reduce, Sink, Tasks};
use tenas::network::Graph;
use tenas::space::Choice;
use tenas::{
    Config, Context, Control, Dataset, DatasetKind, DeviceKind, Error, LogLevel, Progress, Result,
    Sampling, SpaceKind,
};

const KINDS: [(SpaceKind, Sampling); 4] = [
    (SpaceKind::NasBench201, Sampling::Common),
    (SpaceKind::NasBench201, Sampling::Independent),
    (SpaceKind::Darts, Sampling::Common),
    (SpaceKind::Darts, Sampling::Independent),
];

/// A file in a folder of its own.
fn place(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("search.json")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs until so many candidates are scored in this call.
fn run_for(context: &mut Context, candidates: usize) {
    let mut left = candidates;
    let result = context.run(&mut |_| {
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

fn load(path: &Path, like: &Config, machine: Option<&Config>) -> Result<Context> {
    Context::load_for(path, &noise(12, 8), machine, like.supernet().clone())
}

fn files(folder: &tempfile::TempDir) -> BTreeSet<String> {
    let names = fs::read_dir(folder.path()).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

// ---- The same bits ---------------------------------------------------------------------------

#[test]
fn a_search_goes_on_from_its_file_to_the_same_bits() {
    for (kind, sampling) in KINDS {
        let config = config(kind, sampling);
        let (folder, expected) = (folder(), undisturbed(kind, sampling));
        let path = place(&folder);
        let total = expected.records().len();
        let mut machine = config.clone();
        machine.set_threads(3).unwrap();
        for (step, stop) in [1, total / 3, total / 2 + 1, total - 1].into_iter().enumerate() {
            let mut first = context(&config);
            run_for(&mut first, stop);
            first.save(&path).unwrap();
            let machine = (step % 2 == 1).then_some(&machine);
            let mut second = load(&path, &config, machine).unwrap();
            assert_eq!(second.records(), first.records());
            assert_eq!(second.mask(), first.mask());
            assert_eq!(second.device(), first.device());
            let threads = machine.map_or(2, |_| 3);
            assert_eq!(second.config().threads(), threads);
            // Counts those too whose values are all there, but that nobody was told of.
            let (saved, read) = (first.control().progress(), second.control().progress());
            assert!(read.candidate >= saved.candidate, "{read:?} {saved:?}");
            assert_eq!(Progress { candidate: saved.candidate, ..read }, saved);
            // Nothing that is finished is scored again.
            let mut calls = 0;
            second
                .run(&mut |_| {
                    calls += 1;
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert!(calls <= total - stop, "{calls} of {total} after {stop}");
            assert_same(&second, expected);
            first.run(&mut watch).unwrap();
            assert_same(&first, expected);
        }
    }
}

#[test]
fn a_search_saved_after_every_candidate_ends_in_the_same_place() {
    let config = config(SpaceKind::NasBench201, Sampling::Independent);
    let folder = folder();
    let path = place(&folder);
    context(&config).save(&path).unwrap();
    let mut stops = 0;
    let end = loop {
        let mut search = load(&path, &config, None).unwrap();
        match search.run(&mut |_| ControlFlow::Break(())) {
            Ok(()) => break search,
            Err(Error::Cancelled) => search.save(&path).unwrap(),
            Err(other) => panic!("{other}"),
        }
        stops += 1;
    };
    assert_eq!(stops, 24 + 18 + 12);
    assert_same(&end, undisturbed(SpaceKind::NasBench201, Sampling::Independent));
}

#[test]
fn a_finished_search_is_saved_too() {
    for (kind, sampling) in KINDS {
        let expected = undisturbed(kind, sampling);
        let folder = folder();
        expected.save(&place(&folder)).unwrap();
        let mut again = load(&place(&folder), expected.config(), None).unwrap();
        assert!(again.is_finished());
        again.run(&mut |_| panic!("nothing is left")).unwrap();
        assert_same(&again, expected);
        assert_eq!(again.records_json(), expected.records_json());
        assert_eq!(again.control().progress(), expected.control().progress());
    }
}

#[test]
fn a_search_of_a_built_in_space_is_read_by_itself() {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
    config.set_device(DeviceKind::Cpu, 0).unwrap();
    config.set_batch_size(4).unwrap();
    config.set_seed(u64::MAX);
    let folder = folder();
    Context::new(&config, &noise(12, 8)).unwrap().save(&place(&folder)).unwrap();
    let again = Context::load(&place(&folder), &noise(12, 8), None).unwrap();
    assert_eq!(again.config().to_json(), config.to_json());
}

/// The native engine; a request to cancel comes just before a value does.
#[derive(Debug)]
struct Cancelling {
    engine: Box<dyn Engine>,
    control: Arc<OnceLock<Arc<Control>>>,
    at: usize,
    delivered: Arc<AtomicUsize>,
}

impl Engine for Cancelling {
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan> {
        self.engine.prepare(graph)
    }

    fn evaluate_all(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        self.engine.evaluate_all(tasks, reduce, &mut |number| {
            if self.delivered.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
                self.control.get().unwrap().cancel();
            }
            sink(number)
        })
    }
}

/// A candidate is four values here: a request is answered with the next of them.
#[test]
fn a_cancel_is_answered_within_a_candidate() {
    for at in [1, 2, 7, 30] {
        let config = config(SpaceKind::NasBench201, Sampling::Common);
        let (control, delivered) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
        let engine = tenas::compute::native(2).unwrap();
        let (place, counter) = (control.clone(), delivered.clone());
        let engine = Cancelling { engine, control: place, at, delivered: counter };
        let mut search = Context::with_engine(&config, &noise(12, 8), Box::new(engine)).unwrap();
        control.set(search.control()).unwrap();
        let result = search.run(&mut watch);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert_eq!(delivered.load(Ordering::Relaxed), at);
        search.run(&mut watch).unwrap();
        assert_same(&search, undisturbed(SpaceKind::NasBench201, Sampling::Common));
    }
}

// ---- While it runs ---------------------------------------------------------------------------

#[test]
fn checkpoints_are_written_as_often_as_asked() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let expected = undisturbed(SpaceKind::NasBench201, Sampling::Common);
    for (interval, least, most) in [(Duration::ZERO, 54, 60), (Duration::MAX, 3, 3)] {
        let folder = folder();
        let path = place(&folder);
        fs::write(folder.path().join(".search.json.xyz.tmp"), "of an earlier crash").unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        let mut search = context(&config);
        search.set_checkpoint(Some((&path, interval))).unwrap();
        let first = fs::read(&path).unwrap();
        search.set_log(Some(Box::new(move |level, text| {
            send.send((level, text.to_owned())).unwrap();
        })));
        search.run(&mut watch).unwrap();
        search.set_log(None);
        let lines: Vec<_> = lines.iter().collect();
        let written = lines.iter().filter(|(_, text)| text.starts_with("checkpoint written"));
        assert!((least..=most).contains(&written.count()), "{lines:?}");
        let info: Vec<_> =
            lines.iter().filter(|(l, _)| *l == LogLevel::Info).map(|(_, t)| t.as_str()).collect();
        assert_eq!(info.len(), 6, "{info:?}");
        assert_eq!(info[0], "round 1 of 3: 24 candidates");
        assert!(info[5].starts_with("round 3 of 3: pruned normal "), "{}", info[5]);
        assert_ne!(fs::read(&path).unwrap(), first);
        assert_same(&load(&path, &config, None).unwrap(), expected);
        // The old file beside it is still there, and no other.
        assert_eq!(files(&folder).len(), 2);
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_ends_the_run_and_loses_nothing() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    for interval in [Duration::ZERO, Duration::MAX] {
        let folder = folder();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("search.json");
        let mut search = context(&config);
        search.set_checkpoint(Some((&path, interval))).unwrap();
        fs::remove_dir_all(&inner).unwrap();
        let mut calls = 0;
        let error = search.run(&mut |_| {
            calls += 1;
            ControlFlow::Continue(())
        });
        match error {
            Err(Error::Io { path: of, .. }) => assert_eq!(of, path),
            other => panic!("{other:?}"),
        }
        assert!(search.records().is_empty());
        let progress = search.control().progress();
        assert_eq!((progress.round, search.candidates().len()), (0, 24));
        if interval == Duration::ZERO {
            assert!(progress.candidate == 1 && calls == 0, "{progress:?}");
        } else {
            assert!(calls == 24);
        }
        // The folder is back: the run goes on.
        fs::create_dir(&inner).unwrap();
        search.run(&mut watch).unwrap();
        assert_same(&search, undisturbed(SpaceKind::NasBench201, Sampling::Common));
        assert_same(&load(&path, &config, None).unwrap(), &search);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_refused_at_once() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let folder = folder();
    let mut search = context(&config);
    for path in [folder.path().to_owned(), folder.path().join("none/search.json")] {
        let refused = search.set_checkpoint(Some((&path, Duration::ZERO)));
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        assert!(matches!(search.save(&path), Err(Error::Io { .. })));
        assert!(matches!(
            Context::load(&path, &noise(12, 8), None),
            Err(Error::Io { .. } | Error::Format(_))
        ));
    }
    search.set_checkpoint(None).unwrap();
    assert!(files(&folder).is_empty());
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let folder = folder();
    let (path, link) = (place(&folder), folder.path().join("latest"));
    std::os::unix::fs::symlink("search.json", &link).unwrap();
    let search = context(&config);
    // It dangles, then it does not.
    fs::write(&path, "").unwrap();
    search.save(&link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    load(&path, &config, None).unwrap();
}

// ---- What is refused -------------------------------------------------------------------------

/// A search in its second round, some of it scored, after a pruning of the host.
fn saved(folder: &tempfile::TempDir) -> (PathBuf, Config, Value) {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let mut search = context(&config);
    search.run_round(&mut watch).unwrap();
    let choice = search.candidates()[0];
    search.prune(choice).unwrap();
    run_for(&mut search, 3);
    let path = place(folder);
    search.save(&path).unwrap();
    let json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    (path, config, json)
}

/// The message of a file that is refused.
#[track_caller]
fn refused(path: &Path, like: &Config) -> String {
    match load(path, like, None) {
        Err(Error::Format(text)) => {
            assert_safe(&text);
            assert!(text.starts_with(&format!("checkpoint {path:?}: ")), "{text}");
            text
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{} is read", fs::read_to_string(path).unwrap()),
    }
}

#[test]
fn every_wrong_value_is_named() {
    let folder = folder();
    let (path, config, json) = saved(&folder);
    load(&path, &config, None).unwrap();
    let cases: &[(&str, Value, &[&str])] = &[
        ("/format", json!("png"), &["format: found \"png\"", "expected \"tenas checkpoint\""]),
        ("/schema", json!(3), &["schema: found 3, expected 2", "newer library"]),
        ("/schema", json!(0), &["schema: found 0"]),
        ("/config/batch_size", json!(0), &["config.batch_size: found 0, expected 2 to 1024"]),
        ("/config/space", json!("darts"), &["config.space: found \"darts\""]),
        ("/config/dataset", json!("mnist"), &["config.dataset: found \"mnist\""]),
        ("/config/sampling", json!("independent"), &["scoring.now: found 1"]),
        ("/config/repeats", json!(3), &["scoring.now[0].regions: found 2 repeats, expected 3"]),
        ("/config/prune_per_edge", json!(2), &["records["]),
        ("/seconds", json!(-1), &["seconds: found -1"]),
        ("/round", json!(7), &["records: found none of round 1"]),
        ("/round", json!(1000), &["round: found 1000, expected at most"]),
        ("/round", json!(0), &["records[0].round: found 0"]),
        ("/round", json!(-1), &["round: invalid value"]),
        ("/mask/0/2", json!([]), &["mask: found operations"]),
        ("/mask/0/2/0", json!("none"), &["mask: found operations"]),
        ("/mask/0/2/0", json!(1), &["mask[0][2][0]: invalid type"]),
        ("/records/3/cell", json!("big"), &["records[3].cell: found \"big\""]),
        ("/records/3/edge", json!("9<-9"), &["records[3].edge: found \"9<-9\""]),
        ("/records/3/operation", json!("conv"), &["records[3].operation: found \"conv\""]),
        ("/records/3/edge", json!("2<-0"), &["records[3]: found normal 2<-0"]),
        ("/records/3/round", json!(1), &["records: found 3 of round 0, expected 24"]),
        ("/records/3/ntk_delta", Value::Null, &["records[3].ntk_delta: invalid type: null"]),
        ("/records/3/ntk_rank", json!(99), &["records[3]: found ranks"]),
        ("/records/3/pruned", json!("no"), &["records[3].pruned: invalid type"]),
        ("/pruned_by_host/0/round", json!(0), &["records:"]),
        ("/pruned_by_host/0/place/edge", json!("x"), &["pruned_by_host[0].place.edge"]),
        ("/scoring/now/0/ntk/0", json!(-2.5), &["scoring.now[0].ntk: found -2.5"]),
        ("/scoring/now/0/ntk/0", json!(0), &["scoring.now[0].ntk: found 0"]),
        ("/scoring/without", json!([]), &["scoring.without: found 0 candidates"]),
        ("/checksum", json!(1), &["checksum: found 1, expected"]),
        // In its range, and yet another value.
        ("/config/seed", json!(6), &["checksum"]),
        ("/scoring/now/0/ntk/0", json!(17.25), &["checksum"]),
        ("/dataset/digest", json!(6), &["checksum"]),
    ];
    for (pointer, value, words) in cases {
        let mut wrong = json.clone();
        *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
        fs::write(&path, wrong.to_string()).unwrap();
        let text = refused(&path, &config);
        for word in *words {
            assert!(text.contains(word), "{pointer}: {text:?} does not contain {word:?}");
        }
    }
    for key in json.as_object().unwrap().keys().filter(|key| *key != "scoring") {
        let mut wrong = json.clone();
        wrong.as_object_mut().unwrap().remove(key);
        fs::write(&path, wrong.to_string()).unwrap();
        let text = refused(&path, &config);
        assert!(text.contains(key.as_str()), "{key}: {text}");
    }
    let mut more = json.clone();
    more["colour"] = json!("red");
    fs::write(&path, more.to_string()).unwrap();
    assert!(refused(&path, &config).contains("colour"));
    // Spaces do not matter.
    fs::write(&path, serde_json::to_string_pretty(&json).unwrap()).unwrap();
    load(&path, &config, None).unwrap();
}

#[test]
fn damage_anywhere_is_found() {
    let folder = folder();
    let (path, config, json) = saved(&folder);
    let whole = fs::read(&path).unwrap();
    let end = whole.len() - 1;
    for cut in (0..end).step_by(97).chain(end - 20..end) {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(refused(&path, &config).contains("line 1 column"));
    }
    for (i, at) in (0..end).step_by(53).enumerate() {
        let mut wrong = whole.clone();
        wrong[at] ^= 1 << (i % 8);
        fs::write(&path, &wrong).unwrap();
        // The last digit of some numbers may change without changing the double.
        if serde_json::from_slice::<Value>(&wrong).is_ok_and(|wrong| wrong == json) {
            load(&path, &config, None).unwrap();
        } else {
            refused(&path, &config);
        }
    }
    for foreign in [&b""[..], b"{}", b"[]", b"null", b"\xff\xfe", b"\x89PNG\r\n", &[b'['; 100_000]]
    {
        fs::write(&path, foreign).unwrap();
        refused(&path, &config);
    }
}

#[test]
fn other_images_are_refused() {
    let folder = folder();
    let (path, config, _) = saved(&folder);
    let supernet = || config.supernet().clone();
    let bytes = vec![7; 12 * 3 * 64];
    let other = Dataset::from_images(&bytes, 12, [3, 8, 8], None, 4).unwrap();
    for other in [noise(13, 8), noise(12, 16), other] {
        match Context::load_for(&path, &other, None, supernet()) {
            Err(Error::InvalidArgument(text)) => {
                for word in ["dataset: found images in memory", "12 images", "digest"] {
                    assert!(text.contains(word), "{text}");
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_replaced_by_the_machines() {
    let folder = folder();
    let (path, config, mut json) = saved(&folder);
    if tenas::compute::LIBTORCH_VERSION.is_some() {
        return;
    }
    json["config"]["device"] = json!("cuda");
    fs::write(&path, json.to_string()).unwrap();
    assert!(matches!(load(&path, &config, None), Err(Error::Device(_))));
    // The file is damaged by the change, which is found once the device does not matter.
    match load(&path, &config, Some(&config)) {
        Err(Error::Format(text)) => assert!(text.contains("checksum"), "{text}"),
        other => panic!("{other:?}"),
    }
}

// ---- A round in pieces -----------------------------------------------------------------------

#[test]
fn workers_share_a_round_and_end_in_the_same_place() {
    for (kind, sampling) in KINDS {
        let config = config(kind, sampling);
        let mut other = config.clone();
        other.set_threads(1).unwrap();
        let mut workers = [context(&config), context(&other), context(&config)];
        loop {
            let count = workers[0].candidates().len();
            let cuts = [0, count / 4, count / 2, count];
            let mut scores = Vec::new();
            for (i, worker) in workers.iter_mut().enumerate() {
                let part = worker.evaluate(cuts[i]..cuts[i + 1], &mut watch).unwrap();
                assert_eq!(part.len(), cuts[i + 1] - cuts[i]);
                // A second time costs nothing.
                let again = worker
                    .evaluate(cuts[i]..cuts[i + 1], &mut |_| panic!("all are scored"))
                    .unwrap();
                assert_eq!(again, part);
                scores.extend(part);
            }
            scores.reverse();
            let last: Vec<bool> = workers.iter_mut().map(|w| w.apply(&scores).unwrap()).collect();
            assert!(last.iter().all(|l| *l == last[0]));
            if last[0] {
                break;
            }
        }
        for worker in &workers {
            assert_same(worker, undisturbed(kind, sampling));
            assert!(worker.candidates().is_empty());
        }
        assert!(workers[0].apply(&[]).unwrap());
        assert!(workers[0].evaluate(0..0, &mut watch).unwrap().is_empty());
    }
}

#[test]
fn a_cancelled_evaluation_goes_on() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let mut search = context(&config);
    let mut cancelled = 0;
    let scores = loop {
        match search.evaluate(3..9, &mut |_| ControlFlow::Break(())) {
            Ok(scores) => break scores,
            Err(Error::Cancelled) => cancelled += 1,
            Err(other) => panic!("{other}"),
        }
    };
    assert!((1..=6).contains(&cancelled), "{cancelled}");
    let expected = &undisturbed(SpaceKind::NasBench201, Sampling::Common).records()[3..9];
    for (score, record) in scores.iter().zip(expected) {
        assert_eq!(score.score, record.score);
    }
    search.run(&mut watch).unwrap();
    assert_same(&search, undisturbed(SpaceKind::NasBench201, Sampling::Common));
}

#[test]
fn scores_that_do_not_fit_are_named_and_change_nothing() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let mut search = context(&config);
    let all = search.evaluate(0..24, &mut watch).unwrap();
    let mut of_another = {
        let mut config = config.clone();
        config.set_seed(6);
        context(&config).evaluate(0..1, &mut watch).unwrap()
    };
    let mut cases: Vec<(Vec<_>, &[&str])> = vec![
        (vec![], &["found 0 of 24", "normal 1<-0 skip_connect is missing"]),
        (all[..23].to_vec(), &["found 23 of 24", "3<-2 avg_pool_3x3 is missing"]),
    ];
    let mut twice = all.clone();
    twice[5] = twice[4];
    cases.push((twice, &["scores[5]", "again"]));
    let mut more = all.clone();
    more.push(all[0]);
    cases.push((more, &["scores[24]", "again"]));
    let mut foreign = all.clone();
    foreign[2] = of_another.remove(0);
    cases.push((foreign, &["scores[2].digest", "another configuration"]));
    let mut late = all.clone();
    late[7].round = 1;
    cases.push((late, &["scores[7].round: found 1, expected 0"]));
    let mut nowhere = all.clone();
    nowhere[9].score.choice = Choice { cell: 0, edge: 0, operation: 0 };
    cases.push((nowhere, &["scores[9]: found cell 0, edge 0, operation 0"]));
    let mut infinite = all.clone();
    infinite[11].score.regions_now = f64::INFINITY;
    cases.push((infinite, &["scores[11].regions_now: found inf", "finite"]));
    let mut nan = all.clone();
    nan[11].score.ntk_delta = f64::NAN;
    cases.push((nan, &["scores[11].ntk_delta: found NaN"]));
    for (scores, words) in cases {
        match search.apply(&scores) {
            Err(Error::InvalidArgument(text)) => {
                for word in words {
                    assert!(text.contains(word), "{text:?} does not contain {word:?}");
                }
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((search.records().len(), search.candidates().len()), (0, 24));
    }
    assert!(matches!(search.evaluate(20..25, &mut watch), Err(Error::InvalidArgument(_))));
    assert!(matches!(search.evaluate(25..25, &mut watch), Err(Error::InvalidArgument(_))));
    search.apply(&all).unwrap();
    // Those of a round that is over.
    match search.apply(&all) {
        Err(Error::InvalidArgument(text)) => assert!(text.contains("scores[0].round"), "{text}"),
        other => panic!("{other:?}"),
    }
    search.run(&mut watch).unwrap();
    assert!(matches!(search.apply(&all), Err(Error::InvalidArgument(_))));
    assert_same(&search, undisturbed(SpaceKind::NasBench201, Sampling::Common));
}

#[test]
fn a_digest_tells_searches_apart_and_machines_not() {
    let base = config(SpaceKind::NasBench201, Sampling::Common);
    let digest = |config: &Config, dataset: &Dataset| {
        Context::new(config, dataset).unwrap().round_digest().unwrap()
    };
    let expected = digest(&base, &noise(12, 8));
    let mut same = base.clone();
    same.set_threads(1).unwrap();
    assert_eq!(digest(&same, &noise(12, 8)), expected);
    let changes: [fn(&mut Config); 7] = [
        |c| c.set_seed(1),
        |c| c.set_repeats(1).unwrap(),
        |c| c.set_batch_size(7).unwrap(),
        |c| c.set_prune_per_edge(2).unwrap(),
        |c| c.set_score_decimals(4).unwrap(),
        |c| c.set_init(tenas::Init::TorchDefault),
        |c| c.set_sampling(Sampling::Independent),
    ];
    let mut all: BTreeSet<u64> = [expected, digest(&base, &noise(13, 8))].into();
    for change in changes {
        let mut other = base.clone();
        change(&mut other);
        all.insert(digest(&other, &noise(12, 8)));
    }
    let mut search = context(&base);
    let choice = search.candidates()[3];
    search.prune(choice).unwrap();
    all.insert(search.round_digest().unwrap());
    search.run_round(&mut watch).unwrap();
    all.insert(search.round_digest().unwrap());
    assert_eq!(all.len(), 2 + 7 + 2);
}

// ---- Pruned by the host ----------------------------------------------------------------------

#[test]
fn a_host_prunes_by_itself() {
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let config = config(kind, Sampling::Common);
        let folder = folder();
        let mut search = context(&config);
        search.set_checkpoint(Some((&place(&folder), Duration::MAX))).unwrap();
        let mut rounds = 0;
        while !search.is_finished() {
            let all = search.candidates();
            // Not begun: the round stays. Begun: another one.
            let round = search.control().progress().round;
            search.evaluate(0..1, &mut watch).unwrap();
            search.prune(all[0]).unwrap();
            assert_eq!(search.control().progress().round, round + 1);
            if let Some(next) = search.candidates().first() {
                search.prune(*next).unwrap();
                assert_eq!(search.control().progress().round, round + 1);
            }
            let refused = search.prune(all[0]);
            assert!(matches!(refused, Err(Error::InvalidState(_))), "{refused:?}");
            let again = load(&place(&folder), &config, None).unwrap();
            assert_eq!(again.mask(), search.mask());
            assert_eq!(again.pruned_by_host(), search.pruned_by_host());
            assert_eq!(again.control().progress().round, round + 1);
            rounds += 1;
        }
        assert!(rounds > 3 && search.records().is_empty());
        search.genotype().unwrap();
        let wrong = Choice { cell: 9, edge: 0, operation: 0 };
        assert!(matches!(search.prune(wrong), Err(Error::InvalidArgument(_))));
        // Every edge that is left is one that must stay.
        let space = &config.supernet().space;
        for (cell, edge) in space.edges() {
            for operation in 0..space.operations.len() {
                let refused = search.prune(Choice { cell, edge, operation });
                assert!(matches!(refused, Err(Error::InvalidState(_))), "{refused:?}");
            }
        }
    }
}

#[test]
fn a_search_and_its_host_take_turns() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let mut search = context(&config);
    search.run_round(&mut watch).unwrap();
    let choice = search.candidates()[0];
    search.prune(choice).unwrap();
    search.run(&mut watch).unwrap();
    search.genotype().unwrap();
    let rounds = search.rounds();
    assert_eq!(rounds.iter().map(|r| r.candidates).sum::<usize>(), search.records().len());
    let json = search.records_json();
    assert_eq!(json["rounds"].as_array().unwrap().len(), rounds.len());
    assert_eq!(json["pruned_by_host"].as_array().unwrap().len(), 1);
    assert_eq!(json["rounds"][0]["candidates"].as_array().unwrap().len(), 24);
    assert_eq!(json["rounds"][1]["candidates"].as_array().unwrap().len(), rounds[1].candidates);
    // The records' own numbers, exactly.
    let text = json.to_string();
    let read: Value = serde_json::from_str(&text).unwrap();
    let first = &read["rounds"][0]["candidates"][5];
    let record = &search.records()[5];
    assert_eq!(first["ntk_now"].as_f64().unwrap().to_bits(), record.score.ntk_now.to_bits());
    let names = &config.supernet().space.operations;
    assert_eq!(first["operation"], names[record.score.choice.operation]);
}

#[test]
fn indicators_of_a_supernet_are_those_of_the_search() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let search = finished(&config);
    let full = context(&config).mask().clone();
    let found = tenas::indicators_of_masks(
        &config,
        &noise(12, 8),
        std::slice::from_ref(&full),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let first = &search.records()[0].score;
    assert_eq!(found[0].ntk.mean.to_bits(), first.ntk_now.to_bits());
    assert_eq!(found[0].regions.mean.to_bits(), first.regions_now.to_bits());
    let without = full.without(first.choice);
    let found = tenas::indicators_of_masks(&config, &noise(12, 8), &[without], &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found[0].ntk.mean.to_bits(), first.ntk_without.to_bits());
    assert_eq!(found[0].regions.mean.to_bits(), first.regions_without.to_bits());
}
