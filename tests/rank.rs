//! The strategy `rank`: the same ranking on any number of threads, in pieces, stopped and resumed.

use std::collections::HashSet;
use std::ops::ControlFlow::{self, Break, Continue};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use tenas::proxy::{Direction, Proxy, ProxyNetwork, named};
use tenas::search::{LogLevel, aggregate};
use tenas::{
    Aggregation, Config, Context, Dataset, DatasetKind, DeviceKind, Error, Genotype,
    GenotypeFormat, Measured, Progress, Ranked, SpaceKind, Strategy, scores,
};

fn proxies(names: &[&str]) -> Vec<Arc<dyn Proxy>> {
    names.iter().map(|name| named(name).unwrap()).collect()
}

fn dataset() -> &'static Dataset {
    static DATASET: OnceLock<Dataset> = OnceLock::new();
    DATASET.get_or_init(|| Dataset::synthetic(DatasetKind::ImageNet16, 3).unwrap())
}

/// A search of a few dozen architectures on few small images.
fn config(space: SpaceKind) -> Config {
    let mut config = Config::new(space, DatasetKind::ImageNet16);
    config.set_device(DeviceKind::Cpu, 0).unwrap();
    config.set_strategy(Strategy::Rank);
    config.set_seed(7);
    config.set_threads(2).unwrap();
    config.set_batch_size(4).unwrap();
    config.set_proxies(&proxies(&["flops", "ntk", "naswot"])).unwrap();
    config.set_budget(28).unwrap();
    config.set_reduction(2).unwrap();
    config.set_draw_growth(2).unwrap();
    let small = ProxyNetwork { cells: 1, image_size: 8, ..Default::default() };
    config.set_proxy_network(None, small).unwrap();
    config
}

fn watch(_: &Progress) -> ControlFlow<()> {
    Continue(())
}

/// Of a whole search, on one thread.
fn undisturbed(space: SpaceKind) -> &'static Context {
    static SEARCHES: [OnceLock<Context>; 2] = [OnceLock::new(), OnceLock::new()];
    SEARCHES[space as usize - 1].get_or_init(|| {
        let mut config = config(space);
        config.set_threads(1).unwrap();
        let mut search = Context::new(&config, dataset()).unwrap();
        search.run(&mut watch).unwrap();
        search
    })
}

/// To the last bit.
fn bits(ranking: &[Ranked]) -> Vec<(u64, u32, u32, Vec<u64>, u64)> {
    let one = |r: &Ranked| {
        let values = r.values.iter().chain(&r.ranks).map(|v| v.to_bits()).collect();
        (r.number, r.rung, r.draws, values, r.total.to_bits())
    };
    ranking.iter().map(one).collect()
}

fn assert_same(found: &Context, space: SpaceKind) {
    let expected = undisturbed(space);
    assert_eq!(bits(found.ranking()), bits(expected.ranking()));
    let text = |c: &Context| c.genotype().unwrap().to_text(GenotypeFormat::Native);
    assert_eq!(text(found), text(expected));
    assert_eq!(found.mask(), expected.mask());
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for space in SpaceKind::ALL {
        for threads in [2, 4] {
            let mut config = config(space);
            config.set_threads(threads).unwrap();
            let mut search = Context::new(&config, dataset()).unwrap();
            search.run(&mut watch).unwrap();
            assert_same(&search, space);
        }
    }
}

