//! Models of a context's lock, cancel, poison and progress: loom runs each in every order that its
//! events can have.
#![cfg(all(loom, test))]
#![allow(dead_code, reason = "the modules are the library's")]

#[path = "../../../src/search/control.rs"]
mod control;
#[path = "../../../src/gate.rs"]
mod gate;

use std::panic;

use control::{Control, Progress};
use gate::{Gate, Refused};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// As `Context::run_round`: asked before, before each candidate, and at the end.
fn run(control: &Control, candidates: usize) -> bool {
    if control.take_cancel() {
        return true;
    }
    let watch = control.watch();
    for _ in 0..candidates {
        if watch.is_stopped() {
            break;
        }
        thread::yield_now();
    }
    watch.finish()
}

#[test]
fn two_callers_are_never_both_inside() {
    loom::model(|| {
        // Loom finds two that are inside at once.
        let gate = Arc::new(Gate::new((UnsafeCell::new(()), 0)));
        let call = |gate: &Gate<(UnsafeCell<()>, i32)>| {
            let entered = gate.enter(|(inside, count)| {
                inside.with_mut(|_| thread::yield_now());
                *count += 1;
            });
            match entered {
                Ok(()) => 1,
                Err(refused) => {
                    assert_eq!(refused, Refused::Busy);
                    0
                }
            }
        };
        let other = {
            let gate = gate.clone();
            thread::spawn(move || call(&gate))
        };
        let entered = call(&gate) + other.join().unwrap();
        assert!(entered >= 1, "one of two gets in");
        assert_eq!(gate.enter(|(_, count)| *count).unwrap(), entered);
    });
}

#[test]
fn a_call_inside_a_call_is_busy() {
    loom::model(|| {
        let gate = Gate::new(());
        let inner = gate.enter(|()| gate.enter(|()| ())).unwrap();
        assert_eq!(inner, Err(Refused::Busy));
    });
}

#[test]
fn a_panic_is_told_to_all_later_calls() {
    panic::set_hook(Box::new(|_| {}));
    loom::model(|| {
        let gate = Arc::new(Gate::new(0));
        let other = {
            let gate = gate.clone();
            thread::spawn(move || gate.enter(|_| -> () { panic!("no edge") }))
        };
        let seen = gate.enter(|_| ());
        let panicked = other.join().unwrap();
        let poisoned = || Err(Refused::Poisoned("no edge".to_owned()));
        match &panicked {
            Err(Refused::Panicked(text)) => {
                assert_eq!(text, "no edge");
                assert!(seen == Ok(()) || seen == Err(Refused::Busy) || seen == poisoned());
                for _ in 0..2 {
                    assert_eq!(gate.enter(|_| ()), poisoned());
                }
            }
            // It never got in.
            refused => {
                assert_eq!(refused, &Err(Refused::Busy));
                assert_eq!((seen, gate.enter(|_| ())), (Ok(()), Ok(())));
            }
        }
    });
    let _ = panic::take_hook();
}

#[test]
fn no_cancel_is_lost_and_one_call_reports_it() {
    loom::model(|| {
        let control = Arc::new(Control::default());
        let other = {
            let control = control.clone();
            thread::spawn(move || control.cancel())
        };
        // It comes before, in or behind this run; or not at all in it.
        let first = run(&control, 2);
        other.join().unwrap();
        let second = run(&control, 2);
        assert!(first != second, "reported {first} and {second}");
        assert!(!run(&control, 1), "the request is used up");
    });
}

#[test]
fn two_cancels_are_reported_once_or_twice() {
    loom::model(|| {
        let control = Arc::new(Control::default());
        let others = [(); 2].map(|()| {
            let control = control.clone();
            thread::spawn(move || control.cancel())
        });
        let first = run(&control, 1);
        for other in others {
            other.join().unwrap();
        }
        let second = run(&control, 1);
        assert!(first || second);
        assert!(!run(&control, 1));
    });
}

#[test]
fn a_run_that_stops_reports_it_even_if_the_request_is_taken_back() {
    loom::model(|| {
        let control = Arc::new(Control::default());
        control.cancel();
        let other = {
            let control = control.clone();
            thread::spawn(move || control.clear_cancel())
        };
        let watch = control.watch();
        let stopped = watch.is_stopped();
        let reported = watch.finish();
        assert!(reported || !stopped, "what is acted on is reported");
        other.join().unwrap();
        assert!(!run(&control, 1), "reported or taken back");
    });
}

#[test]
fn a_cancel_with_nothing_running_is_the_next_runs() {
    loom::model(|| {
        let control = Control::default();
        control.cancel();
        assert!(run(&control, 2));
        assert!(!run(&control, 2));
    });
}

/// A run under the lock, another caller, a third that cancels: together.
#[test]
fn lock_and_cancel_together() {
    loom::model(|| {
        let (gate, control) = (Arc::new(Gate::new(0)), Arc::new(Control::default()));
        let call = |gate: &Gate<i32>, control: &Control| {
            gate.enter(|runs| {
                *runs += 1;
                run(control, 1)
            })
        };
        let other = {
            let (gate, control) = (gate.clone(), control.clone());
            thread::spawn(move || call(&gate, &control))
        };
        control.cancel();
        let seen = [call(&gate, &control), other.join().unwrap()];
        let reported = seen.iter().filter(|result| **result == Ok(true)).count();
        let after = call(&gate, &control).unwrap();
        assert_eq!(reported + usize::from(after), 1, "{seen:?}, then {after}");
        let entered = seen.iter().filter(|result| result.is_ok()).count() as i32;
        assert_eq!(gate.enter(|runs| *runs).unwrap(), entered + 1);
    });
}

#[test]
fn progress_is_never_of_two_rounds() {
    loom::model(|| {
        let control = Arc::new(Control::default());
        let at = |round: u32, candidate: u32| Progress {
            round,
            rounds: 2,
            candidate,
            candidates: 10 - round,
            seconds: f64::from(10 * round + candidate),
        };
        control.set_progress(&at(0, 7));
        let other = {
            let control = control.clone();
            thread::spawn(move || {
                control.set_progress(&at(0, 8));
                control.set_progress(&at(1, 0));
            })
        };
        let mut last = 0.0;
        for _ in 0..2 {
            let found = control.progress();
            let all = [at(0, 7), at(0, 8), at(1, 0)];
            let counts = |p: &Progress| (p.round, p.rounds, p.candidate, p.candidates);
            let place = all.iter().find(|p| counts(p) == counts(&found));
            let place = place.unwrap_or_else(|| panic!("found {found:?}"));
            // Seconds are a value of their own: never behind the counts.
            assert!(found.seconds >= place.seconds && found.seconds >= last, "{found:?}");
            last = found.seconds;
        }
        other.join().unwrap();
        assert_eq!(control.progress(), at(1, 0));
    });
}
