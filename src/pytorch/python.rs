//! Python's text: expressions that break into lines where they are long, and the attributes of a
//! module whose parameters have given names.

use crate::error::{Error, Result};

/// Columns of a line.
const WIDTH: usize = 100;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    /// Text that stays on one line.
    Text(String),
    /// `open`, items with commas between them, `close`.
    Call { open: String, items: Vec<Expr>, close: String },
    /// `prefix` directly before an expression: a key of a dictionary.
    Prefixed(String, Box<Expr>),
    /// So many equal items of a list.
    Repeated(Box<Expr>, usize),
}

impl Expr {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Expr::Text(text.into())
    }

    /// A call of a function.
    pub(super) fn call(function: &str, items: Vec<Expr>) -> Self {
        Expr::Call { open: format!("{function}("), items, close: ")".into() }
    }

    /// On one line.
    pub(super) fn line(&self) -> String {
        match self {
            Expr::Text(text) => text.clone(),
            Expr::Prefixed(prefix, of) => format!("{prefix}{}", of.line()),
            Expr::Repeated(of, times) => format!("*({} for _ in range({times}))", of.line()),
            Expr::Call { open, items, close } => {
                let items: Vec<String> = items.iter().map(Expr::line).collect();
                format!("{open}{}{close}", items.join(", "))
            }
        }
    }

    /// Behind `before` characters of a line that is indented by `indent`, with `after` characters
    /// to come.
    pub(super) fn lines(&self, indent: usize, before: usize, after: usize) -> String {
        let line = self.line();
        if before + line.chars().count() + after <= WIDTH {
            return line;
        }
        let inner = indent + 4;
        match self {
            Expr::Text(text) => text.clone(),
            Expr::Repeated(of, times) => {
                let of = of.lines(inner, inner, 0);
                format!(
                    "*(\n{:inner$}{of}\n{:inner$}for _ in range({times})\n{:indent$})",
                    "", "", ""
                )
            }
            Expr::Prefixed(prefix, of) => {
                format!("{prefix}{}", of.lines(indent, before + prefix.len(), after))
            }
            Expr::Call { open, items, close } => {
                let mut text = format!("{open}\n");
                for item in items {
                    text += &format!("{:inner$}{},\n", "", item.lines(inner, inner, 1));
                }
                text + &format!("{:indent$}{close}", "")
            }
        }
    }
}

/// A module whose parts are called one after the other, by their names.
pub(super) fn sequential(items: Vec<(String, Expr)>) -> Expr {
    if is_counted(items.iter().map(|item| &item.0)) {
        return Expr::call("nn.Sequential", items.into_iter().map(|item| item.1).collect());
    }
    Expr::call("nn.Sequential", vec![Expr::call("OrderedDict", vec![pairs(items)])])
}

fn pairs(items: Vec<(String, Expr)>) -> Expr {
    let pair = |(name, of): (String, Expr)| Expr::Call {
        open: "(".into(),
        items: vec![Expr::text(format!("\"{name}\"")), of],
        close: ")".into(),
    };
    let items = items.into_iter().map(pair).collect();
    Expr::Call { open: "[".into(), items, close: "]".into() }
}

/// Whether names are 0, 1, 2 and so on.
fn is_counted<'a>(names: impl Iterator<Item = &'a String>) -> bool {
    names.enumerate().all(|(i, name)| *name == i.to_string())
}

/// `expression` under names inside each other.
pub(super) fn under(names: &[String], expression: Expr) -> Expr {
    if names.is_empty() {
        return expression;
    }
    Expr::call("under", vec![Expr::text(format!("\"{}\"", names.join("."))), expression])
}

/// What [`under`] calls.
pub(super) const UNDER: &str = r#"
def under(names, module):
    """A module under names inside each other: those that the parameters have in the search."""
    for name in reversed(names.split(".")):
        module = nn.Sequential(OrderedDict([(name, module)]))
    return module
"#;

