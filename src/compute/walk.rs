//! The one walk over a program: order, adjoints, liveness; generic over the kernels.

use super::kernels::{Cotangent, Kernels, MixedConv, Shape, Target};
use super::program::{Action, Program, Step};
use crate::error::Result;
use crate::network::NodeId;

/// A program with the parameters and mixing weights of a task.
pub(super) struct Instance<'a, K: Kernels> {
    pub(super) program: &'a Program,
    pub(super) parameters: &'a K::Parameters,
    weights: Vec<K::Weight>,
    live: Vec<bool>,
}

impl<'a, K: Kernels> Instance<'a, K> {
    /// `mixing`: the weights of each group. An operation is there if one group has it.
    pub(super) fn new(
        kernels: &mut K,
        program: &'a Program,
        parameters: &'a K::Parameters,
        mixing: &[&[f64]],
    ) -> Result<Self> {
        let of_slot = |s| mixing.iter().map(|weights| weights[s]).collect::<Vec<f64>>();
        let slots: Vec<Vec<f64>> = (0..program.graph().slots).map(of_slot).collect();
        let live = slots.iter().map(|values| values.iter().any(|w| *w != 0.0)).collect();
        Ok(Instance { program, parameters, weights: kernels.weights(&slots)?, live })
    }

    /// Whether an operation slot is in this network.
    fn is_live(&self, slot: Option<usize>) -> bool {
        slot.is_none_or(|s| self.live[s])
    }

    fn weight(&self, slot: Option<usize>) -> K::Weight {
        slot.map_or_else(K::one, |s| self.weights[s].clone())
    }

    /// Whether a step serves an operation in this network.
    fn runs(&self, step: &Step) -> bool {
        step.slots.is_empty() || step.slots.iter().any(|s| self.live[*s])
    }

    /// The live terms of a mix: (input, weight).
    fn terms<'s>(
        &'s self,
        step: &'s Step,
        slots: &'s [Option<usize>],
    ) -> impl Iterator<Item = (NodeId, K::Weight)> + 's {
        let live = step.inputs.iter().zip(slots).filter(|(_, slot)| self.is_live(**slot));
        live.map(|(input, slot)| (*input, self.weight(*slot)))
    }
}

/// Values of a forward pass.
pub(super) struct Forward<K: Kernels> {
    values: Vec<Option<K::Tensor>>,
    saved: Vec<Option<K::Saved>>,
}

impl<K: Kernels> Forward<K> {
    /// The logits.
    pub(super) fn logits(&self) -> &K::Tensor {
        self.value(self.values.len() - 1)
    }

    fn value(&self, node: NodeId) -> &K::Tensor {
        self.values[node].as_ref().expect("the program keeps what a later step reads")
    }

    /// Gives the memory back.
    pub(super) fn release(self, kernels: &mut K) {
        self.values.into_iter().flatten().for_each(|t| kernels.release(t));
        self.saved.into_iter().flatten().for_each(|s| kernels.release_saved(s));
    }
}

/// Looks at a step's value, and at what it saves, as soon as it is there.
pub(super) type Watch<'a, K> = dyn FnMut(&mut K, &Step, &<K as Kernels>::Tensor, Option<&<K as Kernels>::Saved>) -> Result<()>
    + 'a;

/// What a forward pass notes on its way.
pub(super) struct Notes<'a, K: Kernels> {
    /// Where the bits of all ReLUs go, if they are wanted.
    pub(super) bits: Option<&'a mut K::Bits>,
    /// Sees the value of each step, if anything else is wanted.
    pub(super) watch: Option<&'a mut Watch<'a, K>>,
}

#[cfg(test)]
impl<K: Kernels> Notes<'_, K> {
    /// Nothing is noted.
    pub(super) fn none() -> Self {
        Notes { bits: None, watch: None }
    }
}

