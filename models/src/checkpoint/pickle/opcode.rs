//! The bytes of a pickle as operations, one at a time.

use super::PickleError;
use super::reader::Reader;

/// One operation of the pickle machine. Opcodes that mean the same to us are one operation.
#[derive(Debug, PartialEq)]
pub(super) enum Op<'a> {
    /// Protocol marks and framing, which change nothing.
    Nothing,
    Stop,
    Mark,
    Pop,
    PopMark,
    Dup,
    /// A value without use to us: none, a truth value, a float, bytes, an empty set.
    Opaque,
    Int(i128),
    Str(&'a str),
    EmptyList,
    EmptyDict,
    /// A tuple of the topmost `n` values.
    Tuple(usize),
    ListFromMark,
    TupleFromMark,
    DictFromMark,
    FrozenSet,
    Append,
    Appends,
    SetItem,
    SetItems,
    AddItems,
    Put(u32),
    Get(u32),
    Memoize,
    Global {
        module: &'a str,
        name: &'a str,
    },
    StackGlobal,
    Reduce,
    Build,
    NewObj,
    NewObjEx,
    Inst {
        module: &'a str,
        name: &'a str,
    },
    Obj,
    PersistentId,
}

impl<'a> Reader<'a> {
    fn name(&mut self) -> Result<&'a str, PickleError> {
        let offset = self.at;
        std::str::from_utf8(self.line()?).map_err(|_| PickleError::Malformed {
            what: "the name of a global is not text",
            offset,
        })
    }

    fn memo_index(&mut self) -> Result<u32, PickleError> {
        let offset = self.at;
        std::str::from_utf8(self.line()?)
            .ok()
            .and_then(|line| line.parse().ok())
            .ok_or(PickleError::Malformed {
                what: "a memo index is not a number",
                offset,
            })
    }

    /// Reads the next operation with its arguments.
    pub(super) fn next(&mut self) -> Result<Op<'a>, PickleError> {
        let offset = self.at;
        let op = match self.byte()? {
            b'(' => Op::Mark,
            b'.' => Op::Stop,
            b'0' => Op::Pop,
            b'1' => Op::PopMark,
            b'2' => Op::Dup,
            b'N' | 0x88 | 0x89 | 0x8f => Op::Opaque,
            b'F' => {
                self.line()?;
                Op::Opaque
            }
            b'G' => {
                self.take(8)?;
                Op::Opaque
            }
            b'I' | b'L' => decimal(self.line()?),
            b'J' => Op::Int(i32::from_le_bytes(self.array()?).into()),
            b'K' => Op::Int(self.byte()?.into()),
            b'M' => Op::Int(u16::from_le_bytes(self.array()?).into()),
            0x8a => long(self.counted8()?),
            0x8b => long(self.counted32()?),
            b'S' => text(unquoted(self.line()?)),
            b'V' => text(self.line()?),
            b'T' | b'X' => text(self.counted32()?),
            b'U' | 0x8c => text(self.counted8()?),
            0x8d => text(self.counted64()?),
            b'B' => opaque(self.counted32()?),
            b'C' => opaque(self.counted8()?),
            0x8e | 0x96 => opaque(self.counted64()?),
            b']' => Op::EmptyList,
            b'}' => Op::EmptyDict,
            b')' => Op::Tuple(0),
            0x85 => Op::Tuple(1),
            0x86 => Op::Tuple(2),
            0x87 => Op::Tuple(3),
            b'l' => Op::ListFromMark,
            b't' => Op::TupleFromMark,
            b'd' => Op::DictFromMark,
            0x91 => Op::FrozenSet,
            b'a' => Op::Append,
            b'e' => Op::Appends,
            b's' => Op::SetItem,
            b'u' => Op::SetItems,
            0x90 => Op::AddItems,
            b'p' => Op::Put(self.memo_index()?),
            b'q' => Op::Put(self.byte()?.into()),
            b'r' => Op::Put(self.u32()?),
            b'g' => Op::Get(self.memo_index()?),
            b'h' => Op::Get(self.byte()?.into()),
            b'j' => Op::Get(self.u32()?),
            0x94 => Op::Memoize,
            b'c' => Op::Global {
                module: self.name()?,
                name: self.name()?,
            },
            0x93 => Op::StackGlobal,
            b'R' => Op::Reduce,
            b'b' => Op::Build,
            0x81 => Op::NewObj,
            0x92 => Op::NewObjEx,
            b'i' => Op::Inst {
                module: self.name()?,
                name: self.name()?,
            },
            b'o' => Op::Obj,
            b'Q' => Op::PersistentId,
            0x80 => match self.byte()? {
                0..=5 => Op::Nothing,
                version => return Err(PickleError::Protocol { version, offset }),
            },
            0x95 => {
                self.take(8)?;
                Op::Nothing
            }
            b'P' => {
                return Err(PickleError::Unsupported {
                    opcode: "PERSID",
                    offset,
                });
            }
            0x82..=0x84 => {
                return Err(PickleError::Unsupported {
                    opcode: "EXT",
                    offset,
                });
            }
            0x97 | 0x98 => {
                return Err(PickleError::Unsupported {
                    opcode: "BUFFER",
                    offset,
                });
            }
            opcode => return Err(PickleError::UnknownOpcode { opcode, offset }),
        };
        Ok(op)
    }
}

