//! Random sequences of calls of the C ABI: NULL, handles that are freed and NULLed or of another
//! type, wrong states, numbers out of range, two calls on one context at once. Whatever is called,
//! nothing panics, every status is one of the list and never that of a bug, every failure has a
//! message that names the function and what is wrong, outputs of a failed call stay as they were,
//! and the handles serve afterwards.
#![allow(unsafe_code, reason = "the C ABI")]

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runner, TestRunner};
use tenas::ffi::*;

const OK: i32 = tenas_status_code::TENAS_OK as i32;
const NULL: i32 = tenas_status_code::TENAS_ERROR_NULL_POINTER as i32;
const ARGUMENT: i32 = tenas_status_code::TENAS_ERROR_INVALID_ARGUMENT as i32;
const BUSY: i32 = tenas_status_code::TENAS_ERROR_BUSY as i32;
const CANCELLED: i32 = tenas_status_code::TENAS_ERROR_CANCELLED as i32;
const INTERNAL: i32 = tenas_status_code::TENAS_ERROR_INTERNAL as i32;

const SEQUENCES: u32 = 10_000;
const SLOTS: usize = 3;
/// Numbers at the edges of ranges.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 3, 4, 7, 15, 16, 1025, u32::MAX as u64, i64::MAX as u64, u64::MAX];

/// The calls so far that came to each status.
static STATUSES: [AtomicUsize; 13] = [const { AtomicUsize::new(0) }; 13];

/// What a host holds. NULL where it has nothing or has freed it.
#[derive(Clone, Copy)]
struct World {
    configs: [*mut tenas_config; SLOTS],
    datasets: [*mut tenas_dataset; SLOTS],
    contexts: [*mut tenas_context; SLOTS],
    /// Contexts whose candidates take milliseconds.
    light: [bool; SLOTS],
}

// SAFETY: the library's handles may be used from any thread.
unsafe impl Sync for World {}

/// A random call: its number, and what its arguments are drawn from.
type Step = (u8, [u16; 5]);

/// What a step has made or freed.
enum Effect {
    Nothing,
    Config(usize, *mut tenas_config),
    Dataset(usize, *mut tenas_dataset),
    Context(usize, *mut tenas_context, bool),
}

extern "C" fn load(indices: *const usize, count: usize, images: *mut u8, user: *mut c_void) -> i32 {
    // SAFETY: what tenas_dataset_from_callback was given, and arrays of the library. Sides are at
    // most 8 here.
    unsafe {
        let fails = *user.cast::<usize>() == 4;
        let (first, bytes) = (*indices, 3 * 3 * 3);
        for i in 0..count * bytes {
            images.add(i).write((first + i * 7) as u8);
        }
        i32::from(fails)
    }
}

extern "C" fn release(user: *mut c_void) {
    LENT.with(|lent| lent.set(lent.get() - 1));
    // SAFETY: a box that was given away, and that comes back once.
    drop(unsafe { Box::from_raw(user.cast::<usize>()) });
}

thread_local! {
    /// Loaders' user pointers that have not come back. All are made and freed on one thread.
    static LENT: Cell<usize> = const { Cell::new(0) };
    /// The context whose callback may be called, and how often it has been.
    static RUNNING: Cell<*mut tenas_context> = const { Cell::new(null_mut()) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn message() -> String {
    // SAFETY: a C string, and this thread does not fail meanwhile.
    unsafe { CStr::from_ptr(tenas_last_error_message()) }.to_str().unwrap().to_owned()
}

/// An argument that may be wrong: its name, and whether it is NULL.
type Argument<'a> = (&'a str, bool);

fn given<T>(name: &str, pointer: *const T) -> Argument<'_> {
    (name, pointer.is_null())
}