/// The attributes of a module: what is registered under which names.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(String, Node)>);

#[derive(Debug)]
enum Node {
    Module(Expr),
    Group(Vec<(String, Node)>),
}

/// Before and behind a path in the text of a method, which becomes an attribute's expression once all
/// attributes are known.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// How a method refers to what is registered under `path`.
pub(super) fn reference(path: &[String]) -> String {
    format!("{OPEN}{}{CLOSE}", path.join("."))
}

impl Attributes {
    /// Registers a module under a path of names.
    ///
    /// Errors: [`Error::InvalidArgument`] for names that PyTorch cannot have.
    pub(super) fn add(&mut self, path: &[String], module: Expr) -> Result<()> {
        let twice = || {
            Error::InvalidArgument(format!(
                "PyTorch code: found two layers of which one is named {}, expected another name for \
                 each",
                path.join(".")
            ))
        };
        let mut nodes = &mut self.0;
        for (i, name) in path.iter().enumerate() {
            check_name(name)?;
            let place = match nodes.iter().position(|(other, _)| other == name) {
                Some(place) => place,
                None => {
                    nodes.push((name.clone(), Node::Group(Vec::new())));
                    nodes.len() - 1
                }
            };
            let node = &mut nodes[place].1;
            if i + 1 == path.len() {
                if !matches!(node, Node::Group(inner) if inner.is_empty()) {
                    return Err(twice());
                }
                *node = Node::Module(module);
                return Ok(());
            }
            match node {
                Node::Group(inner) => nodes = inner,
                Node::Module(_) => return Err(twice()),
            }
        }
        Err(Error::Internal("a module without a name".into()))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statements of `__init__` that make the attributes.
    pub(super) fn statements(&self, indent: usize) -> String {
        let mut text = String::new();
        for (name, node) in &self.0 {
            let (open, close) = if is_identifier(name) {
                (format!("self.{name} = "), "")
            } else {
                (format!("self.add_module(\"{name}\", "), ")")
            };
            let module = module_of(node).lines(indent, indent + open.len(), close.len());
            text += &format!("{:indent$}{open}{module}{close}\n", "");
        }
        text
    }

    /// The text of a method, with its references resolved.
    pub(super) fn resolve(&self, text: &str) -> String {
        let mut parts = text.split(OPEN);
        let mut resolved = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (path, rest) = part.split_once(CLOSE).unwrap_or((part, ""));
            resolved += &self.access(path);
            resolved += rest;
        }
        resolved
    }

    /// Whether what is under a path is a list of so many modules and nothing else.
    pub(super) fn is_list(&self, path: &[String], length: usize) -> bool {
        let mut nodes = &self.0;
        for name in path {
            match nodes.iter().find(|(other, _)| other == name) {
                Some((_, Node::Group(inner))) => nodes = inner,
                _ => return false,
            }
        }
        length > 1 && nodes.len() == length && is_counted(nodes.iter().map(|node| &node.0))
    }

    fn access(&self, path: &str) -> String {
        let mut names = path.split('.');
        let mut nodes = &self.0;
        let mut text = String::from("self");
        // Whether the group at hand is the object itself, or one with named attributes, or a list.
        let mut list = None;
        for name in names.by_ref() {
            text += &match list {
                None if is_identifier(name) => format!(".{name}"),
                None => format!(".get_submodule(\"{name}\")"),
                Some(true) => format!("[{name}]"),
                Some(false) => format!("[\"{name}\"]"),
            };
            match nodes.iter().find(|(other, _)| other == name) {
                Some((_, Node::Group(inner))) if inner.len() > 1 => {
                    list = Some(is_counted(inner.iter().map(|node| &node.0)));
                    nodes = inner;
                }
                Some((_, Node::Group(inner))) if !ends_in_module(inner) => {
                    list = None;
                    nodes = inner;
                }
                // A lone module, also under more names, is called itself.
                _ => break,
            }
        }
        text
    }
}

