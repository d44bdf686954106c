//! Networks as ONNX files.
//!
//! What is written is the network in evaluation: batch normalisation has the statistics of the file
//! that the network was read from, or those that a PyTorch module has before any training, running
//! mean 0 and running variance 1. Initialisers have the names of the module's `state_dict`, so that
//! they can be replaced by trained ones.

use std::collections::HashSet;
use std::path::Path;

use prost::Message;

use super::proto::{
    AttributeProto, AttributeType, DataType, Dimension, DimensionProto, GraphProto, ModelProto,
    NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::{Error, Result, room_for, try_reserve};
use crate::model::Network;
use crate::network::{Activation, Convolution, Node, Operation, Parameter, ParameterId, Window};
use crate::replace::replace;
use crate::space::GenotypeFormat;

/// What ONNX 1.12, of 2022, and all later readers know.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;
/// What protobuf's readers take.
const MOST_BYTES: usize = i32::MAX as usize;
/// What the tensors at both ends are called.
const IMAGES: &str = "images";
const LOGITS: &str = "logits";

impl Network {
    /// Writes the network as an ONNX file: input `images` `[batch, channels, height, width]`, output
    /// `logits` `[batch, classes]`, in evaluation. The file is written beside and renamed.
    ///
    /// Errors: [`Error::InvalidState`] if the parameters have no values; [`Error::InvalidArgument`]
    /// for a network of more than 2 GiB, which no ONNX file can hold; [`Error::Io`];
    /// [`Error::OutOfMemory`].
    pub fn write_onnx(&self, path: &Path) -> Result<()> {
        let values = self.known_values()?;
        let bytes = size_of_val(&values[..]);
        let too_large = |bytes: usize| {
            Error::InvalidArgument(format!(
                "network: found {bytes} bytes, expected at most {MOST_BYTES} for an ONNX file"
            ))
        };
        if bytes > MOST_BYTES {
            return Err(too_large(bytes));
        }
        // The message, and the file that is made of it.
        room_for(3 * bytes, || format!("an ONNX file of {} parameters", values.len()))?;
        let model = Writer::new(self, values).model()?;
        let length = model.encoded_len();
        if length > MOST_BYTES {
            return Err(too_large(length));
        }
        let mut file = Vec::new();
        try_reserve(&mut file, length)
            .map_err(|()| Error::OutOfMemory(format!("an ONNX file of {length} bytes")))?;
        model
            .encode(&mut file)
            .map_err(|e| Error::Internal(format!("a network that cannot be written: {e}")))?;
        replace(path, &file)
    }
}

/// A graph under construction. What stands between nodes has four axes, images in front.
struct Writer<'a> {
    network: &'a Network,
    values: &'a [f32],
    graph: GraphProto,
    /// The name of each node's output.
    outputs: Vec<String>,
    /// The names of all operators and initialisers so far, and of all parameters.
    operators: HashSet<String>,
    written: HashSet<String>,
    parameters: HashSet<&'a str>,
}

impl<'a> Writer<'a> {
    fn new(network: &'a Network, values: &'a [f32]) -> Self {
        Writer {
            network,
            values,
            graph: GraphProto::default(),
            outputs: Vec::new(),
            operators: HashSet::new(),
            written: HashSet::new(),
            parameters: network.graph().parameters.iter().map(|p| p.name.as_str()).collect(),
        }
    }

    fn model(mut self) -> Result<ModelProto> {
        let graph = self.network.graph().clone();
        for (id, node) in graph.nodes.iter().enumerate() {
            let output = self.node(node, id + 1 == graph.nodes.len())?;
            self.outputs.push(output);
        }
        let [channels, height, width] = graph.input_shape().map(|n| n as i64);
        self.graph.name = Some(self.network.name().to_owned());
        self.graph.input = vec![value_info(IMAGES, &[channels, height, width])];
        self.graph.output = vec![value_info(LOGITS, &[graph.classes() as i64])];
        let mut metadata = Vec::new();
        if let Some(origin) = self.network.origin() {
            let genotype = origin.genotype.to_text(GenotypeFormat::Native);
            for (key, value) in [("space", &origin.genotype.space().name), ("genotype", &genotype)]
            {
                metadata.push(StringStringEntryProto {
                    key: Some(key.to_owned()),
                    value: Some(value.clone()),
                });
            }
        }
        Ok(ModelProto {
            ir_version: Some(IR_VERSION),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
            producer_name: Some("libtenas".to_owned()),
            producer_version: Some(crate::VERSION.to_owned()),
            graph: Some(self.graph),
            metadata_props: metadata,
            ..Default::default()
        })
    }

