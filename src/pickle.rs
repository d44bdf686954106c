//! Python's pickles, as data: nothing is imported, called or executed.
//!
//! A pickle is a program for a stack machine (Python's `pickletools` describes the opcodes). This
//! one runs what pickles of data use, in protocols 0 to 5, and leaves a call as a [`Value::Call`]
//! that says what would be called with what. No kept crate does that within bounds: those that
//! there are copy what a pickle refers to again and again, so a few bytes can ask for any amount of
//! memory.
//!
//! Here a value is stored once and referred to by number, text and bytes stay in the file's own
//! memory where they are written as they are, nothing recurses, and a pickle of more than
//! [`MOST_STEPS`] opcodes is refused. Memory is the file's, once more for what protocol 0 escapes,
//! and at most about 1 GiB for its values.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::try_reserve;
use crate::message::clip;
use crate::numpy::{Array, Dtype};

/// Opcodes of a pickle at most. One of 50,000 images with a name and a label each has some 200,000.
pub(crate) const MOST_STEPS: usize = 1 << 23;

/// Where a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// A value. What it holds is named by number.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits.
    LargeInt,
    Float(f64),
    /// `bytes`, `bytearray`, and Python 2's `str`.
    Bytes(Cow<'a, [u8]>),
    /// `str`, Python 2's `unicode`.
    Text(Cow<'a, str>),
    /// A list, tuple or set.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A name that Python would import.
    Global(&'a str, &'a str),
    /// A call that Python would make, with the state that it would then set.
    Call {
        function: Id,
        arguments: Id,
        state: Option<Id>,
    },
}

/// Why a pickle could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What is wrong with it, and at which byte.
    Broken { offset: usize, problem: String },
    /// There is no memory for its values.
    Memory,
}

