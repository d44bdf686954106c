//! What each operator becomes.

use super::super::proto::{AttributeProto, AttributeType, DataType, NodeProto};
use super::constant::{Constant, INTEGERS};
use super::graph::{BATCH, Importer, NO_PADDING, Padding, SEQUENCE, Tensor, Value, join};
use crate::error::{Error, Result};
use crate::message::clip;
use crate::network::{Activation, Convolution, NodeId, Operation, ParameterKind, Window};

/// The largest side, step and distance of windows.
const WINDOW: i64 = 1 << 12;
const STRIDE: i64 = 1 << 8;
/// Elements of a kernel.
const KERNEL: usize = 1 << 16;

type Values<'a> = Result<Vec<Value<'a>>>;

fn fault<T>(text: String) -> Result<T> {
    Err(Error::Format(text))
}

/// The values that a node gives.
///
/// Errors: [`Error::Format`], without the node's name.
pub(super) fn translate<'a>(i: &mut Importer<'a>, node: &'a NodeProto) -> Values<'a> {
    let operator = node.op_type.as_deref().unwrap_or_default();
    let attributes = Attributes::of(node)?;
    // On constants alone.
    if let Some(folded) = fold(i, node, operator, &attributes)? {
        folded.check_size()?;
        return Ok(vec![Value::Constant(folded)]);
    }
    let one = |tensor: Tensor| Ok(vec![Value::Tensor(tensor)]);
    match operator {
        "Conv" => one(convolution(i, node, &attributes)?),
        "BatchNormalization" => one(batch_norm(i, node, &attributes)?),
        "Gemm" => one(gemm(i, node, &attributes)?),
        "MatMul" => one(mat_mul(i, node)?),
        "Relu" => {
            let x = i.tensor(node, 0)?;
            let x = i.laid(x);
            let relu = i.b.relu(x.node);
            one(Tensor { node: relu, ..x })
        }
        "Clip" | "LeakyRelu" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Neg" => {
            let activation = activation(i, node, operator, &attributes)?;
            let x = i.tensor(node, 0)?;
            one(applied(i, x, activation))
        }
        "Add" | "Sub" | "Sum" => sum(i, node, operator),
        "Mul" | "Div" => product(i, node, operator),
        "Concat" => one(concat(i, node, &attributes)?),
        "AveragePool" => one(pool(i, node, &attributes, true)?),
        "MaxPool" => one(pool(i, node, &attributes, false)?),
        "GlobalAveragePool" => {
            let x = i.tensor(node, 0)?;
            one(global_pool(i, x, true)?)
        }
        "GlobalMaxPool" => {
            let x = i.tensor(node, 0)?;
            let [c, h, w] = spatial(&x)?;
            let x = i.planes(x)?;
            let window = Window { kernel: [h, w], ..Window::square(1, 1, 0) };
            let node = i.b.pool_to(x, window, false, [1, 1]);
            one(Tensor { node, dims: vec![c, 1, 1], padding: NO_PADDING })
        }
        "ReduceMean" => reduce_mean(i, node, &attributes),
        "Flatten" => {
            let x = i.tensor(node, 0)?;
            let rank = x.dims.len() as i64 + 1;
            let axis = attributes.int("axis", 1)?;
            if axis != 1 && axis + rank != 1 {
                return fault(format!("found axis {axis}, expected 1: images stay apart"));
            }
            let elements = x.dims.iter().product();
            let x = i.laid(x);
            one(Tensor { dims: vec![elements], ..x })
        }
        "Reshape" => one(reshape(i, node)?),
        "Squeeze" | "Unsqueeze" => one(squeeze(i, node, operator, &attributes)?),
        "Transpose" => one(transpose(i, node, &attributes)?),
        "Pad" => one(pad(i, node, &attributes)?),
        "Slice" => one(slice(i, node, &attributes)?),
        "Split" => {
            let parts = parts(i, node, &attributes, node.output.len())?;
            let values = parts.into_iter().zip(&node.output);
            // A part that nothing reads is none.
            let value = |(part, name): (Part, &String)| match i.is_read(name) {
                true => part.taken(i).map(Value::Tensor),
                false => Ok(Value::Tensor(part.of)),
            };
            values.map(value).collect()
        }
        "SplitToSequence" => {
            let parts = sequence(i, node, &attributes)?;
            let parts = parts.into_iter().map(|part| part.taken(i)).collect::<Result<_>>()?;
            Ok(vec![Value::Sequence(parts)])
        }
        "SequenceAt" => one(sequence_at(i, node)?),
        "Gather" => one(gather(i, node, &attributes)?),
        "Identity" | "Dropout" | "CastLike" => {
            let x = i.tensor(node, 0)?;
            one(x)
        }
        "Cast" => {
            let to = attributes.int("to", 0)?;
            let kind = DataType::try_from(i32::try_from(to).unwrap_or(-1));
            let real =
                [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16];
            if !kind.is_ok_and(|kind| real.contains(&kind)) {
                return fault(format!("found a cast to type {to}, expected floating-point numbers"));
            }
            let x = i.tensor(node, 0)?;
            one(x)
        }
        "Softmax" | "LogSoftmax" => {
            if !node.output.first().is_some_and(|name| i.is_output(name)) {
                return fault(
                    "found it before the network's end, expected it behind the logits alone".into(),
                );
            }
            i.notes.push(format!("{} at its end is left out: logits are what is scored", operator));
            let x = i.tensor(node, 0)?;
            one(x)
        }
        "Shape" => {
            let x = i.tensor(node, 0)?;
            let mut values = vec![i.fixed_batch().unwrap_or(BATCH)];
            values.extend(x.dims.iter().map(|dim| *dim as i64));
            Ok(vec![Value::Constant(shape_part(&values, &attributes)?)])
        }
        "Expand" => fault("found a tensor to be repeated, expected a constant".into()),
        "" => fault("found no operator, expected one".into()),
        _ => fault(
            "found an operator that this library does not have; expected one of Add, AveragePool, \
             BatchNormalization, Cast, CastLike, Clip, Concat, Constant, Conv, Div, Dropout, Expand, \
             Flatten, Gather, Gemm, GlobalAveragePool, GlobalMaxPool, HardSigmoid, HardSwish, \
             Identity, LeakyRelu, LogSoftmax, MatMul, MaxPool, Mul, Neg, Pad, ReduceMean, Relu, \
             Reshape, SequenceAt, Shape, Sigmoid, Slice, Softmax, Split, SplitToSequence, Squeeze, \
             Sub, Sum, Transpose, Unsqueeze"
                .into(),
        ),
    }
}

/// A node's attributes by their names.
struct Attributes<'a>(Vec<&'a AttributeProto>);

impl<'a> Attributes<'a> {
    fn of(node: &'a NodeProto) -> Result<Self> {
        let all: Vec<_> = node.attribute.iter().collect();
        if let Some(named) = all.iter().find(|a| a.ref_attr_name.is_some()) {
            let name = clip(named.name.as_deref().unwrap_or_default());
            return fault(format!("attribute {name:?}: found a function's, expected a value"));
        }
        Ok(Attributes(all))
    }

    fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.iter().find(|a| a.name.as_deref() == Some(name)).copied()
    }

    /// A value of one type, if the attribute is there.
    fn typed<T>(
        &self,
        name: &str,
        expected: (AttributeType, &str),
        value: impl Fn(&'a AttributeProto) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(attribute) = self.get(name) else { return Ok(None) };
        let found = attribute.r#type.unwrap_or(expected.0 as i32);
        if found == expected.0 as i32 {
            // A value that is 0 or empty may have been left out.
            return Ok(value(attribute));
        }
        let found = match AttributeType::try_from(found) {
            Ok(kind) => format!("{kind:?}"),
            Err(_) => format!("{found}"),
        };
        fault(format!("attribute {name}: found a value of type {found}, expected {}", expected.1))
    }

    fn int(&self, name: &str, otherwise: i64) -> Result<i64> {
        let expected = (AttributeType::Int, "a whole number");
        match self.get(name) {
            None => Ok(otherwise),
            Some(_) => Ok(self.typed(name, expected, |a| a.i)?.unwrap_or(0)),
        }
    }

    fn float(&self, name: &str, otherwise: f64) -> Result<f64> {
        let expected = (AttributeType::Float, "a number");
        let value = match self.get(name) {
            None => otherwise,
            Some(_) => self.typed(name, expected, |a| a.f)?.unwrap_or(0.0).into(),
        };
        if value.is_nan() {
            return fault(format!("attribute {name}: found NaN, expected a number"));
        }
        Ok(value)
    }

    fn ints(&self, name: &str) -> Result<Option<&'a [i64]>> {
        self.typed(name, (AttributeType::Ints, "whole numbers"), |a| Some(&a.ints[..]))
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        let text = self.typed(name, (AttributeType::String, "a text"), |a| a.s.as_ref())?;
        Ok(text.map(|text| String::from_utf8_lossy(text).into_owned()))
    }

    /// One whole number for each of `count` sides, within a range.
    fn sides<const N: usize>(
        &self,
        name: &str,
        otherwise: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<[i64; N]> {
        let Some(values) = self.ints(name)? else { return Ok([otherwise; N]) };
        let Ok(values) = <[i64; N]>::try_from(values) else {
            let found = values.len();
            return fault(format!(
                "{name}: found {found} numbers, expected {N}: of two dimensions"
            ));
        };
        match values.iter().find(|v| !range.contains(v)) {
            None => Ok(values),
            Some(v) => {
                let (start, end) = (range.start(), range.end());
                fault(format!("{name}: found {v}, expected {start} to {end}"))
            }
        }
    }
}

/// What constants alone give; `None` if the node reads a tensor.
fn fold<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    operator: &str,
    attributes: &Attributes<'a>,
) -> Result<Option<Constant<'a>>> {
    if operator == "Constant" {
        return constant(attributes).map(Some);
    }
    let mut inputs = Vec::new();
    // What CastLike reads beside its first input is a type.
    let read = if operator == "CastLike" { 1 } else { node.input.len() };
    for n in 0..read.min(node.input.len()) {
        match i.input(node, n) {
            Some(Value::Constant(constant)) => inputs.push(constant),
            None => {}
            Some(_) => return Ok(None),
        }
    }
    let Some(first) = inputs.first().cloned() else { return Ok(None) };
    let of_one = |values: Vec<i64>| {
        let dims = if values.len() == 1 { Vec::new() } else { vec![values.len()] };
        Constant::Integers { dims, values }
    };
    let axis = |name: &str, rank: usize| -> Result<usize> {
        let axis = attributes.int(name, 0)?;
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        usize::try_from(axis).ok().filter(|axis| *axis < rank).ok_or_else(|| {
            Error::Format(format!("found {name} {axis}, expected one of {rank} axes"))
        })
    };
    Ok(Some(match (operator, first) {
        ("Identity" | "Dropout" | "Cast" | "CastLike", constant) => constant,
        ("Shape", constant) => {
            let dims: Vec<i64> = constant.dims().iter().map(|dim| *dim as i64).collect();
            shape_part(&dims, attributes)?
        }
        ("Expand", constant) => expanded(i, node, constant)?,
        ("Transpose", constant) => match (constant.transposed(), attributes.ints("perm")?) {
            (Some(turned), None | Some([1, 0])) => turned,
            _ => return fault("found a constant that is no matrix, expected one".into()),
        },
        ("Squeeze" | "Unsqueeze" | "Reshape" | "Flatten", Constant::Integers { values, .. }) => {
            // Shapes are lists, whatever their axes.
            let alone = operator == "Squeeze" && values.len() == 1;
            let dims = if alone { Vec::new() } else { vec![values.len()] };
            Constant::Integers { dims, values }
        }
        ("Gather", Constant::Integers { values, .. }) => {
            let Some(indices) = i.integers(node, 1)? else {
                return fault("found no indices, expected whole numbers".into());
            };
            let at = |n: &i64| {
                let place = if *n < 0 { *n + values.len() as i64 } else { *n };
                let value = usize::try_from(place).ok().and_then(|place| values.get(place));
                value.copied().ok_or_else(|| {
                    let most = values.len();
                    Error::Format(format!("found the index {n}, expected one of {most} numbers"))
                })
            };
            of_one(indices.iter().map(at).collect::<Result<_>>()?)
        }
        ("Slice", Constant::Integers { values, .. }) => {
            let dims = [values.len()];
            let ranges = slices(i, node, attributes, dims.len())?;
            let mut values = values;
            for (_, start, end, step) in ranges {
                let place = bounds(start, end, values.len());
                if step != 1 {
                    return fault(format!("found the step {step}, expected 1"));
                }
                values = values.get(place).unwrap_or_default().to_vec();
            }
            Constant::Integers { dims: vec![values.len()], values }
        }
        ("Concat", _) => {
            axis("axis", 1)?;
            let mut values = Vec::new();
            for n in 0..inputs.len() {
                values.extend(i.integers(node, n)?.unwrap_or_default());
            }
            Constant::Integers { dims: vec![values.len()], values }
        }
        ("Add" | "Sub" | "Mul" | "Div", Constant::Integers { values, dims }) => {
            let other = i.integers(node, 1)?.unwrap_or_default();
            let (&[a], &[b]) = (&values[..], &other[..]) else {
                return fault(format!(
                    "found {} and {} whole numbers, expected one each",
                    values.len(),
                    other.len()
                ));
            };
            let result = match operator {
                _ if a == BATCH || b == BATCH => None,
                "Add" => a.checked_add(b),
                "Sub" => a.checked_sub(b),
                "Mul" => a.checked_mul(b),
                _ => a.checked_div_euclid(b),
            };
            let Some(result) = result else {
                return fault(
                    "found a calculation with the number of images, expected none".into(),
                );
            };
            Constant::Integers { dims, values: vec![result] }
        }
        _ => {
            return fault(
                "found constants alone as inputs, expected what depends on the images: such an \
                 operator is for the exporter to fold"
                    .into(),
            );
        }
    }))
}