/// Computes the logits. Keeps what the adjoints need, if `keep`.
pub(super) fn forward<K: Kernels>(
    kernels: &mut K,
    network: &Instance<'_, K>,
    input: K::Tensor,
    batch: usize,
    keep: bool,
    mut notes: Notes<'_, K>,
) -> Result<Forward<K>> {
    let program = network.program;
    let nodes = program.graph().nodes.len();
    let mut pass = Forward {
        values: (0..nodes).map(|_| None).collect(),
        saved: (0..program.steps().len()).map(|_| None).collect(),
    };
    // First bit of each ReLU input.
    let mut bit_of: Vec<Option<usize>> = vec![None; nodes];
    let mut end = 0;
    for input in program.relu_inputs(|slot| network.is_live(slot)) {
        bit_of[input.node] = Some(end);
        end += input.elements;
    }
    let mut note_bits =
        |kernels: &mut K, node: NodeId, value: &K::Tensor| match (bit_of[node], &mut notes.bits) {
            (Some(bit), Some(bits)) => kernels.bits(value, bits, bit),
            _ => Ok(()),
        };
    note_bits(kernels, 0, &input)?;
    pass.values[0] = Some(input);
    for (s, step) in program.steps().iter().enumerate() {
        if network.runs(step) {
            let halo = program.halo(step.output);
            let chw = program.shape(step.output);
            let shape = Shape { cotangents: 1, batch, chw, halo };
            let mut y = kernels.tensor(shape)?;
            let saved = run(kernels, network, step, &pass, &mut y, keep)?;
            note_bits(kernels, step.output, &y)?;
            if let Some(watch) = &mut notes.watch {
                watch(kernels, step, &y, saved.as_ref())?;
            }
            match saved {
                Some(saved) if !keep => kernels.release_saved(saved),
                saved => pass.saved[s] = saved,
            }
            pass.values[step.output] = Some(y);
        }
        for node in program.dead_after(s, keep) {
            if let Some(value) = pass.values[node].take() {
                kernels.release(value);
            }
        }
    }
    Ok(pass)
}

/// One forward step.
fn run<K: Kernels>(
    kernels: &mut K,
    network: &Instance<'_, K>,
    step: &Step,
    pass: &Forward<K>,
    y: &mut K::Tensor,
    keep: bool,
) -> Result<Option<K::Saved>> {
    let p = network.parameters;
    let x = || pass.value(step.inputs[0]);
    match &step.action {
        Action::Conv(conv) => return kernels.conv(p, conv, x(), y, keep).map(Some),
        Action::BatchNorm(norm) => return kernels.batch_norm(p, norm, x(), y).map(Some),
        Action::MaxPool(window) => return kernels.max_pool(window, x(), y).map(Some),
        Action::Activation(activation) => {
            return kernels.activation(activation, x(), y, keep).map(Some);
        }
        Action::Relu => kernels.relu(x(), y)?,
        Action::Mul => kernels.multiply(x(), pass.value(step.inputs[1]), y)?,
        Action::Select(channels) => kernels.select(channels, x(), y)?,
        Action::Reshape => kernels.reshape(x(), y)?,
        Action::Expand => kernels.expand(x(), y)?,
        Action::Pad(padding) => kernels.pad(padding, x(), y)?,
        Action::AvgPool(window) => kernels.avg_pool(window, x(), y)?,
        Action::Mix(slots) => {
            let terms: Vec<_> =
                network.terms(step, slots).map(|(n, w)| (pass.value(n), w)).collect();
            kernels.mix(&terms, Target { tensor: y, overwrite: true })?;
        }
        Action::Concat => {
            let inputs: Vec<_> = step.inputs.iter().map(|n| pass.value(*n)).collect();
            kernels.concat(&inputs, y)?;
        }
        Action::GlobalPool => kernels.global_pool(x(), y)?,
        Action::Linear(linear) => kernels.linear(p, linear, x(), y)?,
    }
    Ok(None)
}

/// The cotangent of a node during a reverse pass: `own` plus the sum of `terms`.
struct Held<K: Kernels> {
    /// What adjoints have added.
    own: Option<K::Tensor>,
    /// What mixes have added: tensors of later nodes, times weights. One alone is never copied.
    terms: Vec<(NodeId, K::Weight)>,
    /// Terms of other nodes that stand for this node's tensor.
    views: usize,
}

/// Cotangents of all nodes.
struct Cotangents<K: Kernels> {
    held: Vec<Held<K>>,
}

