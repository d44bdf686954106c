//! The engines against finite differences and against each other.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::cpu::CpuEngine;
use super::kernels::{Kernels, RowsMut, Shape};
use super::native::{InstructionSet, NativeKernels, native_with};
use super::program::Program;
use super::reference::{ReferenceKernels, reference};
use super::walk::{Instance, Notes, Start, forward, reverse};
use super::*;
use crate::network::{
    Activation, Builder, Convolution, Fan, Init, Initialiser, NodeId, Operation, ParameterKind,
    Supernet, Window,
};
use crate::random::{Key, Purpose, Stream};
use crate::space::{Mask, SpaceKind};

const CLASSES: usize = 3;

fn stream(number: u64) -> Stream {
    Key { seed: 7, purpose: Purpose::NtkParameters, round: 0, candidate: 0, repeat: 0 }
        .stream(number)
}

/// Parameters with everything moved off its initial value, batch normalisation too.
fn parameters(graph: &Graph) -> Vec<f32> {
    let mut stream = stream(1);
    let mut values = Vec::new();
    for p in graph.parameters.iter() {
        let centre = if p.kind == ParameterKind::NormScale { 1.0 } else { 0.0 };
        values.extend((0..p.len()).map(|_| (centre + 0.4 * stream.normal()) as f32));
    }
    values
}

fn images(graph: &Graph, batch: usize) -> Vec<f32> {
    let mut stream = stream(2);
    let len = batch * graph.input_shape().iter().product::<usize>();
    (0..len).map(|_| stream.normal() as f32).collect()
}

/// A network around the layers that `build` adds: a convolution before them, so that their input
/// adjoints reach parameters, and a head behind.
fn around(
    size: [usize; 2],
    channels: usize,
    build: impl Fn(&mut Builder, NodeId) -> NodeId,
) -> Graph {
    let mut b = Builder::new([2, size[0], size[1]], 4);
    let x = b.conv("first", 0, channels, Convolution::same(3)).expect("a convolution");
    let x = build(&mut b, x);
    b.head("norm", "classifier", x, CLASSES);
    b.finish()
}

/// Depthwise: of two channels.
fn conv(kernel: usize, stride: usize, dilation: usize, depthwise: bool) -> Convolution {
    let padding = (dilation * (kernel / 2)) as isize;
    let groups = if depthwise { 2 } else { 1 };
    Convolution { groups, ..Convolution::square(kernel, stride, padding, dilation) }
}

fn pool(kernel: usize, stride: usize, padding: usize) -> Window {
    Window::square(kernel, stride, padding)
}

/// Convolutions to so many channels of four, with what only networks from elsewhere have:
/// rectangles, sides that differ, groups.
fn general_convolutions() -> Vec<(usize, Convolution)> {
    let base = Convolution::square(1, 1, 0, 1);
    vec![
        (3, Convolution { kernel: [1, 3], padding: [[0, 0], [1, 1]], ..base }),
        (4, Convolution { kernel: [3, 1], padding: [[1, 1], [0, 0]], groups: 2, ..base }),
        (4, Convolution { kernel: [2, 3], padding: [[0, 1], [2, 0]], stride: [2, 1], ..base }),
        (6, Convolution { groups: 2, ..Convolution::square(3, 2, 1, 1) }),
        (8, Convolution { groups: 4, ..Convolution::square(3, 1, 1, 1) }),
        (2, Convolution { kernel: [2, 2], dilation: [1, 2], padding: [[1, 0], [1, 1]], ..base }),
        (3, Convolution { padding: [[-1, 2], [1, 0]], stride: [1, 2], ..base }),
        (4, Convolution { groups: 4, stride: [1, 3], ..Convolution::square(3, 1, 1, 1) }),
        (5, Convolution { padding: [[0, -1], [-1, 0]], ..base }),
    ]
}

/// Windows that only networks from elsewhere have, on planes of that size.
fn general_windows(size: [usize; 2]) -> Vec<Window> {
    let base = Window::square(2, 2, 0);
    let mut all = vec![
        base,
        Window { padding: [[1, 1]; 2], counts_padding: true, ..base },
        Window { kernel: [1, 2], stride: [1, 2], ..base },
        Window { kernel: size, stride: size, ..base },
        Window { stride: [1, 2], padding: [[0, 1], [1, 0]], counts_padding: true, ..base },
    ];
    if size[0] > 2 {
        all.push(Window { kernel: [3, 2], stride: [2, 2], ..base });
        all.push(Window { stride: [2, 2], counts_padding: true, ..Window::square(3, 2, 1) });
    }
    all
}

