//! Python's pickles, as data: nothing is imported, called or executed.
//!
//! A pickle is a program for a stack machine (Python's `pickletools` describes the opcodes). This
//! one runs what the pickles of data sets use, protocols 2 to 5, and leaves every call as a
//! [`Value::Call`] that says what would be called with what. No kept crate does that within bounds:
//! those that there are copy what a pickle refers to again and again, so a few bytes can ask for
//! any amount of memory.
//!
//! Here a value is stored once and referred to by number, text and bytes stay in the file's own
//! memory, nothing recurses, and a pickle of more than [`MOST_STEPS`] opcodes is refused. Memory is
//! the file's, and at most about 1 GiB for its values.

use std::collections::HashMap;

/// A pickle of 50,000 images with a name and a label each takes some 200,000.
pub(super) const MOST_STEPS: usize = 1 << 23;

/// Where a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(u32);

/// A value. What it holds is named by number.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// None, floats and whatever else no reader here looks at.
    Other,
    Bool(bool),
    Int(i64),
    /// `bytes`, `bytearray`, and Python 2's `str`.
    Bytes(&'a [u8]),
    /// `str`, Python 2's `unicode`.
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
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

/// What is wrong with a pickle, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) problem: String,
}

/// A pickle's values.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Runs the whole program. Bytes behind its end are not looked at, as in Python.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
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
            let fault = |problem| Fault { offset, problem };
            if let Some(root) = machine.step().map_err(fault)? {
                return Ok(Pickle { values: machine.values, root });
            }
        }
        Err(Fault {
            offset: machine.at,
            problem: format!("found more than {MOST_STEPS} opcodes, expected a data set's batch"),
        })
    }

    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// The value of `key` in a dict, whether the key is text or bytes. The last one counts.
    pub(super) fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        let Value::Dict(entries) = self.get(dict) else { return None };
        let is_key = |id: Id| match self.get(id) {
            Value::Text(text) => *text == key,
            Value::Bytes(bytes) => *bytes == key.as_bytes(),
            _ => false,
        };
        entries.iter().rev().find(|(k, _)| is_key(*k)).map(|(_, value)| *value)
    }
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