fn opaque<'a>(_: &[u8]) -> Op<'a> {
    Op::Opaque
}

/// A string. One that is not UTF-8 (Python 2 wrote bytes so) is as good as bytes, and one that is
/// longer than a name of anything is a note or a trap.
fn text(bytes: &[u8]) -> Op<'_> {
    const MAX_NAME: usize = 1024;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= MAX_NAME => Op::Str(text),
        _ => Op::Opaque,
    }
}

/// A quoted string without its quotes; escapes stay as they are, since no name of a tensor has any.
fn unquoted(line: &[u8]) -> &[u8] {
    match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => line,
    }
}

/// A number in decimal; `I01` is true, and a number past 128 bits is of no use.
fn decimal<'a>(line: &[u8]) -> Op<'a> {
    let line = line.strip_suffix(b"L").unwrap_or(line);
    let digits = std::str::from_utf8(line).ok();
    digits
        .and_then(|digits| digits.parse().ok())
        .map_or(Op::Opaque, Op::Int)
}

/// A little-endian number in two's complement; one past 128 bits is of no use.
fn long<'a>(bytes: &[u8]) -> Op<'a> {
    if bytes.len() > 16 {
        return Op::Opaque;
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    Op::Int(i128::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(bytes: &[u8]) -> Result<Op<'_>, PickleError> {
        Reader::new(bytes, 0).next()
    }

    #[test]
    fn numbers_keep_sign_and_width() {
        assert_eq!(only(b"J\xfe\xff\xff\xff"), Ok(Op::Int(-2)));
        assert_eq!(only(b"M\xe9\x03"), Ok(Op::Int(1001)));
        assert_eq!(only(b"\x8a\x00"), Ok(Op::Int(0)));
        assert_eq!(only(b"\x8a\x02\x00\xff"), Ok(Op::Int(-256)));
        assert_eq!(only(b"\x8a\x02\xff\x00"), Ok(Op::Int(255)));
        assert_eq!(only(b"L-70L\n"), Ok(Op::Int(-70)));
    }

    #[test]
    fn a_count_beyond_the_end_is_truncation_and_allocates_nothing() {
        let mut bytes = vec![0x8d];
        bytes.extend(u64::MAX.to_le_bytes());
        assert_eq!(only(&bytes), Err(PickleError::Truncated { offset: 9 }));
    }

    #[test]
    fn unknown_and_unsupported_opcodes_are_named_with_their_place() {
        let mut reader = Reader::new(b"NN\xfe", 0);
        reader.next().unwrap();
        reader.next().unwrap();
        assert_eq!(
            reader.next(),
            Err(PickleError::UnknownOpcode {
                opcode: 0xfe,
                offset: 2
            })
        );
        let error = only(b"\x97").unwrap_err().to_string();
        assert!(error.contains("BUFFER"), "{error}");
    }
}
