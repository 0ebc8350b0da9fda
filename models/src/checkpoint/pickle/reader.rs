//! Reads numbers, counted bytes and lines; a count beyond the end is found before anything is sized
//! by it.

use super::PickleError;

/// The bytes of a file and how far they have been read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Where the next byte stands.
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], PickleError> {
        let Some(taken) = self.rest().get(..count) else {
            return Err(PickleError::Truncated {
                offset: self.bytes.len(),
            });
        };
        self.at += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, PickleError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, PickleError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// As many bytes as the 64-bit count in front of them says.
    pub(super) fn counted64(&mut self) -> Result<&'a [u8], PickleError> {
        let count = u64::from_le_bytes(self.array()?);
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    pub(super) fn counted32(&mut self) -> Result<&'a [u8], PickleError> {
        let count = self.u32()?;
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    pub(super) fn counted8(&mut self) -> Result<&'a [u8], PickleError> {
        let count = self.byte()?;
        self.take(usize::from(count))
    }

    /// A line of a text operation, without its end.
    pub(super) fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let Some(length) = self.rest().iter().position(|&byte| byte == b'\n') else {
            return Err(PickleError::Truncated {
                offset: self.bytes.len(),
            });
        };
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }
}