    /// Adds what one of our nodes becomes, and gives the name of its output. What the last one gives
    /// are the logits, without axes of a plane.
    fn node(&mut self, node: &Node, last: bool) -> Result<String> {
        let read: Vec<String> = node.inputs.iter().map(|i| self.outputs[*i].clone()).collect();
        let id = self.outputs.len();
        let x = read.first().cloned().unwrap_or_default();
        let input = node.inputs.first().map_or([0; 3], |i| self.network.graph().nodes[*i].shape);
        let output = match &node.operation {
            Operation::Input => IMAGES.to_owned(),
            Operation::Conv { weight, bias, geometry } => {
                self.convolution(id, x, (*weight, *bias), geometry)
            }
            Operation::BatchNorm { scale, shift, epsilon } => {
                let parameters = &self.network.graph().parameters;
                let (scale, shift) = (&parameters[*scale], &parameters[*shift]);
                let mut inputs = vec![x, self.parameter(scale), self.parameter(shift)];
                let statistics = self.network.statistics_at(id);
                for (mut name, values) in
                    Network::names_of_statistics(scale).into_iter().zip(statistics)
                {
                    // Where layers share a scale, each has statistics of its own.
                    if self.written.contains(&name) {
                        name = self.free(&format!("{name}_{id}"));
                    }
                    self.initialiser(&name, &scale.shape, || values);
                    inputs.push(name);
                }
                let epsilon = float("epsilon", *epsilon as f32);
                self.push("BatchNormalization", &module_of(scale), id, inputs, vec![epsilon])
            }
            Operation::Relu => self.unnamed("Relu", id, read, vec![]),
            Operation::Activation(activation) => self.activation(id, x, activation),
            Operation::AvgPool(window) => {
                let mut attributes = window_of(window, input, node.shape);
                attributes.push(integer("count_include_pad", window.counts_padding.into()));
                self.unnamed("AveragePool", id, read, attributes)
            }
            Operation::MaxPool(window) => {
                self.unnamed("MaxPool", id, read, window_of(window, input, node.shape))
            }
            Operation::Mix(_) => self.sum(id, read, node.shape),
            Operation::Mul => self.unnamed("Mul", id, read, vec![]),
            Operation::Concat => self.unnamed("Concat", id, read, vec![integer("axis", 1)]),
            Operation::Select(channels) => {
                let channels: Vec<i64> = channels.iter().map(|c| *c as i64).collect();
                let channels = self.integers(&format!("gather_{id}.channels"), &channels);
                self.unnamed("Gather", id, vec![x, channels], vec![integer("axis", 1)])
            }
            Operation::Reshape => self.reshape(id, x, node.shape),
            Operation::Expand => {
                let [c, h, w] = node.shape.map(|n| n as i64);
                let shape = self.integers(&format!("expand_{id}.shape"), &[1, c, h, w]);
                self.unnamed("Expand", id, vec![x, shape], vec![])
            }
            Operation::Pad(padding) => self.pad(id, x, padding),
            Operation::GlobalPool => self.unnamed("GlobalAveragePool", id, read, vec![]),
            Operation::Linear { weight, bias } => {
                let flat = self.flat(&format!("flatten_{id}"), x);
                let parameters = &self.network.graph().parameters;
                let weight = &parameters[*weight];
                let mut inputs = vec![flat, self.parameter(weight)];
                inputs.extend(bias.map(|bias| self.parameter(&parameters[bias])));
                let attributes = vec![integer("transB", 1)];
                if last {
                    self.push_to("Gemm", &module_of(weight), LOGITS, inputs, attributes);
                    return Ok(LOGITS.to_owned());
                }
                let flat = self.push("Gemm", &module_of(weight), id, inputs, attributes);
                self.reshape(id, flat, node.shape)
            }
        };
        if last {
            return Ok(self.flat(LOGITS, output));
        }
        Ok(output)
    }

    /// The images' values without axes of a plane.
    fn flat(&mut self, name: &str, x: String) -> String {
        let output = if name == LOGITS { LOGITS.to_owned() } else { self.free(name) };
        self.push_to("Flatten", name, &output, vec![x], vec![integer("axis", 1)]);
        output
    }

    fn reshape(&mut self, id: usize, x: String, shape: [usize; 3]) -> String {
        let [c, h, w] = shape.map(|n| n as i64);
        let shape = self.integers(&format!("reshape_{id}.shape"), &[-1, c, h, w]);
        self.unnamed("Reshape", id, vec![x, shape], vec![])
    }