impl<K: Kernels> Cotangents<K> {
    fn new(nodes: usize) -> Self {
        let held = |_| Held { own: None, terms: Vec::new(), views: 0 };
        Cotangents { held: (0..nodes).map(held).collect() }
    }

    /// Takes the tensor for adjoints to add into, and whether nothing is in it yet; `put` gives it
    /// back.
    fn take_target(
        &mut self,
        kernels: &mut K,
        node: NodeId,
        shape: Shape,
    ) -> Result<(K::Tensor, bool)> {
        match self.held[node].own.take() {
            None => Ok((kernels.tensor(shape)?, true)),
            Some(tensor) => Ok((tensor, false)),
        }
    }

    fn put(&mut self, node: NodeId, tensor: K::Tensor) {
        self.held[node].own = Some(tensor);
    }

    /// A mix's cotangent is that of its input, times a weight.
    fn add_term(&mut self, node: NodeId, of: NodeId, weight: K::Weight) {
        self.held[node].terms.push((of, weight));
        self.held[of].views += 1;
    }

    /// The node whose tensor, times a weight, is this node's cotangent; `None`: it does not reach the
    /// logits. Adds up what is more than one term.
    fn resolve(
        &mut self,
        kernels: &mut K,
        node: NodeId,
        shape: Shape,
    ) -> Result<Option<(NodeId, K::Weight)>> {
        let held = &self.held[node];
        match (&held.own, &held.terms[..]) {
            (None, []) => return Ok(None),
            (None, [(of, weight)]) => return Ok(Some((*of, weight.clone()))),
            (Some(_), []) => return Ok(Some((node, K::one()))),
            _ => {}
        }
        let (mut tensor, overwrite) = self.take_target(kernels, node, shape)?;
        let terms = std::mem::take(&mut self.held[node].terms);
        let inputs: Vec<_> = terms.iter().map(|(of, w)| (self.tensor(*of), w.clone())).collect();
        kernels.mix(&inputs, Target { tensor: &mut tensor, overwrite })?;
        self.put(node, tensor);
        terms.iter().for_each(|(of, _)| self.drop_view(kernels, *of));
        Ok(Some((node, K::one())))
    }

    /// The cotangent of a node in a tensor of its own, at the end of a pass.
    fn take(&mut self, kernels: &mut K, node: NodeId, shape: Shape) -> Result<Option<K::Tensor>> {
        let Some((owner, scale)) = self.resolve(kernels, node, shape)? else { return Ok(None) };
        if owner == node {
            return Ok(self.held[node].own.take());
        }
        let mut tensor = kernels.tensor(shape)?;
        let target = Target { tensor: &mut tensor, overwrite: true };
        kernels.mix(&[(self.tensor(owner), scale)], target)?;
        Ok(Some(tensor))
    }

    fn tensor(&self, owner: NodeId) -> &K::Tensor {
        self.held[owner].own.as_ref().expect("terms are of tensors that their owner holds")
    }

    fn drop_view(&mut self, kernels: &mut K, owner: NodeId) {
        self.held[owner].views -= 1;
        self.free_unused(kernels, owner);
    }

    /// The owner itself is read before any view of it, being later in the graph.
    fn free_unused(&mut self, kernels: &mut K, owner: NodeId) {
        if self.held[owner].views == 0
            && let Some(tensor) = self.held[owner].own.take()
        {
            kernels.release(tensor);
        }
    }

    /// A node has been read by its adjoint: frees the tensor, unless views of it remain.
    fn done(&mut self, kernels: &mut K, node: NodeId, owner: NodeId) {
        if node == owner {
            self.free_unused(kernels, owner);
        } else {
            self.held[node].terms.clear();
            self.drop_view(kernels, owner);
        }
    }
}

