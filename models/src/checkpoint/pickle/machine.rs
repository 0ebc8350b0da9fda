//! The stack machine.

use std::collections::HashMap;

use super::opcode::Op;
use super::reader::Reader;
use super::value::{Id, Value, Values};
use super::{MAX_MEMO, MAX_OPERATIONS, MAX_STACK, Pickle, PickleError};

/// Runs the operations up to the STOP; returns what they built and where they end.
pub(super) fn run(mut reader: Reader<'_>) -> Result<(Pickle, usize), PickleError> {
    let mut machine = Machine {
        values: Values::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        copied: 0,
        offset: reader.at,
    };
    for _ in 0..MAX_OPERATIONS {
        machine.offset = reader.at;
        let op = reader.next()?;
        if op == Op::Stop {
            let root = machine.pop()?;
            return Ok((
                Pickle {
                    values: machine.values,
                    root,
                },
                reader.at,
            ));
        }
        machine.step(op)?;
    }
    Err(machine.limit("operations", MAX_OPERATIONS))
}

pub(super) struct Machine {
    pub(super) values: Values,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks. What lies below the last is out of reach.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Entries that calls have copied, which no count of operations bounds.
    pub(super) copied: usize,
    /// Where the operation at hand stands.
    pub(super) offset: usize,
}

impl Machine {
    fn step(&mut self, op: Op<'_>) -> Result<(), PickleError> {
        match op {
            Op::Nothing | Op::Stop => {}
            Op::Mark => self.mark()?,
            Op::Pop => self.discard()?,
            Op::PopMark => {
                self.pop_mark()?;
            }
            Op::Dup => self.push_id(self.top()?)?,
            Op::Opaque => self.push_id(Values::OPAQUE)?,
            Op::Int(number) => self.push(Value::Int(number))?,
            Op::Str(text) => self.push(Value::Str(text.to_owned()))?,
            Op::EmptyList => self.push(Value::List(Vec::new()))?,
            Op::EmptyDict => self.push(Value::Dict(Vec::new()))?,
            Op::Tuple(count) => {
                let items = self.pop_many(count)?;
                self.push(Value::Tuple(items))?;
            }
            Op::ListFromMark => {
                let items = self.pop_mark()?;
                self.push(Value::List(items))?;
            }
            Op::TupleFromMark => {
                let items = self.pop_mark()?;
                self.push(Value::Tuple(items))?;
            }
            Op::DictFromMark => {
                let items = self.pop_mark()?;
                let entries = self.pairs(&items)?;
                self.push(Value::Dict(entries))?;
            }
            Op::FrozenSet => {
                self.pop_mark()?;
                self.push_id(Values::OPAQUE)?;
            }
            Op::Append => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            Op::Appends => {
                let items = self.pop_mark()?;
                self.append(items)?;
            }
            Op::SetItem => {
                let entry = self.pop_many(2)?;
                self.set_items(&entry)?;
            }
            Op::SetItems => {
                let entries = self.pop_mark()?;
                self.set_items(&entries)?;
            }
            Op::AddItems => {
                self.pop_mark()?;
            }
            Op::Put(index) => self.remember(index)?,
            Op::Memoize => {
                let index = u32::try_from(self.memo.len()).unwrap_or(u32::MAX);
                self.remember(index)?;
            }
            Op::Get(index) => {
                let id = self.memo.get(&index).copied();
                self.push_id(id.ok_or(self.malformed("a value is used that was not remembered"))?)?;
            }
            Op::Global { module, name } => self.import(module, name)?,
            Op::StackGlobal => {
                let name = self.pop()?;
                let module = self.pop()?;
                self.push(Value::Global { module, name })?;
            }
            Op::Reduce | Op::NewObj => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.call_with(callable, arguments)?;
            }
            Op::NewObjEx => {
                self.pop()?;
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.call_with(callable, arguments)?;
            }
            Op::Inst { module, name } => {
                let arguments = self.pop_mark()?;
                self.import(module, name)?;
                let callable = self.pop()?;
                self.call(callable, &arguments)?;
            }
            Op::Obj => {
                let items = self.pop_mark()?;
                let Some((&callable, arguments)) = items.split_first() else {
                    return Err(self.malformed("an object without a class"));
                };
                self.call(callable, arguments)?;
            }
            Op::Build => self.build()?,
            Op::PersistentId => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(Value::Storage(Box::new(storage)))?;
            }
        }
        Ok(())
    }

    pub(super) fn malformed(&self, what: &'static str) -> PickleError {
        PickleError::Malformed {
            what,
            offset: self.offset,
        }
    }

    pub(super) fn limit(&self, what: &'static str, limit: usize) -> PickleError {
        PickleError::Limit {
            what,
            limit,
            offset: self.offset,
        }
    }

    pub(super) fn push_id(&mut self, id: Id) -> Result<(), PickleError> {
        if self.stack.len() >= MAX_STACK {
            return Err(self.limit("values on its stack", MAX_STACK));
        }
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn push(&mut self, value: Value) -> Result<(), PickleError> {
        let id = self.values.push(value);
        self.push_id(id)
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, PickleError> {
        let above = self.stack.get(self.floor()..).and_then(<[Id]>::last);
        above.copied().ok_or(self.malformed("its stack is empty"))
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, PickleError> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(self.stack.split_off(start)),
            _ => Err(self.malformed("its stack is empty")),
        }
    }

    fn mark(&mut self) -> Result<(), PickleError> {
        if self.marks.len() >= MAX_STACK {
            return Err(self.limit("open marks", MAX_STACK));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let height = self
            .marks
            .pop()
            .ok_or(self.malformed("a mark is missing"))?;
        Ok(self.stack.split_off(height.min(self.stack.len())))
    }

    /// POP takes a mark away where one is on top.
    fn discard(&mut self) -> Result<(), PickleError> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn remember(&mut self, index: u32) -> Result<(), PickleError> {
        if self.memo.len() >= MAX_MEMO {
            return Err(self.limit("remembered values", MAX_MEMO));
        }
        self.memo.insert(index, self.top()?);
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str) -> Result<(), PickleError> {
        let module = self.values.push(Value::Str(module.to_owned()));
        let name = self.values.push(Value::Str(name.to_owned()));
        self.push(Value::Global { module, name })
    }

    fn pairs(&self, items: &[Id]) -> Result<Vec<(Id, Id)>, PickleError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed("a key without a value"));
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), PickleError> {
        let target = self.top()?;
        match self.values.get_mut(target) {
            Some(Value::List(list)) => list.extend(items),
            Some(Value::Opaque) => {}
            _ => return Err(self.malformed("something other than a list is appended to")),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let pairs = self.pairs(items)?;
        let target = self.top()?;
        match self.values.get_mut(target) {
            Some(Value::Dict(entries)) => entries.extend(pairs),
            Some(Value::Opaque) => {}
            _ => return Err(self.malformed("something other than a mapping gets entries")),
        }
        Ok(())
    }

    /// BUILD hands an object its state. State that our values have no use for is dropped; classes
    /// and functions have none.
    fn build(&mut self) -> Result<(), PickleError> {
        self.pop()?;
        let target = self.top()?;
        match self.values.get(target) {
            Value::Opaque | Value::Dict(_) | Value::Tensor(_) => Ok(()),
            Value::Global { .. } => Err(self.refused(target)),
            _ => Err(self.malformed("a plain value is given a state")),
        }
    }
}
