//! What a machine and its files do to a search that no fuzzer can: a full disk, files that shrink
//! while they are read, images of one colour, kernels that are singular. A status or a documented
//! value, never NaN, never an abort.
#![allow(unsafe_code, reason = "setrlimit")]

#[path = "common/searches.rs"]
mod searches;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use searches::{CLASSES, SPACES, assert_same, config, context, noise, undisturbed, watch};
use tenas::space::Choice;
use tenas::{Context, Dataset, DatasetKind, Error, Sampling, SpaceKind};

// ---- A full disk -----------------------------------------------------------------------------

const FULL: &str = "TENAS_TEST_FULL_DISK";

/// Files may have this many bytes from now on; a longer write fails as on a full disk.
fn limit_files(bytes: libc::rlim_t) {
    // SAFETY: plain system calls on a struct of this function.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit), 0);
        limit.rlim_cur = bytes.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
}

/// The limit is a whole process's, so a child has it.
#[test]
#[ignore = "the child process of the next test"]
fn full_disk_child() {
    let folder = env::var_os(FULL).expect("started by the next test");
    let path = Path::new(&folder).join("search.json");
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let mut search = context(&config);
    search.set_checkpoint(Some((&path, Duration::ZERO))).unwrap();
    search.run_round(&mut watch).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = |result: tenas::Result<()>| match result {
        Err(error @ Error::Io { .. }) => {
            assert!(error.to_string().contains("search.json"), "{error}")
        }
        other => panic!("expected Io, found {other:?}"),
    };

    limit_files(1000);
    refused(search.save(&path));
    refused(search.save(&Path::new(&folder).join("other-search.json")));
    for _ in 0..3 {
        refused(search.run(&mut watch));
    }
    let choice = search.candidates()[0];
    refused(search.prune(choice));
    assert!(search.candidates().contains(&choice), "what could not be saved has not happened");
    // The old checkpoint, and nothing beside.
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(Context::load(&path, &noise(12, 8), None).unwrap().rounds().len(), 1);

    // Room again: nothing is lost.
    limit_files(libc::RLIM_INFINITY);
    search.run(&mut watch).unwrap();
    assert_same(&search, undisturbed(SpaceKind::NasBench201, Sampling::Common));
    assert_same(
        &Context::load(&path, &noise(12, 8), None).unwrap(),
        undisturbed(SpaceKind::NasBench201, Sampling::Common),
    );
    fs::write(Path::new(&folder).join("done"), b"").unwrap();
}

#[test]
fn a_full_disk_stops_a_search_and_leaves_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "full_disk_child", "--nocapture"])
        .env(FULL, folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    assert!(folder.path().join("done").exists(), "the child has run");
}

// ---- Files that change -----------------------------------------------------------------------

/// Sets a flag when it goes.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Cuts a file and makes it whole again until `read` is done.
fn while_it_shrinks(path: &Path, read: impl FnOnce()) {
    let whole = fs::read(path).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _at_end = AtEnd(&done); // also if `read` panics
        scope.spawn(|| {
            let mut cut = 0;
            while !done.load(Ordering::Relaxed) {
                cut = (cut + whole.len() / 7) % whole.len();
                let file = fs::OpenOptions::new().write(true).open(path).unwrap();
                file.set_len(cut as u64).unwrap();
                drop(file);
                thread::yield_now();
                fs::write(path, &whole).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        });
        read();
    });
}

