//! Layers of a recipe. In JSON a layer is its name (`"relu"`), or an object whose one key is its
//! name (`{"conv": {"kernel": 3}}`).

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One layer. Its parameters are named by the path of the layers around it, each by its own `name` or
/// else by its place among its neighbours, as in PyTorch's `nn.Sequential`; the name "" adds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// What comes in.
    Identity,
    /// max(x, 0).
    Relu,
    /// Convolution without bias.
    Conv(Conv),
    /// Batch normalisation.
    BatchNorm(Named),
    /// Average pooling; padding is not counted.
    AvgPool(Pool),
    /// Max pooling.
    MaxPool(Pool),
    /// One layer after the other.
    Sequence(Sequence),
    /// Layers, plus what comes in where that has the same shape.
    Residual(Sequence),
    /// What comes in, where that has the shape that the place asks for; else layers that give it.
    Shortcut(Sequence),
    /// Branches that read the same input, added.
    Sum(Branches),
    /// Branches that read the same input, concatenated along channels.
    Concat(Branches),
}

const NAMES: [&str; 11] = [
    "identity",
    "relu",
    "conv",
    "batch_norm",
    "avg_pool",
    "max_pool",
    "sequence",
    "residual",
    "shortcut",
    "sum",
    "concat",
];

/// Of a layer that has nothing but a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its part of the parameters' names; by default its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Its part of the parameters' names; by default its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Side of the kernel.
    pub kernel: u32,
    /// Output channels; those of the input where it is depthwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub channels: Channels,
    /// Step of the window.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stride: Stride,
    /// Zeros around the input.
    #[serde(default, skip_serializing_if = "is_default")]
    pub padding: Padding,
    /// Distance of the kernel's taps.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation: u32,
    /// One kernel a channel instead of all channels to all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub depthwise: bool,
    /// Groups of channels that are convolved by themselves; 1 where it is depthwise.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: u32,
}

/// A pooling window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Side of the window.
    pub kernel: u32,
    /// Step of the window.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stride: Stride,
    /// Border around the input; "same" keeps the size at stride 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub padding: Padding,
}

/// Layers in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// Its part of the parameters' names; by default its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The layers.
    pub layers: Vec<Layer>,
}

/// Layers side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branches {
    /// Its part of the parameters' names; by default its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The branches, each a layer.
    pub branches: Vec<Layer>,
}

/// A number of channels: that of the input (`"in"`) or of the place (`"out"`), a number, or a part or
/// a multiple of the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// So many, whatever the place.
    Exactly(u32),
    /// `of` times `times`, divided by `divide`.
    Of(Part),
}

/// A part or a multiple of a number of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Of what.
    pub of: CountedFrom,
    /// Times this.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
    /// Divided by this.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub divide: u32,
    /// Where that leaves a rest.
    #[serde(default, skip_serializing_if = "is_default")]
    pub round: Round,
}

/// What channels are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountedFrom {
    /// The layer's input.
    In,
    /// The place of the recipe.
    Out,
}

/// How a division rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Round {
    /// To the number below.
    #[default]
    Down,
    /// To the number above.
    Up,
}

/// Step of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stride {
    /// So much.
    Exactly(u32),
    /// That of the place of the recipe (`"given"`).
    Given,
}

/// Border of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// What keeps the size at stride 1, for odd kernels.
    #[default]
    Same,
    /// So much. -1 shifts the window by one into the input.
    Exactly(i32),
}

fn one() -> u32 {
    1
}

// serde's attribute asks for a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one(n: &u32) -> bool {
    *n == 1
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Channels {
    /// A source itself.
    pub(crate) const fn all(of: CountedFrom) -> Self {
        Channels::Of(Part { of, times: 1, divide: 1, round: Round::Down })
    }
}

impl Default for Channels {
    fn default() -> Self {
        Channels::all(CountedFrom::Out)
    }
}

impl Default for Stride {
    fn default() -> Self {
        Stride::Exactly(1)
    }
}

impl Layer {
    /// Its own name, if it has one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Layer::Conv(Conv { name, .. })
            | Layer::BatchNorm(Named { name })
            | Layer::Sequence(Sequence { name, .. })
            | Layer::Shortcut(Sequence { name, .. })
            | Layer::Residual(Sequence { name, .. })
            | Layer::Sum(Branches { name, .. })
            | Layer::Concat(Branches { name, .. }) => name.as_deref(),
            _ => None,
        }
    }

    fn plain(name: &str) -> Option<Self> {
        match name {
            "identity" => Some(Layer::Identity),
            "relu" => Some(Layer::Relu),
            "batch_norm" => Some(Layer::BatchNorm(Named::default())),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Layer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneLayer;
        impl<'de> Visitor<'de> for OneLayer {
            type Value = Layer;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a layer: its name, or an object with its name as the one key")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Layer, E> {
                match Layer::plain(name) {
                    Some(layer) => Ok(layer),
                    None if NAMES.contains(&name) => Err(E::custom(format_args!(
                        "found \"{name}\" alone, expected an object with that key"
                    ))),
                    None => Err(E::unknown_variant(name, &NAMES)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Layer, A::Error> {
                let Some(name) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("found an empty object, expected a layer"));
                };
                let layer = match name.as_str() {
                    "conv" => Layer::Conv(map.next_value()?),
                    "batch_norm" => Layer::BatchNorm(map.next_value()?),
                    "avg_pool" => Layer::AvgPool(map.next_value()?),
                    "max_pool" => Layer::MaxPool(map.next_value()?),
                    "sequence" => Layer::Sequence(map.next_value()?),
                    "residual" => Layer::Residual(map.next_value()?),
                    "shortcut" => Layer::Shortcut(map.next_value()?),
                    "sum" => Layer::Sum(map.next_value()?),
                    "concat" => Layer::Concat(map.next_value()?),
                    "identity" | "relu" => {
                        return Err(A::Error::custom(format_args!(
                            "found an object, expected \"{name}\" alone"
                        )));
                    }
                    _ => return Err(A::Error::unknown_variant(&name, &NAMES)),
                };
                match map.next_key::<String>()? {
                    None => Ok(layer),
                    Some(more) => Err(A::Error::custom(format_args!(
                        "found the keys \"{name}\" and \"{more}\", expected one layer an object"
                    ))),
                }
            }
        }
        deserializer.deserialize_any(OneLayer)
    }
}