    /// Zeros around the planes; negative numbers cut.
    fn pad(&mut self, id: usize, x: String, padding: &[[isize; 2]; 2]) -> String {
        let [[top, bottom], [left, right]] = padding.map(|axis| axis.map(|n| n as i64));
        let pads = [0, 0, top, left, 0, 0, bottom, right];
        let pads = self.integers(&format!("pad_{id}.pads"), &pads);
        self.unnamed("Pad", id, vec![x, pads], vec![])
    }

    fn convolution(
        &mut self,
        id: usize,
        mut x: String,
        (weight, bias): (ParameterId, Option<ParameterId>),
        geometry: &Convolution,
    ) -> String {
        let parameters = &self.network.graph().parameters;
        let mut padding = geometry.padding;
        // A convolution of ONNX cannot be shifted into its input: the planes are cut before it.
        if padding.iter().flatten().any(|n| *n < 0) {
            x = self.pad(id, x, &padding);
            padding = [[0; 2]; 2];
        }
        let attributes = vec![
            integers("kernel_shape", geometry.kernel),
            integers("strides", geometry.stride),
            pads(padding.map(|axis| axis.map(|n| n as i64))),
            integers("dilations", geometry.dilation),
            integer("group", geometry.groups as i64),
        ];
        let weight = &parameters[weight];
        let mut inputs = vec![x, self.parameter(weight)];
        inputs.extend(bias.map(|bias| self.parameter(&parameters[bias])));
        self.push("Conv", &module_of(weight), id, inputs, attributes)
    }

    fn activation(&mut self, id: usize, x: String, activation: &Activation) -> String {
        match *activation {
            Activation::Clip { low, high } => {
                let mut inputs = vec![x];
                // A bound that is not there is left out.
                for (name, bound) in [("min", low), ("max", high)] {
                    inputs.push(if bound.is_finite() {
                        self.number(&format!("clip_{id}.{name}"), bound)
                    } else {
                        String::new()
                    });
                }
                self.unnamed("Clip", id, inputs, vec![])
            }
            Activation::LeakyRelu { slope } => {
                self.unnamed("LeakyRelu", id, vec![x], vec![float("alpha", slope as f32)])
            }
            Activation::Sigmoid => self.unnamed("Sigmoid", id, vec![x], vec![]),
            Activation::HardSigmoid { slope, shift } => {
                let attributes = vec![float("alpha", slope as f32), float("beta", shift as f32)];
                self.unnamed("HardSigmoid", id, vec![x], attributes)
            }
            Activation::HardSwish => self.unnamed("HardSwish", id, vec![x], vec![]),
            Activation::Affine { scale, shift } => {
                let scale = self.number(&format!("mul_{id}.scale"), scale);
                let scaled = self.unnamed("Mul", id, vec![x, scale], vec![]);
                let shift = self.number(&format!("add_{id}.shift"), shift);
                self.unnamed("Add", id, vec![scaled, shift], vec![])
            }
        }
    }

    /// The sum of what is read; of nothing, zeros.
    fn sum(&mut self, id: usize, read: Vec<String>, shape: [usize; 3]) -> String {
        let mut read = read.into_iter();
        let Some(mut sum) = read.next() else { return self.zeros(id, shape) };
        for (i, term) in read.enumerate() {
            let name = format!("add_{id}.{i}");
            let output = self.free(&name);
            self.push_to("Add", &name, &output, vec![sum, term], vec![]);
            sum = output;
        }
        sum
    }

    /// Zeros for each image: one number of it, times zeros.
    fn zeros(&mut self, id: usize, shape: [usize; 3]) -> String {
        let axes = vec![integers("axes", [1, 2, 3]), integer("keepdims", 1)];
        let one = self.unnamed("ReduceMean", id, vec![IMAGES.to_owned()], axes);
        let zeros = self.free(&format!("mul_{id}.zeros"));
        let [channels, height, width] = shape;
        let shape = [1, channels, height, width];
        self.initialiser(&zeros, &shape, || vec![0.0; shape.iter().product()]);
        self.unnamed("Mul", id, vec![one, zeros], vec![])
    }

    /// A name that no parameter has.
    fn free(&self, name: &str) -> String {
        let mut name = name.to_owned();
        while self.parameters.contains(name.as_str()) || [IMAGES, LOGITS].contains(&name.as_str()) {
            name.push('_');
        }
        name
    }

