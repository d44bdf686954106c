//! The torch engine on this machine's CPU, and what a build without it says. CUDA: tests/cuda.rs.
#![allow(unsafe_code, reason = "one test goes through the C ABI")]

#[cfg(feature = "torch")]
mod common;

use tenas::{Config, DatasetKind, DeviceKind, Error, SpaceKind};

fn config() -> Config {
    Config::new(SpaceKind::NasBench201, DatasetKind::ImageNet16)
}

#[cfg(not(feature = "torch"))]
mod without {
    use super::*;

    /// Asking for a device that is not built in says what to do.
    #[test]
    fn the_remedy_is_in_the_message() {
        for (kind, index, name) in
            [(DeviceKind::Cuda, 3, "CUDA 3"), (DeviceKind::TorchCpu, 0, "TORCH_CPU")]
        {
            let mut config = config();
            let error = config.set_device(kind, index).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, Error::Device(_)), "{error:?}");
            for part in [name, "no torch engine", "cargo build --release --features torch"] {
                assert!(text.contains(part), "{text}");
            }
            assert_eq!(config.device(), (DeviceKind::Auto, 0), "a refused value changed something");
        }
    }

    #[test]
    fn automatic_is_the_cpu() {
        assert_eq!(config().resolved_device(), (DeviceKind::Cpu, 0));
        let info: serde_json::Value = serde_json::from_str(&tenas::build_info()).unwrap();
        assert_eq!(info["engines"], serde_json::json!(["native"]));
        assert_eq!(info["libtorch"], serde_json::Value::Null);
        assert_eq!(info["cuda_devices"], 0);
    }
}

#[cfg(feature = "torch")]
mod with {
    use super::*;
    use common::{compare, small_config};
    use std::ffi::c_void;
    use tenas::ffi::*;
    use tenas::{Context, Dataset};

    fn torch_cpu(config: &Config) -> Config {
        let mut config = config.clone();
        config.set_device(DeviceKind::TorchCpu, 0).unwrap();
        config
    }

    /// Ten seeds of a small search: every candidate's indicators agree between the engines, and where
    /// a round prunes something else, the scores that changed places are closer than the tolerance.
    #[test]
    fn searches_agree_with_the_native_engine() {
        let dataset = Dataset::synthetic(DatasetKind::ImageNet16, 5).unwrap();
        let mut agree = 0;
        for seed in 0..10 {
            let native = small_config(SpaceKind::NasBench201, seed);
            let same = compare(&native, &torch_cpu(&native), &dataset);
            agree += usize::from(same);
        }
        println!("{agree} of 10 genotypes agree");
        // A rounding decides a search rarely.
        assert!(agree >= 7, "{agree} of 10 genotypes agree");
    }

    #[test]
    fn a_darts_search_agrees_with_the_native_engine() {
        let dataset = Dataset::synthetic(DatasetKind::ImageNet16, 6).unwrap();
        let mut native = small_config(SpaceKind::Darts, 1);
        native.set_batch_size(4).unwrap();
        native.set_prune_per_edge(6).unwrap();
        compare(&native, &torch_cpu(&native), &dataset);
    }