/// Whether there is one name inside the other, down to one module.
fn ends_in_module(nodes: &[(String, Node)]) -> bool {
    match nodes {
        [(_, Node::Module(_))] => true,
        [(_, Node::Group(inner))] => ends_in_module(inner),
        _ => false,
    }
}

fn module_of(node: &Node) -> Expr {
    let inner = match node {
        Node::Module(module) => return module.clone(),
        Node::Group(inner) => inner,
    };
    if let [(name, node)] = inner.as_slice() {
        let (mut names, mut node) = (vec![name.clone()], node);
        loop {
            match node {
                Node::Group(inner) if inner.len() == 1 => {
                    names.push(inner[0].0.clone());
                    node = &inner[0].1;
                }
                _ => return under(&names, module_of(node)),
            }
        }
    }
    let modules = inner.iter().map(|(name, node)| (name.clone(), module_of(node)));
    if is_counted(inner.iter().map(|node| &node.0)) {
        let items = compressed(modules.map(|module| module.1).collect());
        return Expr::Call { open: "nn.ModuleList([".into(), items, close: "])".into() };
    }
    let items =
        modules.map(|(name, of)| Expr::Prefixed(format!("\"{name}\": "), Box::new(of))).collect();
    Expr::Call { open: "nn.ModuleDict({".into(), items, close: "})".into() }
}

/// Equal modules one after the other as one line.
fn compressed(modules: Vec<Expr>) -> Vec<Expr> {
    let one = |same: &[Expr]| match same {
        [module] => module.clone(),
        many => Expr::Repeated(Box::new(many[0].clone()), many.len()),
    };
    modules.chunk_by(|a, b| a == b).map(one).collect()
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Names that PyTorch's containers, or the networks here, have for something else.
const TAKEN: [&str; 69] = [
    "T_destination",
    "_buffers",
    "_modules",
    "_parameters",
    "add_module",
    "append",
    "apply",
    "auxiliary_head",
    "bfloat16",
    "buffers",
    "call_super_init",
    "children",
    "clear",
    "compile",
    "cpu",
    "cuda",
    "double",
    "drop_path",
    "dump_patches",
    "eval",
    "extend",
    "extra_repr",
    "float",
    "forward",
    "get_buffer",
    "get_extra_state",
    "get_parameter",
    "get_submodule",
    "half",
    "insert",
    "ipu",
    "items",
    "keys",
    "load_state_dict",
    "modules",
    "mtia",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "parameters",
    "pop",
    "register_backward_hook",
    "register_buffer",
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook",
    "register_module",
    "register_parameter",
    "register_state_dict_post_hook",
    "register_state_dict_pre_hook",
    "requires_grad_",
    "set_extra_state",
    "set_submodule",
    "share_memory",
    "state_dict",
    "to",
    "to_empty",
    "train",
    "training",
    "type",
    "update",
    "values",
    "xpu",
    "zero_channels",
    "zero_grad",
];

fn check_name(name: &str) -> Result<()> {
    if !name.is_empty() && !TAKEN.contains(&name) {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!(
        "PyTorch code: found a layer named {name:?}, expected a name that PyTorch's modules have no \
         other use for"
    )))
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') && !KEYWORDS.contains(&name)
}

/// Names that a class cannot have.
const CLASSES: [&str; 11] = [
    "False",
    "None",
    "True",
    "F",
    "Network",
    "AuxiliaryHead",
    "DropPath",
    "OrderedDict",
    "GENOTYPE",
    "Exception",
    "Warning",
];

/// A class's name from one of ours: `sep_conv_3x3` becomes `SepConv3x3`.
pub(super) fn class_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map_or(String::new(), |c| c.to_ascii_uppercase().to_string())
            + characters.as_str()
    };
    let text: String = words.map(capital).collect();
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !CLASSES.contains(&text.as_str()) {
        text
    } else {
        format!("Op{text}")
    }
}

/// Whether a text has a word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|found| found == word)
}