    /// An operator of a module that has a name.
    fn push(
        &mut self,
        operator: &str,
        name: &str,
        id: usize,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) -> String {
        let output = self.free(&format!("{}_{id}", operator.to_lowercase()));
        self.push_to(operator, name, &output, inputs, attributes);
        output
    }

    /// An operator without parameters.
    fn unnamed(
        &mut self,
        operator: &str,
        id: usize,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) -> String {
        let name = format!("{}_{id}", operator.to_lowercase());
        self.push(operator, &name, id, inputs, attributes)
    }

    fn push_to(
        &mut self,
        operator: &str,
        name: &str,
        output: &str,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) {
        // A module may be called more than once.
        let mut name = name.to_owned();
        if !self.operators.insert(name.clone()) {
            name = format!("{name}_{}", self.operators.len());
            self.operators.insert(name.clone());
        }
        self.graph.node.push(NodeProto {
            input: inputs,
            output: vec![output.to_owned()],
            name: Some(name),
            op_type: Some(operator.to_owned()),
            attribute: attributes,
            ..Default::default()
        });
    }

    /// A parameter as an initialiser, and its name.
    fn parameter(&mut self, parameter: &Parameter) -> String {
        let values = &self.values[parameter.range()];
        self.initialiser(&parameter.name, &parameter.shape, || values.to_vec());
        parameter.name.clone()
    }

    /// An initialiser, once.
    fn initialiser(&mut self, name: &str, shape: &[usize], values: impl FnOnce() -> Vec<f32>) {
        let bytes = || values().iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, shape.iter().map(|n| *n as i64).collect(), DataType::Float, bytes);
    }

    /// One number as an initialiser, and its name.
    fn number(&mut self, name: &str, value: f64) -> String {
        let name = self.free(name);
        self.initialiser(&name, &[], || vec![value as f32]);
        name
    }

    /// Whole numbers as an initialiser, and its name.
    fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let name = self.free(name);
        let bytes = || values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(&name, vec![values.len() as i64], DataType::Int64, bytes);
        name
    }

    fn constant(
        &mut self,
        name: &str,
        dims: Vec<i64>,
        kind: DataType,
        bytes: impl FnOnce() -> Vec<u8>,
    ) {
        if self.written.insert(name.to_owned()) {
            self.graph.initializer.push(TensorProto {
                dims,
                data_type: Some(kind as i32),
                name: Some(name.to_owned()),
                raw_data: Some(bytes()),
                ..Default::default()
            });
        }
    }
}

/// The module that a weight is of.
fn module_of(weight: &Parameter) -> String {
    weight.name.strip_suffix(".weight").unwrap_or(&weight.name).to_owned()
}

/// The attributes of a pooling window that makes a plane of `output` from one of `input`.
fn window_of(window: &Window, input: [usize; 3], output: [usize; 3]) -> Vec<AttributeProto> {
    let Window { kernel, stride, padding, .. } = window;
    // Whether the last window of an axis reaches beyond the border.
    let reaches = |axis: usize| {
        let room = input[axis + 1] + padding[axis][0] + padding[axis][1];
        output[axis + 1] > room.saturating_sub(kernel[axis]) / stride[axis] + 1
    };
    vec![
        integers("kernel_shape", *kernel),
        integers("strides", *stride),
        pads(padding.map(|axis| axis.map(|n| n as i64))),
        integer("ceil_mode", (reaches(0) || reaches(1)).into()),
    ]
}

/// Borders before and after each axis, in ONNX's order.
fn pads([[top, bottom], [left, right]]: [[i64; 2]; 2]) -> AttributeProto {
    AttributeProto {
        ints: vec![top, left, bottom, right],
        ..attribute("pads", AttributeType::Ints)
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(kind as i32), ..Default::default() }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::Int) }
}

fn integers<const N: usize>(name: &str, values: [usize; N]) -> AttributeProto {
    let ints = values.map(|n| n as i64).to_vec();
    AttributeProto { ints, ..attribute(name, AttributeType::Ints) }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, AttributeType::Float) }
}

/// A tensor of f32 with an axis of images in front.
fn value_info(name: &str, shape: &[i64]) -> ValueInfoProto {
    let batch = Dimension::Param("batch".to_owned());
    let lengths = std::iter::once(batch).chain(shape.iter().map(|n| Dimension::Value(*n)));
    let dim = lengths.map(|length| DimensionProto { value: Some(length) }).collect();
    let tensor = TensorTypeProto {
        elem_type: Some(DataType::Float as i32),
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
    }
}
