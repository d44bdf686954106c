//! A searching process that is killed at random moments, and goes on from its checkpoint.
//!
//! This program starts itself: the child searches, writes checkpoints, and at the end its result.

#[path = "common/searches.rs"]
mod searches;

use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use searches::{bits, context, noise, small};
use tenas::random::{Key, Purpose};
use tenas::{Context, GenotypeFormat, Progress, Strategy};

const FOLDER: &str = "TENAS_TEST_KILL_FOLDER";
const RANKS: &str = "TENAS_TEST_KILL_RANKS";

/// Architectures of a ranking: rounds have many candidates each, so that a kill seldom falls between two.
const BUDGET: u32 = 160;

/// Genotype, records and ranking, floating-point numbers as their bits.
fn result(search: &Context) -> String {
    let records: Vec<_> = search.records().iter().map(bits).collect();
    let ranking = search.ranking().iter().map(|r| (r.number, r.draws, r.total.to_bits()));
    let genotype = search.genotype().unwrap().to_text(GenotypeFormat::Native);
    format!("{genotype}\n{records:?}\n{:?}", ranking.collect::<Vec<_>>())
}

/// The child. It prints a line for each finished candidate.
#[test]
#[ignore = "the child process of the other test"]
fn child() {
    let folder = env::var_os(FOLDER).expect("started by the other test");
    let folder = Path::new(&folder);
    let checkpoint = folder.join("search.json");
    let mut search = if checkpoint.exists() {
        Context::load(&checkpoint, &noise(12, 8), None).unwrap()
    } else {
        let ranks = env::var_os(RANKS).is_some();
        context(&small(if ranks { Strategy::Rank } else { Strategy::Prune }, BUDGET))
    };
    // After each candidate.
    search.set_checkpoint(Some((&checkpoint, Duration::ZERO))).unwrap();
    let mut report = std::io::stderr();
    let mut line = |_: &Progress| {
        report.write_all(b"candidate\n").unwrap();
        ControlFlow::Continue(())
    };
    search.run(&mut line).unwrap();
    fs::write(folder.join("result"), result(&search)).unwrap();
}

fn start(folder: &Path, strategy: Strategy) -> Child {
    let mut child = Command::new(env::current_exe().unwrap());
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

/// Reads what a child reports, at most `most` candidates.
fn follow(child: &mut Child, most: usize) -> usize {
    let report = BufReader::new(child.stderr.as_mut().unwrap());
    report.lines().take(most).filter(|line| line.as_ref().unwrap() == "candidate").count()
}

/// The result, and how many candidates it took.
fn finish(folder: &Path, strategy: Strategy) -> (String, usize) {
    let mut child = start(folder, strategy);
    let candidates = follow(&mut child, usize::MAX);
    assert!(child.wait().unwrap().success());
    (fs::read_to_string(folder.join("result")).unwrap(), candidates)
}

#[test]
fn fifty_killed_searches_end_as_an_undisturbed_one() {
    killed(Strategy::Prune, 50);
}

#[test]
fn killed_rankings_end_as_an_undisturbed_one() {
    killed(Strategy::Rank, 15);
}

fn killed(strategy: Strategy, kills: usize) {
    let mut undisturbed = context(&small(strategy, BUDGET));
    let mut all = 0;
    let mut count = |_: &Progress| {
        all += 1;
        ControlFlow::Continue(())
    };
    undisturbed.run(&mut count).unwrap();
    let expected = result(&undisturbed);
    let folder = tempfile::tempdir().unwrap();
    let (found, candidates) = finish(folder.path(), strategy);
    assert_eq!((found.as_str(), candidates), (expected.as_str(), all));

    let key = Key { seed: 9, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
    let mut stream = key.stream(0);
    let (mut inside, mut late) = (0, 0);
    for number in 0..kills {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start(folder.path(), strategy);
        // Some candidates, then up to 20 ms, in which two or three more may end: the search's own
        // clock, so that a busy machine moves no kill out of it.
        let before = stream.below(candidates as u64 - 5) as usize;
        assert_eq!(follow(&mut child, before), before);
        std::thread::sleep(Duration::from_millis(20).mul_f64(stream.unit()));
        // SIGKILL. A child that has ended by itself is counted.
        child.kill().unwrap();
        late += usize::from(child.wait().unwrap().success());
        if let Ok(text) = fs::read_to_string(folder.path().join("search.json")) {
            let begun = match strategy {
                Strategy::Prune => !text.contains("\"scoring\":null"),
                Strategy::Rank => !text.contains("\"measured\":null"),
            };
            inside += usize::from(begun);
        }
        assert_eq!(finish(folder.path(), strategy).0, expected, "after kill {number}");
    }
    println!(
        "{kills} of {kills} ended the same; {inside} were killed with a checkpoint inside a round, \
         {late} after the end"
    );
    assert!(inside > kills / 2, "{inside} {late}");
}
