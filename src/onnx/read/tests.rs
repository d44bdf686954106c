//! What files may hold, and what broken and hostile ones are told.

use std::fs;

use prost::Message;

use super::super::proto::{
    AttributeProto, AttributeType, DataLocation, DataType, Dimension, DimensionProto, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, SparseTensorProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::Import;
use crate::error::Error;
use crate::model::Network;
use crate::network::{Activation, Operation, ParameterKind};

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    let (name, r#type) = (Some(name.to_owned()), Some(kind as i32));
    AttributeProto { name, r#type, ..Default::default() }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::Int) }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::Ints) }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, AttributeType::Float) }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.into()), ..attribute(name, AttributeType::String) }
}

/// A node that is called as its output.
fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[AttributeProto]) -> NodeProto {
    NodeProto {
        op_type: Some(operator.to_owned()),
        name: Some(output.to_owned()),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: attributes.to_vec(),
        ..Default::default()
    }
}

fn tensor(name: &str, dims: &[i64]) -> TensorProto {
    let count = dims.iter().product::<i64>().clamp(0, 1 << 20) as usize;
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::Float as i32),
        float_data: (0..count).map(|n| (n % 7) as f32 * 0.25 - 0.6).collect(),
        ..Default::default()
    }
}

fn whole(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::Int64 as i32),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