/// A pickle's values.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Runs the whole program. Bytes behind its end are not looked at, as in Python.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut machine = Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        for _ in 0..MOST_STEPS {
            let offset = machine.at;
            match machine.step() {
                Ok(None) => {}
                Ok(Some(root)) => return Ok(Pickle { values: machine.values, root }),
                Err(Problem::Memory) => return Err(Fault::Memory),
                Err(Problem::Broken(problem)) => return Err(Fault::Broken { offset, problem }),
            }
        }
        Err(Fault::Broken {
            offset: machine.at,
            problem: format!("found more than {MOST_STEPS} opcodes, expected fewer"),
        })
    }

    pub(crate) fn root(&self) -> Id {
        self.root
    }

    pub(crate) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// A text, also as Python 2's `str`.
    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The items of a list, tuple or set.
    pub(crate) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Items(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values of a dictionary.
    pub(crate) fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// A dictionary's value for a text as key.
    pub(crate) fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        self.find(dict, |k| self.text(k) == Some(key))
    }

    /// A dictionary's value for a key that fits. The last entry of a key counts.
    pub(crate) fn find(&self, dict: Id, fits: impl Fn(Id) -> bool) -> Option<Id> {
        self.entries(dict)?.iter().rev().find(|(k, _)| fits(*k)).map(|(_, value)| *value)
    }

    /// An integer, also a scalar of NumPy's.
    pub(crate) fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Value::Int(int) => Some(*int),
            _ => self.scalar(id, Dtype::integer),
        }
    }

    /// A number, also a scalar of NumPy's or an array without axes.
    pub(crate) fn number(&self, id: Id) -> Option<f64> {
        match self.get(id) {
            Value::Float(float) => Some(*float),
            Value::Int(int) => Some(*int as f64),
            _ => self.scalar(id, Dtype::number),
        }
    }

    /// A scalar of NumPy's, which is `scalar(dtype, bytes)`, or an array without axes.
    fn scalar<T>(&self, id: Id, value: impl Fn(Dtype, &[u8]) -> Option<T>) -> Option<T> {
        let (module, name) = self.function(id)?;
        if name == "scalar" && is_numpy(module) {
            let Value::Call { arguments, .. } = self.get(id) else { return None };
            let &[dtype, bytes] = self.items(*arguments)? else { return None };
            return value(self.dtype(dtype)?, &self.bytes(bytes)?);
        }
        let array = self.array(id).ok()?;
        if array.shape.is_empty() { value(array.dtype, &array.bytes) } else { None }
    }

    /// The function that a call would call, by module and name.
    pub(crate) fn function(&self, id: Id) -> Option<(&'a str, &'a str)> {
        let Value::Call { function, .. } = self.get(id) else { return None };
        match *self.get(*function) {
            Value::Global(module, name) => Some((module, name)),
            _ => None,
        }
    }

    /// An array that NumPy pickled: by `_reconstruct` and a state, or (protocol 5) by
    /// `_frombuffer`. What is wrong otherwise.
    pub(crate) fn array(&self, id: Id) -> Result<Array<'_>, String> {
        let no_array = || "found something else, expected a NumPy array".to_owned();
        let Value::Call { arguments, state, .. } = self.get(id) else { return Err(no_array()) };
        let (module, name) = self.function(id).ok_or_else(no_array)?;
        let tuple = |id: Id| self.items(id).ok_or_else(no_array);
        let (shape, dtype, fortran, raw) = match (name, *state) {
            ("_reconstruct", Some(state)) if is_numpy(module) => {
                // Version, shape, type, whether the first index runs fastest, bytes.
                let &[_, shape, dtype, fortran, raw] = tuple(state)? else {
                    return Err(no_array());
                };
                let fortran = match self.get(fortran) {
                    Value::Bool(fortran) => *fortran,
                    Value::Int(fortran) => *fortran != 0,
                    _ => return Err(no_array()),
                };
                (shape, dtype, fortran, raw)
            }
            ("_frombuffer", _) if is_numpy(module) => {
                let &[raw, dtype, shape, order] = tuple(*arguments)? else {
                    return Err(no_array());
                };
                (shape, dtype, self.text(order) != Some("C"), raw)
            }
            _ => {
                let made = clip(&format!("{module}.{name}"));
                return Err(format!("found what {made} makes, expected a NumPy array"));
            }
        };
        let side = |id: &Id| self.int(*id).and_then(|n| usize::try_from(n).ok());
        let shape = tuple(shape)?.iter().map(side).collect::<Option<Vec<usize>>>();
        let dtype = self.dtype(dtype).ok_or_else(no_array)?;
        let raw = self.bytes(raw).ok_or("found an array without its bytes")?;
        Array::new(dtype, shape.ok_or_else(no_array)?, fortran, raw)
    }

    /// NumPy's pickled type: `dtype(name, False, True)`, with the byte order in its state.
    fn dtype(&self, id: Id) -> Option<Dtype> {
        let Value::Call { arguments, state, .. } = self.get(id) else { return None };
        if self.function(id) != Some(("numpy", "dtype")) {
            return None;
        }
        let dtype = Dtype::parse(self.text(*self.items(*arguments)?.first()?)?)?;
        let order = state.and_then(|state| self.text(*self.items(state)?.get(1)?));
        Some(dtype.in_order(order.unwrap_or("=")))
    }

    /// Bytes, also as Python 3 writes them below protocol 3: a text to be encoded as Latin-1.
    fn bytes(&self, id: Id) -> Option<Cow<'_, [u8]>> {
        match self.get(id) {
            Value::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Value::Call { arguments, .. } if self.function(id) == Some(("_codecs", "encode")) => {
                let Value::Text(text) = self.get(*self.items(*arguments)?.first()?) else {
                    return None;
                };
                let mut bytes = Vec::new();
                try_reserve(&mut bytes, text.len()).ok()?;
                for c in text.chars() {
                    bytes.push(u8::try_from(u32::from(c)).ok()?);
                }
                Some(Cow::Owned(bytes))
            }
            _ => None,
        }
    }
}

