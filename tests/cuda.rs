//! The torch engine on an NVIDIA GPU. Where there is none, each test is ignored, and says why.

#[cfg(feature = "torch")]
mod common;

use libtest_mimic::{Arguments, Trial};

/// Names of the tests; with the feature `torch`, what they do.
#[cfg(feature = "torch")]
const TESTS: [(&str, fn()); 7] = [
    ("searches agree with the native engine", on_gpu::searches_agree),
    ("two runs give the same bits", on_gpu::same_bits_twice),
    ("the host's TF32 switches change no bit", on_gpu::tf32_switches),
    ("the host's cuDNN switches change no bit", on_gpu::cudnn_switches),
    ("an index out of range names the range", on_gpu::index_out_of_range),
    ("automatic is CUDA", on_gpu::automatic),
    ("contexts share a search, a GPU each where there are two", on_gpu::contexts_at_once),
];
#[cfg(not(feature = "torch"))]
const TESTS: [(&str, fn()); 1] = [("all", || panic!("this build has no torch engine"))];

fn main() {
    #[cfg(feature = "torch")]
    if std::env::args().any(|a| a == on_gpu::DIGEST) {
        println!("{}", on_gpu::digest());
        return;
    }
    let reason = match (tenas::compute::LIBTORCH_VERSION, tenas::compute::cuda_devices()) {
        (None, _) => Some("this build has no torch engine (feature `torch`)"),
        (_, 0) => Some("this machine has no GPU that libtorch can use"),
        _ => None,
    };
    if let Some(reason) = reason {
        println!("cuda: {reason}");
    }
    let mut arguments = Arguments::from_args();
    // Each has the GPU to itself.
    arguments.test_threads = Some(1);
    let trial = |(name, test): (&str, fn())| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(reason.is_some())
    };
    libtest_mimic::run(&arguments, TESTS.map(trial).into()).exit();
}

#[cfg(feature = "torch")]
mod on_gpu {
    use super::common::{compare, small_config};
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::ops::ControlFlow::Continue;
    use tenas::{Config, Context, Dataset, DatasetKind, DeviceKind, Error, SpaceKind};

    /// Argument of the child process that prints [`digest`].
    pub(crate) const DIGEST: &str = "--digest";

    fn dataset() -> Dataset {
        Dataset::synthetic(DatasetKind::ImageNet16, 5).expect("images")
    }

    fn cuda(mut config: Config, index: i32) -> Config {
        config.set_device(DeviceKind::Cuda, index).expect("a build with CUDA");
        config
    }

    pub(crate) fn searches_agree() {
        let mut agree = 0;
        for seed in 0..10 {
            let config = small_config(SpaceKind::NasBench201, seed);
            agree += usize::from(compare(&config, &cuda(config.clone(), 0), &dataset()));
        }
        println!("cuda: {agree} of 10 genotypes agree with the native engine's");
        let config = small_config(SpaceKind::Darts, 0);
        compare(&config, &cuda(config.clone(), 0), &dataset());
    }

    /// Of every number that a search of each space gave.
    pub(crate) fn digest() -> u64 {
        let mut hasher = DefaultHasher::new();
        for space in [SpaceKind::NasBench201, SpaceKind::Darts] {
            let config = cuda(small_config(space, 1), 0);
            let mut context = Context::new(&config, &dataset()).expect("a search");
            context.run(&mut |_| Continue(())).expect("a result");
            for record in context.records() {
                let s = &record.score;
                for value in [s.ntk_now, s.ntk_without, s.regions_now, s.regions_without] {
                    value.to_bits().hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }

    pub(crate) fn same_bits_twice() {
        assert_eq!(digest(), digest());
    }

    /// In processes of their own: libtorch reads its switch once.
    pub(crate) fn tf32_switches() {
        let with = |value: &str| {
            let child = std::process::Command::new(std::env::current_exe().expect("a path"))
                .arg(DIGEST)
                .env("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", value)
                .output()
                .expect("a child process");
            assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
            String::from_utf8(child.stdout).expect("text")
        };
        assert_eq!(with("0"), with("1"));
    }

    pub(crate) fn cudnn_switches() {
        let expected = digest();
        tch::Cuda::cudnn_set_benchmark(true);
        let found = digest();
        tch::Cuda::cudnn_set_benchmark(false);
        assert_eq!(found, expected);
    }

    pub(crate) fn index_out_of_range() {
        let config = cuda(small_config(SpaceKind::NasBench201, 0), 999);
        let error = Context::new(&config, &dataset()).expect_err("no such GPU");
        assert!(matches!(error, Error::Device(_)), "{error:?}");
        assert!(error.to_string().contains("found CUDA 999, expected 0"), "{error}");
    }

    /// Two contexts at once share the rounds of a search, on two GPUs where there are as many. Bits may
    /// depend on how many candidates a GPU computes at a time, so that values are compared with those of
    /// one context as far as rounding goes.
    pub(crate) fn contexts_at_once() {
        let last = i32::try_from(tenas::compute::cuda_devices() - 1).expect("a few GPUs");
        let config = small_config(SpaceKind::NasBench201, 2);
        let on = |index| Context::new(&cuda(config.clone(), index), &dataset()).expect("a search");
        let (mut whole, mut first, mut second) = (on(0), on(0), on(last));
        whole.run_round(&mut |_| Continue(())).expect("a round");
        loop {
            let count = first.candidate_count();
            let (left, right) = std::thread::scope(|scope| {
                let right =
                    scope.spawn(|| second.evaluate(count / 2..count, &mut |_| Continue(())));
                let left = first.evaluate(0..count / 2, &mut |_| Continue(()));
                (left.expect("scores"), right.join().expect("a thread").expect("scores"))
            });
            let scores = [left, right].concat();
            let finished = first.apply(&scores).expect("a round");
            assert_eq!(second.apply(&scores).expect("a round"), finished);
            if finished {
                break;
            }
        }
        println!("cuda: contexts on GPUs 0 and {last}");
        assert_eq!(first.records(), second.records());
        assert!(!whole.records().is_empty());
        for (one, other) in whole.records().iter().zip(first.records()) {
            let (a, b) = (&one.score, &other.score);
            assert_eq!(a.choice, b.choice);
            for (a, b) in [(a.ntk_now, b.ntk_now), (a.ntk_without, b.ntk_without)] {
                assert!(a > 1e5 || (a - b).abs() <= 1e-3 * a, "{:?}: {a}, {b}", one.score.choice);
            }
        }
    }

    pub(crate) fn automatic() {
        let config = Config::new(SpaceKind::NasBench201, DatasetKind::ImageNet16);
        let context = Context::new(&config, &dataset()).expect("a search");
        assert_eq!(context.device(), (DeviceKind::Cuda, 0));
    }
}
