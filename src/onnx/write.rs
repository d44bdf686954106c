//! Networks as ONNX files.
//!
//! What is written is the network in evaluation: batch normalisation has the statistics that a
//! PyTorch module has before any training, running mean 0 and running variance 1. Initialisers have
//! the names of the module's `state_dict`, so that they can be replaced by trained ones.

use std::path::Path;

use prost::Message;

use super::proto::{
    AttributeProto, AttributeType, DataType, Dimension, DimensionProto, GraphProto, ModelProto,
    NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::{Error, Result, room_for, try_reserve};
use crate::model::Network;
use crate::network::{BATCH_NORM_EPSILON, Convolution, Node, Operation, Parameter, Window};
use crate::replace::replace;
use crate::space::GenotypeFormat;

/// Readers of ONNX 1.12 (2022) and later know both.
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

/// A graph under construction.
struct Writer<'a> {
    network: &'a Network,
    values: &'a [f32],
    graph: GraphProto,
    /// The name of each node's output.
    outputs: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(network: &'a Network, values: &'a [f32]) -> Self {
        Writer { network, values, graph: GraphProto::default(), outputs: Vec::new() }
    }

    fn model(mut self) -> Result<ModelProto> {
        let graph = self.network.graph();
        for node in &graph.nodes {
            let output = self.node(node)?;
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

    /// Adds what one of our nodes becomes, and gives the name of its output.
    fn node(&mut self, node: &Node) -> Result<String> {
        let read: Vec<String> = node.inputs.iter().map(|i| self.outputs[*i].clone()).collect();
        let id = self.outputs.len();
        let first = || read.first().cloned().unwrap_or_default();
        Ok(match &node.operation {
            Operation::Input => IMAGES.to_owned(),
            Operation::Conv { weight, geometry } => {
                self.convolution(id, first(), *weight, geometry)
            }
            Operation::BatchNorm { scale, shift } => {
                let parameters = &self.network.graph().parameters;
                let (scale, shift) = (&parameters[*scale], &parameters[*shift]);
                let mut inputs = vec![first(), self.parameter(scale), self.parameter(shift)];
                for (name, value) in Network::statistics_of(scale).into_iter().zip([0.0, 1.0]) {
                    self.initialiser(&name, &scale.shape, &vec![value; scale.len()]);
                    inputs.push(name);
                }
                let epsilon = float("epsilon", BATCH_NORM_EPSILON as f32);
                self.push("BatchNormalization", &module_of(scale), id, inputs, vec![epsilon])
            }
            Operation::Relu => self.unnamed("Relu", id, read, vec![]),
            Operation::AvgPool(window) => {
                let mut attributes = window_of(window);
                attributes.push(integer("count_include_pad", 0));
                self.unnamed("AveragePool", id, read, attributes)
            }
            Operation::MaxPool(window) => self.unnamed("MaxPool", id, read, window_of(window)),
            Operation::Mix(_) => self.sum(id, read, node.shape),
            Operation::Concat => self.unnamed("Concat", id, read, vec![integer("axis", 1)]),
            Operation::GlobalPool => self.unnamed("GlobalAveragePool", id, read, vec![]),
            Operation::Linear { weight, bias } => {
                let parameters = &self.network.graph().parameters;
                let (weight, bias) = (&parameters[*weight], &parameters[*bias]);
                let flat = format!("flatten_{id}");
                let axis = integer("axis", 1);
                self.push_to("Flatten", &flat, &flat, vec![first()], vec![axis]);
                let inputs = vec![flat, self.parameter(weight), self.parameter(bias)];
                let attributes = vec![integer("transB", 1)];
                self.push_to("Gemm", &module_of(weight), LOGITS, inputs, attributes);
                LOGITS.to_owned()
            }
        })
    }

    fn convolution(
        &mut self,
        id: usize,
        mut input: String,
        weight: usize,
        geometry: &Convolution,
    ) -> String {
        let weight = &self.network.graph().parameters[weight];
        let &Convolution { kernel, stride, padding, dilation, depthwise } = geometry;
        let [kernel, stride, dilation] = [kernel, stride, dilation].map(|n| n as i64);
        let groups = if depthwise { weight.shape[0] as i64 } else { 1 };
        // A window that is shifted into its input: the first rows and columns go, and as many zeros
        // come behind the last.
        if padding < 0 {
            let [output, pads] = [format!("pad_{id}"), format!("pad_{id}.pads")];
            let (first, last) = (padding as i64, -padding as i64);
            self.integers(&pads, &[0, 0, first, first, 0, 0, last, last]);
            self.push_to("Pad", &output, &output, vec![input, pads], vec![]);
            input = output;
        }
        let padding = padding.max(0) as i64;
        let attributes = vec![
            integers("kernel_shape", &[kernel; 2]),
            integers("strides", &[stride; 2]),
            integers("pads", &[padding; 4]),
            integers("dilations", &[dilation; 2]),
            integer("group", groups),
        ];
        let inputs = vec![input, self.parameter(weight)];
        self.push("Conv", &module_of(weight), id, inputs, attributes)
    }

    /// The sum of what is read; of nothing, zeros.
    fn sum(&mut self, id: usize, read: Vec<String>, shape: [usize; 3]) -> String {
        let mut read = read.into_iter();
        let Some(mut sum) = read.next() else { return self.zeros(id, shape) };
        for (i, term) in read.enumerate() {
            let output = format!("add_{id}.{i}");
            self.push_to("Add", &output, &output, vec![sum, term], vec![]);
            sum = output;
        }
        sum
    }

    /// Zeros for each image: one number of it, times zeros.
    fn zeros(&mut self, id: usize, shape: [usize; 3]) -> String {
        let [one, zeros, output] =
            ["one", "zeros", "output"].map(|what| format!("nothing_{id}.{what}"));
        let attributes = vec![integers("axes", &[1, 2, 3]), integer("keepdims", 1)];
        self.push_to("ReduceMean", &one, &one, vec![IMAGES.to_owned()], attributes);
        let [channels, height, width] = shape;
        self.initialiser(&zeros, &[1, channels, height, width], &vec![0.0; shape.iter().product()]);
        self.push_to("Mul", &output, &output, vec![one, zeros], vec![]);
        output
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
        let output = format!("{}_{id}", operator.to_lowercase());
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
        let output = format!("{}_{id}", operator.to_lowercase());
        self.push(operator, &output, id, inputs, attributes)
    }

    fn push_to(
        &mut self,
        operator: &str,
        name: &str,
        output: &str,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs,
            output: vec![output.to_owned()],
            name: Some(name.to_owned()),
            op_type: Some(operator.to_owned()),
            attribute: attributes,
            ..Default::default()
        });
    }

    /// A parameter as an initialiser, and its name.
    fn parameter(&mut self, parameter: &Parameter) -> String {
        let values = &self.values[parameter.range()];
        self.initialiser(&parameter.name, &parameter.shape, values);
        parameter.name.clone()
    }

    fn initialiser(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let shape = shape.iter().map(|n| *n as i64).collect();
        self.constant(name, shape, DataType::Float, bytes);
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, vec![values.len() as i64], DataType::Int64, bytes);
    }

    fn constant(&mut self, name: &str, shape: Vec<i64>, kind: DataType, bytes: Vec<u8>) {
        self.graph.initializer.push(TensorProto {
            dims: shape,
            data_type: Some(kind as i32),
            name: Some(name.to_owned()),
            raw_data: Some(bytes),
            ..Default::default()
        });
    }
}

/// The module that a weight is of.
fn module_of(weight: &Parameter) -> String {
    weight.name.strip_suffix(".weight").unwrap_or(&weight.name).to_owned()
}

fn window_of(window: &Window) -> Vec<AttributeProto> {
    let [kernel, stride, padding] =
        [window.kernel, window.stride, window.padding].map(|n| n as i64);
    vec![
        integers("kernel_shape", &[kernel; 2]),
        integers("strides", &[stride; 2]),
        integers("pads", &[padding; 4]),
    ]
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(kind as i32), ..Default::default() }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::Int) }
}

fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::Ints) }
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