#[test]
fn rungs_and_ranks_are_what_they_should_be() {
    for space in SpaceKind::ALL {
        let search = undisturbed(space);
        let space = &search.config().supernet().space;
        let all = search.ranking();
        assert_eq!(all.len(), 28, "the budget");
        let classes: HashSet<String> =
            all.iter().map(|r| r.genotype(space).unwrap().canonical()).collect();
        assert_eq!(classes.len(), 28, "no two are isomorphic");
        let connected: Vec<&Ranked> = all.iter().filter(|r| r.connected).collect();
        assert!(connected.len() >= 20);
        assert!(all[connected.len()..].iter().all(|r| !r.connected && r.draws == 0));
        // Half of them and at least 16 go on, to twice the draws.
        let of = |rung: u32| connected.iter().filter(|r| r.rung == rung).count();
        assert_eq!([of(2), of(1), of(0)], [16, 0, connected.len() - 16]);
        for r in &connected {
            assert_eq!(r.draws, [1, 2, 4][r.rung as usize]);
        }
        assert!(connected.windows(2).all(|pair| pair[0].rung >= pair[1].rung));
        // Totals by the published formula, from the values.
        let rows: Vec<&[f64]> = connected.iter().map(|r| &r.values[..]).collect();
        let directions = [Direction::Higher, Direction::Lower, Direction::Higher];
        let (totals, ranks) = aggregate(&rows, &directions, Aggregation::LogRanks).unwrap();
        for (i, r) in connected.iter().enumerate() {
            assert_eq!(r.total, totals[i]);
            assert_eq!(r.ranks, ranks[i]);
        }
        for pair in connected.windows(2).filter(|pair| pair[0].rung == pair[1].rung) {
            assert!(pair[0].total >= pair[1].total);
        }
        let head = all[0].genotype(space).unwrap();
        assert!(head.is_isomorphic(&search.genotype().unwrap()));
        assert_eq!(search.mask(), head.mask());
    }
}

#[test]
fn values_are_those_of_the_scores() {
    let search = undisturbed(SpaceKind::NasBench201);
    let space = &search.config().supernet().space;
    for (rung, repeats) in [(0, 1), (2, 4)] {
        let of_rung: Vec<&Ranked> =
            search.ranking().iter().filter(|r| r.rung == rung && r.connected).take(3).collect();
        let genotypes: Vec<Genotype> = of_rung.iter().map(|r| r.genotype(space).unwrap()).collect();
        let mut config = search.config().clone();
        config.set_repeats(repeats).unwrap();
        let found = scores(&config, dataset(), &genotypes, config.proxies(), &mut watch).unwrap();
        for (r, scores) in of_rung.iter().zip(found) {
            let [flops, ntk, naswot] = r.values[..] else { panic!("{r:?}") };
            assert_eq!(flops, scores.values[0].mean);
            assert!((naswot - scores.values[2].mean).abs() <= 1e-12 * naswot.abs());
            // The geometric mean is at most the mean, and the same for one draw.
            let mean = scores.values[1].mean;
            assert!(ntk <= mean * (1.0 + 1e-12));
            assert!(repeats > 1 || (ntk - mean).abs() <= 1e-12 * mean, "{ntk} {mean}");
        }
    }
}

#[test]
fn a_search_cancelled_after_every_candidate_goes_on_to_the_same_bits() {
    let space = SpaceKind::NasBench201;
    let mut search = Context::new(&config(space), dataset()).unwrap();
    let mut stops = 0;
    while let Err(error) = search.run(&mut |_| Break(())) {
        assert!(matches!(error, Error::Cancelled), "{error}");
        stops += 1;
        assert!(stops < 1000);
    }
    assert!(stops > 28, "{stops}");
    assert_same(&search, space);
    let (done, all) = search.control().work();
    assert_eq!(done, all);
    let evaluated: u32 = search.ranking().iter().map(|r| r.draws).sum();
    assert_eq!(done, evaluated);
    // One that is finished does nothing.
    search.run(&mut |_| panic!("nothing is left")).unwrap();
    assert!(search.run_round(&mut watch).unwrap());
}

#[test]
fn a_search_saved_after_every_candidate_goes_on_to_the_same_bits() {
    for space in SpaceKind::ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("search.tenas");
        Context::new(&config(space), dataset()).unwrap().save(&path).unwrap();
        let mut machine = config(space);
        let mut stops = 0;
        let end = loop {
            machine.set_threads(1 + stops % 3).unwrap();
            let mut search = Context::load(&path, dataset(), Some(&machine)).unwrap();
            let mut seen = 0;
            let stopped = search.run(&mut |_| {
                seen += 1;
                if seen > 3 { Break(()) } else { Continue(()) }
            });
            search.save(&path).unwrap();
            match stopped {
                Ok(()) => break Context::load(&path, dataset(), None).unwrap(),
                Err(error) => assert!(matches!(error, Error::Cancelled), "{error}"),
            }
            stops += 1;
        };
        assert!(stops > 4, "{stops}");
        assert!(end.is_finished());
        assert_same(&end, space);
    }
}