/// Every primitive, at the strides, dilations and odd sizes that networks use.
fn primitives() -> Vec<(String, Graph)> {
    let mut all: Vec<(String, Graph)> = Vec::new();
    let mut add = |name: String, graph| all.push((name, graph));
    for size in [[2, 2], [3, 3], [5, 7], [8, 8]] {
        for (channels, g) in [
            (5, conv(3, 1, 1, false)),
            (3, conv(1, 1, 1, false)),
            (4, conv(3, 2, 1, false)),
            (1, conv(5, 1, 1, false)),
            (2, conv(1, 2, 1, false)),
            (7, Convolution::square(1, 2, -1, 1)),
        ] {
            let layer = |b: &mut Builder, x| b.conv("conv", x, channels, g).expect("fits");
            add(format!("{g:?} {size:?}"), around(size, 3, layer));
            add(
                format!("relu, {g:?}, norm {size:?}"),
                around(size, 3, |b, x| {
                    let x = b.relu(x);
                    let x = layer(b, x);
                    b.batch_norm("bn", x)
                }),
            );
        }
        for g in [
            conv(3, 1, 1, true),
            conv(5, 1, 1, true),
            conv(3, 2, 1, true),
            conv(5, 2, 1, true),
            conv(3, 1, 2, true),
            conv(5, 1, 2, true),
            conv(3, 2, 2, true),
            conv(5, 2, 2, true),
        ] {
            let layer = |b: &mut Builder, x| {
                let x = b.relu(x);
                let x = b.conv("depth", x, 2, g).expect("fits");
                let x = b.conv("point", x, 2, conv(1, 1, 1, false)).expect("fits");
                b.batch_norm("bn", x)
            };
            add(format!("{g:?} {size:?}"), around(size, 2, layer));
        }
        for window in [pool(3, 1, 1), pool(3, 2, 1), pool(2, 2, 0)] {
            add(
                format!("average {window:?} {size:?}"),
                around(size, 2, |b, x| b.avg_pool(x, window)),
            );
            add(
                format!("maximum {window:?} {size:?}"),
                around(size, 2, |b, x| b.max_pool(x, window)),
            );
        }
        for (n, (channels, g)) in general_convolutions().into_iter().enumerate() {
            let layer = move |b: &mut Builder, x: NodeId| {
                let x = b.relu(x);
                let weight = b.conv_weight("conv.weight".into(), x, channels, g);
                let bias = [channels];
                // Some with a bias, some with batch normalisation, which takes a bias away.
                let kind = ParameterKind::ConvBias;
                let bias = (n % 2 == 0).then(|| b.parameter("conv.bias".into(), kind, &bias, 1));
                let x = b.conv_of("conv", x, weight, bias, channels, g).expect("fits");
                if n % 3 == 0 { b.batch_norm("bn", x) } else { x }
            };
            add(format!("{g:?}, {n}, {size:?}"), around(size, 4, layer));
        }
        for window in general_windows(size) {
            for average in [true, false] {
                let out = [0, 1].map(|a| {
                    let [before, after] = window.padding[a];
                    let room = size[a] + before + after - window.kernel[a];
                    // Rounded up, as in ceil mode, where the last window begins in the plane.
                    let up = room.div_ceil(window.stride[a]) + 1;
                    let within = (up - 1) * window.stride[a] < size[a] + before;
                    if within { up } else { up - 1 }
                });
                let name = format!("average {average}, {window:?} {size:?}");
                add(name, around(size, 2, |b, x| b.pool_to(x, window, average, out)));
            }
        }
        for activation in [
            Activation::Clip { low: 0.0, high: 0.7 },
            Activation::Clip { low: -0.5, high: f64::INFINITY },
            Activation::LeakyRelu { slope: 0.2 },
            Activation::Sigmoid,
            Activation::HardSigmoid { slope: 0.4, shift: 0.3 },
            Activation::HardSwish,
            Activation::Affine { scale: -1.5, shift: 0.25 },
        ] {
            add(
                format!("{activation:?} {size:?}"),
                around(size, 2, |b, x| b.activation(x, activation)),
            );
        }
        add(
            // A gate of channels, a product with itself, and one with the image.
            format!("products {size:?}"),
            around(size, 2, |b, x| {
                let pooled = b.global_pool(x);
                let gate = b.linear("gate", pooled, 2);
                let gate = b.activation(gate, Activation::Sigmoid);
                let gate = b.expand(gate, size);
                let y = b.mul(x, gate);
                let z = b.mul(y, y);
                b.mul(z, 0)
            }),
        );
        add(
            format!("channels in another order {size:?}"),
            around(size, 4, |b, x| {
                let left = b.select(x, vec![0, 1]);
                let right = b.select(x, vec![3, 2, 3]);
                let right = b.batch_norm("bn", right);
                let all = b.concat(&[left, right]);
                b.select(all, vec![0, 2, 4, 1, 3])
            }),
        );
        add(
            format!("padding {size:?}"),
            around(size, 2, |b, x| {
                let wide = b.pad(x, [[1, 2], [0, 3]]);
                let moved = b.pad(x, [[-1, 2], [2, -1]]);
                let less = b.pad(wide, [[-2, 0], [0, -1]]);
                let [_, h, w] = b.shape(moved);
                let less = b.pad(less, [[0, h as isize - size[0] as isize - 1], [0, -1]]);
                let [_, _, width] = b.shape(less);
                let less = b.pad(less, [[0, 0], [0, w as isize - width as isize]]);
                b.concat(&[moved, less])
            }),
        );
        add(
            format!("several linear layers {size:?}"),
            around(size, 2, |b, x| {
                let [c, h, w] = b.shape(x);
                let flat = b.reshape(x, [c * h * w, 1, 1]);
                let y = b.linear("one", flat, 5);
                let y = b.relu(y);
                let weight =
                    b.parameter("two.weight".into(), ParameterKind::LinearWeight, &[4, 5], 0);
                // Without a bias, and the same matrix twice.
                let a = b.linear_of(y, weight, None, 4);
                let y = b.select(y, vec![4, 0, 1, 3, 2]);
                let c = b.linear_of(y, weight, None, 4);
                b.concat(&[a, c])
            }),
        );
        add(format!("batch norm {size:?}"), around(size, 3, |b, x| b.batch_norm("bn", x)));
        add(format!("relu {size:?}"), around(size, 3, |b, x| b.relu(x)));
        add(
            format!("concatenation {size:?}"),
            around(size, 2, |b, x| {
                let y = b.batch_norm("bn", x);
                let z = b.conv("conv", x, 3, Convolution::same(1)).expect("fits");
                b.concat(&[x, y, z, y])
            }),
        );
        add(
            // Views of a mix, a view of a view, a term twice, an input that others read too.
            format!("mixes {size:?}"),
            around(size, 2, |b, x| {
                let shape = b.shape(x);
                let a = b.batch_norm("a", x);
                let c = b.avg_pool(x, pool(3, 1, 1));
                let inner = b.mix(&[(a, Some(0)), (c, Some(1))], shape);
                let d = b.relu(x);
                let outer =
                    b.mix(&[(inner, Some(2)), (d, Some(3)), (x, None), (x, Some(0))], shape);
                b.mix(&[(outer, Some(1))], shape)
            }),
        );
    }
    all
}