/// The convolution of step `last`, and those before it that read the same value and whose cotangent
/// is a view of the same tensor, all with BN or all without: (step, weight).
fn conv_group<K: Kernels>(
    cotangents: &Cotangents<K>,
    steps: &[Step],
    last: usize,
    owner: NodeId,
) -> Vec<(usize, K::Weight)> {
    let normed = |step: &Step| match &step.action {
        Action::Conv(conv) => Some(conv.norm.is_some()),
        _ => None,
    };
    let mut group = Vec::new();
    for (s, step) in steps[..=last].iter().enumerate().rev() {
        let alike = normed(step) == normed(&steps[last]) && step.inputs == steps[last].inputs;
        match &cotangents.held[step.output] {
            // Not in this network.
            Held { own: None, terms, .. } if terms.is_empty() => {}
            Held { own: None, terms, .. } if alike && terms.len() == 1 && terms[0].0 == owner => {
                group.push((s, terms[0].1.clone()));
            }
            Held { own: Some(_), .. } if s == last => {
                group.push((s, K::one()));
                break;
            }
            _ => break,
        }
    }
    group
}

/// Where a reverse pass starts.
pub(super) struct Start<T> {
    pub(super) node: NodeId,
    /// Its cotangents.
    pub(super) tensor: T,
    /// How many: the length of the leading axis.
    pub(super) cotangents: usize,
}

/// The reverse pass with a leading cotangent axis (section 3.2), from a node back to `until`, or
/// through the whole network. The gradients by the counted parameters on the way are added into
/// `rows`, which must be zero. Returns the cotangents of `until`; `None` where none arrives.
pub(super) fn reverse<K: Kernels>(
    kernels: &mut K,
    network: &Instance<'_, K>,
    forward: &Forward<K>,
    batch: usize,
    start: Start<K::Tensor>,
    until: Option<NodeId>,
    rows: &mut K::Rows<'_>,
) -> Result<Option<K::Tensor>> {
    let mut pass = Reverse::new(network, batch, start, until);
    for s in (0..network.program.steps().len()).rev() {
        pass.step(kernels, network, forward, s, rows)?;
    }
    pass.end(kernels)
}

/// A reverse pass in progress: [`reverse`], step by step.
pub(super) struct Reverse<K: Kernels> {
    cotangents: Cotangents<K>,
    /// How many cotangents there are.
    count: usize,
    batch: usize,
    until: Option<NodeId>,
    /// The shape of `until`.
    arrives: [usize; 3],
}

impl<K: Kernels> Reverse<K> {
    pub(super) fn new(
        network: &Instance<'_, K>,
        batch: usize,
        start: Start<K::Tensor>,
        until: Option<NodeId>,
    ) -> Self {
        let program = network.program;
        let mut cotangents = Cotangents::<K>::new(program.graph().nodes.len());
        cotangents.put(start.node, start.tensor);
        let arrives = until.map_or([0; 3], |node| program.shape(node));
        Reverse { cotangents, count: start.cotangents, batch, until, arrives }
    }