/// What must hold of every call. True if it succeeded.
#[track_caller]
fn judge(function: &str, status: i32, arguments: &[Argument<'_>]) -> bool {
    assert!((0..13).contains(&status), "{function}: {status}");
    STATUSES[status as usize].fetch_add(1, Ordering::Relaxed);
    if status == OK {
        return true;
    }
    let text = message();
    assert_ne!(status, INTERNAL, "{text}");
    let what = text.strip_prefix(&format!("{function}: ")).unwrap_or_else(|| panic!("{text:?}"));
    assert!(what.len() > 8 || status == CANCELLED, "{text:?}");
    if status == NULL {
        let named = |(name, null): &Argument<'_>| *null && what.starts_with(&format!("{name}: "));
        assert!(arguments.iter().any(named), "{text:?} names none of the NULLs");
    }
    if status == BUSY {
        assert!(what.starts_with("context: "), "{text:?}");
    }
    if status == ARGUMENT {
        let named = arguments.iter().any(|(name, _)| what.contains(name));
        assert!(named, "{text:?} names none of {arguments:?}");
    }
    false
}

extern "C" fn progress(progress: *const tenas_progress, user: *mut c_void) -> i32 {
    CALLS.set(CALLS.get() + 1);
    let (mode, context) = (user as usize, RUNNING.get());
    // SAFETY: the library's struct, and a live context.
    unsafe {
        assert!((*progress).candidate <= (*progress).candidates);
        let mut count = 77;
        let status = tenas_context_record_count(context, &raw mut count);
        assert_eq!((status, count), (BUSY, 77), "a call inside a call");
        if mode == 2 {
            assert_eq!(tenas_context_cancel(context), OK);
        }
    }
    i32::from(mode == 1 || CALLS.get() > 3)
}

extern "C" fn log(level: i32, text: *const c_char, _: *mut c_void) {
    // SAFETY: a C string of the library.
    assert!((1..=4).contains(&level) && !unsafe { CStr::from_ptr(text) }.is_empty());
}

/// A pointer to an output, or NULL one time in eight.
fn out<T>(value: &mut T, draw: u16) -> *mut T {
    if draw % 8 == 7 { null_mut() } else { value }
}

/// Checks an output behind a failed call.
#[track_caller]
fn untouched<T: PartialEq + std::fmt::Debug>(ok: bool, value: &T, before: &T) {
    assert!(ok || value == before, "found {value:?} behind a failed call, expected {before:?}");
}

/// Runs a call that sets a number.
macro_rules! ask {
    ($function:ident($($argument:expr),*), $start:expr, $draw:expr, $arguments:expr) => {{
        let start = $start;
        let mut value = start;
        let pointer = out(&mut value, $draw);
        // SAFETY: handles that are live or NULL, and outputs that can be written.
        #[allow(unused_unsafe, reason = "most callers are in an unsafe block already")]
        let status = unsafe { $function($($argument,)* pointer) };
        let mut arguments: Vec<Argument<'_>> = $arguments.to_vec();
        arguments.push(given("out", pointer));
        let ok = judge(stringify!($function), status, &arguments);
        assert!(!(ok && pointer.is_null()));
        untouched(ok, &value, &start);
        (ok, value)
    }};
}

/// Runs a call that writes a text, into buffers of any size.
fn text(
    function: &str,
    draw: u16,
    arguments: &[Argument<'_>],
    call: impl Fn(*mut c_char, usize, *mut usize) -> i32,
) -> Option<String> {
    let capacity = [0, 1, 9, 4096, 1 << 20][usize::from(draw % 5)];
    let mut buffer = vec![0x55_u8; capacity + 1];
    let mut length = 77;
    let pointer = if draw.is_multiple_of(3) { null_mut() } else { buffer.as_mut_ptr().cast() };
    let length_pointer = out(&mut length, draw / 4);
    let status = call(pointer, capacity, length_pointer);
    let mut arguments = arguments.to_vec();
    arguments.extend([
        ("buffer", pointer.is_null() && capacity > 0),
        given("length", length_pointer),
        ("capacity", false),
    ]);
    let ok = judge(function, status, &arguments);
    let small = status == tenas_status_code::TENAS_ERROR_BUFFER_TOO_SMALL as i32;
    if length_pointer.is_null() {
        assert!(!ok && length == 77);
        return None;
    }
    assert!(ok || small || length == 0, "{length}");
    assert!(!small || length >= capacity);
    if !ok || pointer.is_null() {
        assert!(buffer.iter().all(|b| *b == 0x55), "a failed call wrote into its buffer");
        return None;
    }
    assert_eq!(buffer[length], 0);
    assert!(buffer[length + 1..].iter().all(|b| *b == 0x55));
    buffer.truncate(length);
    Some(String::from_utf8(buffer).unwrap())
}

impl World {
    /// A handle, NULL, or now and then one of another type.
    fn config(&self, draw: u16) -> *mut tenas_config {
        match draw % 11 {
            9 => self.contexts[0].cast(),
            10 => self.datasets[0].cast(),
            slot => self.configs[usize::from(slot) % SLOTS],
        }
    }

    fn dataset(&self, draw: u16) -> *mut tenas_dataset {
        match draw % 13 {
            12 => self.configs[0].cast(),
            slot => self.datasets[usize::from(slot) % SLOTS],
        }
    }

    fn context(&self, draw: u16) -> (*mut tenas_context, bool) {
        match draw % 16 {
            15 => (self.configs[0].cast(), true),
            14 => (null_mut(), true),
            slot => {
                (self.contexts[usize::from(slot) % SLOTS], self.light[usize::from(slot) % SLOTS])
            }
        }
    }

    fn is_config(&self, config: *mut tenas_config) -> bool {
        self.configs.contains(&config) && !config.is_null()
    }

    /// Before a call that computes: it ends soon, whatever the context is.
    fn limit(context: *mut tenas_context, light: bool) {
        RUNNING.set(context);
        CALLS.set(0);
        if !light {
            // The request may be used up by another thread's call: the callback stops this one then.
            // SAFETY: NULL or a live handle, and a function.
            unsafe {
                let stop = std::ptr::without_provenance_mut(1);
                tenas_context_set_progress(context, Some(progress), stop);
                tenas_context_cancel(context)
            };
            return;
        }
        let mut count = 0;
        // SAFETY: NULL or a live handle, of whatever type, and an output.
        let counted = unsafe { tenas_context_candidate_count(context, &raw mut count) };
        if counted == OK && count > 4 {
            // SAFETY: a live handle and a function.
            unsafe {
                tenas_context_set_progress(
                    context,
                    Some(progress),
                    std::ptr::without_provenance_mut(1),
                )
            };
        }
    }

    /// Calls on what is there, which any number of threads may make at once.
    fn shared(&self, (op, d): Step) {
        let number = |i: usize| NUMBERS[usize::from(d[i]) % NUMBERS.len()];
        let small = |i: usize| number(i) as u32;
        let signed = |i: usize| if d[i] % 5 == 0 { -1 } else { i32::from(d[i] % 7) };
        let config = self.config(d[0]);
        let dataset = self.dataset(d[0]);
        let (context, light) = self.context(d[0]);
        let of_config = [given("config", config)];
        let of_dataset = [given("dataset", dataset)];
        let of_context = [given("context", context)];
        // SAFETY: handles are live or NULL, texts end with NUL, outputs can be written.
        unsafe {
            macro_rules! set {
                ($function:ident($($argument:expr),*), $name:expr) => {{
                    let arguments = [given("config", config), ($name, false)];
                    let status = $function(config $(, $argument)*);
                    judge(stringify!($function), status, &arguments);
                }};
            }
            match op % 42 {
                0 => set!(tenas_config_set_seed(number(1)), "seed"),
                // More would make a candidate slow.
                1 if d[1] % 3 == 0 => set!(tenas_config_set_repeats(small(1)), "repeats"),
                1 => set!(tenas_config_set_repeats(1), "repeats"),
                2 => set!(tenas_config_set_batch_size(small(1)), "batch_size"),
                3 => set!(tenas_config_set_prune_per_edge(small(1)), "prune_per_edge"),
                4 => set!(tenas_config_set_score_decimals(small(1)), "score_decimals"),
                5 => set!(
                    tenas_config_set_threads([0, 1, 2, 1025, u32::MAX][usize::from(d[1]) % 5]),
                    "threads"
                ),
                6 => set!(tenas_config_set_init(signed(1)), "init"),
                7 => set!(tenas_config_set_sampling(signed(1)), "sampling"),
                8 => {
                    let arguments = [of_config[0], ("device", false), ("kind", false)];
                    let status = tenas_config_set_device(config, signed(1), signed(2));
                    judge("tenas_config_set_device", status, &arguments);
                }
                9 | 10 => {
                    let names =
                        [c"seed", c"repeats", c"batch_size", c"init", c"nothing", c"", c"\xff"];
                    let name = names[usize::from(d[1]) % names.len()];
                    let name = if d[1] % 9 == 8 { null() } else { name.as_ptr() };
                    let mut arguments = vec![of_config[0], given("name", name)];
                    if op % 42 == 9 {
                        ask!(tenas_config_parameter(config, name), 77, d[2], arguments);
                    } else {
                        arguments
                            .extend(["seed", "repeats", "batch_size", "init"].map(|n| (n, false)));
                        let status = tenas_config_set_parameter(config, name, number(2).min(16));
                        judge("tenas_config_set_parameter", status, &arguments);
                    }
                }
                11 => {
                    ask!(tenas_config_repeats(config), 77, d[2], of_config);
                    ask!(tenas_config_seed(config), 77, d[2], of_config);
                    ask!(tenas_config_sampling(config), 77, d[2], of_config);
                }
                12 => {
                    text("tenas_config_to_json", d[2], &of_config, |b, c, l| {
                        tenas_config_to_json(config, b, c, l)
                    });
                }
                13 => {
                    // A struct that says its size, a wrong one, or none.
                    let mut facts: tenas_dataset_facts = std::mem::zeroed();
                    facts.struct_size =
                        [size_of::<tenas_dataset_facts>(), 0, 3, usize::MAX][usize::from(d[1] % 4)];
                    facts.count = 77;
                    let pointer = out(&mut facts, d[2]);
                    let status = tenas_dataset_info(dataset, pointer);
                    let ok = judge(
                        "tenas_dataset_info",
                        status,
                        &[of_dataset[0], given("out", pointer)],
                    );
                    untouched(ok, &facts.count, &77);
                }
                14 => {
                    ask!(tenas_dataset_digest(dataset), 77, d[2], of_dataset);
                    text("tenas_dataset_source", d[3], &of_dataset, |b, c, l| {
                        tenas_dataset_source(dataset, b, c, l)
                    });
                }
                15 | 16 => {
                    ask!(tenas_context_candidate_count(context), 77, d[2], of_context);
                    ask!(tenas_context_record_count(context), 77, d[2], of_context);
                    ask!(tenas_context_round_count(context), 77, d[2], of_context);
                    ask!(tenas_context_is_finished(context), false, d[2], of_context);
                }
                17 => {
                    let mut found: tenas_progress = std::mem::zeroed();
                    found.struct_size =
                        [size_of::<tenas_progress>(), 8, 4097][usize::from(d[1] % 3)];
                    found.rounds = 77;
                    let pointer = out(&mut found, d[2]);
                    let status = tenas_context_progress(context, pointer);
                    let ok = judge(
                        "tenas_context_progress",
                        status,
                        &[of_context[0], given("out", pointer)],
                    );
                    untouched(ok, &found.rounds, &77);
                    assert_ne!(status, BUSY);
                }
                18 | 19 => {
                    // No message: only the status.
                    let status = tenas_context_cancel(context);
                    assert!([OK, NULL, ARGUMENT].contains(&status), "{status}");
                }
                20 => {
                    let status = tenas_context_clear_cancel(context);
                    judge("tenas_context_clear_cancel", status, &of_context);
                    assert_ne!(status, BUSY);
                }
                21 | 22 => {
                    Self::limit(context, light);
                    let mut finished = false;
                    let pointer = out(&mut finished, d[2]);
                    let status = tenas_context_run_round(context, pointer);
                    let arguments = [of_context[0], given("finished", pointer)];
                    let ok = judge("tenas_context_run_round", status, &arguments);
                    untouched(ok, &finished, &false);
                }
                23 => {
                    Self::limit(context, light);
                    judge("tenas_context_run", tenas_context_run(context), &of_context);
                }
                24 | 25 => {
                    Self::limit(context, light);
                    let mut scores: [tenas_score; 8] = std::mem::zeroed();
                    let (first, count) = match d[1] % 4 {
                        0 => (number(2) as usize, (number(3) % 9) as usize),
                        _ => (usize::from(d[2] % 3), usize::from(d[3] % 3)),
                    };
                    let pointer = if d[4] % 8 == 7 { null_mut() } else { scores.as_mut_ptr() };
                    let arguments = [of_context[0], given("out", pointer), ("first", false)];
                    let status = tenas_context_evaluate(context, first, count, pointer);
                    let ok = judge("tenas_context_evaluate", status, &arguments);
                    assert!(ok || scores.iter().all(|s| s.digest == 0));
                    // Too few scores, or just enough.
                    let mut finished = false;
                    let pointer = out(&mut finished, d[2]);
                    let count = if d[3].is_multiple_of(2) { count } else { 0 };
                    let arguments = [of_context[0], given("finished", pointer), ("scores", false)];
                    let status = tenas_context_apply(context, scores.as_ptr(), count, pointer);
                    let ok = judge("tenas_context_apply", status, &arguments);
                    untouched(ok, &finished, &false);
                }
                26 => {
                    let (mut mask, mut count) = ([7_u8; 300], 77);
                    let capacity = [0, 5, 300][usize::from(d[1] % 3)];
                    let pointer =
                        if d[2].is_multiple_of(4) { null_mut() } else { mask.as_mut_ptr() };
                    let count_pointer = out(&mut count, d[3]);
                    let status = tenas_context_mask(context, pointer, capacity, count_pointer);
                    let arguments =
                        [of_context[0], given("mask", pointer), given("count", count_pointer)];
                    let ok = judge("tenas_context_mask", status, &arguments);
                    assert!(ok || mask.iter().all(|v| *v == 7));
                }
                27..=30 => {
                    let (cell, edge, operation) = match d[1] % 8 {
                        0 => (small(2), small(3), small(4)),
                        _ => (0, u32::from(d[3] % 6), u32::from(d[4] % 5)),
                    };
                    let names = ["cell", "edge", "operation"].map(|name| (name, false));
                    let arguments = [of_context[0], names[0], names[1], names[2]];
                    let status = tenas_context_prune(context, cell, edge, operation);
                    judge("tenas_context_prune", status, &arguments);
                }
                31 => {
                    let mut record: tenas_record = std::mem::zeroed();
                    record.struct_size =
                        [size_of::<tenas_record>(), 8, 4097][usize::from(d[1] % 3)];
                    record.round = 77;
                    let pointer = out(&mut record, d[2]);
                    let status = tenas_context_record(context, number(3) as usize, pointer);
                    let ok = judge(
                        "tenas_context_record",
                        status,
                        &[of_context[0], given("out", pointer)],
                    );
                    untouched(ok, &record.round, &77);
                }
                32 => {
                    text("tenas_context_records_json", d[2], &of_context, |b, c, l| {
                        tenas_context_records_json(context, b, c, l)
                    });
                }
                33 => {
                    let arguments = [of_context[0], ("format", false)];
                    text("tenas_context_genotype", d[2], &arguments, |b, c, l| {
                        tenas_context_genotype(context, signed(1), b, c, l)
                    });
                }
                34 => {
                    let function: tenas_progress_fn = d[1].is_multiple_of(2).then_some(progress);
                    let user = std::ptr::without_provenance_mut(usize::from(d[2] % 3));
                    let status = tenas_context_set_progress(context, function, user);
                    judge("tenas_context_set_progress", status, &of_context);
                    let function: tenas_log_fn = d[3].is_multiple_of(2).then_some(log);
                    judge(
                        "tenas_context_set_log",
                        tenas_context_set_log(context, function, null_mut()),
                        &of_context,
                    );
                }
                35 => {
                    let path = [c"/nowhere/at/all", c"", c"\xff", c"/dev/null"]
                        [usize::from(d[1] % 4)]
                    .as_ptr();
                    let path = if d[1] % 5 == 4 { null() } else { path };
                    let seconds = [0.0, -1.0, f64::NAN, 1e300][usize::from(d[2] % 4)];
                    let arguments = [of_context[0], given("path", path), ("seconds", false)];
                    let status = if d[3].is_multiple_of(2) {
                        tenas_context_save(context, path)
                    } else {
                        tenas_context_set_checkpoint(context, path, seconds)
                    };
                    let function = ["tenas_context_save", "tenas_context_set_checkpoint"]
                        [usize::from(d[3] % 2)];
                    judge(function, status, &arguments);
                }
                36 => {
                    let (mut kind, mut index) = (77, 77);
                    let (a, b) = (out(&mut kind, d[1]), out(&mut index, d[2]));
                    let status = tenas_context_device(context, a, b);
                    let arguments = [of_context[0], given("kind", a), given("index", b)];
                    let ok = judge("tenas_context_device", status, &arguments);
                    untouched(ok, &(kind, index), &(77, 77));
                }
                37 => {
                    let (cell, edge, operation) = (small(1), small(2), small(3));
                    let space = i32::from(d[0] % 4);
                    let names = ["space", "cell", "edge", "operation"].map(|name| (name, false));
                    let (ok, name) = ask!(tenas_space_name(space), null(), d[4], names);
                    assert!(!ok || !CStr::from_ptr(name).is_empty());
                    ask!(tenas_space_cell_name(space, cell), null(), d[4], names);
                    ask!(tenas_space_edge_name(space, cell, edge), null(), d[4], names);
                    ask!(tenas_space_operation_name(space, operation), null(), d[4], names);
                    assert!(!CStr::from_ptr(tenas_status_name(signed(1))).is_empty());
                }
                38 => {
                    let mut info: tenas_parameter = std::mem::zeroed();
                    info.struct_size =
                        [size_of::<tenas_parameter>(), 8, 4097][usize::from(d[1] % 3)];
                    info.preset = 77;
                    let pointer = out(&mut info, d[2]);
                    let status =
                        tenas_parameter_info(signed(0), signed(3), number(4) as usize, pointer);
                    let arguments = [given("out", pointer), ("space", false), ("dataset", false)];
                    let ok = judge("tenas_parameter_info", status, &arguments);
                    untouched(ok, &info.preset, &77);
                }
                39 => {
                    let names = ["space", "format", "index"].map(|name| (name, false));
                    let written = text("tenas_genotype_at", d[2], &names, |b, c, l| {
                        tenas_genotype_at(signed(1), number(3), signed(4), b, c, l)
                    });
                    if let Some(written) = written {
                        let written = std::ffi::CString::new(written).unwrap();
                        let mut index = 0;
                        let status =
                            tenas_genotype_index(signed(1), written.as_ptr(), &raw mut index);
                        assert_eq!((status, index), (OK, number(3)), "{}", message());
                    }
                    text("tenas_genotype_sample", d[3], &names, |b, c, l| {
                        tenas_genotype_sample(signed(1), number(2), number(3), signed(4), b, c, l)
                    });
                    let operations = [small(2), small(3), 1, 2, 3, 4];
                    let names = ["space", "format", "operation", "count"].map(|name| (name, false));
                    text("tenas_genotype_from_operations", d[3], &names, |b, c, l| {
                        let (operations, count) = (operations.as_ptr(), usize::from(d[4] % 7));
                        tenas_genotype_from_operations(signed(1), operations, count, 1, b, c, l)
                    });
                }
                40 => {
                    let dataset = self.dataset(d[1]);
                    let (mut space, mut repeats) = (0, 0);
                    tenas_config_space(config, &raw mut space);
                    tenas_config_repeats(config, &raw mut repeats);
                    // Others take seconds.
                    if config.is_null() || dataset.is_null() || (space == 1 && repeats <= 2) {
                        let mut found: tenas_indicators = std::mem::zeroed();
                        found.struct_size =
                            [size_of::<tenas_indicators>(), 8, 4097][usize::from(d[2] % 3)];
                        found.repeats = 77;
                        let pointer = out(&mut found, d[3]);
                        let mask = [1_u8; 30];
                        let count = [30, 29, 0][usize::from(d[4] % 3)];
                        let status = tenas_indicators_of_mask(
                            config,
                            dataset,
                            mask.as_ptr(),
                            count,
                            pointer,
                        );
                        let names = ["mask", "count", "batch_size", "image"].map(|n| (n, false));
                        let handles = [of_config[0], given("dataset", dataset)];
                        let arguments = [&handles[..], &[given("out", pointer)], &names].concat();
                        let ok = judge("tenas_indicators_of_mask", status, &arguments);
                        untouched(ok, &found.repeats, &77);
                        let genotype = c"|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|none~2|";
                        let status =
                            tenas_indicators_of(config, dataset, genotype.as_ptr(), pointer);
                        let ok = judge("tenas_indicators_of", status, &arguments);
                        assert!(!ok || found.ntk.is_finite() && found.ntk >= 1.0);
                    }
                }
                _ => {
                    let texts = [
                        c"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
                        c"|",
                        c"{",
                        c"\xff",
                        c"Genotype(",
                    ];
                    let genotype = texts[usize::from(d[1]) % texts.len()].as_ptr();
                    let genotype = if d[1] % 7 == 6 { null() } else { genotype };
                    let arguments =
                        [given("genotype", genotype), ("space", false), ("format", false)];
                    text("tenas_genotype_convert", d[4], &arguments, |b, c, l| {
                        tenas_genotype_convert(signed(2), genotype, signed(3), b, c, l)
                    });
                }
            }
        }
    }

    /// Calls that make or free a handle.
    fn step(&self, (op, d): Step) -> Effect {
        let signed = |i: usize| if d[i] % 5 == 0 { -1 } else { i32::from(d[i] % 7) };
        let slot = usize::from(d[4]) % SLOTS;
        // SAFETY: handles are live or NULL, texts end with NUL, outputs can be written.
        unsafe {
            match op % 11 {
                10 => {
                    // A loader: its user pointer is given back once, when nothing uses it any more.
                    let host = Box::into_raw(Box::new(usize::from(d[0] % 5)));
                    LENT.with(|lent| lent.set(lent.get() + 1));
                    let id = [c"images", c"", c"\xff"][usize::from(d[1] % 3)];
                    let id = if d[1] % 7 == 6 { null() } else { id.as_ptr() };
                    let function: tenas_load_fn = (d[2] % 6 != 5).then_some(load);
                    let side = if d[0].is_multiple_of(4) {
                        NUMBERS[usize::from(d[1]) % 6] as usize
                    } else {
                        8
                    };
                    let names =
                        ["count", "channels", "height", "width", "classes"].map(|n| (n, false));
                    let given = [given("id", id), ("load", function.is_none())];
                    let arguments = [&names[..], &given].concat();
                    let (ok, made) = ask!(
                        tenas_dataset_from_callback(
                            usize::from(d[2] % 9),
                            3,
                            side,
                            side,
                            null(),
                            null(),
                            4,
                            function,
                            Some(release),
                            host.cast(),
                            id
                        ),
                        null_mut(),
                        d[3],
                        arguments
                    );
                    if ok {
                        return Effect::Dataset(slot, made);
                    }
                    // Still ours.
                    release(host.cast());
                    Effect::Nothing
                }
                0 => {
                    let space = if d[0].is_multiple_of(4) { signed(1) } else { 1 };
                    let dataset = if d[0].is_multiple_of(3) { signed(2) } else { 5 };
                    let names = [("space", false), ("dataset", false)];
                    let (ok, made) =
                        ask!(tenas_config_new(space, dataset), null_mut(), d[3], names);
                    if ok { Effect::Config(slot, made) } else { Effect::Nothing }
                }
                1 => {
                    let texts = [
                        c"{\"space\":\"nas-bench-201\",\"dataset\":\"custom\",\"threads\":1,\"batch_size\":2,\"repeats\":1}",
                        c"{\"space\":\"darts\",\"dataset\":\"custom\",\"threads\":1,\"batch_size\":2}",
                        c"{",
                        c"{\"space\":7}",
                        c"\xff",
                    ];
                    let json = texts[usize::from(d[0]) % texts.len()].as_ptr();
                    let json = if d[0] % 6 == 5 { null() } else { json };
                    let (ok, made) =
                        ask!(tenas_config_from_json(json), null_mut(), d[3], [given("json", json)]);
                    if ok { Effect::Config(slot, made) } else { Effect::Nothing }
                }
                2 => {
                    let side = if d[0].is_multiple_of(4) {
                        NUMBERS[usize::from(d[1]) % 6] as usize
                    } else {
                        8
                    };
                    let count = usize::from(d[2] % 9);
                    let images: Vec<u8> =
                        (0..8 * 3 * 64_u32).map(|i| (i * 7 % 251) as u8).collect();
                    let pointer = if d[1] % 7 == 6 { null() } else { images.as_ptr() };
                    let mean = [1.0_f32; 3];
                    let mean = if d[2].is_multiple_of(3) { mean.as_ptr() } else { null() };
                    let names =
                        ["count", "channels", "height", "width", "classes", "stddev", "mean"];
                    let mut arguments = names.map(|name| (name, name == "stddev")).to_vec();
                    arguments.push(given("images", pointer));
                    arguments.push(("mean", mean.is_null()));
                    let (ok, made) = ask!(
                        tenas_dataset_from_images(pointer, count, 3, side, side, mean, null(), 4),
                        null_mut(),
                        d[3],
                        arguments
                    );
                    if ok { Effect::Dataset(slot, made) } else { Effect::Nothing }
                }
                3 => {
                    let path =
                        [c"/nowhere", c"", c"\xff", c"/dev/null"][usize::from(d[0] % 4)].as_ptr();
                    let path = if d[0] % 5 == 4 { null() } else { path };
                    let names = [("dataset", false), given("path", path)];
                    let (ok, _) =
                        ask!(tenas_dataset_open(signed(1), path), null_mut(), d[3], names);
                    assert!(!ok);
                    Effect::Nothing
                }
                4..=6 => {
                    let (config, dataset) = (self.config(d[0]), self.dataset(d[1]));
                    let names = [
                        given("config", config),
                        given("dataset", dataset),
                        ("batch_size", false),
                        ("image", false),
                    ];
                    let (ok, made) =
                        ask!(tenas_context_new(config, dataset), null_mut(), d[3], names);
                    if !ok {
                        return Effect::Nothing;
                    }
                    assert!(self.is_config(config));
                    let (mut space, mut repeats) = (0, 0);
                    assert_eq!(tenas_config_space(config, &raw mut space), OK);
                    assert_eq!(tenas_config_repeats(config, &raw mut repeats), OK);
                    Effect::Context(slot, made, space == 1 && repeats <= 2)
                }
                7 => {
                    let (context, light) = self.context(d[0]);
                    let path = saved_search();
                    let path = if d[1] % 4 == 3 { c"/nowhere" } else { path };
                    let (dataset, machine) = (
                        self.dataset(d[2]),
                        if d[1].is_multiple_of(2) { null_mut() } else { self.config(d[3]) },
                    );
                    let names = [
                        given("path", path.as_ptr()),
                        given("dataset", dataset),
                        ("config", false),
                        ("machine", false),
                    ];
                    let (ok, made) = ask!(
                        tenas_context_load(path.as_ptr(), dataset, machine),
                        null_mut(),
                        d[4],
                        names
                    );
                    let _ = (context, light);
                    if ok { Effect::Context(slot, made, true) } else { Effect::Nothing }
                }
                8 => match d[0] % 4 {
                    0 => Effect::Config(slot, null_mut()),
                    1 => Effect::Dataset(slot, null_mut()),
                    _ => Effect::Context(slot, null_mut(), true),
                },
                _ => {
                    // Freeing what is NULL or of another type does nothing.
                    tenas_context_free(self.configs[slot].cast());
                    tenas_config_free(self.datasets[slot].cast());
                    tenas_dataset_free(self.contexts[slot].cast());
                    tenas_benchmark_free(self.contexts[slot].cast());
                    let (context, _) = self.context(d[0]);
                    let (ok, made) = ask!(
                        tenas_context_config(context),
                        null_mut(),
                        d[3],
                        [given("context", context)]
                    );
                    if ok { Effect::Config(slot, made) } else { Effect::Nothing }
                }
            }
        }
    }

    /// Puts what was made into its slot, and frees what was there.
    fn apply(&mut self, effect: Effect) {
        // SAFETY: live handles or NULL, which nobody else has.
        unsafe {
            match effect {
                Effect::Nothing => {}
                Effect::Config(slot, made) => {
                    tenas_config_free(std::mem::replace(&mut self.configs[slot], made));
                }
                Effect::Dataset(slot, made) => {
                    tenas_dataset_free(std::mem::replace(&mut self.datasets[slot], made));
                }
                Effect::Context(slot, made, light) => {
                    tenas_context_free(std::mem::replace(&mut self.contexts[slot], made));
                    self.light[slot] = light;
                }
            }
        }
    }

    /// A search near its end, with configuration and data set; the last slots are empty.
    fn new() -> Self {
        let mut world = World {
            configs: [null_mut(); SLOTS],
            datasets: [null_mut(); SLOTS],
            contexts: [null_mut(); SLOTS],
            light: [true; SLOTS],
        };
        world.configs[0] = small_config();
        world.datasets[0] = images();
        // SAFETY: live handles, a C string, an output.
        let status = unsafe {
            tenas_context_load(
                saved_search().as_ptr(),
                world.datasets[0],
                null(),
                &raw mut world.contexts[0],
            )
        };
        assert_eq!(status, OK, "{}", message());
        // And one that has not begun.
        world.configs[1] = small_config();
        world.datasets[1] = images();
        // SAFETY: live handles and an output.
        let status = unsafe {
            tenas_context_new(world.configs[1], world.datasets[1], &raw mut world.contexts[1])
        };
        assert_eq!(status, OK, "{}", message());
        world
    }

    /// Every handle still serves; then all are freed.
    fn end(mut self) {
        // SAFETY: live handles or NULL, and outputs.
        unsafe {
            for config in self.configs.into_iter().filter(|c| !c.is_null()) {
                let mut length = 0;
                assert_eq!(tenas_config_to_json(config, null_mut(), 0, &raw mut length), OK);
                assert!(length > 20);
            }
            for dataset in self.datasets.into_iter().filter(|d| !d.is_null()) {
                let mut length = 0;
                assert_eq!(tenas_dataset_source(dataset, null_mut(), 0, &raw mut length), OK);
                assert!(length > 0);
            }
            for context in self.contexts.into_iter().filter(|c| !c.is_null()) {
                let (mut finished, mut count, mut length) = (false, 77, 0);
                assert_eq!(tenas_context_is_finished(context, &raw mut finished), OK);
                assert_eq!(tenas_context_candidate_count(context, &raw mut count), OK);
                assert_eq!(finished, count == 0);
                let status = tenas_context_genotype(context, 1, null_mut(), 0, &raw mut length);
                assert_eq!(status == OK, finished, "{}", message());
            }
        }
        for slot in 0..SLOTS {
            self.apply(Effect::Context(slot, null_mut(), true));
            self.apply(Effect::Dataset(slot, null_mut()));
            self.apply(Effect::Config(slot, null_mut()));
        }
        assert_eq!(LENT.get(), 0, "every loader's user pointer has come back");
    }
}

fn small_config() -> *mut tenas_config {
    let json = c"{\"space\":\"nas-bench-201\",\"dataset\":\"custom\",\"threads\":1,\"batch_size\":2,\"repeats\":1,\"device\":\"cpu\"}";
    let mut config = null_mut();
    // SAFETY: a C string and an output.
    let status = unsafe { tenas_config_from_json(json.as_ptr(), &raw mut config) };
    assert_eq!(status, OK, "{}", message());
    config
}

fn images() -> *mut tenas_dataset {
    let images: Vec<u8> =
        (0..8 * 192_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut dataset = null_mut();
    // SAFETY: as many bytes as are said, and an output.
    let status = unsafe {
        tenas_dataset_from_images(images.as_ptr(), 8, 3, 8, 8, null(), null(), 4, &raw mut dataset)
    };
    assert_eq!(status, OK, "{}", message());
    dataset
}

/// A search that its host has pruned down to two candidates.
fn saved_search() -> &'static CStr {
    static PATH: OnceLock<std::ffi::CString> = OnceLock::new();
    PATH.get_or_init(|| {
        let path =
            format!("{}/abi-sequences-{}.json", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        let path = std::ffi::CString::new(path).unwrap();
        let (config, dataset, mut context) = (small_config(), images(), null_mut());
        // SAFETY: live handles and C strings.
        unsafe {
            assert_eq!(tenas_context_new(config, dataset, &raw mut context), OK);
            for edge in 0..6 {
                for operation in 0..4 {
                    if (edge, operation) != (5, 3) {
                        tenas_context_prune(context, 0, edge, operation);
                    }
                }
            }
            assert_eq!(tenas_context_save(context, path.as_ptr()), OK, "{}", message());
            tenas_context_free(context);
            tenas_dataset_free(dataset);
            tenas_config_free(config);
        }
        path
    })
}

fn sequence(steps: Vec<(u8, Step, Step)>) {
    let mut world = World::new();
    for (what, first, second) in steps {
        match what % 16 {
            0..=4 => {
                let effect = world.step(first);
                world.apply(effect);
            }
            // Two at once, most often on the same handles.
            5 => {
                let second = (second.0, if what > 60 { first.1 } else { second.1 });
                let world = &world;
                thread::scope(|scope| {
                    scope.spawn(move || world.shared(second));
                    world.shared(first);
                });
            }
            _ => world.shared(first),
        }
    }
    world.end();
}

#[test]
fn ten_thousand_random_sequences_keep_every_promise() {
    let sequences = std::env::var("TENAS_SEQUENCES").map_or(SEQUENCES, |n| n.parse().unwrap());
    let step = || (any::<u8>(), any::<[u16; 5]>());
    let steps = vec((any::<u8>(), step(), step()), 1..48);
    // Proptest is for one thread; each of two has its own, from a seed of its own.
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for half in 0..2 {
            let (steps, failures) = (&steps, &failures);
            scope.spawn(move || {
                let runner =
                    Runner { cases: sequences / 2, failure_persistence: None, ..Runner::default() };
                let seed = proptest::test_runner::RngSeed::Fixed(half);
                let mut runner = TestRunner::new(Runner { rng_seed: seed, ..runner });
                if let Err(error) = runner.run(steps, |steps| {
                    sequence(steps);
                    Ok(())
                }) {
                    failures.lock().unwrap().push(error.to_string());
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let counts: Vec<usize> = STATUSES.iter().map(|n| n.load(Ordering::Relaxed)).collect();
    println!("{sequences} sequences; calls by status: {counts:?}");
    // All that a host without a GPU can cause, but for out of memory.
    for status in [0, 1, 2, 3, 4, 5, 7, 8, 9, 11] {
        assert!(counts[status] > 0 || sequences < SEQUENCES, "no call came to {status}");
    }
}

/// Threads with searches of their own, which they share a data set for, and with one that all use.
#[test]
fn many_threads_hammer_many_contexts_and_one() {
    let (config, dataset) = (small_config(), images());
    let mut shared = null_mut();
    // SAFETY: live handles and C strings.
    unsafe {
        assert_eq!(
            tenas_context_load(saved_search().as_ptr(), dataset, null(), &raw mut shared),
            OK
        );
    }
    let world = World {
        configs: [config, null_mut(), null_mut()],
        datasets: [dataset, null_mut(), null_mut()],
        contexts: [shared; SLOTS],
        light: [true; SLOTS],
    };
    let inside = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    // SAFETY: a live handle; the counter outlives all its calls.
    unsafe {
        let user = (&raw const inside).cast_mut().cast();
        assert_eq!(tenas_context_set_progress(shared, Some(alone), user), OK);
    }
    thread::scope(|scope| {
        for thread in 0..8_u16 {
            let (world, done) = (&world, &done);
            scope.spawn(move || {
                for turn in 0..40_u16 {
                    // SAFETY: live handles.
                    unsafe {
                        let mut own = null_mut();
                        assert_eq!(
                            tenas_context_load(
                                saved_search().as_ptr(),
                                world.datasets[0],
                                null(),
                                &raw mut own
                            ),
                            OK
                        );
                        if turn % 8 == 0 {
                            RUNNING.set(own);
                            assert_eq!(tenas_context_run(own), OK, "{}", message());
                            let mut length = 0;
                            assert_eq!(
                                tenas_context_genotype(own, 1, null_mut(), 0, &raw mut length),
                                OK
                            );
                        }
                        tenas_context_free(own);
                        // One that all use: each call gets in, or is told that another has.
                        let mut scores: [tenas_score; 2] = std::mem::zeroed();
                        let status =
                            tenas_context_evaluate(world.contexts[0], 0, 2, scores.as_mut_ptr());
                        assert!([OK, BUSY, CANCELLED].contains(&status), "{}", message());
                        done.fetch_add(usize::from(status == OK), Ordering::Relaxed);
                    }
                    let draw = thread * 977 + turn * 131;
                    // All but those that end the search, and those that set another callback.
                    let op = [11, 12, 14, 15, 17, 18, 20, 26, 32, 36][usize::from(draw) % 10];
                    world.shared((op, [draw % 9, draw, draw / 3, draw / 5, draw / 7]));
                }
            });
        }
    });
    assert!(done.into_inner() > 0);
    assert!(ALONE.load(Ordering::SeqCst) > 0, "nothing was computed on the one that all use");
    let mut finished = true;
    // SAFETY: live handles, which nobody else uses any more.
    unsafe {
        tenas_context_clear_cancel(shared);
        tenas_context_set_progress(shared, None, null_mut());
        assert_eq!(tenas_context_run_round(shared, &raw mut finished), OK, "{}", message());
        tenas_context_free(shared);
        tenas_dataset_free(dataset);
        tenas_config_free(config);
    }
}

/// Calls of `alone`.
static ALONE: AtomicUsize = AtomicUsize::new(0);

/// Nobody else is inside the context meanwhile.
extern "C" fn alone(_: *const tenas_progress, user: *mut c_void) -> i32 {
    // SAFETY: the counter outlives all threads.
    let inside = unsafe { &*user.cast::<AtomicUsize>() };
    ALONE.fetch_add(1, Ordering::SeqCst);
    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two calls are inside at once");
    thread::yield_now();
    inside.fetch_sub(1, Ordering::SeqCst);
    0
}
