//! Recipes of layers as classes, or as `nn.Sequential`.
//!
//! A class stands for a recipe wherever it is used, so that its numbers of channels and its stride are
//! arguments. Where a recipe does something else at some places (it adds its input where the shape
//! stays), there is a class for each of both.

use super::python::{Attributes, Expr, class_name, has_word, reference, sequential, under};
use crate::error::Result;
use crate::space::{Channels, Conv, CountedFrom, Layer, Padding, Part, Pool, Round, Stride};

/// The text and the value of a number of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) text: String,
    pub(super) value: usize,
    /// If it is a half of another: that one, and how it is rounded.
    half: Option<(String, usize, Round)>,
}

impl Channel {
    pub(super) fn new(text: &str, value: usize) -> Self {
        Channel { text: text.to_owned(), value, half: None }
    }

    pub(super) fn number(value: usize) -> Self {
        Self::new(&value.to_string(), value)
    }

    /// A part or a multiple of it.
    fn part(&self, part: &Part) -> Self {
        let (times, by) = (part.times as usize, part.divide as usize);
        let value = self.value * times;
        let value = match part.round {
            Round::Down => value / by,
            Round::Up => value.div_ceil(by),
        };
        if self.text == self.value.to_string() {
            return Self::number(value);
        }
        let times = match times {
            1 => self.text.clone(),
            times if is_word(&self.text) => format!("{times} * {}", self.text),
            times => format!("{times} * ({})", self.text),
        };
        let text = match (by, part.round) {
            (1, _) => times,
            (by, Round::Down) if is_word(&times) => format!("{times} // {by}"),
            (by, Round::Down) => format!("({times}) // {by}"),
            (by, Round::Up) => format!("({times} + {}) // {by}", by - 1),
        };
        let half =
            (part.times == 1 && by == 2).then(|| (self.text.clone(), self.value, part.round));
        Channel { text, value, half }
    }

    /// Of tensors side by side.
    fn sum(all: &[Channel]) -> Self {
        if let [
            Channel { half: Some((a, whole, down)), .. },
            Channel { half: Some((b, _, up)), .. },
        ] = all
            && a == b
            && down != up
        {
            return Channel::new(a, *whole);
        }
        let value = all.iter().map(|c| c.value).sum();
        if all.iter().all(|c| c.text == c.value.to_string()) {
            return Self::number(value);
        }
        let texts: Vec<&str> = all.iter().map(|c| c.text.as_str()).collect();
        Channel { text: texts.join(" + "), value, half: None }
    }
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A tensor on its way through a network: what it is in a method's text, and its shape.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) text: String,
    pub(super) channels: Channel,
    pub(super) size: [usize; 2],
    /// How many pixels of the image one of its pixels stands for, along an axis.
    pub(super) scale: usize,
}

/// Where a recipe stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Text and value.
    pub(super) stride: (String, usize),
    pub(super) out: Channel,
}

impl Place {
    pub(super) fn plain(out: Channel) -> Self {
        Place { stride: ("1".into(), 1), out }
    }
}

/// A class of the file.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    /// What it was named after.
    base: String,
    /// Its text behind the name.
    body: String,
    /// Its arguments.
    arguments: Vec<&'static str>,
}

impl Class {
    pub(super) fn text(&self) -> String {
        format!("\nclass {}{}", self.name, self.body)
    }
}

/// The classes of the recipes so far.
#[derive(Debug, Default)]
pub(super) struct Classes(pub(super) Vec<Class>);

/// A recipe at one place.
pub(super) struct Made {
    /// The module.
    pub(super) module: Expr,
    /// Its output; the text is to be filled in.
    pub(super) out: Tensor,
    /// It gives what it reads.
    pub(super) identity: bool,
}