fn mixing(graph: &Graph) -> Vec<f64> {
    let mut stream = stream(3);
    (0..graph.slots).map(|_| 0.2 + stream.unit()).collect()
}

/// Logits of the reference engine in f64.
fn logits(graph: &Arc<Graph>, mixing: &[f64], p: &[f64], x: &[f32], batch: usize) -> Vec<f64> {
    use super::cpu::CpuKernels;
    let program = Program::new(graph.clone(), |_| false);
    let network = Instance::new(&mut ReferenceKernels, &program, p, &[mixing]).expect("a network");
    let kernels = &mut ReferenceKernels;
    let input = kernels.input(x, batch, graph.input_shape()).expect("a tensor");
    let pass = forward(kernels, &network, input, batch, false, Notes::none()).expect("a pass");
    kernels.read(pass.logits()).expect("logits")
}

/// J of the reference engine in f64.
fn jacobian(graph: &Arc<Graph>, mixing: &[f64], p: &[f64], x: &[f32], batch: usize) -> Vec<f64> {
    use super::cpu::CpuKernels;
    let program = Program::new(graph.clone(), |_| false);
    let network = Instance::new(&mut ReferenceKernels, &program, p, &[mixing]).expect("a network");
    let kernels = &mut ReferenceKernels;
    let input = kernels.input(x, batch, graph.input_shape()).expect("a tensor");
    let pass = forward(kernels, &network, input, batch, true, Notes::none()).expect("a pass");
    let columns = graph.parameters.columns();
    let mut values = vec![0.0; batch * columns];
    let mut rows = RowsMut::Whole { values: &mut values, columns };
    // All cotangents in one block: the engines run them one by one.
    let node = graph.nodes.len() - 1;
    let shape = Shape { cotangents: batch, batch, chw: graph.nodes[node].shape, halo: 0 };
    let tensor = kernels.seed(0, shape).expect("a seed");
    let start = Start { node, tensor, cotangents: batch };
    reverse(kernels, &network, &pass, batch, start, None, &mut rows).expect("a pass");
    values
}

