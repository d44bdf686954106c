//! Whole searches, small: the same bits on any number of threads, cancelled and resumed, watched.

#[path = "common/searches.rs"]
mod searches;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};

use searches::{
    CLASSES, SPACES, assert_same, bits, config, context, finished, noise, undisturbed, watch,
};
use serde_json::json;
use tenas::compute::{
    self, Engine, Evidence, Inputs, Parameters, Plan, Reduce, Sink, Task, Tasks, Wanted,
};
use tenas::network::{Fan, Graph, Initialiser};
use tenas::proxy::{condition_number, linear_regions};
use tenas::random::{Key, Purpose};
use tenas::{
    Config, Context, Control, Dataset, DatasetKind, Error, Genotype, GenotypeFormat, Mask,
    Progress, Result, Sampling, SpaceKind, Supernet,
};

/// The message of an `InvalidArgument`.
#[track_caller]
fn invalid<T>(result: Result<T>) -> String {
    match result.err() {
        Some(Error::InvalidArgument(text)) => text,
        other => panic!("expected InvalidArgument, found {other:?}"),
    }
}

#[track_caller]
fn assert_cancelled<T: std::fmt::Debug>(result: Result<T>) {
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

// ---- The same bits ---------------------------------------------------------------------------

fn same_on_any_number_of_threads(kind: SpaceKind, sampling: Sampling) {
    let one = undisturbed(kind, sampling);
    let mut config = config(kind, sampling);
    config.set_threads(2).unwrap();
    assert_same(&finished(&config), one);
    config.set_threads(4).unwrap();
    // By rounds, for once.
    let mut four = context(&config);
    let mut rounds = 1;
    while !four.run_round(&mut watch).unwrap() {
        rounds += 1;
    }
    assert_eq!(rounds, one.records()[one.records().len() - 1].round + 1);
    assert_same(&four, one);
}

#[test]
fn nas_bench_201_common_is_the_same_on_any_number_of_threads() {
    same_on_any_number_of_threads(SpaceKind::NasBench201, Sampling::Common);
}

#[test]
fn nas_bench_201_independent_is_the_same_on_any_number_of_threads() {
    same_on_any_number_of_threads(SpaceKind::NasBench201, Sampling::Independent);
}

#[test]
fn darts_common_is_the_same_on_any_number_of_threads() {
    same_on_any_number_of_threads(SpaceKind::Darts, Sampling::Common);
}

#[test]
fn darts_independent_is_the_same_on_any_number_of_threads() {
    same_on_any_number_of_threads(SpaceKind::Darts, Sampling::Independent);
}

#[test]
fn another_seed_is_another_search() {
    for sampling in [Sampling::Common, Sampling::Independent] {
        let first = undisturbed(SpaceKind::NasBench201, sampling);
        let mut config = config(SpaceKind::NasBench201, sampling);
        config.set_seed(6);
        let second = finished(&config);
        let scores = |c: &Context| c.records()[..24].iter().map(|r| bits(r).1).collect::<Vec<_>>();
        let equal = scores(first).iter().zip(&scores(&second)).filter(|(a, b)| a == b).count();
        assert_eq!(equal, 0);
    }
}

#[test]
fn samplings_differ_only_where_they_should() {
    let common = undisturbed(SpaceKind::NasBench201, Sampling::Common);
    let independent = undisturbed(SpaceKind::NasBench201, Sampling::Independent);
    let now = |c: &Context| c.records()[..24].iter().map(|r| r.score.ntk_now).collect::<Vec<_>>();
    // One supernet for all candidates, or one for each.
    assert!(now(common).iter().all(|k| *k == common.records()[0].score.ntk_now));
    let mut distinct = now(independent);
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    assert_eq!(distinct.len(), 24);
}

// ---- A plain evaluation ----------------------------------------------------------------------

/// Both indicators on one draw, with nothing shared: the network of `graph_mask`, without what
/// `mask` has switched off.
fn indicators(
    config: &Config,
    dataset: &Dataset,
    [graph_mask, mask]: [&Mask; 2],
    key: [u64; 3],
) -> [f64; 2] {
    let supernet = config.supernet();
    let engine = compute::native(1).unwrap();
    let [round, candidate, repeat] = key;
    let key =
        |purpose| Key { seed: config.seed(), purpose, round: round as u32, candidate, repeat };
    let value = |graph: Graph, images: tenas::data::Images, fan, purpose, wanted| {
        let task = Task {
            plan: engine.prepare(Arc::new(graph)),
            mixing: mask.mixing(&supernet.space).into(),
            parameters: Parameters::Drawn(Initialiser {
                init: config.init(),
                fan,
                key: key(purpose),
            }),
            inputs: Inputs {
                values: Arc::new(images.values),
                batches: images.batches,
                batch: images.batch,
            },
            wanted,
        };
        let reduce = |_: usize, evidence: Evidence<'_>| match evidence.kernel {
            Some(k) => condition_number(k.values, k.images),
            None => evidence.bits.map_or(f64::NAN, linear_regions),
        };
        let mut found = f64::NAN;
        engine
            .evaluate(&mut std::iter::once(Ok(task)), &reduce, &mut |_, value| {
                found = value;
                ControlFlow::Continue(())
            })
            .unwrap();
        found
    };
    let batch = config.batch_size() as usize;
    let images = dataset.ntk_batch(batch, &key(Purpose::NtkImages)).unwrap();
    let graph = supernet.ntk_network(graph_mask, dataset.shape(), dataset.classes()).unwrap();
    let ntk = value(graph, images, Fan::Out, Purpose::NtkParameters, Wanted::kernel());
    let images = dataset.region_batches(3, 1000, &key(Purpose::RegionInputs)).unwrap();
    let graph = supernet.thin_network(graph_mask, dataset.classes()).unwrap();
    let regions = value(graph, images, Fan::In, Purpose::RegionParameters, Wanted::bits());
    [ntk, regions]
}