type Step<T> = Result<T, String>;

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

    fn line(&mut self) -> Step<&'a str> {
        let left = &self.bytes[self.at..];
        let len = left.iter().position(|&b| b == b'\n').ok_or("found no end of the line")?;
        let line = self.take(len as u64 + 1)?;
        text(&line[..len])
    }

    fn push(&mut self, value: Value<'a>) -> Step<()> {
        let id = Id(self.values.len() as u32);
        self.values.try_reserve(1).map_err(|_| "out of memory")?;
        self.values.push(value);
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Step<()> {
        self.stack.try_reserve(1).map_err(|_| "out of memory")?;
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Step<Id> {
        self.top()?;
        self.stack.pop().ok_or_else(|| "found an empty stack".to_owned())
    }

    /// The top of the stack, above the last mark.
    fn top(&self) -> Step<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack.get(floor..).and_then(<[Id]>::last);
        top.copied().ok_or_else(|| "found an empty stack".to_owned())
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
            None => Err("found an empty stack".to_owned()),
        }
    }

    fn append(&mut self, items: &[Id]) -> Step<()> {
        let Id(list) = self.top()?;
        match &mut self.values[list as usize] {
            Value::List(list) => {
                list.try_reserve(items.len()).map_err(|_| "out of memory")?;
                list.extend_from_slice(items);
                Ok(())
            }
            // A subclass of list, or a set: not looked at.
            Value::Other | Value::Call { .. } => Ok(()),
            _ => Err("found no list to append to".to_owned()),
        }
    }

    fn set_items(&mut self, items: &[Id]) -> Step<()> {
        if !items.len().is_multiple_of(2) {
            return Err("found a key without a value".to_owned());
        }
        let Id(dict) = self.top()?;
        match &mut self.values[dict as usize] {
            Value::Dict(dict) => {
                dict.try_reserve(items.len() / 2).map_err(|_| "out of memory")?;
                dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            Value::Call { .. } => Ok(()),
            _ => Err("found no dict to set items of".to_owned()),
        }
    }

    fn remember(&mut self, key: u64) -> Step<()> {
        let key = u32::try_from(key).map_err(|_| format!("found memo {key}"))?;
        let top = self.top()?;
        self.memo.try_reserve(1).map_err(|_| "out of memory")?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Step<()> {
        let known = u32::try_from(key).ok().and_then(|key| self.memo.get(&key));
        let id = *known.ok_or_else(|| format!("found memo {key}, which is not set"))?;
        self.push_id(id)
    }

    fn call(&mut self, function: Id, arguments: Id) -> Step<()> {
        self.push(Value::Call { function, arguments, state: None })
    }

    /// One opcode; the result at the end of the program.
    fn step(&mut self) -> Step<Option<Id>> {
        match self.number(1)? as u8 {
            // PROTO
            0x80 => {
                let protocol = self.number(1)?;
                if !(2..=5).contains(&protocol) {
                    return Err(format!("found protocol {protocol}, expected 2 to 5"));
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
            b'N' => self.push(Value::Other)?,
            flag @ (0x88 | 0x89) => self.push(Value::Bool(flag == 0x88))?,
            // BINFLOAT
            b'G' => {
                self.take(8)?;
                self.push(Value::Other)?;
            }
            // FLOAT
            b'F' => {
                self.line()?;
                self.push(Value::Other)?;
            }
            // INT, LONG
            b'I' | b'L' => {
                let line = self.line()?;
                let number = line.trim_end_matches('L').parse();
                self.push(number.map_or(Value::Other, Value::Int))?;
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
                self.push(Value::Bytes(bytes))?;
            }
            b'T' | b'B' => {
                let bytes = self.sized(4)?;
                self.push(Value::Bytes(bytes))?;
            }
            0x8e | 0x96 => {
                let bytes = self.sized(8)?;
                self.push(Value::Bytes(bytes))?;
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
            0x8c => {
                let bytes = self.sized(1)?;
                self.push(Value::Text(text(bytes)?))?;
            }
            b'X' => {
                let bytes = self.sized(4)?;
                self.push(Value::Text(text(bytes)?))?;
            }
            0x8d => {
                let bytes = self.sized(8)?;
                self.push(Value::Text(text(bytes)?))?;
            }
            // Tuples
            b')' => self.push(Value::Tuple(Vec::new()))?,
            count @ 0x85..=0x87 => {
                let items = self.last(usize::from(count - 0x84))?;
                self.push(Value::Tuple(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Value::Tuple(items))?;
            }
            // Lists
            b']' => self.push(Value::List(Vec::new()))?,
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Value::List(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
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
            // EMPTY_SET, FROZENSET, ADDITEMS
            0x8f => self.push(Value::Other)?,
            0x91 => {
                self.pop_mark()?;
                self.push(Value::Other)?;
            }
            0x90 => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            // PUT, BINPUT, LONG_BINPUT, MEMOIZE
            b'p' => {
                let key = self.line()?.parse().map_err(|_| "found a memo that is no number")?;
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
                let key = self.line()?.parse().map_err(|_| "found a memo that is no number")?;
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
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(module, name))?;
            }
            0x93 => {
                let names = self.last(2)?;
                let [module, name] = names[..] else { return Err("found no name".to_owned()) };
                let name_of = |id: Id| match self.values[id.0 as usize] {
                    Value::Text(text) => Ok(text),
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
                ));
            }
        }
        Ok(None)
    }
}

fn text(bytes: &[u8]) -> Step<&str> {
    std::str::from_utf8(bytes).map_err(|_| "found a text that is not UTF-8".to_owned())
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
        None => Value::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> Fault {
        Pickle::parse(bytes).unwrap_err()
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
        assert!(fault(&long).problem.contains("more than 8388608 opcodes"));
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
        ] {
            let found = fault(bytes);
            assert_eq!(found.offset, offset, "{bytes:?}: {found:?}");
            assert!(found.problem.contains(problem), "{found:?}: {problem}");
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
}