/// The reverse pass against central differences, for every `step`th counted parameter.
fn check_gradients(name: &str, graph: Graph, mixing: &[f64], batch: usize, step: usize) {
    let graph = Arc::new(graph);
    let p: Vec<f64> = parameters(&graph).into_iter().map(f64::from).collect();
    let x = images(&graph, batch);
    let columns = graph.parameters.columns();
    let rows = jacobian(&graph, mixing, &p, &x, batch);
    let classes = graph.classes();
    let image_sums = |p: &[f64]| -> Vec<f64> {
        logits(&graph, mixing, p, &x, batch).chunks(classes).map(|l| l.iter().sum()).collect()
    };
    const H: f64 = 1e-6;
    let mut checked = 0;
    for parameter in graph.parameters.iter() {
        let Some(column) = parameter.column else { continue };
        for e in (0..parameter.len()).filter(|e| (column + e) % step == 0) {
            let at = |h: f64| {
                let mut p = p.clone();
                p[parameter.offset + e] += h;
                image_sums(&p)
            };
            for (i, (up, down)) in at(H).iter().zip(at(-H)).enumerate() {
                let expected = (up - down) / (2.0 * H);
                let found = rows[i * columns + column + e];
                assert!(
                    (found - expected).abs() <= 2e-6 * (1.0 + expected.abs()),
                    "{name}: {}[{e}], image {i}: found {found}, expected {expected}",
                    parameter.name
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "{name}: no parameter was checked");
}

#[test]
fn every_primitive_agrees_with_finite_differences() {
    for (name, graph) in primitives() {
        let mixing = mixing(&graph);
        check_gradients(&name, graph, &mixing, 4, 1);
    }
}

#[test]
fn whole_networks_agree_with_finite_differences() {
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let supernet = Supernet::of(kind);
        let mask = Mask::full(&supernet.space);
        let graph = supernet.ntk_network(&mask, [3, 8, 8], CLASSES).expect("a network");
        check_gradients(&supernet.space.name, graph, &mask.mixing(&supernet.space), 3, 37);
    }
}

/// Supernets of spaces from files, among them one whose channels are open: parts with weights.
#[test]
fn networks_of_files_agree_with_finite_differences() {
    for (text, side, step) in [
        (include_str!("../../spaces/nats-bench-size.json"), 4, 97),
        (include_str!("../../spaces/transnas-bench-101-micro.json"), 4, 197),
        (include_str!("../../spaces/mobilenet-v2.json"), 8, 197),
    ] {
        let mut file: serde_json::Value = serde_json::from_str(text).expect("JSON");
        // The begin of a deep chain: the kinks of all its ReLUs are too many to step over none. The
        // next test has the whole chain.
        if let Some(body) = file.pointer_mut("/macros/search/body") {
            body.as_array_mut().expect("parts").truncate(4);
        }
        let supernet = Supernet::from_json(&file.to_string()).expect("a space");
        let space = &supernet.space;
        let mask = Mask::full(space);
        let graph = supernet.ntk_network(&mask, [3, side, side], CLASSES).expect("a network");
        check_gradients(&space.name, graph, &mask.mixing(space), 3, step);
    }
}

/// The whole chain of MobileNetV2's blocks, with a smooth function in the place of each ReLU, which
/// has no kinks to step over.
#[test]
fn a_whole_deep_chain_agrees_with_finite_differences() {
    let supernet =
        Supernet::from_json(include_str!("../../spaces/mobilenet-v2.json")).expect("a space");
    let mask = Mask::full(&supernet.space);
    let mut graph = supernet.ntk_network(&mask, [3, 8, 8], CLASSES).expect("a network");
    let mut smoothed = 0;
    for node in &mut graph.nodes {
        if node.operation == Operation::Relu {
            node.operation = Operation::Activation(Activation::Sigmoid);
            smoothed += 1;
        }
    }
    assert!(smoothed > 100, "{smoothed} ReLUs");
    check_gradients("a smooth MobileNetV2", graph, &mask.mixing(&supernet.space), 4, 1597);
}

/// K as an engine gives it.
fn kernel(engine: &dyn Engine, graph: &Arc<Graph>, mixing: &[f64], batch: usize) -> Vec<f64> {
    let task = Task {
        plan: engine.prepare(graph.clone()),
        mixing: mixing.into(),
        parameters: Parameters::Given(parameters(graph).into()),
        inputs: Inputs { values: images(graph, batch).into(), batches: 1, batch },
        wanted: Wanted::kernel(),
    };
    let mut result = Vec::new();
    let reduce = |_: usize, e: Evidence<'_>| {
        assert!(e.jacobian.is_none_or(|j| j.count == batch));
        e.kernel.expect("K").values.to_vec()
    };
    let mut tasks = std::iter::once(Ok(task));
    engine
        .evaluate(&mut tasks, &reduce, &mut |_, k| {
            result = k;
            ControlFlow::Continue(())
        })
        .expect("K");
    result
}

#[test]
fn a_kernel_by_layers_is_that_of_whole_rows() {
    let mut cases: Vec<(Arc<Graph>, Vec<f64>)> = SpaceKind::ALL.map(thinned).into();
    for (_, graph) in primitives().into_iter().filter(|(name, _)| name.contains("linear")) {
        let mixing = mixing(&graph);
        cases.push((Arc::new(graph), mixing));
    }
    for (graph, mixing) in cases {
        let mut slow = CpuEngine::new("reference", 2, || ReferenceKernels).expect("an engine");
        let first = NativeKernels::new(InstructionSet::detect());
        let mut fast = CpuEngine::new("native", 2, move || first.sibling()).expect("an engine");
        let batch = 9;
        let whole = [&slow as &dyn Engine, &fast].map(|e| kernel(e, &graph, &mixing, batch));
        (slow.whole_jacobian, fast.whole_jacobian) = (0, 0);
        let parts = [&slow as &dyn Engine, &fast].map(|e| kernel(e, &graph, &mixing, batch));
        for (whole, parts) in whole.iter().zip(&parts) {
            let most = whole.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            assert!(most > 0.0);
            for (a, b) in whole.iter().zip(parts) {
                assert!((a - b).abs() <= 1e-12 * most, "{a}, {b}");
            }
        }
    }
}

/// J as an engine gives it, in f64.
fn engine_jacobian(
    engine: &dyn Engine,
    graph: &Arc<Graph>,
    mixing: &[f64],
    batch: usize,
) -> Vec<f64> {
    let task = Task {
        plan: engine.prepare(graph.clone()),
        mixing: mixing.into(),
        parameters: Parameters::Given(parameters(graph).into()),
        inputs: Inputs { values: images(graph, batch).into(), batches: 1, batch },
        wanted: Wanted::jacobian(),
    };
    let mut result = Vec::new();
    let reduce = |_: usize, evidence: Evidence<'_>| match evidence.jacobian.expect("J").rows {
        Rows::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Rows::F64(values) => values.to_vec(),
    };
    let mut tasks = std::iter::once(Ok(task));
    engine
        .evaluate(&mut tasks, &reduce, &mut |_, rows| {
            result = rows;
            ControlFlow::Continue(())
        })
        .expect("J");
    result
}