    /// The adjoint of step `s`. Steps are called in reverse order, and none is left out.
    pub(super) fn step(
        &mut self,
        kernels: &mut K,
        network: &Instance<'_, K>,
        forward: &Forward<K>,
        s: usize,
        rows: &mut K::Rows<'_>,
    ) -> Result<()> {
        let program = network.program;
        let p = network.parameters;
        let (count, batch, until) = (self.count, self.batch, self.until);
        let shape_of = |node| Shape { cotangents: count, batch, chw: program.shape(node), halo: 0 };
        let cotangents = &mut self.cotangents;
        let step = &program.steps()[s];
        if until.is_some_and(|node| step.output <= node) {
            return Ok(());
        }
        let resolved = cotangents.resolve(kernels, step.output, shape_of(step.output))?;
        let Some((owner, scale)) = resolved else { return Ok(()) };
        if let Action::Mix(slots) = &step.action {
            for (input, weight) in network.terms(step, slots) {
                let scale = kernels.product(&scale, &weight)?;
                cotangents.add_term(input, owner, scale);
            }
        } else if step.action == Action::Concat {
            let mut channel = 0;
            for input in &step.inputs {
                let (mut tensor, overwrite) =
                    cotangents.take_target(kernels, *input, shape_of(*input))?;
                let dy = Cotangent { tensor: cotangents.tensor(owner), scale: scale.clone() };
                kernels.concat_adjoint(channel, dy, Target { tensor: &mut tensor, overwrite })?;
                channel += program.shape(*input)[0];
                cotangents.put(*input, tensor);
            }
        } else if step.action == Action::Mul {
            for (input, other) in [(0, 1), (1, 0)].map(|(i, o)| (step.inputs[i], step.inputs[o])) {
                let (mut tensor, overwrite) =
                    cotangents.take_target(kernels, input, shape_of(input))?;
                let dy = Cotangent { tensor: cotangents.tensor(owner), scale: scale.clone() };
                let dx = Target { tensor: &mut tensor, overwrite };
                kernels.multiply_adjoint(forward.value(other), dy, dx)?;
                cotangents.put(input, tensor);
            }
        } else {
            let input = step.inputs[0];
            let x = || forward.value(input);
            let saved = || forward.saved[s].as_ref().expect("a kept pass saves");
            if let Action::Conv(_) = &step.action {
                let group = conv_group(cotangents, program.steps(), s, owner);
                // The gradient of the images is rarely wanted, and costs as much as another layer.
                let mut target = match input {
                    0 if until != Some(0) => None,
                    _ => Some(cotangents.take_target(kernels, input, shape_of(input))?),
                };
                let mut convs = Vec::with_capacity(group.len());
                for (s, scale) in &group {
                    let Action::Conv(conv) = &program.steps()[*s].action else { continue };
                    let saved = forward.saved[*s].as_ref().expect("a kept pass saves");
                    convs.push(MixedConv { conv, saved, scale: scale.clone() });
                }
                let dy = cotangents.tensor(owner);
                let dx = target
                    .as_mut()
                    .map(|(tensor, overwrite)| Target { tensor, overwrite: *overwrite });
                kernels.conv_adjoints(p, &convs, x(), dy, dx, rows)?;
                if let Some((tensor, _)) = target {
                    cotangents.put(input, tensor);
                }
                for (s, _) in &group {
                    cotangents.done(kernels, program.steps()[*s].output, owner);
                }
                return Ok(());
            }
            let (mut tensor, overwrite) =
                cotangents.take_target(kernels, input, shape_of(input))?;
            let dy = Cotangent { tensor: cotangents.tensor(owner), scale };
            let dx = Target { tensor: &mut tensor, overwrite };
            match &step.action {
                Action::BatchNorm(norm) => {
                    kernels.batch_norm_adjoint(p, norm, saved(), dy, dx, rows)?;
                }
                Action::Relu => kernels.relu_adjoint(x(), dy, dx)?,
                Action::Activation(_) => kernels.activation_adjoint(saved(), dy, dx)?,
                Action::Select(channels) => kernels.select_adjoint(channels, dy, dx)?,
                Action::Reshape => kernels.reshape_adjoint(dy, dx)?,
                Action::Expand => kernels.expand_adjoint(dy, dx)?,
                Action::Pad(padding) => kernels.pad_adjoint(padding, dy, dx)?,
                Action::AvgPool(window) => kernels.avg_pool_adjoint(window, dy, dx)?,
                Action::MaxPool(window) => kernels.max_pool_adjoint(window, saved(), dy, dx)?,
                Action::GlobalPool => kernels.global_pool_adjoint(dy, dx)?,
                Action::Linear(linear) => {
                    kernels.linear_adjoint(p, linear, x(), dy, dx, rows)?;
                }
                Action::Conv(_) | Action::Mix(_) | Action::Mul | Action::Concat => {
                    unreachable!("handled above")
                }
            }
            cotangents.put(input, tensor);
        }
        cotangents.done(kernels, step.output, owner);
        Ok(())
    }

    /// What arrived at `until`, after the last step.
    pub(super) fn end(mut self, kernels: &mut K) -> Result<Option<K::Tensor>> {
        let (cotangents, batch) = (self.count, self.batch);
        let shape = Shape { cotangents, batch, chw: self.arrives, halo: 0 };
        let arrived = match self.until {
            Some(node) => self.cotangents.take(kernels, node, shape)?,
            None => None,
        };
        // Those of nodes before `until`, and the images' own, if there is one.
        let held = self.cotangents.held.into_iter();
        held.filter_map(|held| held.own).for_each(|t| kernels.release(t));
        Ok(arrived)
    }
}