impl Classes {
    /// The module of a recipe: a class of that name unless it is nothing but layers in a row, which
    /// `inline` asks to have where they stand.
    pub(super) fn module(
        &mut self,
        name: &str,
        doc: &str,
        (layers, strided): (&[Layer], Option<&[Layer]>),
        x: &Tensor,
        place: &Place,
        inline: bool,
    ) -> Result<Made> {
        let other = strided.filter(|_| place.stride.1 != 1);
        let layers = other.unwrap_or(layers);
        if layers.iter().all(|layer| *layer == Layer::Identity) {
            let module = Expr::text("nn.Identity()");
            return Ok(Made { module, out: x.clone(), identity: true });
        }
        if inline && let Some((items, out)) = chain(layers, x, place) {
            return Ok(Made { module: sequential(items), out, identity: false });
        }
        let inside = Tensor {
            text: "x".into(),
            channels: Channel::new("c_in", x.channels.value),
            ..x.clone()
        };
        let within = Place {
            stride: ("stride".into(), place.stride.1),
            out: Channel::new("c_out", place.out.value),
        };
        let (suffix, what) = match (other, same(layers, &inside, &within)) {
            (Some(_), _) => ("Strided", " where there is a stride"),
            (None, Some((Kind::Residual, true))) => ("Residual", ", plus what comes in"),
            (None, Some((Kind::Shortcut, false))) => ("Projection", " where the shape changes"),
            _ => ("", ""),
        };
        let doc = format!("{doc}{what}.");
        let Some((body, arguments, inner)) = class_body(&doc, layers, &inside, &within)? else {
            let module = Expr::text("nn.Identity()");
            return Ok(Made { module, out: x.clone(), identity: true });
        };
        let base = format!("{}{suffix}", class_name(name));
        let class = self.class(base, body, arguments);
        let mut items = Vec::new();
        for argument in &class.arguments {
            match *argument {
                "c_in" => items.push(Expr::text(&x.channels.text)),
                "c_out" => items.push(Expr::text(&place.out.text)),
                _ if place.stride.1 == 1 && place.stride.0 == "1" => {}
                _ => items.push(Expr::text(format!("stride={}", place.stride.0))),
            }
        }
        let module = Expr::call(&class.name, items);
        // What the class calls its arguments is known here by other names.
        let channels = match inner.channels.text.as_str() {
            "c_in" => x.channels.clone(),
            "c_out" => place.out.clone(),
            _ => Channel::number(inner.channels.value),
        };
        Ok(Made { module, out: Tensor { channels, ..inner }, identity: false })
    }

    /// The class of that text; a new one if there is none.
    fn class(&mut self, base: String, body: String, arguments: Vec<&'static str>) -> &Class {
        let place = self.0.iter().position(|class| class.base == base && class.body == body);
        let place = place.unwrap_or_else(|| {
            let mut name = base.clone();
            let mut number = 2;
            while self.0.iter().any(|class| class.name == name) {
                name = format!("{base}{number}");
                number += 1;
            }
            self.0.push(Class { name, base, body, arguments });
            self.0.len() - 1
        });
        &self.0[place]
    }
}

/// The text of a class behind its name, its arguments, and what it gives; `None` if that is what it
/// reads.
fn class_body(
    doc: &str,
    layers: &[Layer],
    x: &Tensor,
    place: &Place,
) -> Result<Option<(String, Vec<&'static str>, Tensor)>> {
    if let Some((items, out)) = chain(layers, x, place)
        && let Expr::Call { open, items, .. } = sequential(items)
        && !items.iter().any(|item| item.line().starts_with("OrderedDict"))
        && open == "nn.Sequential("
    {
        let super_init = Expr::Call { open: "super().__init__(".into(), items, close: ")".into() };
        let init = format!("        {}\n", super_init.lines(8, 8, 0));
        let (body, arguments) = with_signature("nn.Sequential", doc, &init, "");
        return Ok(Some((body, arguments, out)));
    }
    let mut method = Method::default();
    let out = method.layers(layers, &[], x, place, true)?;
    if method.attributes.is_empty() && out.text == x.text {
        return Ok(None);
    }
    let init = format!("        super().__init__()\n{}", method.attributes.statements(8));
    method.lines.push(format!("return {}", out.text));
    let lines: String = method.lines.iter().map(|line| format!("        {line}\n")).collect();
    let forward = format!("\n    def forward(self, x):\n{}", method.attributes.resolve(&lines));
    let (body, arguments) = with_signature("nn.Module", doc, &init, &forward);
    Ok(Some((body, arguments, out)))
}

