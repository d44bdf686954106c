//! That a host's floating-point state changes no bit of a result, on any engine.

use std::ops::ControlFlow::Continue;

use libc::c_void;

use super::context::{
    tenas_context, tenas_context_free, tenas_context_record, tenas_context_record_count,
    tenas_context_run, tenas_context_set_progress, tenas_progress, tenas_record,
};
use super::guard::guard;
use super::status::tenas_status_code;
use crate::compute::{self, Engine, InstructionSet};
use crate::float_state::{ODD_STATES, State};
use crate::search::indicators_with;
use crate::{Config, Context, Dataset, DatasetKind, Genotype, SpaceKind};

const OK: i32 = tenas_status_code::TENAS_OK as i32;

type MakeEngine = Box<dyn Fn() -> crate::Result<Box<dyn Engine>>>;

/// Everything that computes on this machine.
fn engines() -> Vec<(String, MakeEngine)> {
    let mut engines: Vec<(String, MakeEngine)> = Vec::new();
    for set in InstructionSet::ALL.into_iter().filter(|set| set.is_available()) {
        engines.push((format!("{set:?}"), Box::new(move || compute::native_with(2, set))));
    }
    engines.push(("reference".to_owned(), Box::new(|| compute::reference(2))));
    #[cfg(feature = "torch")]
    engines.push(("torch".to_owned(), Box::new(|| compute::torch(compute::TorchDevice::Cpu))));
    engines
}

fn config() -> Config {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Custom);
    config.set_batch_size(3).unwrap();
    config.set_repeats(1).unwrap();
    config.set_prune_per_edge(4).unwrap();
    config
}

/// Runs `call` in a state, and checks that it leaves that as it was. The call is one of C's: what
/// Rust computes outside of it is not defined in such a state.
fn under<R>(state: State, call: impl FnOnce() -> R) -> R {
    let before = State::get();
    state.set();
    let set = State::get();
    let result = call();
    let after = State::get();
    before.set();
    assert_eq!(after, set);
    result
}

unsafe extern "C" fn note_state(_: *const tenas_progress, states: *mut c_void) -> i32 {
    // SAFETY: the vector that `search` hands over, which nobody uses meanwhile.
    unsafe { (*states.cast::<Vec<State>>()).push(State::get()) };
    0
}

/// All numbers of a search and of the indicators of two architectures, as bits.
fn numbers(state: State, engine: &MakeEngine) -> Vec<u64> {
    let mut bytes = vec![0; 12 * 3 * 64];
    let mut random = 1_u32;
    for byte in &mut bytes {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (random >> 24) as u8;
    }
    let mut numbers = Vec::new();
    let (mut dataset, mut context) = (None, std::ptr::null_mut());
    let mut states: Vec<State> = Vec::with_capacity(100);
    let mut fails = under(state, || {
        guard("tenas_context_new", || {
            // Without a normalisation, which is then computed.
            let images = Dataset::from_images(&bytes, 12, [3, 8, 8], None, 10)?;
            let search = Context::with_engine(&config(), &images, engine()?)?;
            context = tenas_context::from_search(search);
            dataset = Some(images);
            Ok(())
        })
    });
    assert_eq!(fails, OK);
    let user = (&raw mut states).cast();
    // SAFETY: a live context, and a vector that outlives the run.
    under(state, || unsafe {
        fails |= tenas_context_set_progress(context, Some(note_state), user);
        fails |= tenas_context_run(context);
    });
    assert_eq!(fails, OK);
    // The host's function has seen the host's state, whatever flags it has.
    assert!(states.len() > 20);
    assert!(states.iter().all(|seen| *seen == under(state, State::get)), "{states:?}");

    let mut count = 0;
    // SAFETY: a live context; outputs are locals.
    under(state, || unsafe { fails |= tenas_context_record_count(context, &mut count) });
    for index in 0..count {
        // SAFETY: all fields are numbers.
        let mut record: tenas_record = unsafe { std::mem::zeroed() };
        record.struct_size = size_of::<tenas_record>();
        // SAFETY: a live context, a struct with its size set.
        under(state, || unsafe { fails |= tenas_context_record(context, index, &mut record) });
        numbers.extend([record.ntk_rank, record.regions_rank].map(u64::from));
        numbers.extend([record.ntk_delta, record.regions_delta].map(f64::to_bits));
        numbers.extend([record.ntk_now, record.ntk_without].map(f64::to_bits));
        numbers.extend([record.regions_now, record.regions_without].map(f64::to_bits));
    }
    assert_eq!(fails, OK);
    // A call that fails.
    let mut nothing = 0.0;
    // SAFETY: a live context, an index that is none; NULL for a struct.
    let failed =
        under(state, || unsafe { tenas_context_record(context, count, std::ptr::null_mut()) });
    assert_eq!(failed, tenas_status_code::TENAS_ERROR_NULL_POINTER as i32);
    let panicked = under(state, || {
        guard("tenas_f", || {
            nothing = f64::NAN;
            panic!("on purpose")
        })
    });
    assert_eq!(panicked, tenas_status_code::TENAS_ERROR_INTERNAL as i32);
    // SAFETY: nobody uses it any more.
    under(state, || unsafe { tenas_context_free(context) });

    let dataset = dataset.unwrap();
    let status = under(state, || {
        guard("tenas_indicators_of_many", || {
            let config = config();
            let space = &config.supernet().space;
            let texts = [
                "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|",
                "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
            ];
            let parsed = texts.map(|text| Genotype::parse(space, text));
            let genotypes = parsed.into_iter().collect::<crate::Result<Vec<_>>>()?;
            let engine = engine()?;
            let go_on = &mut |_: &_| Continue(());
            for i in indicators_with(&config, &dataset, &genotypes, engine.as_ref(), go_on)? {
                let means = [i.ntk.mean, i.regions.mean, i.naswot.mean, i.swap.mean];
                numbers.extend(means.map(f64::to_bits));
            }
            Ok(())
        })
    });
    assert_eq!(status, OK);
    numbers
}

#[test]
fn no_state_of_the_host_changes_a_bit() {
    for (name, engine) in engines() {
        let expected = numbers(State::DEFAULT, &engine);
        assert!(expected.len() > 8 * 20, "{name}");
        for (state_name, state) in ODD_STATES {
            let found = numbers(*state, &engine);
            assert!(found == expected, "{name}: {state_name} changes results");
        }
    }
}
