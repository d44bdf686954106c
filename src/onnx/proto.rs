//! The messages of an ONNX file, as far as this library reads and writes them. Names and tags are
//! those of `onnx.proto` (<https://github.com/onnx/onnx>, IR version 8 and later); what is left out
//! here is skipped when a file is read.
//!
//! Single values are optional, as in the original, which tells a zero from a value that is missing.

use prost::{Enumeration, Message, Oneof};

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    /// Version of the format.
    #[prost(int64, optional, tag = "1")]
    pub(crate) ir_version: Option<i64>,
    /// The operator sets that nodes are of.
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSetIdProto>,
    /// The program that wrote the file.
    #[prost(string, optional, tag = "2")]
    pub(crate) producer_name: Option<String>,
    /// Its version.
    #[prost(string, optional, tag = "3")]
    pub(crate) producer_version: Option<String>,
    /// Whose model it is.
    #[prost(string, optional, tag = "4")]
    pub(crate) domain: Option<String>,
    /// The model's own version.
    #[prost(int64, optional, tag = "5")]
    pub(crate) model_version: Option<i64>,
    /// For readers.
    #[prost(string, optional, tag = "6")]
    pub(crate) doc_string: Option<String>,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
    /// Anything, by name.
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<StringStringEntryProto>,
    /// Operators that are made of others.
    #[prost(message, repeated, tag = "25")]
    pub(crate) functions: Vec<FunctionProto>,
}

/// A version of an operator set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct OperatorSetIdProto {
    /// Whose operators; empty for ONNX's own.
    #[prost(string, optional, tag = "1")]
    pub(crate) domain: Option<String>,
    /// The version.
    #[prost(int64, optional, tag = "2")]
    pub(crate) version: Option<i64>,
}

/// A text by its name.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StringStringEntryProto {
    /// The name.
    #[prost(string, optional, tag = "1")]
    pub(crate) key: Option<String>,
    /// The text.
    #[prost(string, optional, tag = "2")]
    pub(crate) value: Option<String>,
}

/// An operator that is made of others.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FunctionProto {
    /// Its name.
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    /// Whose operator it is.
    #[prost(string, optional, tag = "10")]
    pub(crate) domain: Option<String>,
}

/// A network: nodes in topological order.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    /// The nodes.
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<NodeProto>,
    /// Its name.
    #[prost(string, optional, tag = "2")]
    pub(crate) name: Option<String>,
    /// Constants: weights, shapes.
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<TensorProto>,
    /// For readers.
    #[prost(string, optional, tag = "10")]
    pub(crate) doc_string: Option<String>,
    /// What comes in. In old files the constants too.
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfoProto>,
    /// What goes out.
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfoProto>,
    /// Types of what is in between.
    #[prost(message, repeated, tag = "13")]
    pub(crate) value_info: Vec<ValueInfoProto>,
    /// Constants that are mostly zero.
    #[prost(message, repeated, tag = "15")]
    pub(crate) sparse_initializer: Vec<SparseTensorProto>,
}

/// A node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    /// The names of what it reads; empty for one that is left out.
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    /// The names of what it gives.
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    /// Its own name.
    #[prost(string, optional, tag = "3")]
    pub(crate) name: Option<String>,
    /// The operator.
    #[prost(string, optional, tag = "4")]
    pub(crate) op_type: Option<String>,
    /// What fixes the operator.
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<AttributeProto>,
    /// For readers.
    #[prost(string, optional, tag = "6")]
    pub(crate) doc_string: Option<String>,
    /// Whose operator; empty for ONNX's own.
    #[prost(string, optional, tag = "7")]
    pub(crate) domain: Option<String>,
}

/// An attribute of a node: a name and one value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    /// The name.
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    /// Which of the values it is.
    #[prost(enumeration = "AttributeType", optional, tag = "20")]
    pub(crate) r#type: Option<i32>,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub(crate) f: Option<f32>,
    /// A whole number.
    #[prost(int64, optional, tag = "3")]
    pub(crate) i: Option<i64>,
    /// A text.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(crate) s: Option<Vec<u8>>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub(crate) t: Option<TensorProto>,
    /// A graph inside the node.
    #[prost(message, optional, boxed, tag = "6")]
    pub(crate) g: Option<Box<GraphProto>>,
    /// Numbers.
    #[prost(float, repeated, packed = "false", tag = "7")]
    pub(crate) floats: Vec<f32>,
    /// Whole numbers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(crate) ints: Vec<i64>,
    /// Texts.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub(crate) strings: Vec<Vec<u8>>,
    /// The attribute of a function that it stands for.
    #[prost(string, optional, tag = "21")]
    pub(crate) ref_attr_name: Option<String>,
}

/// Which value an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum AttributeType {
    Undefined = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8,
    Tensors = 9,
    Graphs = 10,
    SparseTensor = 11,
    SparseTensors = 12,
    TypeProto = 13,
    TypeProtos = 14,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    /// Its shape.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(crate) dims: Vec<i64>,
    /// The type of its values, a [`DataType`].
    #[prost(int32, optional, tag = "2")]
    pub(crate) data_type: Option<i32>,
    /// Values of f32.
    #[prost(float, repeated, tag = "4")]
    pub(crate) float_data: Vec<f32>,
    /// Values of i32 and of smaller types.
    #[prost(int32, repeated, tag = "5")]
    pub(crate) int32_data: Vec<i32>,
    /// Values of i64.
    #[prost(int64, repeated, tag = "7")]
    pub(crate) int64_data: Vec<i64>,
    /// Its name.
    #[prost(string, optional, tag = "8")]
    pub(crate) name: Option<String>,
    /// Values of any type but text, little endian.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(crate) raw_data: Option<Vec<u8>>,
    /// Values of f64.
    #[prost(double, repeated, tag = "10")]
    pub(crate) double_data: Vec<f64>,
    /// Where its values are, if that is another file: `location`, `offset`, `length`.
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<StringStringEntryProto>,
    /// Where its values are.
    #[prost(enumeration = "DataLocation", optional, tag = "14")]
    pub(crate) data_location: Option<i32>,
}

/// Where the values of a constant are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum DataLocation {
    /// In the message.
    Default = 0,
    /// In another file.
    External = 1,
}

/// Types of a constant's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum DataType {
    Undefined = 0,
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Uint16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    Uint32 = 12,
    Uint64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    Bfloat16 = 16,
}

/// A constant that is mostly zero.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SparseTensorProto {
    /// The values that are not zero, with the name.
    #[prost(message, optional, tag = "1")]
    pub(crate) values: Option<TensorProto>,
}

/// A name with its type.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    /// The name.
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    /// The type.
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<TypeProto>,
}

/// A type. Others than tensors are skipped.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProto {
    /// Of a tensor.
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor_type: Option<TensorTypeProto>,
}

/// The type of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorTypeProto {
    /// The type of its values, a [`DataType`].
    #[prost(int32, optional, tag = "1")]
    pub(crate) elem_type: Option<i32>,
    /// Its shape; missing if its rank is not known.
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<TensorShapeProto>,
}

/// A shape.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShapeProto {
    /// The axes.
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<DimensionProto>,
}

/// An axis.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DimensionProto {
    /// Its length; missing if that is not known.
    #[prost(oneof = "Dimension", tags = "1, 2")]
    pub(crate) value: Option<Dimension>,
}

/// The length of an axis.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub(crate) enum Dimension {
    /// A number.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// The name of a number that is known when the network runs.
    #[prost(string, tag = "2")]
    Param(String),
}