/// A class's text behind its name, whose constructor has the arguments that it reads.
fn with_signature(base: &str, doc: &str, init: &str, forward: &str) -> (String, Vec<&'static str>) {
    // The keyword of a module's argument is no argument of the class.
    let reads = |name: &&str| match *name {
        "stride" => init.contains("=stride"),
        name => has_word(init, name),
    };
    let arguments: Vec<&str> = ["c_in", "c_out", "stride"].into_iter().filter(reads).collect();
    let signature: String = arguments
        .iter()
        .map(|name| format!(", {name}{}", if *name == "stride" { "=1" } else { "" }))
        .collect();
    let text = format!(
        "({base}):\n    \"\"\"{doc}\"\"\"\n\n    def __init__(self{signature}):\n{init}{forward}"
    );
    (text, arguments)
}

/// What a recipe has that depends on whether the shape stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Residual,
    Shortcut,
}

/// The first of these in a recipe, and whether the shape stays there.
fn same(layers: &[Layer], x: &Tensor, place: &Place) -> Option<(Kind, bool)> {
    let stays = x.channels.value == place.out.value && place.stride.1 == 1;
    layers.iter().find_map(|layer| match layer {
        Layer::Residual(_) => Some((Kind::Residual, stays)),
        Layer::Shortcut(_) => Some((Kind::Shortcut, stays)),
        Layer::Sequence(of) => same(&of.layers, x, place),
        Layer::Sum(of) | Layer::Concat(of) => same(&of.branches, x, place),
        _ => None,
    })
}

/// Layers that are called one after the other: their names, and what comes out. `None` if there is
/// more to them.
fn chain(layers: &[Layer], x: &Tensor, place: &Place) -> Option<(Vec<(String, Expr)>, Tensor)> {
    let mut items: Vec<(String, Expr)> = Vec::new();
    let mut x = x.clone();
    for (i, layer) in layers.iter().enumerate() {
        let (modules, out) = match layer {
            Layer::Sequence(of) => {
                let (inner, out) = chain(&of.layers, &x, place)?;
                match layer.name() {
                    Some("") => (inner, out),
                    name => {
                        let name = name.map_or(i.to_string(), str::to_owned);
                        (vec![(name, sequential(inner))], out)
                    }
                }
            }
            Layer::Residual(_) | Layer::Shortcut(_) | Layer::Sum(_) | Layer::Concat(_) => {
                return None;
            }
            leaf => {
                if matches!(leaf, Layer::Conv(Conv { padding: Padding::Exactly(..0), .. })) {
                    return None;
                }
                let name = leaf.name().map_or(i.to_string(), str::to_owned);
                let (module, out) = module_of(leaf, &x, place)?;
                (vec![(name, module)], out)
            }
        };
        for (name, module) in modules {
            let mut names = name.split('.').map(str::to_owned);
            let first = names.next()?;
            if first.is_empty() || items.iter().any(|item| item.0 == first) {
                return None;
            }
            items.push((first, under(&names.collect::<Vec<_>>(), module)));
        }
        x = out;
    }
    Some((items, x))
}

/// The module of a layer without others inside, and what comes out.
fn module_of(layer: &Layer, x: &Tensor, place: &Place) -> Option<(Expr, Tensor)> {
    let unchanged = |text: &str| Some((Expr::text(text), x.clone()));
    match layer {
        Layer::Identity => unchanged("nn.Identity()"),
        Layer::Relu => unchanged("nn.ReLU()"),
        Layer::BatchNorm(_) => unchanged(&format!("nn.BatchNorm2d({})", x.channels.text)),
        Layer::AvgPool(pool) => Some(pooling("nn.AvgPool2d", pool, x, place)),
        Layer::MaxPool(pool) => Some(pooling("nn.MaxPool2d", pool, x, place)),
        Layer::Conv(conv) => Some(convolution(conv, x, place)),
        _ => None,
    }
}