#[test]
fn files_that_shrink_while_they_are_read_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data_batch_1.bin");
    let record: Vec<u8> = (0..3073).map(|i| if i == 0 { 7 } else { (i % 251) as u8 }).collect();
    fs::write(&path, record.repeat(300)).unwrap();
    let mut npy =
        b"\x93NUMPY\x01\0\x50\0{'descr': '|u1', 'fortran_order': False, 'shape': (300, 3072), }"
            .to_vec();
    npy.resize(10 + 0x50, b' ');
    npy.extend(record[1..].repeat(300));
    let array = folder.path().join("images.npy");
    fs::write(&array, npy).unwrap();
    for path in [path, array] {
        let mut counts = [0, 0];
        while_it_shrinks(&path, || {
            // Until it has met a cut file: on a busy machine that may take longer.
            for n in 0..100_000 {
                if n >= 300 && counts[1] > 0 {
                    break;
                }
                match Dataset::open(DatasetKind::Cifar10, &path) {
                    // Whole, or cut where a record ends.
                    Ok(dataset) => {
                        let mut image = vec![0; 3072];
                        dataset.read(dataset.count() - 1, &mut image).unwrap();
                        assert_eq!(image, record[1..]);
                        counts[0] += 1;
                    }
                    Err(error @ (Error::Io { .. } | Error::Format(_))) => {
                        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                        counts[1] += 1;
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
        assert!(counts[1] > 0, "nothing was refused");
        println!("{}: whole {}, refused {}", path.display(), counts[0], counts[1]);
    }
}

// ---- Nothing to tell images apart ------------------------------------------------------------

fn check_records(search: &Context, batch: u32) {
    let worst = f64::from(1 << 24) / f64::from(batch);
    assert!(!search.records().is_empty());
    for record in search.records() {
        let s = &record.score;
        for value in [s.ntk_delta, s.regions_delta, s.ntk_now, s.ntk_without] {
            assert!(value.is_finite(), "{record:?}");
        }
        for ntk in [s.ntk_now, s.ntk_without] {
            assert!((1.0..=worst).contains(&ntk), "{record:?}");
        }
        for regions in [s.regions_now, s.regions_without] {
            assert!(regions >= 1.0 && regions.is_finite(), "{record:?}");
        }
    }
}

#[test]
fn images_of_one_colour_are_searched_to_the_end() {
    for kind in SPACES {
        for colour in [0, 128, 255] {
            let bytes = vec![colour; 12 * 3 * 64];
            let images = Dataset::from_images(&bytes, 12, [3, 8, 8], None, CLASSES).unwrap();
            assert_eq!(images.stddev(), [1.0; 3]);
            let config = config(kind, Sampling::Common);
            let mut search = Context::new(&config, &images).unwrap();
            search.run(&mut watch).unwrap();
            search.genotype().unwrap();
            check_records(&search, config.batch_size());
            // No image differs from another: the kernel is singular, whatever is removed. In DARTS,
            // many normalisations of what does not vary enlarge rounding errors above that limit.
            let worst = f64::from(1 << 24) / f64::from(config.batch_size());
            let all_worst = search.records().iter().all(|r| r.score.ntk_now == worst);
            assert!(all_worst || kind == SpaceKind::Darts);
            let json = search.records_json().to_string();
            assert!(!json.contains("null") && !json.contains("NaN"), "{json}");
        }
    }
}

/// Only operations without parameters are left: pooling, skips, none.
#[test]
fn a_supernet_of_skips_and_pooling_has_values() {
    for kind in SPACES {
        let config = config(kind, Sampling::Common);
        let mut search = context(&config);
        let space = config.supernet().space.clone();
        for (cell, edge) in space.edges() {
            for (operation, name) in space.operations.iter().enumerate() {
                if name.contains("conv") {
                    search.prune(Choice { cell, edge, operation }).unwrap();
                }
            }
        }
        let masks = {
            // That, all skips, all pooling.
            let mut masks = vec![search.mask().clone()];
            for keep in ["skip_connect", "pool_3x3"] {
                let mut mask = search.mask().clone();
                for (cell, edge) in space.edges() {
                    for (operation, name) in space.operations.iter().enumerate() {
                        if !name.ends_with(keep) {
                            mask.remove(Choice { cell, edge, operation });
                        }
                    }
                }
                masks.push(mask);
            }
            masks
        };
        let found = tenas::indicators_of_masks(&config, &noise(12, 8), &masks, &mut watch).unwrap();
        let worst = f64::from(1 << 24) / f64::from(config.batch_size());
        for found in &found {
            assert!((1.0..=worst).contains(&found.ntk.mean), "{found:?}");
            let all = [found.regions, found.naswot, found.swap];
            assert!(all.iter().all(|s| s.mean.is_finite() && s.deviation.is_finite()), "{found:?}");
        }
        search.run(&mut watch).unwrap();
        search.genotype().unwrap();
        check_records(&search, config.batch_size());
    }
}