/// The part of a shape that a node asks for.
fn shape_part<'a>(shape: &[i64], attributes: &Attributes<'_>) -> Result<Constant<'a>> {
    let bound = |name: &str, otherwise: usize| -> Result<usize> {
        let rank = shape.len() as i64;
        let at = attributes.int(name, otherwise as i64)?;
        Ok((if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize)
    };
    let (start, end) = (bound("start", 0)?, bound("end", shape.len())?);
    let values: Vec<i64> = shape.get(start..end).unwrap_or_default().to_vec();
    Ok(Constant::Integers { dims: vec![values.len()], values })
}

/// A number repeated in a shape, or a constant that has the shape already.
fn expanded<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    constant: Constant<'a>,
) -> Result<Constant<'a>> {
    let Some(shape) = i.integers(node, 1)? else {
        return fault("found no shape, expected a constant as input 1".into());
    };
    let size = |n: &i64| {
        let wrong = || Error::Format(format!("found the shape {shape:?}, expected no less than 0"));
        usize::try_from(*n).map_err(|_| wrong())
    };
    let shape = shape.iter().map(size).collect::<Result<Vec<usize>>>()?;
    let dims = constant.dims();
    // A shape may have ones where the constant has more.
    let behind = shape.len().checked_sub(dims.len()).map(|at| &shape[at..]);
    let fits = behind.is_some_and(|s| s.iter().zip(&dims).all(|(s, d)| s == d || *s == 1));
    if fits && (shape.len() == dims.len() || shape.iter().all(|n| *n == 1)) {
        return Ok(constant);
    }
    if !dims.iter().all(|dim| *dim == 1) {
        return fault(format!(
            "found a constant of [{}] for the shape [{}], expected one number, or that shape",
            join(&dims),
            join(&shape)
        ));
    }
    match (&constant, number(i, &constant)?) {
        (Constant::Integers { values, .. }, _) => {
            let count = shape.iter().fold(1usize, |n, dim| n.saturating_mul(*dim));
            // One more than there may be is refused by `check_size`.
            let values = vec![values[0]; count.min(INTEGERS + 1)];
            Ok(Constant::Integers { values, dims: shape })
        }
        (_, Some(value)) => Ok(Constant::Filled { value, dims: shape }),
        (_, None) => fault("found a number in a file that is not there, expected it here".into()),
    }
}

fn constant<'a>(attributes: &Attributes<'a>) -> Result<Constant<'a>> {
    if let Some(tensor) = attributes.get("value").and_then(|a| a.t.as_ref()) {
        return Constant::new(tensor);
    }
    if attributes.get("value_float").is_some() {
        let value = attributes.float("value_float", 0.0)?;
        return Ok(Constant::Filled { value, dims: Vec::new() });
    }
    if attributes.get("value_int").is_some() {
        let values = vec![attributes.int("value_int", 0)?];
        return Ok(Constant::Integers { dims: Vec::new(), values });
    }
    if let Some(values) = attributes.ints("value_ints")? {
        return Ok(Constant::Integers { dims: vec![values.len()], values: values.to_vec() });
    }
    fault("found a constant without a value that is a tensor or a number, expected one".into())
}

/// `[C, H, W]` of a tensor that must have planes.
fn spatial(x: &Tensor) -> Result<[usize; 3]> {
    <[usize; 3]>::try_from(&x.dims[..]).or_else(|_| {
        fault(format!("found a tensor of [N, {}], expected [N, C, H, W]", join(&x.dims)))
    })
}

/// The zeros around a window's input, from `pads` or `auto_pad`.
fn pads(
    attributes: &Attributes<'_>,
    input: [usize; 2],
    span: [usize; 2],
    stride: [usize; 2],
) -> Result<[[usize; 2]; 2]> {
    let auto = attributes.text("auto_pad")?.unwrap_or_else(|| "NOTSET".into());
    match &auto[..] {
        "NOTSET" => {
            let [top, left, bottom, right] = attributes.sides::<4>("pads", 0, 0..=WINDOW)?;
            Ok([[top, bottom], [left, right]].map(|side| side.map(|n| n as usize)))
        }
        "VALID" => Ok([[0; 2]; 2]),
        "SAME_UPPER" | "SAME_LOWER" => Ok([0, 1].map(|axis| {
            let output = input[axis].div_ceil(stride[axis]);
            let all = ((output - 1) * stride[axis] + span[axis]).saturating_sub(input[axis]);
            let less = all / 2;
            if auto == "SAME_UPPER" { [less, all - less] } else { [all - less, less] }
        })),
        _ => fault(format!(
            "auto_pad: found {:?}, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER",
            clip(&auto)
        )),
    }
}

fn usizes<const N: usize>(values: [i64; N]) -> [usize; N] {
    values.map(|value| value as usize)
}

fn convolution<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let [channels, height, width] = spatial(&x)?;
    let Some(weight) = i.constant(node, 1)? else {
        return fault("found no weight, expected a constant as input 1".into());
    };
    let shape = weight.dims();
    let Ok([out, inputs, kh, kw]) = <[usize; 4]>::try_from(&shape[..]) else {
        return fault(format!(
            "found a weight of [{}], expected [out, in, height, width]",
            join(&shape)
        ));
    };
    if shape.contains(&0) || kh.saturating_mul(kw) > KERNEL {
        return fault(format!("found a weight of [{}], expected a smaller one", join(&shape)));
    }
    let kernel = attributes.ints("kernel_shape")?;
    if kernel.is_some_and(|kernel| kernel != [kh as i64, kw as i64]) {
        return fault(format!(
            "kernel_shape: found {:?}, expected {kh} and {kw}, as the weight has",
            kernel.unwrap_or_default()
        ));
    }
    let groups = attributes.int("group", 1)?;
    let fits = |groups: &usize| {
        *groups > 0 && out.is_multiple_of(*groups) && inputs.checked_mul(*groups) == Some(channels)
    };
    let Some(groups) = usize::try_from(groups).ok().filter(fits) else {
        return fault(format!(
            "found {channels} channels, a weight of [{}] and {groups} groups, which do not fit",
            join(&shape)
        ));
    };
    let stride = usizes(attributes.sides("strides", 1, 1..=STRIDE)?);
    let dilation = usizes(attributes.sides("dilations", 1, 1..=WINDOW)?);
    let span = [(kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1];
    let mut padding =
        pads(attributes, [height, width], span, stride)?.map(|side| side.map(|n| n as isize));
    // Zeros of a padding before it are its own.
    let mut x = x;
    let (own, before) = (padding, x.padding);
    if before != NO_PADDING && mergeable(&before, &own) {
        for axis in 0..2 {
            for side in 0..2 {
                padding[axis][side] += before[axis][side];
            }
        }
        x.padding = NO_PADDING;
        x.dims = i.b.shape(x.node).to_vec();
    }
    let x = i.planes(x)?;
    let geometry = Convolution { kernel: [kh, kw], stride, padding, dilation, groups };
    let name = &node.input[1];
    let weight = i.parameter(name, &weight, ParameterKind::ConvWeight, &shape, 0)?;
    let bias = match i.constant(node, 2)? {
        None => None,
        // PyTorch's exporter makes one where the layer has none, unless it optimises.
        Some(Constant::Filled { value: 0.0, .. }) => None,
        Some(bias) => {
            let dims = bias.dims();
            if dims != [out] {
                return fault(format!("found a bias of [{}], expected [{out}]", join(&dims)));
            }
            let fan_in = inputs * kh * kw;
            Some(i.parameter(&node.input[2], &bias, ParameterKind::ConvBias, &[out], fan_in)?)
        }
    };
    let result = i.b.conv_of("input", x, weight, bias, out, geometry)?;
    let dims = i.b.shape(result).to_vec();
    Ok(Tensor { node: result, dims, padding: NO_PADDING })
}