fn stride_of(stride: Stride, place: &Place) -> (String, usize) {
    match stride {
        Stride::Given => place.stride.clone(),
        Stride::Exactly(n) => (n.to_string(), n as usize),
    }
}

fn pooling(module: &str, pool: &Pool, x: &Tensor, place: &Place) -> (Expr, Tensor) {
    let kernel = pool.kernel as usize;
    let stride = stride_of(pool.stride, place);
    let padding = match pool.padding {
        Padding::Same => kernel / 2,
        Padding::Exactly(n) => n.unsigned_abs() as usize,
    };
    let mut arguments = vec![kernel.to_string(), format!("stride={}", stride.0)];
    if padding != 0 {
        arguments.push(format!("padding={padding}"));
        if module == "nn.AvgPool2d" {
            arguments.push("count_include_pad=False".into());
        }
    }
    let size = x.size.map(|n| (n + 2 * padding).saturating_sub(kernel) / stride.1 + 1);
    let out = Tensor { size, scale: x.scale * stride.1, ..x.clone() };
    (Expr::text(format!("{module}({})", arguments.join(", "))), out)
}

fn convolution(conv: &Conv, x: &Tensor, place: &Place) -> (Expr, Tensor) {
    let stride = stride_of(conv.stride, place);
    let [kernel, dilation] = [conv.kernel, conv.dilation].map(|n| n as usize);
    // Zeros that come around the input; a window that is shifted has them padded before it.
    let padding = match conv.padding {
        Padding::Same => dilation * (kernel / 2),
        Padding::Exactly(n) => n.max(0) as usize,
    };
    let channels = match conv.channels {
        _ if conv.depthwise => x.channels.clone(),
        Channels::Exactly(n) => Channel::number(n as usize),
        Channels::Of(part) => match part.of {
            CountedFrom::In => x.channels.part(&part),
            CountedFrom::Out => place.out.part(&part),
        },
    };
    let mut arguments = vec![x.channels.text.clone(), channels.text.clone(), kernel.to_string()];
    let mut argument = |name: &str, value: &str, default: &str| {
        if value != default {
            arguments.push(format!("{name}={value}"));
        }
    };
    argument("stride", &stride.0, "1");
    argument("padding", &padding.to_string(), "0");
    argument("dilation", &dilation.to_string(), "1");
    let groups = conv.groups.to_string();
    argument("groups", if conv.depthwise { &x.channels.text } else { &groups }, "1");
    argument("bias", "False", "True");
    let span = dilation * (kernel - 1) + 1;
    let size = x.size.map(|n| (n + 2 * padding).saturating_sub(span) / stride.1 + 1);
    let out = Tensor { channels, size, scale: x.scale * stride.1, ..x.clone() };
    (Expr::text(format!("nn.Conv2d({})", arguments.join(", "))), out)
}

/// A `forward` under construction.
#[derive(Debug, Default)]
struct Method {
    attributes: Attributes,
    lines: Vec<String>,
    variables: usize,
    pools: usize,
}