#[test]
fn the_schedule_saves_after_candidates_and_rounds() {
    let space = SpaceKind::NasBench201;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.tenas");
    let mut search = Context::new(&config(space), dataset()).unwrap();
    search.set_checkpoint(Some((&path, std::time::Duration::ZERO))).unwrap();
    let mut seen = 0;
    let stopped = search.run(&mut |_| {
        seen += 1;
        if seen == 9 { Break(()) } else { Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Cancelled)));
    drop(search);
    let mut search = Context::load(&path, dataset(), None).unwrap();
    let mut again = 0;
    search
        .run(&mut |_| {
            again += 1;
            Continue(())
        })
        .unwrap();
    assert_same(&search, space);
    let mut whole = 0;
    let mut undisturbed = Context::new(&config(space), dataset()).unwrap();
    undisturbed
        .run(&mut |_| {
            whole += 1;
            Continue(())
        })
        .unwrap();
    assert_eq!(seen + again, whole, "nothing that is finished is measured again");
}

#[test]
fn pieces_give_the_same_bits() {
    for space in SpaceKind::ALL {
        let mut other = config(space);
        other.set_threads(1).unwrap();
        let mut workers = [config(space), other].map(|c| Context::new(&c, dataset()).unwrap());
        loop {
            let count = workers[0].candidate_count();
            let cut = count / 3;
            let mut all: Vec<Measured> = Vec::new();
            for (worker, part) in workers.iter_mut().zip([0..cut, cut..count]) {
                let found = worker.measure(part.clone(), &mut watch).unwrap();
                assert_eq!(found.len(), part.len() * worker.draws());
                // A second time costs nothing.
                let again = worker.measure(part, &mut |_| panic!("all are measured")).unwrap();
                assert_eq!(again, found);
                all.extend(found);
            }
            all.reverse();
            let last: Vec<bool> = workers.iter_mut().map(|w| w.settle(&all).unwrap()).collect();
            assert_eq!(last[0], last[1]);
            if last[0] {
                break;
            }
        }
        for worker in &mut workers {
            assert_same(worker, space);
            assert_eq!(worker.candidate_count(), 0);
            assert!(worker.settle(&[]).unwrap());
            assert!(worker.measure(0..0, &mut watch).unwrap().is_empty());
        }
    }
}

#[test]
fn pieces_that_do_not_fit_are_refused_by_name() {
    let mut search = Context::new(&config(SpaceKind::NasBench201), dataset()).unwrap();
    let count = search.candidate_count();
    let all = search.measure(0..count, &mut watch).unwrap();
    type Change = fn(&mut Vec<Measured>);
    let cases: [(Change, &str); 9] = [
        (|all| drop(all.pop()), "is missing"),
        (|all| all[1].round = 1, "measured[1].round: found 1, expected 0"),
        (|all| all[1].digest ^= 1, "measured[1].digest"),
        (|all| all[1].candidate = 1000, "measured[1].candidate: found 1000"),
        (|all| all[1].candidate = 0, "found 0 again"),
        (|all| all[1].draw = 1, "measured[1].draw: found 1, expected 0 to 0"),
        (|all| all[1].values.truncate(2), "measured[1].values: found 2, expected 3"),
        (|all| all[1].values[1] = f64::NAN, "found NaN for ntk"),
        (|all| all[1].values[0] = f64::INFINITY, "found inf for flops"),
    ];
    for (change, words) in cases {
        let mut wrong = all.clone();
        change(&mut wrong);
        match search.settle(&wrong) {
            Err(Error::InvalidArgument(text)) => assert!(text.contains(words), "{text}"),
            other => panic!("{words}: {other:?}"),
        }
        assert_eq!((search.candidate_count(), search.ranking().len()), (count, 0));
    }
    let beyond = search.measure(0..count + 1, &mut watch).unwrap_err().to_string();
    assert!(beyond.contains("first and count"), "{beyond}");
    // Another configuration's scores are others.
    let mut other = config(SpaceKind::NasBench201);
    other.set_proxy_network(Some("ntk"), ProxyNetwork { cells: 2, ..Default::default() }).unwrap();
    let mut other = Context::new(&other, dataset()).unwrap();
    assert!(other.settle(&all).unwrap_err().to_string().contains("measured[0].digest"));
    assert!(!search.settle(&all).unwrap());
}