/// The decimal nearest to the exact value, as a fresh parse.
fn rounded(value: f64, decimals: usize) -> f64 {
    let value: f64 = format!("{value:.decimals$}").parse().unwrap();
    if value == 0.0 { 0.0 } else { value }
}

/// Every record of the first two rounds equals what one gets one network at a time.
fn records_equal_a_plain_evaluation(sampling: Sampling) {
    let mut config = config(SpaceKind::NasBench201, sampling);
    config.set_score_decimals(4).unwrap();
    let dataset = noise(12, 8);
    let mut context = Context::new(&config, &dataset).unwrap();
    let mut mask = context.mask().clone();
    let mut seen = 0;
    for round in 0..2u64 {
        context.run_round(&mut watch).unwrap();
        let records = &context.records()[seen..];
        for (i, record) in records.iter().enumerate() {
            let candidate = if sampling == Sampling::Common { 0 } else { i as u64 };
            let repeats = u64::from(config.repeats());
            let left = mask.without(record.score.choice);
            let of = |masks: [&Mask; 2]| -> Vec<[f64; 2]> {
                let key = |repeat| [round, candidate, repeat];
                (0..repeats).map(|r| indicators(&config, &dataset, masks, key(r))).collect()
            };
            let (now, without) = (of([&mask; 2]), of([&mask, &left]));
            // A graph without the operation at all: J has fewer columns, so K differs by rounding.
            for (own, without) in of([&left; 2]).iter().zip(&without) {
                assert!((own[0] - without[0]).abs() <= 1e-6 * own[0], "{own:?} {without:?}");
                assert_eq!(own[1], without[1]);
            }
            let mean = |f: &dyn Fn(usize) -> f64| {
                let mut sum = 0.0;
                for repeat in 0..repeats as usize {
                    sum += f(repeat);
                }
                sum / repeats as f64
            };
            let delta = |which: usize| {
                mean(&|r| rounded((now[r][which] - without[r][which]) / now[r][which], 4))
            };
            let expected = [
                delta(0),
                delta(1),
                mean(&|r| now[r][0]),
                mean(&|r| without[r][0]),
                mean(&|r| now[r][1]),
                mean(&|r| without[r][1]),
            ];
            assert_eq!(bits(record).1, expected.map(f64::to_bits), "{record:?} {expected:?}");
            assert_eq!(u64::from(record.round), round);
        }
        seen += records.len();
        records.iter().filter(|r| r.pruned).for_each(|r| mask.remove(r.score.choice));
        assert_eq!(&mask, context.mask());
    }
    assert_eq!(seen, 24 + 18);
}