impl Serialize for Layer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn one<S: Serializer, T: Serialize>(s: S, name: &str, of: &T) -> Result<S::Ok, S::Error> {
            let mut map = s.serialize_map(Some(1))?;
            map.serialize_entry(name, of)?;
            map.end()
        }
        match self {
            Layer::Identity => serializer.serialize_str("identity"),
            Layer::Relu => serializer.serialize_str("relu"),
            Layer::BatchNorm(of) if of.name.is_none() => serializer.serialize_str("batch_norm"),
            Layer::BatchNorm(of) => one(serializer, "batch_norm", of),
            Layer::Conv(of) => one(serializer, "conv", of),
            Layer::AvgPool(of) => one(serializer, "avg_pool", of),
            Layer::MaxPool(of) => one(serializer, "max_pool", of),
            Layer::Sequence(of) => one(serializer, "sequence", of),
            Layer::Residual(of) => one(serializer, "residual", of),
            Layer::Shortcut(of) => one(serializer, "shortcut", of),
            Layer::Sum(of) => one(serializer, "sum", of),
            Layer::Concat(of) => one(serializer, "concat", of),
        }
    }
}

/// Reads a number, or one of a few names.
struct NumberOr<T> {
    expected: &'static str,
    number: fn(i64) -> Option<T>,
    name: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for NumberOr<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let wrong = || E::invalid_value(serde::de::Unexpected::Signed(number), &self);
        (self.number)(number).ok_or_else(wrong)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let wrong = || E::invalid_value(serde::de::Unexpected::Unsigned(number), &self);
        i64::try_from(number).ok().and_then(self.number).ok_or_else(wrong)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        let wrong = || E::invalid_value(serde::de::Unexpected::Str(name), &self);
        (self.name)(name).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Channels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        const PLAIN: NumberOr<Channels> = NumberOr {
            expected: "\"in\", \"out\", a number of channels, or {\"of\": \"in\" or \"out\", ...}",
            number: |n| u32::try_from(n).ok().map(Channels::Exactly),
            name: |name| match name {
                "in" => Some(Channels::all(CountedFrom::In)),
                "out" => Some(Channels::all(CountedFrom::Out)),
                _ => None,
            },
        };
        impl<'de> Visitor<'de> for Count {
            type Value = Channels;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                PLAIN.expecting(f)
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Channels, E> {
                PLAIN.visit_i64(n)
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<Channels, E> {
                PLAIN.visit_u64(n)
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Channels, E> {
                PLAIN.visit_str(name)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Channels, A::Error> {
                Part::deserialize(MapAccessDeserializer::new(map)).map(Channels::Of)
            }
        }
        deserializer.deserialize_any(Count)
    }
}

impl Serialize for Channels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Channels::Exactly(n) => serializer.serialize_u32(*n),
            Channels::Of(part) if part.times == 1 && part.divide == 1 => {
                part.of.serialize(serializer)
            }
            Channels::Of(part) => part.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stride {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOr {
            expected: "\"given\" or a stride",
            number: |n| u32::try_from(n).ok().map(Stride::Exactly),
            name: |name| (name == "given").then_some(Stride::Given),
        })
    }
}

impl Serialize for Stride {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stride::Exactly(n) => serializer.serialize_u32(*n),
            Stride::Given => serializer.serialize_str("given"),
        }
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOr {
            expected: "\"same\" or a padding",
            number: |n| i32::try_from(n).ok().map(Padding::Exactly),
            name: |name| (name == "same").then_some(Padding::Same),
        })
    }
}

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Padding::Exactly(n) => serializer.serialize_i32(*n),
            Padding::Same => serializer.serialize_str("same"),
        }
    }
}

/// A number, or a name that stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Exactly(u32),
    /// What the name stands for: the network's `cells`, or the option of a choice, `"group.edge"`.
    Named(String),
}

impl Amount {
    /// Whether it is what is left out.
    pub(super) fn is_one(&self) -> bool {
        *self == Amount::Exactly(1)
    }
}

impl Default for Amount {
    fn default() -> Self {
        Amount::Exactly(1)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOr {
            expected: "a number, or a text that names one",
            number: |n| u32::try_from(n).ok().map(Amount::Exactly),
            name: |name| Some(Amount::Named(name.to_owned())),
        })
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Amount::Exactly(n) => serializer.serialize_u32(*n),
            Amount::Named(name) => serializer.serialize_str(name),
        }
    }
}