/// Whether zeros (or cuts) before a convolution are the same as some of its own: on each side only one
/// of them cuts, or none.
fn mergeable(before: &Padding, own: &Padding) -> bool {
    let sides = before.iter().flatten().zip(own.iter().flatten());
    sides.into_iter().all(|(before, own)| *before >= 0 || *own == 0)
}

fn batch_norm<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let x = i.laid(x);
    let Some(channels) = x.dims.first().copied() else {
        return fault("found a tensor without channels".into());
    };
    let mut constants = Vec::new();
    for (n, what) in [(1, "scale"), (2, "shift"), (3, "mean"), (4, "variance")] {
        let Some(constant) = i.constant(node, n)? else {
            return fault(format!("found no {what}, expected a constant as input {n}"));
        };
        let dims = constant.dims();
        if dims != [channels] {
            return fault(format!("found a {what} of [{}], expected [{channels}]", join(&dims)));
        }
        constants.push(constant);
    }
    let epsilon = attributes.float("epsilon", 1e-5)?;
    if !(epsilon > 0.0 && epsilon <= 1.0) {
        return fault(format!("epsilon: found {epsilon}, expected more than 0, at most 1"));
    }
    let (names, dims) = (&node.input, x.dims.clone());
    let kinds = [ParameterKind::NormScale, ParameterKind::NormShift];
    let scale = i.parameter(&names[1], &constants[0], kinds[0], &[channels], 0)?;
    let shift = i.parameter(&names[2], &constants[1], kinds[1], &[channels], 0)?;
    let planes = i.planes(x)?;
    let result = i.b.batch_norm_of(planes, scale, shift, rounded(epsilon));
    i.statistics(result, constants[2].clone(), constants[3].clone());
    Ok(Tensor { node: result, dims, padding: NO_PADDING })
}

/// The decimal number that a file of f32 means: 1e-5, not 9.99999974738e-6.
fn rounded(value: f64) -> f64 {
    format!("{}", value as f32).parse().unwrap_or(value)
}

/// A linear layer of a tensor `[N, F]`.
fn linear<'a>(
    i: &mut Importer<'a>,
    x: Tensor,
    name: &str,
    matrix: &Constant<'a>,
    bias: Option<(&str, Constant<'a>)>,
) -> Result<Tensor> {
    let x = i.laid(x);
    let [features] = x.dims[..] else {
        return fault(format!("found a tensor of [N, {}], expected [N, features]", join(&x.dims)));
    };
    let shape = matrix.dims();
    let (&[out, inputs], true) = (&shape[..], !shape.contains(&0)) else {
        return fault(format!("found a weight of [{}], expected a matrix", join(&shape)));
    };
    if inputs != features {
        return fault(format!(
            "found {features} features and a matrix from {inputs} to {out}, expected them to fit"
        ));
    }
    let node = i.reshaped(x.node, [features, 1, 1]);
    let weight = i.parameter(name, matrix, ParameterKind::LinearWeight, &[out, inputs], 0)?;
    let bias = match bias {
        None => None,
        Some((name, constant)) => Some(bias_of(i, name, &constant, out, inputs)?),
    };
    let node = i.b.linear_of(node, weight, bias, out);
    Ok(Tensor { node, dims: vec![out], padding: NO_PADDING })
}

fn bias_of<'a>(
    i: &mut Importer<'a>,
    name: &str,
    bias: &Constant<'a>,
    out: usize,
    inputs: usize,
) -> Result<usize> {
    let dims = bias.dims();
    if dims != [out] && dims != [1, out] {
        return fault(format!("found a bias of [{}], expected [{out}]", join(&dims)));
    }
    i.parameter(name, bias, ParameterKind::LinearBias, &[out], inputs)
}

fn gemm<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    for (name, expected) in [("alpha", 1.0), ("beta", 1.0)] {
        let found = attributes.float(name, 1.0)?;
        if found != expected {
            return fault(format!("{name}: found {found}, expected {expected}"));
        }
    }
    if attributes.int("transA", 0)? != 0 {
        return fault("transA: found 1, expected 0: images stay apart".into());
    }
    let Some(matrix) = i.constant(node, 1)? else {
        return fault("found no matrix, expected a constant as input 1".into());
    };
    let matrix = match attributes.int("transB", 0)? {
        0 => matrix.transposed(),
        _ => Some(matrix),
    };
    let Some(matrix) = matrix else {
        return fault("found input 1 that is no matrix, expected one".into());
    };
    let bias = i.constant(node, 2)?.map(|bias| (&node.input[2][..], bias));
    linear(i, x, &node.input[1], &matrix, bias)
}

fn mat_mul<'a>(i: &mut Importer<'a>, node: &'a NodeProto) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let matrix = match i.input(node, 1) {
        Some(Value::Constant(matrix)) => matrix.transposed(),
        _ => {
            return fault(
                "found a product of two tensors, as attention has, expected a constant matrix"
                    .into(),
            );
        }
    };
    let Some(matrix) = matrix else {
        return fault("found input 1 that is no matrix, expected one".into());
    };
    linear(i, x, &node.input[1], &matrix, None)
}

fn activation<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    operator: &str,
    attributes: &Attributes<'a>,
) -> Result<Activation> {
    Ok(match operator {
        "Clip" => {
            // Attributes up to opset 10, inputs from 11 on.
            let bound = |name: &str, input: usize, otherwise: f64| -> Result<f64> {
                let Some(constant) = i.constant(node, input)? else {
                    return attributes.float(name, otherwise);
                };
                match constant.numbers(i.weights)?.as_deref() {
                    Some([value]) if !value.is_nan() => Ok(*value),
                    _ => fault(format!("{name}: found no single number, expected one")),
                }
            };
            let low = bound("min", 1, f64::NEG_INFINITY)?;
            let high = bound("max", 2, f64::INFINITY)?;
            if low > high {
                return fault(format!("found bounds {low} and {high}, expected them in order"));
            }
            Activation::Clip { low, high }
        }
        "LeakyRelu" => Activation::LeakyRelu { slope: rounded(attributes.float("alpha", 0.01)?) },
        "Sigmoid" => Activation::Sigmoid,
        "HardSigmoid" => Activation::HardSigmoid {
            slope: attributes.float("alpha", 0.2)?,
            shift: attributes.float("beta", 0.5)?,
        },
        "HardSwish" => Activation::HardSwish,
        _ => Activation::Affine { scale: -1.0, shift: 0.0 },
    })
}