/// Everything that an engine can be asked for beside J, of two batches.
fn everything(graph: &Graph) -> Wanted {
    let key = |purpose| Key { seed: 5, purpose, round: 1, candidate: 2, repeat: 3 };
    let blocks = &graph.blocks;
    let last = blocks[blocks.len() - 1];
    Wanted {
        logits: true,
        bits: true,
        features: blocks.iter().copied().chain(graph.last_features()).collect(),
        variances: true,
        gradients: Some(Gradients {
            seed: Seed::CrossEntropy(key(Purpose::Proxies)),
            kernel: false,
            rows: true,
            images: true,
        }),
        pullbacks: vec![
            Pullback { from: last, to: blocks[0], key: key(Purpose::Proxies), stream: 0 },
            Pullback { from: last, to: 0, key: key(Purpose::Noise), stream: 1 },
        ],
    }
}

/// What an engine leaves behind, in one list for each kind.
fn findings(engine: &dyn Engine, task: Task) -> Vec<(&'static str, Vec<f64>)> {
    let reduce = |_: usize, e: Evidence<'_>| {
        let rows = e
            .jacobian
            .map_or(vec![], |j| (0..j.count * j.columns).map(|at| j.rows.get(at)).collect());
        let bits = e.bits.expect("bits");
        let words = (0..bits.rows()).flat_map(|r| bits.row(r).iter().map(|w| w.count_ones()));
        vec![
            ("logits", e.logits.expect("logits").to_vec()),
            ("bits", vec![words.sum::<u32>().into()]),
            ("features", e.features.iter().flat_map(|f| f.values.clone()).collect()),
            ("variances", e.variances.iter().flat_map(|v| v.values.clone()).collect()),
            ("rows", rows),
            ("images", e.images.map_or(vec![], <[f64]>::to_vec)),
            ("signs", e.pullbacks.iter().flat_map(|p| p.signs.clone()).collect()),
            ("cotangents", e.pullbacks.iter().flat_map(|p| p.cotangent.clone()).collect()),
        ]
    };
    let mut all = Vec::new();
    let mut tasks = std::iter::once(Ok(task));
    engine
        .evaluate(&mut tasks, &reduce, &mut |_, found| {
            all = found;
            ControlFlow::Continue(())
        })
        .expect("an evaluation");
    all
}

/// A network of a space in which some edges lack operations, and its mixing weights.
fn thinned(kind: SpaceKind) -> (Arc<Graph>, Vec<f64>) {
    let supernet = Supernet::of(kind);
    let space = &supernet.space;
    let mut mask = Mask::full(space);
    for (cell, edge) in space.edges() {
        for operation in mask.operations_on(cell, edge).collect::<Vec<_>>() {
            if (edge + operation) % 3 == 0 {
                mask.remove(crate::space::Choice { cell, edge, operation });
            }
        }
    }
    let graph = supernet.ntk_network(&Mask::full(space), [3, 8, 8], CLASSES).expect("a network");
    (Arc::new(graph), mask.mixing(space))
}

#[test]
fn engines_agree_on_all_that_they_can_be_asked_for() {
    for kind in SpaceKind::ALL {
        let (graph, mixing) = thinned(kind);
        let batch = 5;
        let task = |engine: &dyn Engine| Task {
            plan: engine.prepare(graph.clone()),
            mixing: mixing.clone().into(),
            parameters: Parameters::Given(parameters(&graph).into()),
            inputs: Inputs { values: images(&graph, 2 * batch).into(), batches: 2, batch },
            wanted: everything(&graph),
        };
        let slow = reference(1).expect("an engine");
        let expected = findings(slow.as_ref(), task(slow.as_ref()));
        let mut engines = vec![native_with(2, InstructionSet::detect()).expect("an engine")];
        engines.extend(torch(TorchDevice::Cpu).ok());
        for engine in engines {
            let found = findings(engine.as_ref(), task(engine.as_ref()));
            for ((what, found), (_, expected)) in found.iter().zip(&expected) {
                assert!(!expected.is_empty() && found.len() == expected.len(), "{what}");
                let error = distance(found, expected);
                assert!(error < 1e-4, "{kind:?}, {engine:?}: {what} off by {error:e}");
            }
        }
    }
}