impl Method {
    /// Layers one after the other, whose parameters are named below `path`. `owns`: nothing else
    /// reads the variable `x`, so that it may change.
    fn layers(
        &mut self,
        layers: &[Layer],
        path: &[String],
        x: &Tensor,
        place: &Place,
        owns: bool,
    ) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, layer) in layers.iter().enumerate() {
            x = self.layer(layer, &named(layer, path, i), x, place)?;
            if owns && i + 1 < layers.len() && x.text != "x" {
                self.lines.push(format!("x = {}", x.text));
                x.text = "x".into();
            }
        }
        Ok(x)
    }

    fn layer(
        &mut self,
        layer: &Layer,
        path: &[String],
        x: Tensor,
        place: &Place,
    ) -> Result<Tensor> {
        match layer {
            Layer::Identity => Ok(x),
            Layer::Relu => Ok(Tensor { text: format!("F.relu({})", x.text), ..x }),
            Layer::Sequence(of) => match chain(&of.layers, &x, place) {
                Some((items, out)) if !path.is_empty() && of.name.as_deref() != Some("") => {
                    self.attributes.add(path, sequential(items))?;
                    Ok(Tensor { text: format!("{}({})", reference(path), x.text), ..out })
                }
                _ => self.layers(&of.layers, path, &x, place, false),
            },
            Layer::Residual(of) => {
                let x = self.variable(x);
                let stays = |y: &Tensor| y.channels.value == x.channels.value && y.size == x.size;
                let y = match chain(&of.layers, &x, place) {
                    Some((items, out)) if !path.is_empty() && of.name.as_deref() != Some("") => {
                        self.attributes.add(path, sequential(items))?;
                        Tensor { text: format!("{}({})", reference(path), x.text), ..out }
                    }
                    _ => self.layers(&of.layers, path, &x, place, false)?,
                };
                let text = if stays(&y) { format!("{} + {}", y.text, x.text) } else { y.text };
                Ok(Tensor { text, ..y })
            }
            Layer::Shortcut(of) => {
                if x.channels.value == place.out.value && place.stride.1 == 1 {
                    return Ok(x);
                }
                self.layers(&of.layers, path, &x, place, false)
            }
            Layer::Sum(of) => {
                let branches = self.branches(&of.branches, path, x, place)?;
                let texts: Vec<&str> = branches.iter().map(|b| b.text.as_str()).collect();
                let text = texts.join(" + ");
                Ok(Tensor { text, ..branches[0].clone() })
            }
            Layer::Concat(of) => {
                let branches = self.branches(&of.branches, path, x, place)?;
                let texts: Vec<&str> = branches.iter().map(|b| b.text.as_str()).collect();
                let text = format!("torch.cat([{}], 1)", texts.join(", "));
                let channels: Vec<Channel> = branches.iter().map(|b| b.channels.clone()).collect();
                let channels = Channel::sum(&channels);
                Ok(Tensor { text, channels, ..branches[0].clone() })
            }
            Layer::AvgPool(_) | Layer::MaxPool(_) => {
                // It has no parameters, so that its name is free.
                let name = vec![format!("pool_{}", self.pools)];
                self.pools += 1;
                self.call(layer, &name, x, place)
            }
            Layer::Conv(Conv { padding: Padding::Exactly(shift @ ..0), .. }) => {
                let pads = format!("({shift}, {0}, {shift}, {0})", -shift);
                let text = format!("F.pad({}, {pads})", x.text);
                self.call(layer, path, Tensor { text, ..x }, place)
            }
            Layer::Conv(_) | Layer::BatchNorm(_) => self.call(layer, path, x, place),
        }
    }

    /// Registers a module and calls it.
    fn call(&mut self, layer: &Layer, path: &[String], x: Tensor, place: &Place) -> Result<Tensor> {
        let Some((module, out)) = module_of(layer, &x, place) else { return Ok(x) };
        self.attributes.add(path, module)?;
        Ok(Tensor { text: format!("{}({})", reference(path), x.text), ..out })
    }

    fn branches(
        &mut self,
        layers: &[Layer],
        path: &[String],
        x: Tensor,
        place: &Place,
    ) -> Result<Vec<Tensor>> {
        let x = self.variable(x);
        let branch = |(i, layer)| self.layer(layer, &named(layer, path, i), x.clone(), place);
        layers.iter().enumerate().map(branch).collect()
    }

    /// What more than one layer reads, as a variable.
    fn variable(&mut self, x: Tensor) -> Tensor {
        if x.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return x;
        }
        let text = format!("y{}", self.variables);
        self.variables += 1;
        self.lines.push(format!("{text} = {}", x.text));
        Tensor { text, ..x }
    }
}

/// The path of a layer's parameters.
fn named(layer: &Layer, path: &[String], index: usize) -> Vec<String> {
    let own = match layer.name() {
        Some("") => vec![],
        Some(name) => name.split('.').map(str::to_owned).collect(),
        None => vec![index.to_string()],
    };
    [path, &own].concat()
}