fn applied(i: &mut Importer<'_>, x: Tensor, activation: Activation) -> Tensor {
    let x = i.laid(x);
    let node = i.b.activation(x.node, activation);
    Tensor { node, ..x }
}

/// Two tensors as nodes of one shape: what has one number a channel is repeated over the planes.
fn broadcast(i: &mut Importer<'_>, a: Tensor, b: Tensor) -> Result<([NodeId; 2], Vec<usize>)> {
    let (a, b) = (i.laid(a), i.laid(b));
    if a.dims == b.dims {
        let shape = i.b.shape(a.node);
        let other = i.reshaped(b.node, shape);
        return Ok(([a.node, other], a.dims));
    }
    let per_channel = |small: &Tensor, large: &Tensor| {
        small.dims.len() == 3 && large.dims.len() == 3 && small.dims == [large.dims[0], 1, 1]
    };
    let swapped = per_channel(&a, &b);
    if !swapped && !per_channel(&b, &a) {
        return fault(format!(
            "found tensors of [N, {}] and [N, {}], expected one shape, or one number a channel",
            join(&a.dims),
            join(&b.dims)
        ));
    }
    let (large, small) = if swapped { (b, a) } else { (a, b) };
    let [_, h, w] = spatial(&large)?;
    let (dims, wide) = (large.dims.clone(), i.planes(large)?);
    let small = i.planes(small)?;
    let small = i.b.expand(small, [h, w]);
    Ok(([wide, small], dims))
}

/// A single number, if a constant is one, or the same at all places.
fn number<'a>(i: &mut Importer<'a>, constant: &Constant<'a>) -> Result<Option<f64>> {
    let elements: usize = constant.dims().iter().product();
    i.spend_numbers(elements)?;
    let Some(values) = constant.numbers(i.weights)? else { return Ok(None) };
    Ok(values.first().copied().filter(|first| values.iter().all(|value| value == first)))
}

fn sum<'a>(i: &mut Importer<'a>, node: &'a NodeProto, operator: &str) -> Values<'a> {
    let mut total: Option<Tensor> = None;
    let mut constants = Vec::new();
    let mut negative = false;
    for n in 0..node.input.len() {
        match i.input(node, n) {
            Some(Value::Tensor(tensor)) => {
                let tensor = match operator {
                    "Sub" if n == 1 => {
                        applied(i, tensor, Activation::Affine { scale: -1.0, shift: 0.0 })
                    }
                    _ => tensor,
                };
                total = Some(match total.take() {
                    None => i.laid(tensor),
                    Some(first) => {
                        let inner = n == 1 && i.is_read_once(&node.input[0]);
                        let ([a, b], dims) = broadcast(i, first, tensor)?;
                        // A sum of more than two is written as sums of sums.
                        let node = match inner && i.b.extend_mix(a, b) {
                            true => a,
                            false => {
                                let shape = i.b.shape(a);
                                i.b.mix(&[(a, None), (b, None)], shape)
                            }
                        };
                        Tensor { node, dims, padding: NO_PADDING }
                    }
                });
            }
            Some(Value::Constant(constant)) => {
                negative = operator == "Sub" && n == 1;
                constants.push((n, constant));
            }
            Some(Value::MeanOfAll) => return fault(MEAN_OF_ALL.into()),
            Some(Value::Sequence(_)) => return fault(SEQUENCE.into()),
            None => return fault(format!("found no input {n}, expected a tensor")),
        }
    }
    let Some(mut total) = total else { return fault("found no tensor, expected one".into()) };
    for (n, constant) in constants {
        // The bias of a layer before it, which nothing else reads.
        let of = node.input.get(1 - n.min(1)).map(|name| &name[..]).unwrap_or_default();
        if operator == "Add"
            && i.is_read_once(of)
            && add_bias(i, &total, &node.input[n], &constant)?
        {
            continue;
        }
        let Some(value) = number(i, &constant)? else {
            return fault(format!(
                "found a constant of [{}], expected one number, or the bias of the layer before",
                join(&constant.dims())
            ));
        };
        let shift = if negative { -value } else { value };
        total = applied(i, total, Activation::Affine { scale: 1.0, shift });
    }
    Ok(vec![Value::Tensor(total)])
}

/// Gives a linear layer or a convolution that has no bias this one; `false` if it is none.
fn add_bias<'a>(
    i: &mut Importer<'a>,
    x: &Tensor,
    name: &str,
    constant: &Constant<'a>,
) -> Result<bool> {
    let dims = constant.dims();
    let Some(out) = x.dims.first().copied() else { return Ok(false) };
    let (kind, weight) = match i.b.operation(x.node) {
        Operation::Linear { weight, bias: None } if dims == [out] || dims == [1, out] => {
            (ParameterKind::LinearBias, *weight)
        }
        Operation::Conv { weight, bias: None, .. }
            if dims == [out, 1, 1] || dims == [1, out, 1, 1] =>
        {
            (ParameterKind::ConvBias, *weight)
        }
        _ => return Ok(false),
    };
    let fan_in = i.b.parameter_at(weight).shape[1..].iter().product();
    let bias = i.parameter(name, constant, kind, &[out], fan_in)?;
    i.b.set_bias(x.node, bias);
    Ok(true)
}

const MEAN_OF_ALL: &str =
    "found the mean over all axes of the images, expected feature maps or features";

fn product<'a>(i: &mut Importer<'a>, node: &'a NodeProto, operator: &str) -> Values<'a> {
    let inputs = [i.input(node, 0), i.input(node, 1)];
    let (tensor, constant, at) = match inputs {
        [Some(Value::Tensor(a)), Some(Value::Tensor(b))] => {
            if operator == "Div" {
                return fault(
                    "found a quotient of two tensors, expected a constant divisor".into(),
                );
            }
            let ([a, b], dims) = broadcast(i, a, b)?;
            let node = i.b.mul(a, b);
            return Ok(vec![Value::Tensor(Tensor { node, dims, padding: NO_PADDING })]);
        }
        [Some(Value::Tensor(x)), Some(Value::Constant(c))] => (Value::Tensor(x), c, 1),
        [Some(Value::Constant(c)), Some(Value::Tensor(x))] => (Value::Tensor(x), c, 0),
        [Some(Value::MeanOfAll), Some(Value::Constant(c))] => (Value::MeanOfAll, c, 1),
        _ => return fault("found fewer than two inputs, expected two".into()),
    };
    let value = number(i, &constant)?;
    let Value::Tensor(x) = tensor else {
        // The zeros of a network that has no path here.
        let dims = constant.dims();
        let (Some(0.0), [1, c, h, w]) = (value, &dims[..]) else {
            return fault(MEAN_OF_ALL.into());
        };
        let node = i.b.mix(&[], [*c, *h, *w]);
        let dims = vec![*c, *h, *w];
        return Ok(vec![Value::Tensor(Tensor { node, dims, padding: NO_PADDING })]);
    };
    let scale = match (operator, value) {
        ("Div", Some(_)) if at == 0 => {
            return fault("found a constant divided by a tensor, expected the reverse".into());
        }
        ("Div", Some(0.0)) => return fault("found a division by 0".into()),
        ("Div", Some(value)) => 1.0 / value,
        (_, Some(value)) => value,
        (_, None) => {
            return fault(format!(
                "found a constant of [{}], expected one number",
                join(&constant.dims())
            ));
        }
    };
    let x = applied(i, x, Activation::Affine { scale, shift: 0.0 });
    Ok(vec![Value::Tensor(x)])
}