#[test]
fn calls_of_the_other_strategy_are_refused() {
    let mut rank = Context::new(&config(SpaceKind::NasBench201), dataset()).unwrap();
    let choice = tenas::space::Choice { cell: 0, edge: 0, operation: 1 };
    let refused =
        [rank.evaluate(0..1, &mut watch).map(drop), rank.apply(&[]).map(drop), rank.prune(choice)];
    for refused in refused {
        match refused {
            Err(Error::InvalidState(text)) => assert!(text.contains("found rank"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(rank.candidates().is_empty() && rank.records().is_empty() && rank.rounds().is_empty());
    let before = rank.genotype().unwrap_err().to_string();
    // A sample, six generations and two rungs.
    assert!(before.contains("finished 0 of 9 rounds"), "{before}");
    let mut config = config(SpaceKind::NasBench201);
    config.set_strategy(Strategy::Prune);
    let mut prune = Context::new(&config, dataset()).unwrap();
    for refused in [prune.measure(0..1, &mut watch).map(drop), prune.settle(&[]).map(drop)] {
        match refused {
            Err(Error::InvalidState(text)) => assert!(text.contains("found prune"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(prune.ranking().is_empty());
}

#[test]
fn a_space_within_the_budget_is_ranked_whole() {
    let mut config = config(SpaceKind::NasBench201);
    config.set_budget(6466).unwrap();
    config.set_proxies(&proxies(&["flops", "parameters"])).unwrap();
    let mut search = Context::new(&config, dataset()).unwrap();
    assert_eq!(search.control().progress().rounds, 1, "sizes have no draws");
    let mut last = 0;
    search
        .run(&mut |p| {
            last = p.candidate;
            Continue(())
        })
        .unwrap();
    let all = search.ranking();
    let connected = all.iter().filter(|r| r.connected).count();
    assert_eq!((all.len(), connected, last), (6466, 6461, 6461));
    // The largest there is, and ties share their rank.
    let best = search.genotype().unwrap().to_text(GenotypeFormat::Native);
    let conv = "nor_conv_3x3";
    let expected = format!("|{conv}~0|+|{conv}~0|{conv}~1|+|{conv}~0|{conv}~1|{conv}~2|");
    assert_eq!(best, expected);
    assert_eq!((all[0].ranks[0], all[0].total), (1.0, 0.0));
    let sum: f64 = all[..connected].iter().map(|r| r.ranks[0]).sum();
    assert_eq!(sum, (connected * (connected + 1) / 2) as f64);
    // Of each class the smallest number.
    let space = &config.supernet().space;
    let mut classes = HashSet::new();
    let firsts: HashSet<u64> = (0..space.size().unwrap())
        .filter(|i| classes.insert(Genotype::at(space, *i).unwrap().canonical()))
        .collect();
    assert_eq!(firsts, all.iter().map(|r| r.number).collect());
    // One less does not suffice.
    config.set_budget(6465).unwrap();
    assert!(Context::new(&config, dataset()).unwrap().candidate_count() < 6465 / 4 + 1);
}

#[test]
fn the_sum_of_ranks_is_another_order() {
    let mut config = config(SpaceKind::NasBench201);
    config.set_aggregation(Aggregation::Ranks);
    let mut search = Context::new(&config, dataset()).unwrap();
    search.run(&mut watch).unwrap();
    let of_best: Vec<&Ranked> = search.ranking().iter().filter(|r| r.rung == 2).collect();
    assert!(of_best.windows(2).all(|pair| pair[0].total <= pair[1].total));
    for r in search.ranking() {
        assert_eq!(r.total, r.ranks.iter().sum::<f64>());
    }
}

#[test]
fn generations_are_neighbours() {
    use tenas::random::{Key, Purpose};
    for kind in SpaceKind::ALL {
        let space = kind.space();
        let key = Key { seed: 1, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
        let mut stream = key.stream(0);
        let mut seen = HashSet::new();
        let parent = Genotype::sample(&space, &mut stream).unwrap();
        for _ in 0..500 {
            let child = parent.mutate(&mut stream).unwrap();
            let number = child.index().unwrap();
            assert_ne!(Some(number), parent.index());
            let operations = |g: &Genotype| g.operations().unwrap();
            let (a, b) = (operations(&parent), operations(&child));
            let changed = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            // Another operation, or the operation on another edge.
            let most = if kind == SpaceKind::Darts { 2 } else { 1 };
            assert!((1..=most).contains(&changed), "{a:?} {b:?}");
            seen.insert(number);
        }
        match kind {
            SpaceKind::NasBench201 => assert_eq!(seen.len(), 24),
            SpaceKind::Darts => assert!(seen.len() > 90, "{}", seen.len()),
        }
    }
}

#[test]
fn presets_follow_the_strategy() {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
    let published = config.to_json();
    config.set_strategy(Strategy::Rank);
    let preset = SpaceKind::NasBench201.space().rank;
    assert_eq!(config.batch_size(), preset.batch_size);
    assert_eq!(config.proxy_network(None).cells, preset.cells);
    let names: Vec<&str> = config.proxies().iter().map(|p| p.name()).collect();
    assert_eq!(names, ["ntk", "naswot", "flops"]);
    config.set_strategy(Strategy::Prune);
    assert_eq!(config.to_json(), published);
    // What the user has chosen stays.
    config.set_batch_size(11).unwrap();
    config.set_proxy_network(None, ProxyNetwork { cells: 2, ..Default::default() }).unwrap();
    config.set_strategy(Strategy::Rank);
    assert_eq!((config.batch_size(), config.proxy_network(None).cells), (11, 2));
}

#[test]
fn a_configuration_is_the_same_as_json() {
    let mut config = config(SpaceKind::Darts);
    config.set_proxies(&proxies(&["swap", "parameters"])).unwrap();
    let size = ProxyNetwork { channels: 4, cells: 2, image_size: 8, batch_size: 5 };
    config.set_proxy_network(Some("swap"), size).unwrap();
    let json = config.to_json();
    assert_eq!(json["proxies"], json!(["swap", "parameters"]));
    assert_eq!(json["proxy_networks"]["swap"]["channels"], 4);
    let again = Config::from_json(&json).unwrap();
    assert_eq!(again.to_json(), json);
    assert_eq!(again.proxy_network(Some("swap")), size);
    for (key, value, words) in [
        ("proxies", json!("ntk"), "proxies: found \"ntk\", expected a list"),
        ("proxies", json!([3]), "proxies: found 3"),
        ("proxies", json!([]), "number of proxies: found 0, expected 1 to 16"),
        ("proxies", json!(["ntk", "ntk"]), "found \"ntk\" twice"),
        ("proxies", json!(["psychic"]), "proxy: found \"psychic\", expected one of ntk"),
        ("proxy_networks", json!(3), "proxy_networks: found 3"),
        ("proxy_networks", json!({"ntk": 3}), "proxy_networks.ntk: found 3"),
        ("proxy_networks", json!({"ntk": {"depth": 3}}), "proxy_networks.ntk: found \"depth\""),
        ("proxy_networks", json!({"ntk": {"cells": -1}}), "proxy_networks.ntk.cells: found -1"),
        ("proxy_networks", json!({"ntk": {"cells": 65}}), "cells: found 65, expected 0 to 64"),
        ("strategy", json!("guess"), "strategy: found \"guess\", expected one of \"prune\""),
        ("rungs", json!(7), "rungs: found 7, expected 1 to 6"),
    ] {
        let mut wrong = json.clone();
        wrong[key] = value;
        match Config::from_json(&wrong) {
            Err(Error::Format(text)) => assert!(text.contains(words), "{text}"),
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn damaged_checkpoints_are_refused_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.tenas");
    let mut search = Context::new(&config(SpaceKind::NasBench201), dataset()).unwrap();
    for _ in 0..3 {
        search.run_round(&mut watch).unwrap();
    }
    let _ = search.run_round(&mut |_| Break(()));
    search.save(&path).unwrap();
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (pointer, value, words) in [
        ("/round", json!(10), "round: found 10, expected at most 9"),
        ("/round", json!(5), "ranking.candidates"),
        ("/ranking/candidates/0/number", json!(3), "ranking.candidates[0].number: found 3"),
        ("/ranking/candidates/0/values", json!([1.0]), "ranking.candidates"),
        ("/ranking/measured", json!([null]), "ranking.measured: found 1 candidates"),
        ("/ranking", json!(null), "ranking: found nothing"),
        ("/config/strategy", json!("prune"), "ranking: found one, expected none"),
        ("/config/seed", json!(8), "ranking.candidates"),
        ("/config/proxies", json!(["ntk"]), "ranking"),
        ("/config/budget", json!(0), "config.budget: found 0"),
        ("/scoring", json!({"now": [], "without": []}), "expected none with the strategy rank"),
        ("/seconds", json!(12345.5), "checksum"),
    ] {
        let mut wrong = whole.clone();
        *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        refused(&path, &wrong, words);
    }
}

fn refused(path: &Path, file: &serde_json::Value, words: &str) {
    std::fs::write(path, file.to_string()).unwrap();
    match Context::load(path, dataset(), None) {
        Err(Error::Format(text)) => assert!(text.contains(words), "{words}: {text}"),
        other => panic!("{words}: {:?}", other.err()),
    }
}

#[test]
fn the_log_and_the_records_tell_of_the_ranking() {
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut search = Context::new(&config(SpaceKind::NasBench201), dataset()).unwrap();
    let kept = lines.clone();
    search.set_log(Some(Box::new(move |level, line| {
        if level <= LogLevel::Info {
            kept.lock().unwrap().push(line.to_owned());
        }
    })));
    search.run(&mut watch).unwrap();
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 18, "two a round: {lines:?}");
    assert!(lines[0].starts_with("round 1 of 9: "), "{}", lines[0]);
    let best = search.genotype().unwrap().to_text(GenotypeFormat::Native);
    assert_eq!(lines[17], format!("round 9 of 9: the best of 28 is {best}"));
    let json = search.records_json();
    let first = &json["ranking"][0];
    assert_eq!((first["genotype"].as_str(), &first["draws"]), (Some(&best[..]), &json!(4)));
    assert_eq!(first["values"]["ntk"], json!(search.ranking()[0].values[1]));
    assert_eq!(json["ranking"].as_array().unwrap().len(), 28);
}

/// Minutes: all classes of NAS-Bench-201 on one draw of two images, in less than 300 MB.
#[test]
#[ignore = "takes minutes"]
#[cfg(target_os = "linux")]
fn a_whole_space_takes_little_memory() {
    let mut config = config(SpaceKind::NasBench201);
    config.set_budget(10_000).unwrap();
    config.set_batch_size(2).unwrap();
    config
        .set_proxy_network(None, ProxyNetwork { image_size: 0, cells: 5, ..Default::default() })
        .unwrap();
    let mut search = Context::new(&config, dataset()).unwrap();
    search.run(&mut watch).unwrap();
    assert_eq!(search.ranking().len(), 6466);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!("at most {kib} KiB");
    assert!(kib < 300_000, "{line}");
}