    /// A cancelled search on libtorch goes on to the result of an undisturbed one.
    #[test]
    fn cancel_and_go_on() {
        use std::ops::ControlFlow::{Break, Continue};
        let dataset = Dataset::synthetic(DatasetKind::ImageNet16, 7).unwrap();
        let mut config = torch_cpu(&small_config(SpaceKind::NasBench201, 3));
        config.set_batch_size(4).unwrap();
        let mut whole = Context::new(&config, &dataset).unwrap();
        whole.run(&mut |_| Continue(())).unwrap();
        let mut cut = Context::new(&config, &dataset).unwrap();
        let mut seen = 0;
        let mut stop = |_: &tenas::Progress| {
            seen += 1;
            if seen == 7 { Break(()) } else { Continue(()) }
        };
        let error = cut.run(&mut stop).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error:?}");
        cut.run(&mut |_| Continue(())).unwrap();
        assert_eq!(cut.mask(), whole.mask());
        for (a, b) in cut.records().iter().zip(whole.records()) {
            let relative = (a.score.ntk_without / b.score.ntk_without - 1.0).abs();
            assert!(relative < 1e-3, "{a:?} and {b:?}");
        }
    }

    #[test]
    fn devices_are_resolved_and_reported() {
        let dataset = Dataset::synthetic(DatasetKind::ImageNet16, 5).unwrap();
        let context = Context::new(&torch_cpu(&config()), &dataset).unwrap();
        assert_eq!(context.device(), (DeviceKind::TorchCpu, 0));
        let info: serde_json::Value = serde_json::from_str(&tenas::build_info()).unwrap();
        assert_eq!(info["engines"], serde_json::json!(["native", "torch"]));
        assert_eq!(info["libtorch"], "2.11.0");
        let gpus = info["cuda_devices"].as_i64().unwrap();
        let expected = if gpus > 0 { DeviceKind::Cuda } else { DeviceKind::Cpu };
        assert_eq!(Context::new(&config(), &dataset).unwrap().device(), (expected, 0));
        let mut config = config();
        config.set_device(DeviceKind::Cuda, 999).unwrap();
        let error = Context::new(&config, &dataset).unwrap_err();
        assert!(matches!(error, Error::Device(_)), "{error:?}");
        assert!(error.to_string().contains("found CUDA 999"), "{error}");
    }

    /// A host that uses libtorch itself, in the same process and thread, finds its random state, its
    /// thread count, its gradient mode and its default kind as it left them.
    #[test]
    fn a_hosts_libtorch_is_left_alone() {
        let numbers = || Vec::<f64>::try_from(tch::Tensor::f_rand([4], kind()).unwrap()).unwrap();
        fn kind() -> (tch::Kind, tch::Device) {
            (tch::Kind::Double, tch::Device::Cpu)
        }
        tch::manual_seed(7);
        let expected = [numbers(), numbers()];
        tch::manual_seed(7);
        tch::set_num_threads(1);
        assert_eq!(numbers(), expected[0]);
        let weight = tch::Tensor::f_ones([2], kind()).unwrap().f_set_requires_grad(true).unwrap();
        search_through_c();
        assert_eq!(numbers(), expected[1], "the random state moved");
        assert_eq!(tch::get_num_threads(), 1, "the thread count changed");
        let squares = weight.f_mul(&weight).unwrap().f_sum(tch::Kind::Double).unwrap();
        squares.f_backward().unwrap();
        assert_eq!(Vec::<f64>::try_from(weight.grad()).unwrap(), [2.0, 2.0], "gradients are off");
    }

    fn search_through_c() {
        // A callback that differentiates something of the host's.
        extern "C" fn differentiate(_: *const tenas_progress, _: *mut c_void) -> i32 {
            let options = (tch::Kind::Double, tch::Device::Cpu);
            let x = tch::Tensor::f_ones([1], options).unwrap().f_set_requires_grad(true).unwrap();
            let gradients = x.f_mul(&x).and_then(|y| y.f_backward());
            i32::from(gradients.is_err())
        }
        let (mut config, mut dataset, mut context) =
            (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        let ok = |status: i32| {
            // SAFETY: never NULL, and valid until this thread's next failing call.
            let message = unsafe { std::ffi::CStr::from_ptr(tenas_last_error_message()) };
            assert_eq!(status, 0, "{message:?}");
        };
        // SAFETY: every pointer is to a local, or a handle that lives until it is freed below.
        unsafe {
            ok(tenas_config_new(1, 3, &mut config));
            ok(tenas_config_set_batch_size(config, 4));
            ok(tenas_config_set_repeats(config, 1));
            ok(tenas_config_set_device(config, 3, 0));
            ok(tenas_dataset_synthetic(3, 1, &mut dataset));
            ok(tenas_context_new(config, dataset, &mut context));
            ok(tenas_context_set_progress(context, Some(differentiate), std::ptr::null_mut()));
            let (mut kind, mut index) = (-1, -1);
            ok(tenas_context_device(context, &mut kind, &mut index));
            assert_eq!((kind, index), (3, 0));
            ok(tenas_context_run(context));
            tenas_context_free(context);
            tenas_dataset_free(dataset);
            tenas_config_free(config);
        }
    }
}