/// An axis of a tensor, counted without the images.
fn inner_axis(axis: i64, rank: usize) -> Result<usize> {
    let found = if axis < 0 { axis + rank as i64 + 1 } else { axis };
    match usize::try_from(found - 1).ok().filter(|axis| *axis < rank) {
        Some(axis) => Ok(axis),
        None if found == 0 => fault("found the axis of the images, expected another".into()),
        None => fault(format!("found axis {axis} of a tensor of {} axes", rank + 1)),
    }
}

fn concat<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let mut tensors = Vec::new();
    for n in 0..node.input.len() {
        let tensor = i.tensor(node, n)?;
        tensors.push(i.laid(tensor));
    }
    let Some(first) = tensors.first().cloned() else {
        return fault("found no input, expected tensors".into());
    };
    let axis = inner_axis(attributes.int("axis", 1)?, first.dims.len())?;
    if axis != 0 {
        return fault(format!("found axis {}, expected 1: channels", axis + 1));
    }
    let mut dims = first.dims.clone();
    dims[0] = 0;
    let mut nodes = Vec::new();
    for tensor in tensors {
        if tensor.dims.len() != first.dims.len() || tensor.dims[1..] != first.dims[1..] {
            return fault(format!(
                "found tensors of [N, {}] and [N, {}], expected them to differ in channels alone",
                join(&first.dims),
                join(&tensor.dims)
            ));
        }
        dims[0] += tensor.dims[0];
        nodes.push(i.planes(tensor)?);
    }
    let node = i.b.concat(&nodes);
    Ok(Tensor { node, dims, padding: NO_PADDING })
}

fn pool<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
    average: bool,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let [channels, height, width] = spatial(&x)?;
    if attributes.ints("kernel_shape")?.is_none() {
        return fault("found no kernel_shape, expected two numbers".into());
    }
    let kernel = usizes(attributes.sides("kernel_shape", 1, 1..=WINDOW)?);
    let stride = usizes(attributes.sides("strides", 1, 1..=WINDOW)?);
    if attributes.sides::<2>("dilations", 1, 1..=WINDOW)? != [1, 1] {
        return fault("dilations: found a window with holes, expected 1 and 1".into());
    }
    if !average && node.output.get(1).is_some_and(|name| !name.is_empty()) {
        return fault("found an output of indices, expected the maxima alone".into());
    }
    let padding = pads(attributes, [height, width], kernel, stride)?;
    let ceil = attributes.int("ceil_mode", 0)? != 0;
    let counts_padding = average && attributes.int("count_include_pad", 0)? != 0;
    let mut output = [0; 2];
    for (axis, size) in [height, width].into_iter().enumerate() {
        let [before, after] = padding[axis];
        if before.max(after) >= kernel[axis] {
            return fault(format!(
                "pads: found {}, expected less than the window of {}",
                before.max(after),
                kernel[axis]
            ));
        }
        let Some(room) = (size + before + after).checked_sub(kernel[axis]) else {
            return fault(format!(
                "found an input of {height} x {width}, too small for a window of {} x {}",
                kernel[0], kernel[1]
            ));
        };
        let mut count = if ceil { room.div_ceil(stride[axis]) } else { room / stride[axis] } + 1;
        // The last window begins in the input, or in the border before it.
        if ceil && (count - 1) * stride[axis] >= size + before {
            count -= 1;
        }
        // Every window holds a pixel.
        if (count - 1) * stride[axis] >= size + before {
            return fault(format!(
                "found a window beyond an input of {height} x {width}, expected each to reach it"
            ));
        }
        output[axis] = count;
    }
    let x = i.planes(x)?;
    let window = Window { kernel, stride, padding, counts_padding };
    let node = i.b.pool_to(x, window, average, output);
    Ok(Tensor { node, dims: vec![channels, output[0], output[1]], padding: NO_PADDING })
}

fn global_pool(i: &mut Importer<'_>, x: Tensor, keep: bool) -> Result<Tensor> {
    let [channels, ..] = spatial(&x)?;
    let x = i.planes(x)?;
    let node = i.b.global_pool(x);
    let dims = if keep { vec![channels, 1, 1] } else { vec![channels] };
    Ok(Tensor { node, dims, padding: NO_PADDING })
}

fn reduce_mean<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Values<'a> {
    let x = i.tensor(node, 0)?;
    // An attribute up to opset 17, an input from 18 on.
    let axes = match i.integers(node, 1)? {
        Some(axes) => axes,
        None => attributes.ints("axes")?.unwrap_or_default().to_vec(),
    };
    let rank = x.dims.len();
    let mut axes = axes.iter().map(|a| inner_axis(*a, rank)).collect::<Result<Vec<_>>>()?;
    axes.sort_unstable();
    let keep = attributes.int("keepdims", 1)? != 0;
    match &axes[..] {
        [1, 2] if rank == 3 => Ok(vec![Value::Tensor(global_pool(i, x, keep)?)]),
        [0, 1, 2] if rank == 3 && keep => Ok(vec![Value::MeanOfAll]),
        _ => fault(format!(
            "found axes {:?} of a tensor of [N, {}], expected 2 and 3: height and width",
            axes.iter().map(|axis| axis + 1).collect::<Vec<_>>(),
            join(&x.dims)
        )),
    }
}

fn reshape<'a>(i: &mut Importer<'a>, node: &'a NodeProto) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let Some(shape) = i.integers(node, 1)? else {
        return fault("found no shape, expected a constant as input 1".into());
    };
    let elements: usize = x.dims.iter().product();
    let wrong = || {
        let shape: Vec<String> =
            shape.iter().map(|n| if *n == BATCH { "N".into() } else { n.to_string() }).collect();
        fault(format!(
            "found the shape [{}] for a tensor of [N, {}], expected one that keeps images apart",
            shape.join(", "),
            join(&x.dims)
        ))
    };
    let Some((first, rest)) = shape.split_first() else { return wrong() };
    let mut dims = Vec::new();
    let mut open = None;
    for (axis, n) in rest.iter().enumerate() {
        match *n {
            0 if axis < x.dims.len() => dims.push(x.dims[axis]),
            -1 if open.is_none() => {
                open = Some(axis);
                dims.push(1);
            }
            n if n > 0 => dims.push(n as usize),
            _ => return wrong(),
        }
    }
    let known = dims.iter().fold(1usize, |all, n| all.saturating_mul(*n));
    if known == 0 || dims.len() > 8 {
        return wrong();
    }
    match open {
        Some(axis) if elements.is_multiple_of(known) => dims[axis] = elements / known,
        None if known == elements => {}
        _ => return wrong(),
    }
    let first_is_images = match *first {
        0 | BATCH => true,
        // What is left over is the images, if the rest is one of them.
        -1 => open.is_none(),
        n => i.fixed_batch() == Some(n),
    };
    if !first_is_images {
        return wrong();
    }
    let x = i.laid(x);
    Ok(Tensor { dims, ..x })
}