/// Whether a module is one that NumPy, of any version, pickles its functions from.
fn is_numpy(module: &str) -> bool {
    module.starts_with("numpy.core.") || module.starts_with("numpy._core.")
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

/// Why a step could not be made.
enum Problem {
    Broken(String),
    Memory,
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Problem::Broken(problem)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Self {
        Problem::Broken(problem.to_owned())
    }
}

type Step<T> = Result<T, Problem>;

impl<'a> Machine<'a> {
    fn take(&mut self, len: u64) -> Step<&'a [u8]> {
        let left = &self.bytes[self.at..];
        let taken = usize::try_from(len).ok().and_then(|len| left.get(..len)).ok_or_else(|| {
            format!("found {} bytes up to the end of the file, expected {len}", left.len())
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    /// A little-endian number of up to 8 bytes.
    fn number(&mut self, len: usize) -> Step<u64> {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(self.take(len as u64)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn sized(&mut self, len: usize) -> Step<&'a [u8]> {
        let size = self.number(len)?;
        self.take(size)
    }

    fn line(&mut self) -> Step<&'a [u8]> {
        let left = &self.bytes[self.at..];
        let len = left.iter().position(|&b| b == b'\n').ok_or("found no end of the line")?;
        let line = self.take(len as u64 + 1)?;
        Ok(&line[..len])
    }

    fn line_of_text(&mut self) -> Step<&'a str> {
        text(self.line()?)
    }

    fn line_of_memo(&mut self) -> Step<u64> {
        let line = self.line_of_text()?;
        Ok(line.parse().map_err(|_| "found a memo that is no number")?)
    }

    fn push(&mut self, value: Value<'a>) -> Step<()> {
        let id = Id(self.values.len() as u32);
        self.values.try_reserve(1).map_err(|_| Problem::Memory)?;
        self.values.push(value);
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Step<()> {
        self.stack.try_reserve(1).map_err(|_| Problem::Memory)?;
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Step<Id> {
        self.top()?;
        Ok(self.stack.pop().ok_or("found an empty stack")?)
    }

    /// The top of the stack, above the last mark.
    fn top(&self) -> Step<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack.get(floor..).and_then(<[Id]>::last);
        Ok(top.copied().ok_or("found an empty stack")?)
    }

    /// Everything above the last mark, which goes.
    fn pop_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or("found no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn last(&mut self, count: usize) -> Step<Vec<Id>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count).filter(|&from| from >= floor) {
            Some(from) => Ok(self.stack.split_off(from)),
            None => Err("found an empty stack".into()),
        }
    }

    fn append(&mut self, items: &[Id]) -> Step<()> {
        let Id(list) = self.top()?;
        match &mut self.values[list as usize] {
            Value::Items(list) => {
                list.try_reserve(items.len()).map_err(|_| Problem::Memory)?;
                list.extend_from_slice(items);
                Ok(())
            }
            // Of a class that is not known: what it holds is not looked at.
            Value::Call { .. } => Ok(()),
            _ => Err("found no list to append to".into()),
        }
    }

    fn set_items(&mut self, items: &[Id]) -> Step<()> {
        if !items.len().is_multiple_of(2) {
            return Err("found a key without a value".into());
        }
        let Id(dict) = self.top()?;
        match &mut self.values[dict as usize] {
            Value::Dict(dict) => {
                dict.try_reserve(items.len() / 2).map_err(|_| Problem::Memory)?;
                dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            Value::Call { .. } => Ok(()),
            _ => Err("found no dict to set items of".into()),
        }
    }

    fn remember(&mut self, key: u64) -> Step<()> {
        let key = u32::try_from(key).map_err(|_| format!("found memo {key}"))?;
        let top = self.top()?;
        self.memo.try_reserve(1).map_err(|_| Problem::Memory)?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Step<()> {
        let known = u32::try_from(key).ok().and_then(|key| self.memo.get(&key));
        let id = *known.ok_or_else(|| format!("found memo {key}, which is not set"))?;
        self.push_id(id)
    }

    fn call(&mut self, function: Id, arguments: Id) -> Step<()> {
        let known = match self.values[function.0 as usize] {
            Value::Global(module, name) => (module, name),
            _ => ("", ""),
        };
        match known {
            // Items follow, if there are any.
            ("collections", "OrderedDict" | "defaultdict") => self.push(Value::Dict(Vec::new())),
            ("builtins" | "__builtin__", "set" | "frozenset" | "list") => {
                let items = match &self.values[arguments.0 as usize] {
                    Value::Items(arguments) => arguments.first().copied(),
                    _ => return Err("found arguments that are no tuple".into()),
                };
                match items {
                    // The items themselves: a copy for each call would be memory without end.
                    Some(items) if matches!(self.values[items.0 as usize], Value::Items(_)) => {
                        self.push_id(items)
                    }
                    _ => self.push(Value::Items(Vec::new())),
                }
            }
            _ => self.push(Value::Call { function, arguments, state: None }),
        }
    }

    fn call_with(&mut self, function: Value<'a>, arguments: Vec<Id>) -> Step<()> {
        self.push(function)?;
        self.push(Value::Items(arguments))?;
        let arguments = self.pop()?;
        let function = self.pop()?;
        self.call(function, arguments)
    }

    /// One opcode; the result at the end of the program.
    fn step(&mut self) -> Step<Option<Id>> {
        match self.number(1)? as u8 {
            // PROTO
            0x80 => {
                let protocol = self.number(1)?;
                if !(2..=5).contains(&protocol) {
                    return Err(format!("found protocol {protocol}, expected 2 to 5").into());
                }
            }
            // FRAME
            0x95 => {
                self.number(8)?;
            }
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            // POP, POP_MARK, DUP
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.push_id(top)?;
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.push(Value::None)?,
            flag @ (0x88 | 0x89) => self.push(Value::Bool(flag == 0x88))?,
            // BINFLOAT
            b'G' => {
                let bits = self.number(8)?.swap_bytes();
                self.push(Value::Float(f64::from_bits(bits)))?;
            }
            // FLOAT
            b'F' => {
                let line = self.line_of_text()?;
                let float = line.parse().map_err(|_| "found a float that is no number")?;
                self.push(Value::Float(float))?;
            }
            // INT, which is protocol 0's bool too, and LONG
            b'I' | b'L' => {
                let value = match self.line_of_text()? {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    line => {
                        let digits = line.strip_suffix('L').unwrap_or(line);
                        let unsigned = digits.strip_prefix('-').unwrap_or(digits);
                        if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                            return Err("found an integer that is no number".into());
                        }
                        digits.parse().map_or(Value::LargeInt, Value::Int)
                    }
                };
                self.push(value)?;
            }
            // STRING, UNICODE
            b'S' => {
                let line = self.line()?;
                self.push(Value::Bytes(unquote(line)?))?;
            }
            b'V' => {
                let line = self.line()?;
                self.push(Value::Text(unescape(line)?))?;
            }
            // BININT, BININT1, BININT2
            b'J' => {
                let number = self.number(4)? as u32 as i32;
                self.push(Value::Int(number.into()))?;
            }
            b'K' => {
                let number = self.number(1)?;
                self.push(Value::Int(number as i64))?;
            }
            b'M' => {
                let number = self.number(2)?;
                self.push(Value::Int(number as i64))?;
            }
            // LONG1, LONG4
            0x8a => {
                let bytes = self.sized(1)?;
                self.push(long(bytes))?;
            }
            0x8b => {
                let bytes = self.sized(4)?;
                self.push(long(bytes))?;
            }
            // SHORT_BINSTRING, BINSTRING; SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'U' | b'C' => {
                let bytes = self.sized(1)?;
                self.push(Value::Bytes(Cow::Borrowed(bytes)))?;
            }
            b'T' | b'B' => {
                let bytes = self.sized(4)?;
                self.push(Value::Bytes(Cow::Borrowed(bytes)))?;
            }
            0x8e | 0x96 => {
                let bytes = self.sized(8)?;
                self.push(Value::Bytes(Cow::Borrowed(bytes)))?;
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
            0x8c => {
                let bytes = self.sized(1)?;
                self.push(Value::Text(Cow::Borrowed(text(bytes)?)))?;
            }
            b'X' => {
                let bytes = self.sized(4)?;
                self.push(Value::Text(Cow::Borrowed(text(bytes)?)))?;
            }
            0x8d => {
                let bytes = self.sized(8)?;
                self.push(Value::Text(Cow::Borrowed(text(bytes)?)))?;
            }
            // Tuples
            b')' => self.push(Value::Items(Vec::new()))?,
            count @ 0x85..=0x87 => {
                let items = self.last(usize::from(count - 0x84))?;
                self.push(Value::Items(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Value::Items(items))?;
            }
            // Lists; EMPTY_SET, FROZENSET, ADDITEMS
            b']' | 0x8f => self.push(Value::Items(Vec::new()))?,
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push(Value::Items(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            // Dicts
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.set_items(&items)?;
            }
            b's' => {
                let items = self.last(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }
            // PUT, BINPUT, LONG_BINPUT, MEMOIZE
            b'p' => {
                let key = self.line_of_memo()?;
                self.remember(key)?;
            }
            b'q' => {
                let key = self.number(1)?;
                self.remember(key)?;
            }
            b'r' => {
                let key = self.number(4)?;
                self.remember(key)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            // GET, BINGET, LONG_BINGET
            b'g' => {
                let key = self.line_of_memo()?;
                self.recall(key)?;
            }
            b'h' => {
                let key = self.number(1)?;
                self.recall(key)?;
            }
            b'j' => {
                let key = self.number(4)?;
                self.recall(key)?;
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line_of_text()?, self.line_of_text()?);
                self.push(Value::Global(module, name))?;
            }
            0x93 => {
                let names = self.last(2)?;
                let [module, name] = names[..] else { return Err("found no name".into()) };
                let name_of = |id: Id| match self.values[id.0 as usize] {
                    Value::Text(Cow::Borrowed(text)) => Ok(text),
                    _ => Err("found a global whose name is no text"),
                };
                let global = Value::Global(name_of(module)?, name_of(name)?);
                self.push(global)?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let function = self.pop()?;
                self.call(function, arguments)?;
            }
            // NEWOBJ_EX: arguments by name are not looked at
            0x92 => {
                self.pop()?;
                let arguments = self.pop()?;
                let function = self.pop()?;
                self.call(function, arguments)?;
            }
            // INST, OBJ
            b'i' => {
                let (module, name) = (self.line_of_text()?, self.line_of_text()?);
                let arguments = self.pop_mark()?;
                self.call_with(Value::Global(module, name), arguments)?;
            }
            b'o' => {
                let mut arguments = self.pop_mark()?;
                if arguments.is_empty() {
                    return Err("found an object without a class".into());
                }
                let function = arguments.remove(0);
                self.push(Value::Items(arguments))?;
                let arguments = self.pop()?;
                self.call(function, arguments)?;
            }
            // BUILD
            b'b' => {
                let new = self.pop()?;
                let Id(object) = self.top()?;
                if let Value::Call { state, .. } = &mut self.values[object as usize] {
                    *state = Some(new);
                }
            }
            opcode => {
                return Err(format!(
                    "found opcode {opcode:#04x}, expected one that pickles of data use"
                )
                .into());
            }
        }
        Ok(None)
    }
}

fn text(bytes: &[u8]) -> Step<&str> {
    Ok(std::str::from_utf8(bytes).map_err(|_| "found a text that is not UTF-8")?)
}

/// Two's complement, little endian, as long as it needs to be.
fn long<'a>(bytes: &[u8]) -> Value<'a> {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut full = [if negative { 0xff } else { 0 }; 8];
    match full.get_mut(..bytes.len()) {
        Some(low) => {
            low.copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(full))
        }
        None => Value::LargeInt,
    }
}

/// What Python's literal of a byte string means, as protocol 0 writes it.
fn unquote(line: &[u8]) -> Step<Cow<'_, [u8]>> {
    let line = line.trim_ascii_end();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => return Err("found a string without its quotes".into()),
    };
    if !inner.contains(&b'\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let unknown = "found an escape that no byte string has";
    let mut bytes = Vec::new();
    try_reserve(&mut bytes, inner.len()).map_err(|()| Problem::Memory)?;
    let mut rest = inner;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, behind) = rest.split_first().ok_or(unknown)?;
        rest = behind;
        bytes.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            b'x' => {
                let (digits, behind) = rest.split_at_checked(2).ok_or(unknown)?;
                rest = behind;
                hexadecimal(digits).and_then(|n| u8::try_from(n).ok()).ok_or(unknown)?
            }
            _ => return Err(unknown.into()),
        });
    }
    Ok(Cow::Owned(bytes))
}

