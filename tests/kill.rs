//! A searching process that is killed at random moments, and goes on from its checkpoint.
//!
//! This program starts itself: the child searches, writes checkpoints, and at the end its result.

#[path = "common/searches.rs"]
mod searches;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use searches::{bits, config, context, noise, watch};
use tenas::random::{Key, Purpose};
use tenas::{Config, Context, GenotypeFormat, Sampling, SpaceKind};

const FOLDER: &str = "TENAS_TEST_KILL_FOLDER";
const KILLS: usize = 50;

/// A search of some tenths of a second.
fn small() -> Config {
    let mut config = config(SpaceKind::NasBench201, Sampling::Common);
    config.set_repeats(3).unwrap();
    config
}

/// Genotype and records, floating-point numbers as their bits.
fn result(search: &Context) -> String {
    let records: Vec<_> = search.records().iter().map(bits).collect();
    format!("{}\n{records:?}", search.genotype().unwrap().to_text(GenotypeFormat::Native))
}

/// The child; nothing where it is not asked to be one.
#[test]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let checkpoint = folder.join("search.json");
    let mut search = if checkpoint.exists() {
        Context::load(&checkpoint, &noise(12, 8), None).unwrap()
    } else {
        context(&small())
    };
    search.set_checkpoint(Some((&checkpoint, Duration::from_millis(20)))).unwrap();
    search.run(&mut watch).unwrap();
    fs::write(folder.join("result"), result(&search)).unwrap();
}

fn start(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn finish(folder: &Path) -> String {
    assert!(start(folder).wait().unwrap().success());
    fs::read_to_string(folder.join("result")).unwrap()
}

#[test]
fn fifty_killed_searches_end_as_an_undisturbed_one() {
    let mut undisturbed = context(&small());
    undisturbed.run(&mut watch).unwrap();
    let expected = result(&undisturbed);
    // How long the child takes from its start to its end.
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    assert_eq!(finish(folder.path()), expected);
    let length = begin.elapsed();

    let key = Key { seed: 9, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
    let mut stream = key.stream(0);
    let (mut anew, mut inside, mut late) = (0, 0, 0);
    for number in 0..KILLS {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("search.json");
        let mut child = start(folder.path());
        std::thread::sleep(length.mul_f64(stream.unit()));
        // SIGKILL. A child that has ended by itself is counted.
        child.kill().unwrap();
        late += usize::from(child.wait().unwrap().success());
        match fs::read_to_string(&checkpoint) {
            Ok(text) => inside += usize::from(!text.contains("\"scoring\":null")),
            Err(_) => anew += 1,
        }
        assert_eq!(finish(folder.path()), expected, "after kill {number}");
    }
    println!(
        "{KILLS} of {KILLS} ended the same; a search takes {length:?}; {inside} were killed with a \
         checkpoint inside a round, {anew} before the first, {late} after the end"
    );
    assert!(inside > KILLS / 2 && late < KILLS / 4, "{inside} {anew} {late}");
}