fn squeeze<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    operator: &str,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let x = i.laid(x);
    // An attribute up to opset 12, an input from 13 on.
    let axes = match i.integers(node, 1)? {
        Some(axes) => axes,
        None => attributes.ints("axes")?.unwrap_or_default().to_vec(),
    };
    let mut dims = x.dims.clone();
    if operator == "Unsqueeze" {
        let rank = dims.len() + axes.len();
        let mut axes = axes.iter().map(|a| inner_axis(*a, rank)).collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        for axis in axes {
            if axis > dims.len() {
                return fault(format!("found axis {}, beyond the last", axis + 1));
            }
            dims.insert(axis, 1);
        }
        return Ok(Tensor { dims, ..x });
    }
    let mut axes = axes.iter().map(|a| inner_axis(*a, dims.len())).collect::<Result<Vec<_>>>()?;
    if axes.is_empty() {
        axes = (0..dims.len()).filter(|axis| dims[*axis] == 1).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    for axis in axes.into_iter().rev() {
        if dims[axis] != 1 {
            return fault(format!("found axis {} of length {}, expected 1", axis + 1, dims[axis]));
        }
        dims.remove(axis);
    }
    Ok(Tensor { dims, ..x })
}

/// An order of axes in which those of the planes stay behind: another order of channels.
fn transpose<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let rank = x.dims.len() + 1;
    let reversed: Vec<i64> = (0..rank as i64).rev().collect();
    let order = attributes.ints("perm")?.unwrap_or(&reversed);
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..rank as i64) {
        return fault(format!("perm: found {order:?}, expected the numbers 0 to {}", rank - 1));
    }
    if order[0] != 0 {
        return fault(format!("perm: found {order:?}, expected 0 first: images stay apart"));
    }
    let order: Vec<usize> = order[1..].iter().map(|axis| *axis as usize - 1).collect();
    let moved = (0..order.len()).rfind(|axis| order[*axis] != *axis).map_or(0, |axis| axis + 1);
    if moved == 0 {
        return Ok(x);
    }
    let x = i.laid(x);
    let (front, behind): (usize, usize) =
        (x.dims[..moved].iter().product(), x.dims[moved..].iter().product());
    i.spend_channels(front)?;
    // Place of each new channel among the old ones, axis by axis.
    let strides: Vec<usize> =
        (0..moved).map(|axis| x.dims[axis + 1..moved].iter().product()).collect();
    let mut channels = vec![0];
    for axis in &order[..moved] {
        let steps = 0..x.dims[*axis];
        channels = channels
            .iter()
            .flat_map(|at| steps.clone().map(move |n| (at, n)))
            .map(|(at, n)| at + n * strides[*axis])
            .collect();
    }
    let shape = i.b.shape(x.node);
    let planes = if shape[0] == front { x.node } else { i.reshaped(x.node, [front, behind, 1]) };
    let node = i.b.select(planes, channels);
    let dims = order.iter().map(|axis| x.dims[*axis]).collect();
    Ok(Tensor { node, dims, padding: NO_PADDING })
}

fn pad<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    spatial(&x)?;
    let mode = attributes.text("mode")?.unwrap_or_else(|| "constant".into());
    if mode != "constant" {
        return fault(format!("mode: found {:?}, expected constant", clip(&mode)));
    }
    // Attributes up to opset 10, inputs from 11 on.
    let value = match i.constant(node, 2)? {
        None => attributes.float("value", 0.0)?,
        Some(constant) => number(i, &constant)?.unwrap_or(f64::NAN),
    };
    if value != 0.0 {
        return fault(format!("found the value {value} around the planes, expected 0"));
    }
    let pads = match i.integers(node, 1)? {
        Some(pads) => pads,
        None => attributes.ints("pads")?.unwrap_or_default().to_vec(),
    };
    let axes = match i.integers(node, 3)? {
        Some(axes) => axes,
        None => (0..4).collect(),
    };
    if pads.len() != 2 * axes.len() {
        let (found, expected) = (pads.len(), 2 * axes.len());
        return fault(format!("pads: found {found} numbers, expected {expected}"));
    }
    let mut padding = NO_PADDING;
    for (n, axis) in axes.iter().enumerate() {
        let sides = [pads[n], pads[n + axes.len()]];
        if sides == [0, 0] {
            continue;
        }
        if sides.iter().any(|side| !(-WINDOW..=WINDOW).contains(side)) {
            let [before, after] = sides;
            return fault(format!(
                "pads: found {before} and {after}, expected at most {WINDOW} on each side"
            ));
        }
        match inner_axis(*axis, 3)? {
            0 => {
                return fault(
                    "found zeros beside the channels, expected them around planes".into(),
                );
            }
            axis => padding[axis - 1] = sides.map(|side| side as isize),
        }
    }
    padded(i, x, padding)
}

/// More zeros, or cuts, around a tensor.
fn padded(i: &mut Importer<'_>, x: Tensor, padding: Padding) -> Result<Tensor> {
    // What is there already stays apart, where one side has zeros and the other a cut.
    let joins = x.padding.iter().flatten().zip(padding.iter().flatten());
    let x = if joins.into_iter().any(|(a, b)| a.signum() * b.signum() < 0) { i.laid(x) } else { x };
    let node = i.bare_planes(&x)?;
    let mut x = Tensor { node, ..x };
    for (axis, [before, after]) in padding.into_iter().enumerate() {
        let size = x.dims[axis + 1] as isize;
        // A cut takes what is there, not zeros that come from the other side.
        if size + before.min(0) + after.min(0) <= 0 {
            return fault(format!(
                "found {before} and {after} around {size} rows or columns, expected one to be left"
            ));
        }
        x.dims[axis + 1] = (size + before + after) as usize;
        x.padding[axis][0] += before;
        x.padding[axis][1] += after;
    }
    Ok(x)
}

/// (axis, start, end, step) of each axis that a Slice names; axes count the images.
fn slices<'a>(
    i: &Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
    rank: usize,
) -> Result<Vec<(i64, i64, i64, i64)>> {
    // Attributes up to opset 9, inputs from 10 on.
    let list = |input: usize, name: &str| -> Result<Option<Vec<i64>>> {
        match i.integers(node, input)? {
            Some(values) => Ok(Some(values)),
            None => Ok(attributes.ints(name)?.map(<[i64]>::to_vec)),
        }
    };
    let (Some(starts), Some(ends)) = (list(1, "starts")?, list(2, "ends")?) else {
        return fault("found no starts or no ends, expected constants".into());
    };
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = match i.integers(node, 4)? {
        Some(steps) => steps,
        None => vec![1; starts.len()],
    };
    let lengths = [ends.len(), axes.len(), steps.len()];
    if lengths != [starts.len(); 3] || starts.len() > rank {
        return fault(format!(
            "found {} starts, {} ends, {} axes and {} steps, expected as many of each",
            starts.len(),
            lengths[0],
            lengths[1],
            lengths[2]
        ));
    }
    Ok((0..starts.len()).map(|n| (axes[n], starts[n], ends[n], steps[n])).collect())
}

