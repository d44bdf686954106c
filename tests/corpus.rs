//! Every committed input of the fuzz targets (docs/FUZZING.md), through the same functions: nothing
//! panics, and what is named `ok-*` is accepted.

#[path = "../fuzz/entries.rs"]
mod entries;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tenas::{Config, Context, DatasetKind, DeviceKind, Sampling, SpaceKind};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Feeds all inputs of a target; how many were accepted and refused.
fn replay(target: &str, entry: fn(&[u8]) -> bool) {
    let mut files: Vec<PathBuf> =
        fs::read_dir(corpus(target)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut counts = [0, 0];
    for file in files {
        let accepted = entry(&fs::read(&file).unwrap());
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(accepted || !name.starts_with("ok-"), "{}: refused", file.display());
        assert!(!(accepted && name.starts_with("bad-")), "{}: accepted", file.display());
        counts[usize::from(accepted)] += 1;
    }
    println!("{target}: {} accepted, {} refused", counts[1], counts[0]);
    assert!(counts[0] > 0 && counts[1] > 0, "{target}: {counts:?}");
}

/// Targets share files of one folder, so they run one after the other.
#[test]
fn every_committed_input_is_taken_or_refused() {
    replay("genotype", entries::genotype);
    replay("config", entries::config);
    replay("scores", entries::scores);
    replay("space", entries::space);
    replay("onnx", entries::onnx);
    replay("checkpoint", entries::checkpoint);
    replay("images", entries::images);
    replay("archive", entries::archive);
    replay("jpeg", entries::jpeg);
    replay("benchmark", entries::benchmark);
    entries::remove_folder();
}

/// Searches of both spaces: new, inside a round, behind a few, pruned by the host, finished.
#[test]
#[ignore = "writes the seeds of fuzz/corpus/checkpoint"]
fn write_checkpoints() {
    let folder = corpus("checkpoint");
    fs::create_dir_all(&folder).unwrap();
    let dataset = entries::checkpoint_images();
    for kind in SpaceKind::ALL {
        let mut config = Config::new(kind, DatasetKind::Custom);
        config.set_device(DeviceKind::Cpu, 0).unwrap();
        config.set_threads(1).unwrap();
        config.set_batch_size(2).unwrap();
        config.set_repeats(1).unwrap();
        let name = config.supernet().space.name.clone();
        let save = |search: &Context, what: &str| {
            search.save(&folder.join(format!("ok-{name}-{what}"))).unwrap();
        };
        let mut search = Context::new(&config, &dataset).unwrap();
        save(&search, "new");
        let choice = search.candidates()[3];
        search.prune(choice).unwrap();
        let mut left = 3;
        let stopped = search.run(&mut |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(stopped.is_err());
        save(&search, "inside");
        if kind == SpaceKind::NasBench201 {
            search.run(&mut |_| ControlFlow::Continue(())).unwrap();
            save(&search, "finished");
            config.set_sampling(Sampling::Independent);
            let mut search = Context::new(&config, &dataset).unwrap();
            search.run_round(&mut |_| ControlFlow::Continue(())).unwrap();
            search.evaluate(0..2, &mut |_| ControlFlow::Continue(())).unwrap();
            save(&search, "independent");
            let text = fs::read_to_string(folder.join(format!("ok-{name}-inside"))).unwrap();
            fs::write(folder.join("bad-cut"), &text[..text.len() / 2]).unwrap();
            fs::write(folder.join("bad-schema"), text.replace("\"schema\":2", "\"schema\":3"))
                .unwrap();
        }
    }
}