/// The gradients by the images, of the cross-entropy and of a block's features under signs, against
/// finite differences of the reference engine.
#[test]
fn gradients_by_the_images_are_those_of_finite_differences() {
    for kind in SpaceKind::ALL {
        let (graph, mixing) = thinned(kind);
        let (batch, engine) = (3, reference(1).expect("an engine"));
        let plan = engine.prepare(graph.clone());
        let of = |values: Vec<f32>, seed| {
            let mut wanted = everything(&graph);
            wanted.gradients = Some(Gradients { seed, ..wanted.gradients.expect("some") });
            wanted.features = vec![wanted.pullbacks[1].from];
            let task = Task {
                plan: plan.clone(),
                mixing: mixing.clone().into(),
                parameters: Parameters::Given(parameters(&graph).into()),
                inputs: Inputs { values: values.into(), batches: 1, batch },
                wanted,
            };
            findings(engine.as_ref(), task).into_iter().collect::<std::collections::HashMap<_, _>>()
        };
        let x = images(&graph, batch);
        let image: usize = graph.input_shape().iter().product();
        let found = of(x.clone(), Seed::Ones);
        let signs = &found["signs"][found["signs"].len() - found["features"].len()..];
        let pulled = &found["cotangents"][found["cotangents"].len() - batch * image..];
        for at in [0, 7, image + 11, 2 * image + 100] {
            const STEP: f32 = 1.0 / 4096.0;
            let moved = |by: f32| {
                let mut x = x.clone();
                x[at] += by;
                let found = of(x, Seed::Ones);
                let features = found["features"].iter().zip(signs).map(|(f, s)| f * s).sum::<f64>();
                [found["logits"].iter().sum::<f64>(), features]
            };
            let (up, down) = (moved(STEP), moved(-STEP));
            for (i, gradient) in [found["images"][at], pulled[at]].into_iter().enumerate() {
                let expected = (up[i] - down[i]) / (2.0 * f64::from(STEP));
                let error = (gradient - expected).abs() / (1.0 + expected.abs());
                assert!(error < 1e-2, "{kind:?}, {at}: {gradient}, expected {expected}");
            }
        }
    }
}

fn distance(found: &[f64], expected: &[f64]) -> f64 {
    let norm = |v: Vec<f64>| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    norm(found.iter().zip(expected).map(|(a, b)| a - b).collect()) / norm(expected.to_vec())
}

#[test]
fn native_agrees_with_reference_on_every_primitive_and_batch() {
    let reference = reference(1).expect("an engine");
    let sets = InstructionSet::ALL.into_iter().filter(|set| set.is_available());
    let engines: Vec<_> = sets.map(|set| native_with(2, set).expect("an engine")).collect();
    let mut graphs = primitives();
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let supernet = Supernet::of(kind);
        let mask = Mask::full(&supernet.space);
        let graph = supernet.ntk_network(&mask, [3, 12, 8], CLASSES).expect("a network");
        graphs.push((supernet.space.name.clone(), graph));
    }
    for (name, graph) in graphs {
        let graph = Arc::new(graph);
        let mixing = mixing(&graph);
        // Batches that leave lanes unused, fill them exactly, and need a second vector.
        for batch in [3, 8, 13] {
            let expected = engine_jacobian(reference.as_ref(), &graph, &mixing, batch);
            let found = engine_jacobian(engines[0].as_ref(), &graph, &mixing, batch);
            let error = distance(&found, &expected);
            assert!(error < 1e-5, "{name}, batch {batch}: off by {error}");
            // The first is the portable one.
            for engine in &engines[1..] {
                let same = engine_jacobian(engine.as_ref(), &graph, &mixing, batch);
                assert!(same == found, "{name}, batch {batch}: other bits of {engine:?}");
            }
        }
    }
}

/// A dead operation is not there: the same J as in a graph that never had it.
#[test]
fn weight_zero_is_absence() {
    let engine = native_with(1, InstructionSet::detect()).expect("an engine");
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let supernet = Supernet::of(kind);
        let space = &supernet.space;
        let full = Mask::full(space);
        let mut sparse = full.clone();
        for (cell, edge) in space.edges() {
            // Some edges lose one operation, some all.
            let operations: Vec<usize> = full.operations_on(cell, edge).collect();
            let gone = if edge % 3 == 1 { operations.len() } else { 1 };
            for operation in operations.into_iter().take(gone) {
                sparse.remove(crate::space::Choice { cell, edge, operation });
            }
        }
        let network = |mask| supernet.ntk_network(mask, [3, 8, 8], CLASSES).expect("a network");
        let (large, small) = (Arc::new(network(&full)), Arc::new(network(&sparse)));
        let key =
            Key { seed: 3, purpose: Purpose::NtkParameters, round: 0, candidate: 0, repeat: 0 };
        let initialiser = Initialiser { init: Init::KaimingNormal, fan: Fan::Out, key };
        let condition = |graph: &Arc<Graph>| {
            let task = Task {
                plan: engine.prepare(graph.clone()),
                mixing: sparse.mixing(space).into(),
                parameters: Parameters::Drawn(initialiser),
                inputs: Inputs { values: images(graph, 6).into(), batches: 1, batch: 6 },
                wanted: Wanted::kernel(),
            };
            let reduce = |_: usize, evidence: Evidence<'_>| -> f64 {
                evidence.kernel.expect("K").values.iter().sum()
            };
            let mut sum = f64::NAN;
            let mut tasks = std::iter::once(Ok(task));
            engine
                .evaluate(&mut tasks, &reduce, &mut |_, value| {
                    sum = value;
                    ControlFlow::Continue(())
                })
                .expect("K");
            sum
        };
        let (a, b) = (condition(&large), condition(&small));
        assert!((a - b).abs() <= 1e-12 * a.abs(), "{}: {a} and {b}", space.name);
    }
}