fn number(name: &str, value: f32) -> TensorProto {
    TensorProto { float_data: vec![value], ..tensor(name, &[]) }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |n: &i64| DimensionProto {
        value: Some(match n {
            -1 => Dimension::Param("open".to_owned()),
            n => Dimension::Value(*n),
        }),
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = TensorTypeProto { elem_type: Some(DataType::Float as i32), shape: Some(shape) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
    }
}

/// A convolution, a ReLU, pooling and a linear layer, on images of 2 x 6 x 6.
fn model() -> ModelProto {
    let graph = GraphProto {
        name: Some("small".to_owned()),
        node: vec![
            node("Conv", &["images", "conv.weight", "conv.bias"], "a", &[ints("pads", &[1; 4])]),
            node("Relu", &["a"], "b", &[]),
            node("GlobalAveragePool", &["b"], "c", &[]),
            node("Flatten", &["c"], "d", &[]),
            node("Gemm", &["d", "fc.weight", "fc.bias"], "logits", &[int("transB", 1)]),
        ],
        initializer: vec![
            tensor("conv.weight", &[4, 2, 3, 3]),
            tensor("conv.bias", &[4]),
            tensor("fc.weight", &[3, 4]),
            tensor("fc.bias", &[3]),
        ],
        input: vec![value("images", &[-1, 2, 6, 6])],
        output: vec![value("logits", &[-1, 3])],
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        graph: Some(graph),
        ..Default::default()
    }
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().expect("a graph")
}

fn read(model: &ModelProto) -> crate::Result<Network> {
    Network::from_onnx_bytes(&model.encode_to_vec(), &Import::default())
}

fn refused(model: &ModelProto) -> String {
    match read(model) {
        Ok(_) => panic!("read what it should refuse"),
        Err(error @ (Error::Format(_) | Error::InvalidArgument(_))) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

/// The network of the small model with these nodes between its convolution and its ReLU.
fn with(nodes: &[NodeProto], constants: &[TensorProto]) -> ModelProto {
    let mut model = model();
    let last = nodes.last().map_or("a".to_owned(), |node| node.output[0].clone());
    let g = graph(&mut model);
    g.node[1].input = vec![last];
    g.node.splice(1..1, nodes.to_vec());
    g.initializer.extend(constants.iter().cloned());
    model
}

#[test]
fn a_small_network() {
    let network = read(&model()).expect("a network");
    assert_eq!(network.name(), "small");
    let graph = network.graph();
    assert_eq!((graph.input_shape(), graph.classes()), ([2, 6, 6], 3));
    let names: Vec<&str> = graph.parameters.iter().map(|p| &p.name[..]).collect();
    assert_eq!(names, ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]);
    assert_eq!(network.cost().parameters, 72 + 4 + 12 + 3);
    assert_eq!(network.cost().multiply_adds, 36 * 72 + 15);
    assert_eq!(network.values().expect("values").len(), 91);
    assert!(network.notes().is_empty());
}

/// The edit, and what the message must have.
type Wrong = (&'static str, fn(&mut ModelProto), &'static [&'static str]);

#[test]
fn wrong_files_are_refused_with_their_place() {
    let cases: Vec<Wrong> = vec![
        ("no graph", |m| m.graph = None, &["found a model without a graph"]),
        ("no opset", |m| m.opset_import.clear(), &["names no opset of ONNX"]),
        ("old", |m| m.opset_import[0].version = Some(8), &["found opset 8, expected 9 to"]),
        ("new", |m| m.opset_import[0].version = Some(900), &["found opset 900, expected 9 to"]),
        (
            "cycle",
            |m| graph(m).node[0].input[0] = "b".into(),
            &["node \"a\" (Conv): found the input \"b\"", "without a cycle"],
        ),
        ("itself", |m| graph(m).node[1].input[0] = "b".into(), &["node \"b\" (Relu)", "cycle"]),
        ("undefined", |m| graph(m).node[1].input[0] = "nothing".into(), &["\"nothing\""]),
        ("twice", |m| graph(m).node[1].output[0] = "a".into(), &["the output \"a\" a second time"]),
        (
            "two constants",
            |m| graph(m).initializer[1].name = Some("conv.weight".into()),
            &["found two constants \"conv.weight\""],
        ),
        (
            "operator",
            |m| graph(m).node[1].op_type = Some("LayerNormalization".into()),
            &["node \"b\" (LayerNormalization): found an operator that this library does not have"],
        ),
        (
            "gelu",
            |m| graph(m).node[1].op_type = Some("Gelu".into()),
            &["(Gelu)", "expected one of"],
        ),
        ("no operator", |m| graph(m).node[1].op_type = None, &["found no operator"]),
        (
            "domain",
            |m| graph(m).node[1].domain = Some("com.microsoft".into()),
            &["found an operator of \"com.microsoft\""],
        ),
        (
            "attention",
            |m| {
                graph(m).node[1] = node("MatMul", &["a", "a"], "b", &[]);
            },
            &["(MatMul): found a product of two tensors, as attention has"],
        ),
        (
            "subgraph",
            |m| {
                let inner = Some(Box::new(GraphProto::default()));
                let attribute =
                    AttributeProto { g: inner, ..attribute("body", AttributeType::Graph) };
                graph(m).node[1].attribute.push(attribute);
            },
            &["found a network in the attribute \"body\""],
        ),
        (
            "attribute type",
            |m| graph(m).node[0].attribute[0] = int("pads", 1),
            &[
                "node \"a\" (Conv): attribute pads: found a value of type Int, expected whole numbers",
            ],
        ),
        (
            "three pads",
            |m| graph(m).node[0].attribute[0] = ints("pads", &[1; 3]),
            &["pads: found 3 numbers, expected 4"],
        ),
        (
            "negative pad",
            |m| graph(m).node[0].attribute[0] = ints("pads", &[-1; 4]),
            &["pads: found -1, expected 0 to"],
        ),
        (
            "huge pad",
            |m| graph(m).node[0].attribute[0] = ints("pads", &[1 << 40; 4]),
            &["pads: found 1099511627776"],
        ),
        (
            "stride 0",
            |m| graph(m).node[0].attribute.push(ints("strides", &[0, 1])),
            &["strides: found 0, expected 1 to"],
        ),
        (
            "groups",
            |m| graph(m).node[0].attribute.push(int("group", 3)),
            &["found 2 channels, a weight of [4, 2, 3, 3] and 3 groups"],
        ),
        (
            "large kernel",
            |m| graph(m).node[0].attribute[0] = ints("dilations", &[9, 9]),
            &["node \"a\" (Conv)", "found an input of 6 x 6, too small for a kernel of 3"],
        ),
        (
            "kernel shape",
            |m| graph(m).node[0].attribute.push(ints("kernel_shape", &[5, 5])),
            &["kernel_shape: found [5, 5], expected 3 and 3"],
        ),
        (
            "negative dimension",
            |m| graph(m).initializer[0].dims[0] = -4,
            &["constant \"conv.weight\": found a dimension of -4"],
        ),
        (
            "2 GB",
            |m| graph(m).initializer[0].dims = vec![1 << 20, 1 << 20, 1 << 20],
            &["constant \"conv.weight\": found more than 1073741824 numbers"],
        ),
        (
            "claims",
            |m| graph(m).initializer[0].dims = vec![1 << 12, 2, 1 << 8, 1 << 8],
            &["constant \"conv.weight\": found 72 values, expected 536870912"],
        ),
        (
            "too few",
            |m| graph(m).initializer[3].float_data.truncate(2),
            &["constant \"fc.bias\": found 2 values, expected 3"],
        ),
        (
            "raw",
            |m| graph(m).initializer[3].raw_data = Some(vec![0; 11]),
            &["constant \"fc.bias\": found 11 bytes of values, expected 12"],
        ),
        ("nan", |m| graph(m).initializer[3].float_data[1] = f32::NAN, &["found the value NaN"]),
        (
            "text",
            |m| graph(m).initializer[0].data_type = Some(DataType::String as i32),
            &["constant \"conv.weight\": found values of type String"],
        ),
        ("no type", |m| graph(m).initializer[0].data_type = Some(77), &["found values of type 77"]),
        (
            "whole numbers",
            |m| graph(m).initializer[0] = whole("conv.weight", &[1, 2]),
            &["found a weight of [2], expected [out, in, height, width]"],
        ),
        ("nine axes", |m| graph(m).initializer[0].dims = vec![1; 9], &["found 9 dimensions"]),
        (
            "sparse",
            |m| graph(m).sparse_initializer.push(SparseTensorProto::default()),
            &["found the sparse constant"],
        ),
        (
            "bias",
            |m| graph(m).initializer[1] = tensor("conv.bias", &[5]),
            &["found a bias of [5], expected [4]"],
        ),
        (
            "features",
            |m| graph(m).initializer[2] = tensor("fc.weight", &[3, 5]),
            &["node \"logits\" (Gemm): found 4 features and a matrix from 5 to 3"],
        ),
        (
            "two inputs",
            |m| graph(m).input.push(value("more", &[1])),
            &["found 2 inputs (images, more), expected one"],
        ),
        ("no input", |m| graph(m).input.clear(), &["found 0 inputs"]),
        (
            "two outputs",
            |m| graph(m).output.push(value("b", &[1])),
            &["found 2 outputs (logits, b), expected one"],
        ),
        (
            "unknown output",
            |m| graph(m).output[0].name = Some("z".into()),
            &["output \"z\": found no node that gives it"],
        ),
        (
            "constant output",
            |m| graph(m).output[0].name = Some("fc.bias".into()),
            &["found a constant, expected logits"],
        ),
        (
            "feature maps",
            |m| graph(m).output[0].name = Some("b".into()),
            &["output \"b\": found a tensor of [N, 4, 6, 6], expected one number a class"],
        ),
        (
            "images",
            |m| graph(m).input[0] = value("images", &[-1, 3, 6, 6]),
            &["found 3 channels, a weight of [4, 2, 3, 3]"],
        ),
        (
            "rank",
            |m| graph(m).input[0] = value("images", &[-1, 72]),
            &["input \"images\": found 2 axes, expected images [N, C, H, W]"],
        ),
        (
            "open",
            |m| graph(m).input[0] = value("images", &[-1, 2, -1, 6]),
            &["image height: found none in the network's input \"images\""],
        ),
        ("height", |m| graph(m).input[0] = value("images", &[-1, 2, 0, 6]), &["found height 0"]),
        (
            "wide",
            |m| graph(m).input[0] = value("images", &[-1, 2, 6, i64::MAX]),
            &["found width 92"],
        ),
        (
            "tokens",
            |m| {
                let tensor =
                    graph(m).input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
                tensor.elem_type = Some(DataType::Int64 as i32);
            },
            &["input \"images\": found numbers of Int64"],
        ),
        (
            "softmax inside",
            |m| graph(m).node[1].op_type = Some("Softmax".into()),
            &["found it before the network's end"],
        ),
        (
            "sum of two sizes",
            |m| {
                graph(m).node[2] = node("MaxPool", &["b"], "p", &[ints("kernel_shape", &[2, 2])]);
                graph(m).node[3] = node("Add", &["b", "p"], "d", &[]);
            },
            &["found tensors of [N, 4, 6, 6] and [N, 4, 5, 5], expected one shape"],
        ),
        (
            "images mixed",
            |m| {
                graph(m).initializer.push(whole("shape", &[-1, 8]));
                graph(m).node[3] = node("Reshape", &["c", "shape"], "d", &[]);
            },
            &["found the shape [-1, 8] for a tensor of [N, 4, 1, 1]"],
        ),
        (
            "a shape of 4 numbers modulo 2^64",
            |m| {
                graph(m).initializer.push(whole("shape", &[0, (1 << 62) + 1, 4]));
                graph(m).node[3] = node("Reshape", &["c", "shape"], "d", &[]);
            },
            &["found the shape [0, 4611686018427387905, 4] for a tensor of [N, 4, 1, 1]"],
        ),
        (
            "transposed images",
            |m| {
                graph(m).node[1] = node("Transpose", &["a"], "b", &[ints("perm", &[1, 0, 2, 3])]);
            },
            &["expected 0 first: images stay apart"],
        ),
        (
            "no window",
            |m| {
                let window = [ints("kernel_shape", &[9, 9])];
                graph(m).node[1] = node("AveragePool", &["a"], "b", &window);
            },
            &["found an input of 6 x 6, too small for a window of 9 x 9"],
        ),
        (
            "expanded too far",
            |m| {
                graph(m).initializer.push(whole("shape", &[1 << 20, 1 << 40]));
                graph(m).node[1] = node("Expand", &["fc.bias", "shape"], "b", &[]);
            },
            &["found a constant of [3] for the shape [1048576, 1099511627776]"],
        ),
        (
            "filled too far",
            |m| {
                graph(m).initializer.push(whole("shape", &[1 << 20, 1 << 40]));
                graph(m).initializer.push(number("one", 1.0));
                graph(m).node[1] = node("Expand", &["one", "shape"], "b", &[]);
            },
            &["found a constant of 2 dimensions and 1152921504606846976 equal numbers"],
        ),
        (
            "expanded tensor",
            |m| {
                graph(m).initializer.push(whole("shape", &[1, 4, 6, 6]));
                graph(m).node[1] = node("Expand", &["a", "shape"], "b", &[]);
            },
            &["node \"b\" (Expand): found a tensor to be repeated"],
        ),
        (
            "a sequence of parts",
            |m| {
                graph(m).initializer.push(whole("sizes", &[2, 2]));
                let split = node("SplitToSequence", &["a", "sizes"], "b", &[int("axis", 1)]);
                graph(m).node[1] = split;
            },
            &["found a sequence of tensors, expected one of its parts"],
        ),
        (
            "no such part",
            |m| {
                graph(m).initializer.push(whole("sizes", &[2, 2]));
                graph(m).initializer.push(whole("at", &[2]));
                let split = node("SplitToSequence", &["a", "sizes"], "s", &[int("axis", 1)]);
                graph(m).node[1] = node("SequenceAt", &["s", "at"], "b", &[]);
                graph(m).node.insert(1, split);
            },
            &["node \"b\" (SequenceAt): found the places [2] of 2 parts"],
        ),
        (
            "least cut",
            |m| {
                graph(m).initializer.push(whole("pads", &[0, 0, i64::MIN, 0, 0, 0, -1, 0]));
                graph(m).node[1] = node("Pad", &["a", "pads"], "b", &[]);
            },
            &["pads: found -9223372036854775808 and -1, expected at most 4096 on each side"],
        ),
        (
            "nothing left",
            |m| {
                graph(m).initializer.push(whole("pads", &[0, 0, -3, 0, 0, 0, -3, 0]));
                graph(m).node[1] = node("Pad", &["a", "pads"], "b", &[]);
            },
            &["found -3 and -3 around 6 rows or columns"],
        ),
        (
            "grown",
            |m| {
                graph(m).initializer.push(whole("pads", &[0, 0, 4096, 4096, 0, 0, 4096, 4096]));
                let pad = |from: &str, to: &str| node("Pad", &[from, "pads"], to, &[]);
                graph(m).node.splice(1..2, [pad("a", "p"), pad("p", "q"), pad("q", "b")]);
            },
            &["(Pad): found an output of"],
        ),
    ];
    let mut unsaid = Vec::new();
    for (what, edit, words) in cases {
        let mut model = model();
        edit(&mut model);
        let message = refused(&model);
        if !words.iter().all(|word| message.contains(word)) {
            unsaid.push(format!("{what}: {message}"));
        }
    }
    assert!(unsaid.is_empty(), "{unsaid:#?}");
}

#[test]
fn bytes_that_are_no_model_are_refused_at_once() {
    let import = Import::default();
    let whole = model().encode_to_vec();
    for end in 0..whole.len() {
        let _ = Network::from_onnx_bytes(&whole[..end], &import);
    }
    // Each byte changed: an error, or another network, but never a crash.
    for at in 0..whole.len() {
        for change in [0xff, 0x80, 0x01] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            match Network::from_onnx_bytes(&bytes, &import) {
                Ok(_) | Err(Error::Format(_) | Error::InvalidArgument(_)) => {}
                Err(other) => panic!("byte {at}: {other:?}"),
            }
        }
    }
    for (what, bytes, words) in [
        ("text", b"not a model at all".to_vec(), "ONNX: found"),
        ("empty", Vec::new(), "names no opset"),
        // Nodes of two bytes each, a million and more of them.
        (
            "many nodes",
            {
                let nodes: Vec<u8> = [0x0a, 0x00].repeat(1 << 21);
                let mut bytes = vec![0x3a];
                prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
                bytes.extend(nodes);
                bytes
            },
            "found more than 1048576 fields",
        ),
        // A length that the file does not have.
        ("length", vec![0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f], "cut short"),
        // Graphs inside each other.
        (
            "deep",
            (0..2000).fold(Vec::new(), |inner, n| {
                let tag = [0x3a, 0x0a, 0x2a, 0x32][if n == 1999 { 0 } else { 1 + n % 3 }];
                let mut bytes = vec![tag];
                prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
                bytes.extend(inner);
                bytes
            }),
            "ONNX: found",
        ),
    ] {
        let error = Network::from_onnx_bytes(&bytes, &import).expect_err(what).to_string();
        assert!(error.contains(words), "{what}: {error}");
    }
}

#[test]
fn what_operators_become() {
    let of = |nodes: &[NodeProto], constants: &[TensorProto]| -> Vec<Operation> {
        let network = read(&with(nodes, constants)).unwrap_or_else(|e| panic!("{nodes:?}: {e}"));
        let nodes = &network.graph().nodes;
        // Without the images and the convolution before, and ReLU, pooling and linear layer behind.
        nodes[2..nodes.len() - 3].iter().map(|n| n.operation.clone()).collect()
    };
    let activation = |a: Activation| vec![Operation::Activation(a)];
    let relu6 = activation(Activation::Clip { low: 0.0, high: 6.0 });
    let bounds = [float("min", 0.0), float("max", 6.0)];
    assert_eq!(of(&[node("Clip", &["a"], "x", &bounds)], &[]), relu6);
    let constants = [number("low", 0.0), number("high", 6.0)];
    assert_eq!(of(&[node("Clip", &["a", "low", "high"], "x", &[])], &constants), relu6);
    let leaky = activation(Activation::LeakyRelu { slope: 0.01 });
    assert_eq!(of(&[node("LeakyRelu", &["a"], "x", &[])], &[]), leaky);
    let hard = activation(Activation::HardSigmoid { slope: 0.25, shift: 0.5 });
    assert_eq!(of(&[node("HardSigmoid", &["a"], "x", &[float("alpha", 0.25)])], &[]), hard);
    assert_eq!(of(&[node("HardSwish", &["a"], "x", &[])], &[]), activation(Activation::HardSwish));
    let two = [number("two", 2.0)];
    let affine = |scale, shift| activation(Activation::Affine { scale, shift });
    for (nodes, expected) in [
        (node("Mul", &["a", "two"], "x", &[]), affine(2.0, 0.0)),
        (node("Div", &["a", "two"], "x", &[]), affine(0.5, 0.0)),
        (node("Add", &["two", "a"], "x", &[]), affine(1.0, 2.0)),
        (node("Sub", &["a", "two"], "x", &[]), affine(1.0, -2.0)),
        (node("Neg", &["a"], "x", &[]), affine(-1.0, 0.0)),
    ] {
        assert_eq!(of(&[nodes], &two), expected);
    }
    // SiLU, and a gate of channels.
    let swish = [node("Sigmoid", &["a"], "s", &[]), node("Mul", &["a", "s"], "x", &[])];
    let sigmoid = Operation::Activation(Activation::Sigmoid);
    assert_eq!(of(&swish, &[]), [sigmoid.clone(), Operation::Mul]);
    let gate = [
        node("ReduceMean", &["a"], "m", &[ints("axes", &[-1, 2])]),
        node("Sigmoid", &["m"], "s", &[]),
        node("Mul", &["s", "a"], "x", &[]),
    ];
    let expected = [Operation::GlobalPool, sigmoid, Operation::Expand, Operation::Mul];
    assert_eq!(of(&gate, &[]), expected);
    // Sums of sums are one.
    let sums = [
        node("Relu", &["a"], "r", &[]),
        node("Sigmoid", &["a"], "s", &[]),
        node("Add", &["r", "s"], "t", &[]),
        node("Add", &["t", "a"], "x", &[]),
    ];
    assert_eq!(of(&sums, &[])[2], Operation::Mix(vec![None; 3]));
    // What only says that nothing happens.
    let nothing = [
        node("Identity", &["a"], "i", &[]),
        node("Dropout", &["i"], "j", &[]),
        node("Cast", &["j"], "k", &[int("to", DataType::Float as i64)]),
        node("Transpose", &["k"], "l", &[ints("perm", &[0, 1, 2, 3])]),
        node("Slice", &["l", "zero", "most", "one"], "x", &[]),
    ];
    let constants = [whole("zero", &[0]), whole("most", &[i64::MAX]), whole("one", &[1])];
    assert!(of(&nothing, &constants).is_empty());
    // A shuffle of channels, as ShuffleNet has it, and parts of them.
    let shuffle = [
        node("Reshape", &["a", "five"], "v", &[]),
        node("Transpose", &["v"], "w", &[ints("perm", &[0, 2, 1, 3, 4])]),
        node("Reshape", &["w", "four"], "x", &[]),
    ];
    let constants = [whole("five", &[0, 2, 2, 6, 6]), whole("four", &[-1, 4, 6, 6])];
    assert_eq!(of(&shuffle, &constants), [Operation::Select(vec![0, 2, 1, 3])]);
    let parts = |last: NodeProto| {
        let mut split = node("Split", &["a"], "p", &[int("axis", 1)]);
        split.output.push("q".into());
        [split, last]
    };
    let back = node("Concat", &["q", "p"], "x", &[int("axis", 1)]);
    let select = |channels: &[usize]| Operation::Select(channels.to_vec());
    let expected = [select(&[0, 1]), select(&[2, 3]), Operation::Concat];
    assert_eq!(of(&parts(back), &[]), expected);
    // The same as a sequence, by sizes or of one size.
    let sequence = |sizes: TensorProto| {
        let nodes = [
            node("SplitToSequence", &["a", "sizes"], "s", &[int("axis", 1)]),
            node("SequenceAt", &["s", "last"], "p", &[]),
            node("SequenceAt", &["s", "zero"], "q", &[]),
            node("Concat", &["p", "q"], "x", &[int("axis", 1)]),
        ];
        let single = |name: &str, value: i64| TensorProto { dims: vec![], ..whole(name, &[value]) };
        of(&nodes, &[sizes, single("last", -1), single("zero", 0)])
    };
    let expected = [select(&[0]), select(&[1, 2, 3]), select(&[3]), Operation::Concat];
    let found = sequence(whole("sizes", &[1, 3]));
    assert_eq!(found[found.len() - 1], Operation::Concat);
    assert!(found.contains(&select(&[0])) && found.contains(&select(&[1, 2, 3])), "{found:?}");
    let threes = sequence(TensorProto { dims: vec![], ..whole("sizes", &[3]) });
    assert!(threes.contains(&select(&[0, 1, 2])) && threes.contains(&expected[2]), "{threes:?}");
    let gather = [node("Gather", &["a", "these"], "x", &[int("axis", 1)])];
    let constants = [whole("these", &[3, -4, 1, 1])];
    assert_eq!(of(&gather, &constants), [select(&[3, 0, 1, 1])]);
    // Zeros and cuts around planes.
    let pad = [node("Pad", &["a", "pads"], "x", &[])];
    let constants = [whole("pads", &[0, 0, 1, 0, 0, 0, -1, 2])];
    assert_eq!(of(&pad, &constants), [Operation::Pad([[1, -1], [0, 2]])]);
}

#[test]
fn paddings_before_a_convolution_are_its_own() {
    let mut model = model();
    let g = graph(&mut model);
    g.initializer.push(whole("pads", &[0, 0, -1, 2, 0, 0, 1, 0]));
    g.node[0] = node("Conv", &["p", "conv.weight"], "a", &[]);
    g.node.insert(0, node("Pad", &["images", "pads"], "p", &[]));
    let network = read(&model).expect("a network");
    let Operation::Conv { geometry, bias: None, .. } = network.graph().nodes[1].operation else {
        panic!("a convolution comes first")
    };
    assert_eq!(geometry.padding, [[-1, 1], [2, 0]]);
    // A cut, then zeros on the same side: two operations.
    graph(&mut model).node[1].attribute.push(ints("pads", &[1; 4]));
    let network = read(&model).expect("a network");
    assert_eq!(network.graph().nodes[1].operation, Operation::Pad([[-1, 1], [2, 0]]));
    // "SAME" of an even window leaves more on one side.
    graph(&mut model).node[1] = node(
        "Conv",
        &["images", "conv.weight"],
        "a",
        &[text("auto_pad", "SAME_UPPER"), ints("strides", &[2, 2])],
    );
    let network = read(&model).expect("a network");
    let Operation::Conv { geometry, .. } = network.graph().nodes[1].operation else {
        panic!("a convolution comes first")
    };
    assert_eq!(geometry.padding, [[0, 1], [0, 1]]);
}

#[test]
fn linear_layers_in_all_their_forms() {
    let plain = read(&model()).expect("a network");
    let turned = |dims: [usize; 2], values: &[f32]| -> Vec<f32> {
        let [rows, columns] = dims;
        (0..values.len()).map(|at| values[at % rows * columns + at / rows]).collect()
    };
    let mut transposed = tensor("fc.weight", &[4, 3]);
    transposed.float_data = turned([3, 4], &tensor("", &[3, 4]).float_data);
    // Gemm with the matrix the other way round; MatMul and Add; a transposed constant.
    let mut gemm = model();
    graph(&mut gemm).initializer[2] = transposed.clone();
    graph(&mut gemm).node[4] = node("Gemm", &["d", "fc.weight", "fc.bias"], "logits", &[]);
    let mut product = gemm.clone();
    graph(&mut product).node[4] = node("MatMul", &["d", "fc.weight"], "e", &[]);
    graph(&mut product).node.push(node("Add", &["fc.bias", "e"], "logits", &[]));
    let mut constant = model();
    graph(&mut constant).node[4] = node("Transpose", &["fc.weight"], "turned", &[]);
    graph(&mut constant).node.push(node("MatMul", &["d", "turned"], "e", &[]));
    graph(&mut constant).node.push(node("Add", &["e", "fc.bias"], "logits", &[]));
    // A flattened tensor that is squeezed, or reshaped by its own shape.
    let mut squeezed = model();
    graph(&mut squeezed).node[3] = node("Squeeze", &["c"], "d", &[ints("axes", &[2, -1])]);
    let mut shaped = model();
    graph(&mut shaped).initializer.extend([whole("first", &[0]), whole("rest", &[-1])]);
    graph(&mut shaped).node.splice(
        3..4,
        [
            node("Shape", &["c"], "shape", &[]),
            node("Gather", &["shape", "first"], "n", &[]),
            node("Concat", &["n", "rest"], "target", &[int("axis", 0)]),
            node("Reshape", &["c", "target"], "d", &[]),
        ],
    );
    for model in [gemm, product, constant, squeezed, shaped] {
        let network = read(&model).expect("a network");
        assert_eq!(network.graph().nodes, plain.graph().nodes);
        assert_eq!(network.values(), plain.values());
    }
}

#[test]
fn weights_of_other_types_and_in_other_files() {
    let expected = read(&model()).expect("a network").values().expect("values").clone();
    let values = tensor("", &[3, 4]).float_data;
    let exact: Vec<f32> = values.iter().map(|v| (v * 8.0).round() / 8.0).collect();
    let raw = |bytes: Vec<u8>, kind: DataType| TensorProto {
        raw_data: Some(bytes),
        float_data: Vec::new(),
        data_type: Some(kind as i32),
        ..tensor("fc.weight", &[3, 4])
    };
    // Numbers that all of these types hold.
    let half = |v: f32| -> u16 {
        let bits = v.to_bits();
        let (sign, exponent, fraction) = (bits >> 31, (bits >> 23 & 255) as i32, bits >> 13 & 1023);
        if v == 0.0 {
            return 0;
        }
        (sign << 15) as u16 | ((exponent - 112) << 10) as u16 | fraction as u16
    };
    let bytes = |f: &dyn Fn(f32) -> Vec<u8>| exact.iter().flat_map(|v| f(*v)).collect::<Vec<u8>>();
    for weight in [
        raw(bytes(&|v| v.to_le_bytes().to_vec()), DataType::Float),
        raw(bytes(&|v| f64::from(v).to_le_bytes().to_vec()), DataType::Double),
        raw(bytes(&|v| half(v).to_le_bytes().to_vec()), DataType::Float16),
        raw(bytes(&|v| ((v.to_bits() >> 16) as u16).to_le_bytes().to_vec()), DataType::Bfloat16),
    ] {
        let mut model = model();
        graph(&mut model).initializer[2] = weight;
        let network = read(&model).expect("a network");
        assert_eq!(network.values().expect("values")[76..88], exact);
    }
    // In a file beside the model.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    let external = |location: &str, offset: &str, length: &str| {
        let mut model = model();
        graph(&mut model).initializer[2] = TensorProto {
            float_data: Vec::new(),
            data_location: Some(DataLocation::External as i32),
            external_data: vec![
                entry("location", location),
                entry("offset", offset),
                entry("length", length),
            ],
            ..tensor("fc.weight", &[3, 4])
        };
        fs::write(&path, model.encode_to_vec()).expect("a file");
        Network::from_onnx(&path, &Import::default())
    };
    let mut data = vec![0xff; 8];
    data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    fs::write(folder.path().join("weights.bin"), &data).expect("a file");
    let network = external("weights.bin", "8", "48").expect("a network");
    assert_eq!((network.name(), network.values()), ("model", Some(&expected)));
    let missing = external("elsewhere.bin", "8", "48").expect("a network");
    assert!(missing.values().is_none());
    assert_eq!(missing.notes(), ["its weights are not there: found no elsewhere.bin"]);
    for (location, offset, length, words) in [
        ("weights.bin", "9", "48", "found a file of 56 bytes, expected 48 from byte 9 on"),
        ("weights.bin", "18446744073709551615", "48", "expected 48 from byte 18446744073709551615"),
        ("weights.bin", "-1", "48", "found offset \"-1\" of its data, expected a number"),
        ("weights.bin", "8", "47", "found 47 bytes of external data, expected 48"),
        ("../weights.bin", "8", "48", "expected a file in the model's folder"),
        ("/etc/passwd", "0", "48", "expected a file in the model's folder"),
        ("a/../weights.bin", "0", "48", "expected a file in the model's folder"),
        (".", "0", "48", "expected a file in the model's folder"),
    ] {
        let error = external(location, offset, length).expect_err(location).to_string();
        assert!(error.contains(words), "{location}: {error}");
    }
}

#[test]
fn notes_say_what_was_left_out() {
    let mut model = model();
    let g = graph(&mut model);
    g.output[0].name = Some("p".into());
    g.node.push(node("Softmax", &["logits"], "p", &[]));
    g.initializer.push(tensor("aside.weight", &[2, 4, 1, 1]));
    g.node.insert(2, node("Conv", &["b", "aside.weight"], "aside", &[]));
    let network = read(&model).expect("a network");
    let [softmax, aside] = network.notes() else { panic!("{:?}", network.notes()) };
    assert!(softmax.starts_with("Softmax at its end is left out"), "{softmax}");
    assert!(aside.starts_with("1 of its layers do not reach its output \"p\""), "{aside}");
    assert_eq!(network.graph().classes(), 3);
    // Also where that layer comes last.
    let conv = graph(&mut model).node.remove(2);
    graph(&mut model).node.push(conv);
    let last = read(&model).expect("a network");
    assert_eq!(last.graph().classes(), 3);
    let images = vec![0.5; 72];
    assert_eq!(last.logits(&images).unwrap(), network.logits(&images).unwrap());
}

/// The file has no content, so that it takes no disk; it is refused before it is read.
#[test]
fn a_file_beyond_two_gibibytes_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.onnx");
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(3 << 30).expect("a sparse file");
    let error =
        Network::from_onnx(&path, &Import::default()).expect_err("a large file").to_string();
    let expected =
        "large.onnx: ONNX: found 3221225472 bytes, expected at most 2147483647, as ONNX files";
    assert!(error.contains(expected) && error.contains("external data"), "{error}");
}

#[test]
fn another_image_size() {
    let import = |image| Import { image: Some(image) };
    let bytes = model().encode_to_vec();
    let network = Network::from_onnx_bytes(&bytes, &import([2, 9, 5])).expect("a network");
    assert_eq!(network.graph().input_shape(), [2, 9, 5]);
    let error = Network::from_onnx_bytes(&bytes, &import([3, 6, 6])).expect_err("other channels");
    assert!(error.to_string().contains("image channels: found 3, expected 2"), "{error}");
    // A shape that the exporter wrote down.
    let mut fixed = model();
    fixed.graph.as_mut().expect("a graph").initializer.push(whole("shape", &[0, 4, 6, 6]));
    fixed.graph.as_mut().expect("a graph").node[1] = node("Reshape", &["a", "shape"], "b", &[]);
    let bytes = fixed.encode_to_vec();
    Network::from_onnx_bytes(&bytes, &Import::default()).expect("a network");
    let error = Network::from_onnx_bytes(&bytes, &import([2, 9, 5])).expect_err("another size");
    let expected = "the file was written for images of 6 x 6, not 9 x 5";
    assert!(error.to_string().contains(expected), "{error}");
}

/// A convolution without a bias, as PyTorch's newer exporter writes it when it does not optimise.
#[test]
fn what_is_computed_of_constants() {
    let mut made = model();
    let graph = graph(&mut made);
    let end = int("end", 1);
    let nodes = [
        node("Shape", &["conv.weight"], "channels", &[end]),
        node("Expand", &["channels", "one"], "shape", &[]),
        node("CastLike", &["nothing", "images"], "nought", &[]),
        node("Expand", &["nought", "shape"], "bias", &[]),
    ];
    graph.node.splice(0..0, nodes);
    graph.node[4].input[2] = "bias".into();
    graph.initializer.push(whole("one", &[1]));
    graph.initializer.push(number("nothing", 0.0));
    let network = Network::from_onnx_bytes(&made.encode_to_vec(), &Import::default());
    let network = network.expect("a network");
    assert!(!network.graph().parameters.iter().any(|p| p.kind == ParameterKind::ConvBias));
    // Any other number is a bias.
    let last = made.graph.as_mut().expect("a graph").initializer.last_mut().expect("a constant");
    *last = number("nothing", 0.5);
    let network = Network::from_onnx_bytes(&made.encode_to_vec(), &Import::default());
    let network = network.expect("a network");
    let bias = network.graph().parameters.iter().find(|p| p.kind == ParameterKind::ConvBias);
    let bias = bias.expect("a bias");
    let values = &network.values().expect("values")[bias.offset..][..bias.len()];
    assert_eq!(values, [0.5; 4]);
}