#[test]
fn common_records_equal_a_plain_evaluation() {
    records_equal_a_plain_evaluation(Sampling::Common);
}

#[test]
fn independent_records_equal_a_plain_evaluation() {
    records_equal_a_plain_evaluation(Sampling::Independent);
}

// ---- Cancelling ------------------------------------------------------------------------------

/// The native engine, counting the tasks whose value arrived.
#[derive(Debug)]
struct Counting {
    engine: Box<dyn Engine>,
    delivered: Arc<AtomicUsize>,
}

impl Engine for Counting {
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan> {
        self.engine.prepare(graph)
    }

    fn evaluate_all(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        self.engine.evaluate_all(tasks, reduce, &mut |number| {
            self.delivered.fetch_add(1, Ordering::Relaxed);
            sink(number)
        })
    }
}

#[test]
fn a_search_cancelled_after_every_candidate_ends_in_the_same_place() {
    for sampling in [Sampling::Common, Sampling::Independent] {
        let config = config(SpaceKind::NasBench201, sampling);
        let delivered = Arc::new(AtomicUsize::new(0));
        let engine = compute::native(2).unwrap();
        let engine = Box::new(Counting { engine, delivered: delivered.clone() });
        let mut context = Context::with_engine(&config, &noise(12, 8), engine).unwrap();
        let mut calls = 0;
        let mut cancelled = 0;
        loop {
            assert!(cancelled <= 24 + 18 + 12, "every run scores a candidate at least");
            let result = context.run(&mut |_| {
                calls += 1;
                ControlFlow::Break(())
            });
            assert!(!context.control().is_cancelled(), "a reported request is used up");
            match result {
                Ok(()) => break,
                result => assert_cancelled(result),
            }
            cancelled += 1;
            let finished = context.control().progress().candidate;
            assert!(finished > 0 && context.genotype().is_err());
        }
        // Every candidate is reported once, also where a shared value finishes several.
        assert_eq!((calls, cancelled), (24 + 18 + 12, 24 + 18 + 12));
        // No value was computed twice: 2 repeats, 2 indicators.
        let shared = if sampling == Sampling::Common { 3 } else { 24 + 18 + 12 };
        assert_eq!(delivered.load(Ordering::Relaxed), (shared + 24 + 18 + 12) * 4);
        assert_same(&context, undisturbed(SpaceKind::NasBench201, sampling));
    }
}

#[test]
fn darts_cancelled_in_both_stages_ends_in_the_same_place() {
    let mut context = context(&config(SpaceKind::Darts, Sampling::Common));
    for (round, candidate) in [(0, 50), (2, 2), (7, 5)] {
        assert_cancelled(context.run(&mut |p| {
            if (p.round, p.candidate) == (round, candidate) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }));
        assert_eq!(context.control().progress().round, round);
    }
    context.run(&mut watch).unwrap();
    assert_same(&context, undisturbed(SpaceKind::Darts, Sampling::Common));
}

#[test]
fn another_thread_cancels() {
    let mut context = context(&config(SpaceKind::NasBench201, Sampling::Common));
    let control = context.control();
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let other = std::thread::spawn(move || {
        asked.recv().unwrap();
        control.cancel();
        answer.send(()).unwrap();
    });
    let mut calls = 0;
    let result = context.run(&mut |_| {
        calls += 1;
        if calls == 30 {
            ask.send(()).unwrap();
            answered.recv().unwrap();
        }
        ControlFlow::Continue(())
    });
    other.join().unwrap();
    assert_cancelled(result);
    assert_eq!(calls, 30, "nobody is told of candidates after the request");
    assert!(!context.control().is_cancelled());
    context.run(&mut watch).unwrap();
    assert_same(&context, undisturbed(SpaceKind::NasBench201, Sampling::Common));
}

