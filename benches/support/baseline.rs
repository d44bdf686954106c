//! The NTK as a user of libtorch writes it: autograd, one backward pass an image through one graph.

use tch::{Device, Kind, Tensor};
use tenas::compute::Task;
use tenas::network::{Graph, Operation, Parameter};

/// A network with its parameters and images, ready to be differentiated.
pub(crate) struct Baseline<'a> {
    graph: &'a Graph,
    mixing: &'a [f64],
    parameters: Vec<Tensor>,
    images: Tensor,
}

impl<'a> Baseline<'a> {
    pub(crate) fn new(task: &'a Task, values: &[f32]) -> Self {
        let graph = task.plan.graph();
        let parameter = |p: &Parameter| {
            let shape: Vec<i64> = p.shape.iter().map(|d| *d as i64).collect();
            let tensor = Tensor::from_slice(&values[p.range()]).reshape(shape);
            tensor.set_requires_grad(p.column.is_some())
        };
        let [c, h, w] = graph.input_shape().map(|d| d as i64);
        let batch = task.inputs.batch as i64;
        Baseline {
            graph,
            mixing: &task.mixing,
            parameters: graph.parameters.iter().map(parameter).collect(),
            images: Tensor::from_slice(&task.inputs.values).reshape([batch, c, h, w]),
        }
    }

    fn logits(&self) -> Tensor {
        let mut values: Vec<Tensor> = Vec::with_capacity(self.graph.nodes.len());
        for node in &self.graph.nodes {
            let x = |i: usize| &values[node.inputs[i]];
            let p = |id: usize| &self.parameters[id];
            let pair = |v: [usize; 2]| v.map(|v| v as i64);
            let value = match &node.operation {
                Operation::Input => self.images.shallow_clone(),
                Operation::Conv { weight, bias: None, geometry: g } => {
                    let [[top, bottom], [left, right]] =
                        g.padding.map(|side| side.map(|n| n as i64));
                    // Also negative ones, which cut rows and columns off.
                    let x = x(0).constant_pad_nd([left, right, top, bottom]);
                    let (stride, dilation) = (pair(g.stride), pair(g.dilation));
                    let groups = g.groups as i64;
                    x.conv2d(p(*weight), None::<Tensor>, stride, [0, 0], dilation, groups)
                }
                Operation::BatchNorm { scale, shift, .. } => x(0).batch_norm(
                    Some(p(*scale)),
                    Some(p(*shift)),
                    None,
                    None,
                    true,
                    0.0,
                    1e-5,
                    false,
                ),
                Operation::Relu => x(0).relu(),
                Operation::AvgPool(w) => {
                    let (k, s) = (pair(w.kernel), pair(w.stride));
                    let p = pair(w.padding.map(|[before, _]| before));
                    x(0).avg_pool2d(k, s, p, false, false, None::<i64>)
                }
                Operation::MaxPool(w) => {
                    let (k, s) = (pair(w.kernel), pair(w.stride));
                    let p = pair(w.padding.map(|[before, _]| before));
                    x(0).max_pool2d(k, s, p, [1, 1], false)
                }
                Operation::Mix(slots) => {
                    let weight = |s: &Option<usize>| s.map_or(1.0, |s| self.mixing[s]);
                    let terms = slots.iter().enumerate().map(|(i, s)| x(i) * weight(s));
                    terms.reduce(|a, b| a + b).expect("an operation on every edge")
                }
                Operation::Concat => {
                    Tensor::cat(&(0..node.inputs.len()).map(x).collect::<Vec<_>>(), 1)
                }
                Operation::GlobalPool => x(0).mean_dim([2i64, 3].as_slice(), true, Kind::Float),
                Operation::Linear { weight, bias } => {
                    x(0).flatten(1, -1).linear(p(*weight), bias.map(p))
                }
                other => unreachable!("no built-in space has {other:?}"),
            };
            values.push(value);
        }
        values.pop().expect("logits")
    }

    /// K, row by row.
    pub(crate) fn ntk(&self) -> Vec<f64> {
        let counted: Vec<&Tensor> = self.parameters.iter().filter(|p| p.requires_grad()).collect();
        let sums = self.logits().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        let batch = sums.size()[0];
        let rows: Vec<Tensor> = (0..batch)
            .map(|i| {
                let gradients = Tensor::run_backward(&[sums.get(i)], &counted, true, false);
                let flat: Vec<Tensor> = gradients.iter().map(|g| g.flatten(0, -1)).collect();
                Tensor::cat(&flat, 0)
            })
            .collect();
        let j = Tensor::stack(&rows, 0).to_kind(Kind::Double);
        let k = j.matmul(&j.tr()).to_device(Device::Cpu);
        Vec::<f64>::try_from(k.flatten(0, -1)).expect("K")
    }
}