/// The sink may stop at any time; a panic in a reduction comes out where the call was made.
#[test]
fn stopping_and_panicking() {
    let engine = native_with(2, InstructionSet::detect()).expect("an engine");
    let graph = Arc::new(around([8, 8], 2, |b, x| b.relu(x)));
    let plan = engine.prepare(graph.clone());
    let task = || {
        Ok(Task {
            plan: plan.clone(),
            mixing: mixing(&graph).into(),
            parameters: Parameters::Given(parameters(&graph).into()),
            inputs: Inputs { values: images(&graph, 4).into(), batches: 1, batch: 4 },
            wanted: Wanted::jacobian(),
        })
    };
    let mut seen = 0;
    engine
        .evaluate(&mut std::iter::repeat_with(task), &|_, _| (), &mut |_, ()| {
            seen += 1;
            if seen == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("stopping is no error");
    assert_eq!(seen, 5);
    let panicking = std::panic::AssertUnwindSafe(|| {
        let mut tasks = std::iter::repeat_with(task).take(9);
        engine.evaluate(&mut tasks, &|_, _| panic!("on purpose"), &mut |_, ()| {
            ControlFlow::Continue(())
        })
    });
    let payload = std::panic::catch_unwind(panicking).expect_err("a panic");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
    let mut failing = std::iter::once(Err(crate::Error::NotFound("an image".into())));
    let result = engine.evaluate(&mut failing, &|_, _| (), &mut |_, ()| ControlFlow::Continue(()));
    assert!(matches!(result, Err(crate::Error::NotFound(_))), "{result:?}");
}

/// Engines on libtorch that this machine has. Where there is no GPU, tests/cuda.rs says so.
#[cfg(feature = "torch")]
fn torch_engines() -> Vec<super::TorchEngine> {
    let devices = [super::TorchDevice::Cpu, super::TorchDevice::Cuda(0)];
    let present = devices.into_iter().take(1 + super::cuda_devices().min(1));
    present.map(|device| super::TorchEngine::new(device).expect("an engine")).collect()
}

#[cfg(feature = "torch")]
#[test]
fn torch_agrees_with_reference_on_every_primitive() {
    let reference = reference(1).expect("an engine");
    let mut graphs = primitives();
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let supernet = Supernet::of(kind);
        let mask = Mask::full(&supernet.space);
        let graph = supernet.ntk_network(&mask, [3, 12, 8], CLASSES).expect("a network");
        graphs.push((supernet.space.name.clone(), graph));
    }
    for engine in torch_engines() {
        for (name, graph) in &graphs {
            let graph = Arc::new(graph.clone());
            let mixing = mixing(&graph);
            let expected = engine_jacobian(reference.as_ref(), &graph, &mixing, 5);
            let found = engine_jacobian(&engine, &graph, &mixing, 5);
            let error = distance(&found, &expected);
            assert!(error < 1e-5, "{name} on {engine:?}: off by {error}");
        }
    }
}

/// K of two networks side by side, which do not have the same operations: whole, and layer by layer, with
/// all cotangents at once and in blocks.
#[cfg(feature = "torch")]
#[test]
fn torch_kernels_by_layers_are_those_of_whole_rows() {
    let key = Key { seed: 1, purpose: Purpose::Proxies, round: 0, candidate: 0, repeat: 0 };
    let seeds = [(Seed::Images, 1, 9), (Seed::Logits, 1, 3), (Seed::CrossEntropy(key), 4, 3)];
    let devices = torch_engines().len();
    for ((graph, mixing), (seed, batches, batch)) in
        SpaceKind::ALL.into_iter().map(thinned).flat_map(|case| seeds.map(|s| (case.clone(), s)))
    {
        let all: Arc<[f64]> = vec![1.0; graph.slots].into();
        let kernels = |engine: &super::TorchEngine| {
            let plan = engine.prepare(graph.clone());
            let task = |mixing: Arc<[f64]>| Task {
                plan: plan.clone(),
                mixing,
                parameters: Parameters::Given(parameters(&graph).into()),
                inputs: Inputs { values: images(&graph, batches * batch).into(), batches, batch },
                wanted: Wanted {
                    gradients: Some(Gradients { seed, kernel: true, rows: false, images: false }),
                    ..Default::default()
                },
            };
            let mut tasks = [mixing.clone().into(), all.clone()].map(task).map(Ok).into_iter();
            let mut found = vec![Vec::new(); 2];
            let reduce = |_: usize, e: Evidence<'_>| e.kernel.expect("K").values.to_vec();
            (engine as &dyn Engine)
                .evaluate(&mut tasks, &reduce, &mut |number, k| {
                    found[number] = k;
                    ControlFlow::Continue(())
                })
                .expect("K");
            found
        };
        for device in 0..devices {
            // As many numbers as leave two blocks of cotangents, and as many as leave one of all.
            for numbers in [1 << 12, 1 << 24] {
                let name = [super::TorchDevice::Cpu, super::TorchDevice::Cuda(0)][device];
                let mut engine = super::TorchEngine::limited(name, numbers).expect("an engine");
                let whole = kernels(&engine);
                engine.whole_jacobian = 0;
                let parts = kernels(&engine);
                for (whole, parts) in whole.iter().zip(&parts) {
                    let most = whole.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
                    assert!(most > 0.0 && whole.len() == parts.len(), "{name}, {seed:?}");
                    for (a, b) in whole.iter().zip(parts) {
                        assert!((a - b).abs() <= 1e-12 * most, "{name}, {seed:?}: {a}, {b}");
                    }
                }
            }
        }
    }
}

/// Tasks with their own weights, images and operations, of both kinds, in one call: the values that
/// each has alone, whether the group fits in memory or has to be cut.
#[cfg(feature = "torch")]
#[test]
fn torch_groups_change_nothing() {
    let supernet = Supernet::of(SpaceKind::Darts);
    let space = &supernet.space;
    let full = Mask::full(space);
    let ntk = Arc::new(supernet.ntk_network(&full, [3, 8, 8], CLASSES).expect("a network"));
    let thin = Arc::new(supernet.thin_network(&full, CLASSES).expect("a network"));
    for engine in torch_engines() {
        let plans = [engine.prepare(ntk.clone()), engine.prepare(thin.clone())];
        let task = |number: usize| {
            let ntk = number.is_multiple_of(2);
            let plan = plans[number % 2].clone();
            let mut mask = full.clone();
            let mut removed = 0;
            for (cell, edge) in space.edges().skip(number % 5) {
                if removed < number {
                    let operation = 1 + (edge + number) % 7;
                    mask.remove(crate::space::Choice { cell, edge, operation });
                    removed += 1;
                }
            }
            let (batches, batch) = if ntk { (1, 6) } else { (3, 10) };
            let image: usize = plan.graph().input_shape().iter().product();
            let mut stream = stream(number as u64);
            let values: Vec<f32> =
                (0..batches * batch * image).map(|_| stream.normal() as f32).collect();
            let key = Key {
                seed: number as u64,
                purpose: Purpose::NtkParameters,
                round: 0,
                candidate: 0,
                repeat: 0,
            };
            Task {
                plan,
                mixing: mask.mixing(space).into(),
                parameters: Parameters::Drawn(Initialiser {
                    init: Init::KaimingNormal,
                    fan: Fan::Out,
                    key,
                }),
                inputs: Inputs { values: values.into(), batches, batch },
                wanted: if ntk { Wanted::kernel() } else { Wanted::bits() },
            }
        };
        let value = |_: usize, evidence: Evidence<'_>| match (evidence.kernel, evidence.bits) {
            (Some(k), _) => k.values.iter().sum(),
            (_, Some(bits)) => crate::proxy::linear_regions(bits) + bits.units() as f64,
            _ => f64::NAN,
        };
        let all = |tasks: Vec<Task>| {
            let mut values = vec![f64::NAN; tasks.len()];
            (&engine as &dyn Engine)
                .evaluate(&mut tasks.into_iter().map(Ok), &value, &mut |number, value| {
                    values[number] = value;
                    ControlFlow::Continue(())
                })
                .expect("values");
            values
        };
        let alone: Vec<f64> = (0..12).flat_map(|number| all(vec![task(number)])).collect();
        let close = |found: &[f64]| {
            for (number, (a, b)) in alone.iter().zip(found).enumerate() {
                assert!((a - b).abs() <= 1e-5 * a.abs(), "{engine:?}, task {number}: {a}, {b}");
            }
        };
        close(&all((0..12).map(task).collect()));
        // Too little memory for the group: it is halved until it fits, and the values are the same.
        engine.fail_beyond(400_000);
        close(&all((0..12).map(task).collect()));
        engine.fail_beyond(100);
        let mut tasks = (0..12).map(|number| Ok(task(number)));
        let error = (&engine as &dyn Engine)
            .evaluate(&mut tasks, &value, &mut |_, _| ControlFlow::Continue(()))
            .expect_err("no memory for anything");
        let text = error.to_string();
        assert!(matches!(error, crate::Error::OutOfMemory(_)), "{error:?}");
        assert!(text.contains("not even one network with a batch of"), "{text}");
    }
}