/// A slice's range of an axis of some length.
fn bounds(start: i64, end: i64, length: usize) -> std::ops::Range<usize> {
    let length = length as i64;
    let place = |at: i64| {
        let from_start = if at < 0 { at.saturating_add(length) } else { at };
        from_start.clamp(0, length) as usize
    };
    place(start)..place(end).max(place(start))
}

fn slice<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let mut x = i.tensor(node, 0)?;
    for (axis, start, end, step) in slices(i, node, attributes, x.dims.len() + 1)? {
        let axis = inner_axis(axis, x.dims.len())?;
        let length = x.dims[axis];
        let range = bounds(start, end, length);
        if step < 1 || range.is_empty() {
            return fault(format!(
                "found places {start} to {end} in steps of {step} of an axis of {length}, expected a \
                 part of it, in order"
            ));
        }
        match axis {
            0 => {
                let channels = range.step_by(step as usize);
                i.spend_channels(channels.len())?;
                x = selected(i, x, channels.collect())?;
            }
            1 | 2 if step == 1 && x.dims.len() == 3 => {
                let mut padding = NO_PADDING;
                padding[axis - 1] = [-(range.start as isize), range.end as isize - length as isize];
                x = padded(i, x, padding)?;
            }
            _ => {
                return fault(format!(
                    "found axis {} in steps of {step}, expected channels, or a part of the planes",
                    axis + 1
                ));
            }
        }
    }
    Ok(x)
}

/// These channels of a tensor.
fn selected(i: &mut Importer<'_>, x: Tensor, channels: Vec<usize>) -> Result<Tensor> {
    let x = i.laid(x);
    let (mut dims, length) = (x.dims.clone(), x.dims[0]);
    if channels.len() == length && channels.iter().enumerate().all(|(n, c)| n == *c) {
        return Ok(x);
    }
    let behind: usize = dims[1..].iter().product();
    let shape = i.b.shape(x.node);
    let planes = if shape[0] == length { x.node } else { i.reshaped(x.node, [length, behind, 1]) };
    dims[0] = channels.len();
    let node = i.b.select(planes, channels);
    Ok(Tensor { node, dims, padding: NO_PADDING })
}

/// Some channels of a tensor.
struct Part {
    of: Tensor,
    channels: std::ops::Range<usize>,
}

impl Part {
    fn taken(self, i: &mut Importer<'_>) -> Result<Tensor> {
        selected(i, self.of, self.channels.collect())
    }
}

/// The channels of an input, split as its second input says; else into `count` parts of one size.
fn parts<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
    count: usize,
) -> Result<Vec<Part>> {
    let length = split_channels(i, node, attributes)?;
    // An attribute up to opset 12, an input from 13 on.
    let sizes = match i.integers(node, 1)? {
        Some(sizes) => Some(sizes),
        None => attributes.ints("split")?.map(<[i64]>::to_vec),
    };
    let each = length.div_ceil(count.max(1));
    let sizes = sizes.unwrap_or_else(|| {
        let size = |n: usize| length.saturating_sub(n * each).min(each) as i64;
        (0..count).map(size).collect()
    });
    parts_of(i, node, &sizes, count)
}

/// The parts that SplitToSequence makes: of these sizes, or all of one size but for the last.
fn sequence<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Vec<Part>> {
    let length = split_channels(i, node, attributes)?;
    let sizes = match i.constant(node, 1)? {
        Some(Constant::Integers { dims, values }) if dims.is_empty() => {
            let Some(each) = usize::try_from(values[0]).ok().filter(|each| *each > 0) else {
                return fault(format!("found parts of {} channels, expected 1 or more", values[0]));
            };
            let firsts = (0..length).step_by(each);
            firsts.map(|first| each.min(length - first) as i64).collect()
        }
        Some(Constant::Integers { values, .. }) => values,
        Some(_) => return fault("found sizes that are no whole numbers, expected some".into()),
        None if attributes.int("keepdims", 1)? == 0 => {
            return fault("keepdims: found 0, expected parts that keep their axis".into());
        }
        None => vec![1; length],
    };
    parts_of(i, node, &sizes, sizes.len())
}

/// How many channels there are to be split.
fn split_channels<'a>(
    i: &Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<usize> {
    let x = i.tensor(node, 0)?;
    let axis = inner_axis(attributes.int("axis", 0)?, x.dims.len())?;
    if axis != 0 {
        return fault(format!("found axis {}, expected 1: channels", axis + 1));
    }
    Ok(x.dims[0])
}

fn parts_of<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    sizes: &[i64],
    count: usize,
) -> Result<Vec<Part>> {
    let of = i.tensor(node, 0)?;
    let length = of.dims[0] as i64;
    let fits =
        sizes.iter().all(|size| (1..=length).contains(size)) && sizes.iter().sum::<i64>() == length;
    if sizes.len() != count || !fits {
        return fault(format!(
            "found {length} channels to be split into {count} parts of {sizes:?}, expected them to fit"
        ));
    }
    let mut first = 0;
    let mut part = |size: &i64| {
        let channels = first..first + *size as usize;
        first = channels.end;
        i.spend_channels(channels.len())?;
        Ok(Part { of: of.clone(), channels })
    };
    sizes.iter().map(&mut part).collect()
}

fn sequence_at<'a>(i: &Importer<'a>, node: &'a NodeProto) -> Result<Tensor> {
    let Some(Value::Sequence(parts)) = i.input(node, 0) else {
        return fault("found no sequence as input 0, expected what SplitToSequence gives".into());
    };
    let at = i.integers(node, 1)?.unwrap_or_default();
    let place = match at[..] {
        [at] if at < 0 => usize::try_from(at + parts.len() as i64).ok(),
        [at] => usize::try_from(at).ok(),
        _ => None,
    };
    place.and_then(|place| parts.get(place)).cloned().ok_or_else(|| {
        let count = parts.len();
        Error::Format(format!("found the places {at:?} of {count} parts, expected one of them"))
    })
}

fn gather<'a>(
    i: &mut Importer<'a>,
    node: &'a NodeProto,
    attributes: &Attributes<'a>,
) -> Result<Tensor> {
    let x = i.tensor(node, 0)?;
    let axis = inner_axis(attributes.int("axis", 0)?, x.dims.len())?;
    let Some(Constant::Integers { dims, values }) = i.constant(node, 1)? else {
        return fault("found no indices, expected whole numbers as input 1".into());
    };
    let length = x.dims[axis];
    if axis != 0 || dims.len() > 1 {
        return fault(format!(
            "found axis {} and indices of {} axes, expected a list of channels",
            axis + 1,
            dims.len()
        ));
    }
    let place = |n: &i64| {
        let at = if *n < 0 { *n + length as i64 } else { *n };
        usize::try_from(at).ok().filter(|at| *at < length).ok_or_else(|| {
            Error::Format(format!("found the index {n}, expected one of {length} channels"))
        })
    };
    let channels = values.iter().map(place).collect::<Result<Vec<_>>>()?;
    let mut part = selected(i, x, channels)?;
    if dims.is_empty() {
        part.dims.remove(0);
    }
    Ok(part)
}