/// A text as protocol 0 writes it: Latin-1, with `\u` and `\U` for the rest.
fn unescape(line: &[u8]) -> Step<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(line)
        && text.is_ascii()
        && !line.contains(&b'\\')
    {
        return Ok(Cow::Borrowed(text));
    }
    let mut text = String::new();
    // Latin-1's upper half takes two bytes of UTF-8.
    text.try_reserve_exact(2 * line.len()).map_err(|_| Problem::Memory)?;
    let mut rest = line;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let digits = match (byte, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        let code = rest.get(1..=digits).and_then(hexadecimal).and_then(char::from_u32);
        text.push(code.ok_or("found an escape that is no character")?);
        rest = &rest[1 + digits..];
    }
    Ok(Cow::Owned(text))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a pickle is broken, and how.
    fn fault(bytes: &[u8]) -> (usize, String) {
        match Pickle::parse(bytes) {
            Err(Fault::Broken { offset, problem }) => (offset, problem),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }

    #[test]
    fn nothing_is_called() {
        // os.system("true"), as an attacker would write it.
        let pickle = Pickle::parse(b"\x80\x02cos\nsystem\nU\x04true\x85R.").unwrap();
        let Value::Call { function, .. } = pickle.get(pickle.root()) else { panic!() };
        assert!(matches!(pickle.get(*function), Value::Global("os", "system")));
    }

    #[test]
    fn a_bomb_of_references_takes_no_memory_and_one_of_opcodes_is_refused() {
        // Thirty lists, each of two references to the one before: 2^30 leaves if copied.
        let mut bomb = b"\x80\x02]q\x00".to_vec();
        for i in 0..30 {
            bomb.extend([b']', b'q', i + 1, b'(', b'h', i, b'h', i, b'e']);
        }
        bomb.push(b'.');
        let pickle = Pickle::parse(&bomb).unwrap();
        assert!(pickle.values.len() < 40);

        let mut long = vec![0x80, 2];
        long.resize(MOST_STEPS + 10, b'(');
        assert!(fault(&long).1.contains("more than 8388608 opcodes"));
    }

    #[test]
    fn faults_have_their_place() {
        for (bytes, offset, problem) in [
            (&b""[..], 0, "0 bytes up to the end"),
            (b"\x80\x02", 2, "0 bytes up to the end"),
            (b"\x80\x06.", 0, "protocol 6, expected 2 to 5"),
            (b"\x80\x02.", 2, "empty stack"),
            (b"\x80\x02(.", 3, "empty stack"),
            (b"\x80\x02e", 2, "no mark"),
            (b"\x80\x02h\x07.", 2, "memo 7, which is not set"),
            (b"\x80\x02K\x01K\x02s", 6, "empty stack"),
            (b"\x80\x02K\x01(K\x02Nu", 8, "no dict"),
            (b"\x80\x02}(K\x02u", 6, "key without a value"),
            (b"\x80\x02X\x01\0\0\0\xff.", 2, "not UTF-8"),
            (b"\x80\x02B\xff\xff\xff\xff.", 2, "1 bytes up to the end of the file, expected 4294"),
            (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", 2, "expected 18446744073709551615"),
            (b"\x80\x02\xff.", 2, "opcode 0xff"),
            (b"\x80\x04\x8c\x05ab", 2, "2 bytes up to the end of the file, expected 5"),
            (b"\x80\x04K\x01K\x02a.", 6, "no list"),
            (b"\x80\x04K\x01K\x02\x93.", 6, "name is no text"),
            (b"\x80\x04cos\nsystem", 2, "no end of the line"),
            (b"\x80\x04\x82\x01.", 2, "opcode 0x82"),
            (b"cbuiltins\nset\nNR.", 15, "arguments that are no tuple"),
            (b"S'ab\n.", 0, "without its quotes"),
            (b"S'\\x4'\n.", 0, "no byte string"),
            (b"S'\\q'\n.", 0, "no byte string"),
            (b"V\\u12\n.", 0, "no character"),
            (b"V\\ud800\n.", 0, "no character"),
            (b"Ix\n.", 0, "no number"),
            (b"Fx\n.", 0, "no number"),
            (b"(o.", 1, "without a class"),
        ] {
            let found = fault(bytes);
            assert_eq!(found.0, offset, "{bytes:?}: {found:?}");
            assert!(found.1.contains(problem), "{found:?}: {problem}");
        }
    }

    #[test]
    fn numbers() {
        for (bytes, number) in [
            (&b"\x80\x02J\xff\xff\xff\xff."[..], -1),
            (b"\x80\x02M\x00\x01.", 256),
            (b"\x80\x02\x8a\x01\xff.", -1),
            (b"\x80\x02\x8a\x02\xff\x00.", 255),
            (b"\x80\x02\x8a\x00.", 0),
            (b"\x80\x02L12L\n.", 12),
        ] {
            let pickle = Pickle::parse(bytes).unwrap();
            let Value::Int(found) = *pickle.get(pickle.root()) else { panic!("{bytes:?}") };
            assert_eq!(found, number);
        }
    }

    #[test]
    fn values_by_hand() {
        // {"a": [1, -2, 0.5], ("b", 300): None}, protocol 2.
        let pickle = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xff\
                       G\x3f\xe0\x00\x00\x00\x00\x00\x00eX\x01\x00\x00\x00bq\x03M\x2c\x01\x86q\x04Nu.";
        let p = Pickle::parse(pickle).unwrap();
        let list = p.items(p.entry(p.root(), "a").unwrap()).unwrap();
        assert_eq!(
            list.iter().map(|i| p.number(*i)).collect::<Vec<_>>(),
            [Some(1.0), Some(-2.0), Some(0.5)]
        );
        let pair = |k: Id| {
            p.items(k).is_some_and(|k| p.text(k[0]) == Some("b") && p.int(k[1]) == Some(300))
        };
        let none = p.find(p.root(), pair).unwrap();
        assert_eq!((p.int(none), p.text(none), p.number(none)), (None, None, None));
        assert_eq!(p.entry(p.root(), "c"), None);
    }

    #[test]
    fn values_of_protocol_0() {
        // Python 2's {'a': u'\xe9\u2603', 'b\n\\': [True, 7L, -0.5]}, and an old-style instance.
        let pickle = b"(dp1\nS'a'\nV\xe9\\u2603\np2\nsS'b\\n\\\\'\n(lp3\nI01\naL7L\naF-0.5\nas.";
        let p = Pickle::parse(pickle).unwrap();
        assert_eq!(p.text(p.entry(p.root(), "a").unwrap()), Some("\u{e9}\u{2603}"));
        let list = p.items(p.entry(p.root(), "b\n\\").unwrap()).unwrap();
        assert!(matches!(p.get(list[0]), Value::Bool(true)));
        assert_eq!((p.int(list[1]), p.number(list[2])), (Some(7), Some(-0.5)));
        for instance in [&b"(I3\nios\nsystem\n."[..], b"(cos\nsystem\nI3\no."] {
            let p = Pickle::parse(instance).unwrap();
            assert_eq!(p.function(p.root()), Some(("os", "system")));
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let mut deep = vec![b']'; 300_000];
        deep.extend(vec![b'a'; 299_999]);
        deep.push(b'.');
        assert!(Pickle::parse(&deep).is_ok());
    }

    #[test]
    fn any_bytes_are_refused_or_read() {
        use crate::random::{Key, Purpose};
        let key =
            Key { seed: 1, purpose: Purpose::SyntheticImages, round: 1, candidate: 0, repeat: 0 };
        let mut stream = key.stream(0);
        let opcodes = b"\x80\x04\x95.(012N\x88\x89JKM\x8a\x8bG\x8cXCB])\x8f}\x85\x86\x87tl\x91dae\x90su\x94qrhjc\x93R\x81b\x00\x01\nSVILFpgio\x92'\\";
        for _ in 0..20_000 {
            let len = stream.below(40) as usize;
            let bytes: Vec<u8> =
                (0..len).map(|_| opcodes[stream.below(opcodes.len() as u64) as usize]).collect();
            if let Ok(p) = Pickle::parse(&bytes) {
                let _ = (p.number(p.root()), p.array(p.root()).is_ok());
            }
        }
    }
}
