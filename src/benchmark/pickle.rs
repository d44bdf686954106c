//! Reads Python's pickles as data: nothing is imported, nothing runs.
//!
//! Values live in one list and refer to each other by number, so that neither nesting nor sharing
//! costs a recursion or a copy, whatever a file says. Opcodes: Python's `pickletools`.

use crate::error::{Error, Result};

/// Number of a value.
pub(super) type Id = usize;

#[derive(Debug, Clone, PartialEq)]
enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits.
    Large,
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A list, tuple or set.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, by module and name.
    Global(&'a str, &'a str),
    /// What calling one would give: the callee, its arguments, and its state.
    Object(Id, Id, Option<Id>),
}

/// A pickle, read.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads a whole pickle, of any protocol's binary opcodes.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
        }
        .run()
    }

    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match self.values[id] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.values[id] {
            Value::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The items of a list, tuple or set.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::Items(items) => Some(items),
            _ => None,
        }
    }

    /// A number; also NumPy's scalar of 8 bytes, which is `scalar(dtype, bytes)`.
    pub(super) fn number(&self, id: Id) -> Option<f64> {
        match &self.values[id] {
            Value::Float(float) => Some(*float),
            Value::Int(int) => Some(*int as f64),
            Value::Object(callee, arguments, _) => {
                let Value::Global(_, "scalar") = self.values[*callee] else { return None };
                let &[kind, bytes] = self.items(*arguments)? else { return None };
                let Value::Object(_, kind, _) = &self.values[kind] else { return None };
                let name = self.text(*self.items(*kind)?.first()?)?;
                match (name, &self.values[bytes]) {
                    ("f8", Value::Bytes(bytes)) => {
                        Some(f64::from_le_bytes((*bytes).try_into().ok()?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match &self.values[id] {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// A dictionary's value for a text.
    pub(super) fn get(&self, dict: Id, key: &str) -> Option<Id> {
        self.find(dict, |k| self.text(k) == Some(key))
    }

    /// A dictionary's value for the first key that fits. The last entry of a key counts.
    pub(super) fn find(&self, dict: Id, fits: impl Fn(Id) -> bool) -> Option<Id> {
        self.entries(dict)?.iter().rev().find(|(k, _)| fits(*k)).map(|(_, v)| *v)
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
}

impl<'a> Machine<'a> {
    fn fault(&self, what: &str) -> Error {
        Error::Format(format!("pickle: byte {}: {what}", self.at))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        if count > rest.len() {
            return Err(self.fault(&format!("found the end, expected {count} more bytes")));
        }
        self.at += count;
        Ok(&rest[..count])
    }

    /// A little-endian count of `width` bytes.
    fn count(&mut self, width: usize) -> Result<usize> {
        let bytes = self.take(width)?;
        let value =
            bytes.iter().rev().try_fold(0usize, |v, b| Some(v.checked_mul(256)? | usize::from(*b)));
        value.ok_or_else(|| self.fault("found a length beyond memory"))
    }

    fn sized(&mut self, width: usize) -> Result<&'a [u8]> {
        let count = self.count(width)?;
        self.take(count)
    }

    fn sized_text(&mut self, width: usize) -> Result<&'a str> {
        let bytes = self.sized(width)?;
        std::str::from_utf8(bytes).map_err(|_| self.fault("found a text that is not UTF-8"))
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n');
        let Some(end) = end else { return Err(self.fault("found no end of the line")) };
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| self.fault("found a line that is not UTF-8"))
    }

    fn push(&mut self, value: Value<'a>) -> Result<()> {
        let room = self.values.try_reserve(1).and_then(|()| self.stack.try_reserve(1));
        room.map_err(|_| Error::OutOfMemory(format!("pickle of {} bytes", self.bytes.len())))?;
        self.values.push(value);
        self.stack.push(self.values.len() - 1);
        Ok(())
    }

    /// Takes the top, but not from below the last mark.
    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self.stack.pop().ok_or_else(|| self.fault("found an empty stack")),
            false => Err(self.fault("found an empty stack")),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.fault("found no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, count: usize) -> Result<()> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::Items(items))
    }

    fn top(&mut self) -> Result<Id> {
        let top = self.pop()?;
        self.stack.push(top);
        Ok(top)
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<()> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::Items(list) => list.extend(items),
            // Of a class that is not known: what it holds is of no use here.
            Value::Object(..) => {}
            _ => return Err(self.fault("found items for what is no list")),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        if !items.len().is_multiple_of(2) {
            return Err(self.fault("found a key without its value"));
        }
        match &mut self.values[top] {
            Value::Dict(dict) => dict.extend(items.chunks_exact(2).map(|kv| (kv[0], kv[1]))),
            Value::Object(..) => {}
            _ => return Err(self.fault("found entries for what is no dictionary")),
        }
        Ok(())
    }

    fn remember(&mut self, number: usize) -> Result<()> {
        // Every memo follows a value, so numbers beyond the count of bytes are no writer's.
        if number > self.bytes.len() {
            return Err(self.fault(&format!("found a memo of number {number}")));
        }
        let top = self.top()?;
        if self.memo.len() <= number {
            let more = number + 1 - self.memo.len();
            self.memo
                .try_reserve(more)
                .map_err(|_| Error::OutOfMemory(format!("pickle's memo of {number}")))?;
            self.memo.resize(number + 1, None);
        }
        self.memo[number] = Some(top);
        Ok(())
    }

    fn recall(&mut self, number: usize) -> Result<()> {
        let id = self.memo.get(number).copied().flatten();
        let id = id.ok_or_else(|| self.fault(&format!("found no memo of number {number}")))?;
        self.stack.push(id);
        Ok(())
    }

    fn integer(&mut self, width: usize) -> Result<()> {
        let bytes = self.sized(width)?;
        let value = if bytes.len() > 8 {
            Value::Large
        } else {
            let negative = bytes.last().is_some_and(|b| *b >= 128);
            let mut full = [if negative { 255 } else { 0 }; 8];
            full[..bytes.len()].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(full))
        };
        self.push(value)
    }

    /// A call as data. `OrderedDict()` and other empty dictionaries are dictionaries.
    fn call(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        match self.values[callee] {
            Value::Global("collections", "OrderedDict" | "defaultdict") => {
                self.push(Value::Dict(Vec::new()))
            }
            Value::Global("builtins" | "__builtin__", "set" | "frozenset" | "list") => {
                let Value::Items(arguments) = &self.values[arguments] else {
                    return Err(self.fault("found arguments that are no tuple"));
                };
                match arguments.first().copied() {
                    // The items themselves: a copy a call would be memory without end.
                    Some(items) if matches!(self.values[items], Value::Items(_)) => {
                        self.stack.push(items);
                        Ok(())
                    }
                    _ => self.push(Value::Items(Vec::new())),
                }
            }
            _ => self.push(Value::Object(callee, arguments, None)),
        }
    }

    fn run(mut self) -> Result<Pickle<'a>> {
        loop {
            match self.take(1)?[0] {
                b'\x80' => {
                    let protocol = self.take(1)?[0];
                    if protocol > 5 {
                        return Err(
                            self.fault(&format!("found protocol {protocol}, expected at most 5"))
                        );
                    }
                }
                b'\x95' => drop(self.take(8)?), // FRAME
                b'.' => {
                    let root = self.pop()?;
                    return Ok(Pickle { values: self.values, root });
                }
                b'(' => self.marks.push(self.stack.len()),
                b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'N' => self.push(Value::None)?,
                b'\x88' => self.push(Value::Bool(true))?,
                b'\x89' => self.push(Value::Bool(false))?,
                b'J' => {
                    let bits = self.count(4)? as u32;
                    self.push(Value::Int(i64::from(bits as i32)))?;
                }
                b'K' => {
                    let value = self.count(1)? as i64;
                    self.push(Value::Int(value))?;
                }
                b'M' => {
                    let value = self.count(2)? as i64;
                    self.push(Value::Int(value))?;
                }
                b'\x8a' => self.integer(1)?,
                b'\x8b' => self.integer(4)?,
                b'G' => {
                    let bits = self.take(8)?.iter().fold(0u64, |v, b| v << 8 | u64::from(*b));
                    self.push(Value::Float(f64::from_bits(bits)))?;
                }
                op @ (b'\x8c' | b'X' | b'\x8d') => {
                    let text = self.sized_text(match op {
                        b'\x8c' => 1,
                        b'X' => 4,
                        _ => 8,
                    })?;
                    self.push(Value::Text(text))?;
                }
                op @ (b'C' | b'B' | b'\x8e' | b'\x96' | b'U' | b'T') => {
                    let bytes = self.sized(match op {
                        b'C' | b'U' => 1,
                        b'B' | b'T' => 4,
                        _ => 8,
                    })?;
                    self.push(Value::Bytes(bytes))?;
                }
                b']' | b')' | b'\x8f' => self.push(Value::Items(Vec::new()))?,
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b'\x85' => self.tuple(1)?,
                b'\x86' => self.tuple(2)?,
                b'\x87' => self.tuple(3)?,
                b't' | b'l' | b'\x91' => {
                    let items = self.pop_mark()?;
                    self.push(Value::Items(items))?;
                }
                b'd' => {
                    let items = self.pop_mark()?;
                    self.push(Value::Dict(Vec::new()))?;
                    self.set_items(&items)?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(vec![item])?;
                }
                b'e' | b'\x90' => {
                    let items = self.pop_mark()?;
                    self.extend(items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set_items(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set_items(&items)?;
                }
                b'\x94' => {
                    let number = self.memo.len();
                    self.remember(number)?;
                }
                b'q' => {
                    let number = self.count(1)?;
                    self.remember(number)?;
                }
                b'r' => {
                    let number = self.count(4)?;
                    self.remember(number)?;
                }
                b'h' => {
                    let number = self.count(1)?;
                    self.recall(number)?;
                }
                b'j' => {
                    let number = self.count(4)?;
                    self.recall(number)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Value::Global(module, name))?;
                }
                b'\x93' => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    match (&self.values[module], &self.values[name]) {
                        (Value::Text(module), Value::Text(name)) => {
                            self.push(Value::Global(module, name))?;
                        }
                        _ => return Err(self.fault("found a class whose name is no text")),
                    }
                }
                // REDUCE and NEWOBJ
                b'R' | b'\x81' => self.call()?,
                b'b' => {
                    let (state, object) = (self.pop()?, self.top()?);
                    if let Value::Object(_, _, place) = &mut self.values[object] {
                        *place = Some(state);
                    }
                }
                other => {
                    return Err(
                        self.fault(&format!("found the opcode 0x{other:02x}, which is not read"))
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8], words: &str) {
        match Pickle::read(bytes) {
            Err(Error::Format(message)) => assert!(message.contains(words), "{message}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_by_hand() {
        // {"a": [1, -2, 0.5], ("b", 300): None}, protocol 2.
        let pickle = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xff\
                       G\x3f\xe0\x00\x00\x00\x00\x00\x00eX\x01\x00\x00\x00bq\x03M\x2c\x01\x86q\x04Nu.";
        let p = Pickle::read(pickle).unwrap();
        let list = p.items(p.get(p.root(), "a").unwrap()).unwrap();
        assert_eq!(
            list.iter().map(|i| p.number(*i)).collect::<Vec<_>>(),
            [Some(1.0), Some(-2.0), Some(0.5)]
        );
        let pair = |k: Id| {
            p.items(k).is_some_and(|k| p.text(k[0]) == Some("b") && p.int(k[1]) == Some(300))
        };
        let none = p.find(p.root(), pair).unwrap();
        assert_eq!((p.int(none), p.text(none), p.number(none)), (None, None, None));
        assert_eq!(p.get(p.root(), "c"), None);
    }

    #[test]
    fn what_is_no_pickle_is_refused() {
        refused(b"", "byte 0: found the end");
        refused(b"\x80\x09.", "found protocol 9");
        refused(b"\x80\x04.", "found an empty stack");
        refused(b"\x80\x04\x8c\x05ab", "expected 5 more bytes");
        refused(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "found the end");
        refused(b"\x80\x04\x8c\x01\xff.", "not UTF-8");
        refused(b"\x80\x04K\x01(.", "found an empty stack");
        refused(b"\x80\x04e.", "found no mark");
        refused(b"\x80\x04K\x01K\x02a.", "what is no list");
        refused(b"\x80\x04}(K\x01u.", "a key without its value");
        refused(b"\x80\x04]K\x01K\x02s.", "what is no dictionary");
        refused(b"\x80\x04h\x07.", "found no memo of number 7");
        refused(b"\x80\x04Nr\xff\xff\xff\xff.", "found a memo of number 4294967295");
        refused(b"\x80\x04K\x01K\x02\x93.", "whose name is no text");
        refused(b"\x80\x04cos\nsystem", "no end of the line");
        refused(b"\x80\x04\x82\x01.", "opcode 0x82");
    }

    #[test]
    fn calls_are_data_and_depth_is_no_danger() {
        let p = Pickle::read(b"cos\nsystem\n(X\x04\x00\x00\x00echotR.").unwrap();
        assert_eq!(p.number(p.root()), None);
        let mut deep = vec![b']'; 300_000];
        deep.extend(vec![b'a'; 299_999]);
        deep.push(b'.');
        assert!(Pickle::read(&deep).is_ok());
    }

    #[test]
    fn any_bytes_are_refused_or_read() {
        use crate::random::{Key, Purpose};
        let key =
            Key { seed: 1, purpose: Purpose::SyntheticImages, round: 1, candidate: 0, repeat: 0 };
        let mut stream = key.stream(0);
        let opcodes = b"\x80\x04\x95.(012N\x88\x89JKM\x8a\x8bG\x8cXCB])\x8f}\x85\x86\x87tl\x91dae\x90su\x94qrhjc\x93R\x81b\x00\x01\n";
        for _ in 0..20_000 {
            let len = stream.below(40) as usize;
            let bytes: Vec<u8> =
                (0..len).map(|_| opcodes[stream.below(opcodes.len() as u64) as usize]).collect();
            let _ = Pickle::read(&bytes);
        }
    }
}