#[test]
fn a_request_with_the_last_candidate_is_reported_and_loses_nothing() {
    let mut context = context(&config(SpaceKind::NasBench201, Sampling::Common));
    let last = |p: &Progress| {
        if p.candidate == p.candidates { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    for round in 0..3 {
        assert_cancelled(context.run(&mut { last }));
        // All scored, nothing pruned yet.
        let progress = context.control().progress();
        assert_eq!((progress.round, progress.candidate), (round, progress.candidates));
        assert_eq!(context.records().iter().filter(|r| r.round == round).count(), 0);
        let done = context.run_round(&mut |_| panic!("every candidate has its score")).unwrap();
        assert_eq!(done, round == 2);
    }
    assert_same(&context, undisturbed(SpaceKind::NasBench201, Sampling::Common));
}

#[test]
fn a_request_before_the_run_stops_one_run() {
    let mut context = context(&config(SpaceKind::NasBench201, Sampling::Common));
    let control = context.control();
    control.cancel();
    assert!(control.is_cancelled());
    assert_cancelled(context.run(&mut |_| panic!("nothing is evaluated")));
    assert!(!control.is_cancelled());
    control.cancel();
    assert_cancelled(context.run_round(&mut |_| panic!("nothing is evaluated")));
    // A request that is taken back never was.
    control.cancel();
    control.clear_cancel();
    assert!(!context.run_round(&mut watch).unwrap());
    // Several requests are one.
    control.cancel();
    control.cancel();
    assert_cancelled(context.run(&mut watch));
    context.run(&mut watch).unwrap();
    assert_same(&context, undisturbed(SpaceKind::NasBench201, Sampling::Common));
    // A finished search reports a request too.
    control.cancel();
    assert_cancelled(context.run(&mut watch));
    context.run(&mut watch).unwrap();
}

/// The native engine; whoever watches it takes requests back when it has stopped.
#[derive(Debug)]
struct Regretting {
    engine: Box<dyn Engine>,
    control: Arc<OnceLock<Arc<Control>>>,
}

impl Engine for Regretting {
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan> {
        self.engine.prepare(graph)
    }

    fn evaluate_all(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let result = self.engine.evaluate_all(tasks, reduce, sink);
        self.control.get().unwrap().clear_cancel();
        result
    }
}

#[test]
fn a_request_taken_back_too_late_is_reported() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let place = Arc::new(OnceLock::new());
    let engine = compute::native(2).unwrap();
    let engine = Box::new(Regretting { engine, control: place.clone() });
    let mut context = Context::with_engine(&config, &noise(12, 8), engine).unwrap();
    let control = context.control();
    place.set(control.clone()).unwrap();
    let mut calls = 0;
    let mut observer = |_: &Progress| {
        calls += 1;
        match calls {
            5 => control.cancel(),
            9 => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    assert_cancelled(context.run(&mut observer));
    assert_cancelled(context.run(&mut observer));
    context.run(&mut observer).unwrap();
    assert_same(&context, undisturbed(SpaceKind::NasBench201, Sampling::Common));
}

// ---- Progress --------------------------------------------------------------------------------

fn progress_of(config: &Config) -> (Vec<Progress>, Progress) {
    let mut context = context(config);
    let control = context.control();
    let start = control.progress();
    assert_eq!((start.round, start.candidate), (0, 0));
    let mut seen = Vec::new();
    let mut observer = |p: &Progress| {
        assert_eq!(control.progress(), *p, "what others read is what the observer is told");
        seen.push(*p);
        ControlFlow::Continue(())
    };
    context.run(&mut observer).unwrap();
    assert_eq!(seen[0].candidates, start.candidates);
    assert_eq!(seen[0].rounds, start.rounds);
    (seen, control.progress())
}

#[test]
fn published_schedules_are_known_from_the_start() {
    for (kind, rounds, candidates) in [(SpaceKind::NasBench201, 3, 24), (SpaceKind::Darts, 8, 196)]
    {
        let mut config = Config::new(kind, DatasetKind::Cifar10);
        // Equal bits are promised of the native engine; AUTO may be a GPU.
        config.set_device(tenas::DeviceKind::Cpu, 0).unwrap();
        config.set_batch_size(4).unwrap();
        let start = context(&config).control().progress();
        assert_eq!([start.round, start.rounds], [0, rounds]);
        assert_eq!([start.candidate, start.candidates], [0, candidates]);
    }
}

#[test]
fn progress_counts_every_candidate_of_every_round() {
    for (kind, sampling, expected) in [
        (SpaceKind::NasBench201, Sampling::Independent, &[24, 18, 12][..]),
        (SpaceKind::Darts, Sampling::Common, &[84, 56, 3, 4, 5, 3, 4, 5]),
    ] {
        let (seen, end) = progress_of(&config(kind, sampling));
        let mut rest = seen.iter();
        for (round, &candidates) in expected.iter().enumerate() {
            for candidate in 1..=candidates {
                let p = rest.next().expect("a call for every candidate");
                assert_eq!((p.round, p.rounds), (round as u32, expected.len() as u32));
                assert_eq!((p.candidate, p.candidates), (candidate, candidates));
            }
        }
        assert!(rest.next().is_none());
        assert!(seen[0].seconds >= 0.0);
        assert!(seen.is_sorted_by(|a, b| a.seconds <= b.seconds));
        assert_eq!((end.round, end.rounds), (expected.len() as u32, expected.len() as u32));
        assert_eq!((end.candidate, end.candidates), (0, 0));
        assert!(end.seconds >= seen[seen.len() - 1].seconds);
    }
}

#[test]
fn progress_goes_on_after_a_cancel() {
    let mut context = context(&config(SpaceKind::NasBench201, Sampling::Independent));
    let mut seen = Vec::new();
    for stop in [10, 24, 54] {
        let result = context.run(&mut |p| {
            seen.push(*p);
            if seen.len() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_cancelled(result);
    }
    context.run(&mut watch).unwrap();
    let counts: Vec<_> = seen.iter().map(|p| (p.round, p.candidate)).collect();
    let expected: Vec<_> =
        (0..3).flat_map(|round| (1..=24 - 6 * round).map(move |c| (round, c))).collect();
    assert_eq!(counts, expected);
    assert!(seen.is_sorted_by(|a, b| a.seconds <= b.seconds));
}

// ---- States and arguments --------------------------------------------------------------------

#[test]
fn there_is_no_genotype_before_the_end() {
    for space in SPACES {
        let mut context = context(&config(space, Sampling::Common));
        for round in 0..2 {
            assert!(!context.is_finished());
            match context.genotype() {
                Err(Error::InvalidState(text)) => {
                    assert!(text.contains(&format!("{round} of")), "{text}");
                }
                other => panic!("{other:?}"),
            }
            context.run_round(&mut watch).unwrap();
        }
    }
}

#[test]
fn a_finished_search_stays_as_it_is() {
    for space in SPACES {
        let mut again = finished(&config(space, Sampling::Common));
        let before = again.control().progress();
        again.run(&mut |_| panic!("nothing is left to evaluate")).unwrap();
        assert!(again.run_round(&mut |_| panic!("nothing is left to evaluate")).unwrap());
        assert!(again.is_finished());
        assert!(again.candidates().is_empty());
        assert_eq!(again.control().progress(), before);
        assert_same(&again, undisturbed(space, Sampling::Common));
    }
}

#[test]
fn the_genotype_is_what_the_records_left() {
    for space in SPACES {
        let context = undisturbed(space, Sampling::Independent);
        let data = &context.config().supernet().space;
        let mut mask = Mask::full(data);
        for record in context.records().iter().filter(|r| r.pruned) {
            assert!(mask.is_active(record.score.choice), "{record:?}");
            mask.remove(record.score.choice);
        }
        assert_eq!(&mask, context.mask());
        let genotype = context.genotype().unwrap();
        let text = genotype.to_text(GenotypeFormat::Native);
        assert_eq!(Genotype::parse(data, &text).unwrap().mask(), &mask);
        assert!(!text.contains("none"), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let config = config(SpaceKind::NasBench201, Sampling::Common);
    let text = invalid(Context::new(&config, &noise(7, 8)));
    for part in ["batch_size", "found 8", "7 images"] {
        assert!(text.contains(part), "{text:?} does not contain {part:?}");
    }
    let text = invalid(Context::new(&config, &noise(12, 10)));
    for part in ["image size", "10 x 10", "divisible by 4", "nas-bench-201"] {
        assert!(text.contains(part), "{text:?} does not contain {part:?}");
    }
}

/// DARTS takes any size, NAS-Bench-201 any that 4 divides, down to the smallest data sets.
#[test]
fn the_smallest_images_can_be_searched() {
    for (space, shape) in [(SpaceKind::NasBench201, [1, 4, 4]), (SpaceKind::Darts, [1, 3, 5])] {
        let len = shape.iter().product::<usize>();
        let bytes: Vec<u8> = (0..3 * len).map(|i| (i * i * 37 % 251) as u8).collect();
        let dataset = Dataset::from_images(&bytes, 3, shape, None, 1).unwrap();
        let mut config = config(space, Sampling::Common);
        config.set_batch_size(2).unwrap();
        config.set_repeats(1).unwrap();
        let mut context = Context::new(&config, &dataset).unwrap();
        context.run(&mut watch).unwrap();
        assert_in_range(&context);
    }
}

// ---- Degenerate networks ---------------------------------------------------------------------

#[track_caller]
fn assert_in_range(context: &Context) {
    let worst = f64::from(1 << 24) / f64::from(context.config().batch_size());
    for r in context.records() {
        assert!((1.0..=worst).contains(&r.score.ntk_now), "{r:?}");
        assert!((1.0..=worst).contains(&r.score.ntk_without), "{r:?}");
        assert!((1.0..=3000.0).contains(&r.score.regions_now), "{r:?}");
        assert!((1.0..=3000.0).contains(&r.score.regions_without), "{r:?}");
        assert!(r.score.ntk_delta.is_finite() && r.score.ntk_delta <= 1.0, "{r:?}");
        assert!(r.score.regions_delta.is_finite() && r.score.regions_delta <= 1.0, "{r:?}");
    }
}

#[test]
fn images_of_one_colour_give_finite_scores() {
    for space in SPACES {
        for (byte, normalisation) in [(0, None), (200, Some((&[9.0f32; 3][..], &[0.5f32; 3][..])))]
        {
            let bytes = vec![byte; 12 * 3 * 64];
            let dataset =
                Dataset::from_images(&bytes, 12, [3, 8, 8], normalisation, CLASSES).unwrap();
            let mut context = Context::new(&config(space, Sampling::Common), &dataset).unwrap();
            context.run(&mut watch).unwrap();
            assert_in_range(&context);
            // Padding is black too, so every image is the same image: a row of J is every row.
            let worst = f64::from(1 << 24) / f64::from(context.config().batch_size());
            assert!(byte > 0 || context.records().iter().all(|r| r.score.ntk_now == worst));
        }
    }
}

#[test]
fn disconnected_networks_give_the_worst_score() {
    // The last node of the cell reads nothing, and no operation has a ReLU.
    let mut file: serde_json::Value = serde_json::from_str(SpaceKind::NasBench201.json()).unwrap();
    let edge = |from: usize, to: usize| match to {
        3 => json!({"from": from, "to": to, "options": ["none"]}),
        _ => json!({"from": from, "to": to}),
    };
    let edges: Vec<_> = (1..4).flat_map(|to| (0..to).map(move |from| edge(from, to))).collect();
    file["cells"][0]["edges"] = json!({"listed": edges});
    let without = |o: &serde_json::Value| !o["name"].as_str().unwrap().starts_with("nor_conv");
    file["operations"].as_array_mut().unwrap().retain(without);
    let supernet = Supernet::from_json(&file.to_string()).unwrap();
    let mut config = Config::for_supernet(Arc::new(supernet), DatasetKind::Custom);
    config.set_batch_size(8).unwrap();
    config.set_threads(2).unwrap();
    let mut context = context(&config);
    context.run(&mut watch).unwrap();
    for r in context.records() {
        let worst = f64::from(1 << 24) / 8.0;
        assert_eq!([r.score.ntk_now, r.score.ntk_without, r.score.ntk_delta], [worst, worst, 0.0]);
        assert_eq!(
            [r.score.regions_now, r.score.regions_without, r.score.regions_delta],
            [1.0, 1.0, 0.0]
        );
        assert_eq!([r.ranks.ntk, r.ranks.regions], [1, 1]);
    }
    // All tied: the first operations of every edge go first.
    let text = context.genotype().unwrap().to_text(GenotypeFormat::Native);
    let edge = "avg_pool_3x3";
    let expected = format!("|{edge}~0|+|{edge}~0|{edge}~1|+|none~0|none~1|none~2|");
    assert_eq!(text, expected);
}
