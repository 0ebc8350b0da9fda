//! The tar archive that a bundle is: named members, sorted, and nothing that varies.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::BundleError;

/// Lists the digests of all other members, in the format of `sha256sum`.
pub const DIGESTS: &str = "SHA256SUMS";
/// A bundle has at most this many members.
const MEMBER_CAP: usize = 4096;
/// A bundle has at most this many bytes.
pub const BYTES_CAP: u64 = 1 << 30;

/// The members of a bundle by name, digests aside. Those that were read lie in the bytes they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    members: BTreeMap<String, Bytes>,
}

impl Archive {
    /// Adds or replaces a member.
    ///
    /// # Errors
    /// When the name is not one that a bundle can hold: `/`-separated parts of letters, digits,
    /// `.`, `_` and `-`, none of them starting with a dot, at most 100 bytes in all.
    pub fn insert(&mut self, name: &str, content: impl Into<Bytes>) -> Result<(), BundleError> {
        if !is_clean(name) || name == DIGESTS {
            return Err(BundleError::UnexpectedMember(name.into()));
        }
        self.members.insert(name.into(), content.into());
        Ok(())
    }

    /// The content of a member.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.members.get(name).map(Bytes::as_ref)
    }

    /// All members in order of name.
    pub fn members(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.members
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_ref()))
    }

    /// The text of the member [`DIGESTS`].
    pub fn digests(&self) -> String {
        self.members()
            .map(|(name, content)| format!("{}  {name}\n", hex_digest(content)))
            .collect()
    }

    /// Writes the archive. The same members always give the same bytes: digests first, then the
    /// members by name, times and owners zero.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(to);
        let digests = self.digests();
        let first = std::iter::once((DIGESTS, digests.as_bytes()));
        for (name, content) in first.chain(self.members()) {
            let mut header = tar::Header::new_ustar();
            header.set_path(name)?;
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_cksum();
            tar.append(&header, content)?;
        }
        tar.into_inner()?.flush()
    }

    /// Reads an archive that [`Archive::write`] made, and checks every digest.
    ///
    /// Only the exact bytes that `write` makes are accepted: a flipped bit is noticed wherever it
    /// is, in a header or in the padding too.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`], [`BundleError::Archive`], [`BundleError::UnexpectedMember`],
    /// [`BundleError::MissingMember`] or [`BundleError::Digest`].
    pub fn read(bytes: &[u8]) -> Result<Archive, BundleError> {
        Archive::take(Bytes::copy_from_slice(bytes))
    }

    /// The same for bytes that are given away, or that are static: the members stay where they are.
    ///
    /// # Errors
    /// As [`Archive::read`].
    pub fn take(bytes: impl Into<Bytes>) -> Result<Archive, BundleError> {
        let bytes = bytes.into();
        if bytes.len() as u64 > BYTES_CAP {
            return Err(BundleError::TooLarge {
                bytes: bytes.len() as u64,
                cap: BYTES_CAP,
            });
        }
        let mut archive = Archive::default();
        let mut digests = None;
        let invalid = |error: io::Error| BundleError::Archive(printable(&error.to_string()));
        for entry in tar::Archive::new(bytes.as_ref())
            .entries()
            .map_err(invalid)?
        {
            let entry = entry.map_err(invalid)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if !entry.header().entry_type().is_file() || archive.members.len() == MEMBER_CAP {
                return Err(BundleError::UnexpectedMember(name));
            }
            let content = content_of(&bytes, entry.raw_file_position(), entry.size())
                .ok_or_else(|| BundleError::Archive(format!("{name} is cut off")))?;
            match name == DIGESTS {
                true => digests = Some(content),
                false => archive.insert(&name, content)?,
            }
        }
        archive.check_digests(&digests.ok_or(BundleError::MissingMember(DIGESTS))?)?;
        let mut rest = Compare { expected: &bytes };
        archive.write(&mut rest).map_err(invalid)?;
        if !rest.expected.is_empty() {
            return Err(BundleError::Archive("bytes follow its end".into()));
        }
        Ok(archive)
    }

    fn check_digests(&self, digests: &[u8]) -> Result<(), BundleError> {
        let expected = self.digests();
        if expected.as_bytes() == digests {
            return Ok(());
        }
        let found = String::from_utf8_lossy(digests);
        let damaged = expected
            .lines()
            .find(|line| !found.lines().any(|other| other == *line))
            .and_then(|line| line.split("  ").nth(1))
            .unwrap_or(DIGESTS);
        Err(BundleError::Digest(damaged.into()))
    }
}

fn content_of(bytes: &Bytes, start: u64, len: u64) -> Option<Bytes> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}

/// The SHA-256 digest of `bytes` in hexadecimal.
pub fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// tar's messages quote what they found, whatever bytes that may be.
fn printable(message: &str) -> String {
    const LONGEST: usize = 120;
    match message.len() <= LONGEST && !message.contains(char::is_control) {
        true => message.into(),
        false => "it is no tar archive".into(),
    }
}

fn is_clean(name: &str) -> bool {
    let clean_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    name.len() <= 100 && name.split('/').all(clean_part)
}

/// Accepts exactly the bytes that it expects.
struct Compare<'a> {
    expected: &'a [u8],
}

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.expected = self
            .expected
            .strip_prefix(bytes)
            .ok_or_else(|| io::Error::other("it is cut off, or was not written by praxc pack"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> (Archive, Vec<u8>) {
        let mut archive = Archive::default();
        archive
            .insert("manifest.toml", b"format = 1\n".to_vec())
            .unwrap();
        archive.insert("graph/graph.nnef", vec![7; 700]).unwrap();
        let mut bytes = vec![];
        archive.write(&mut bytes).unwrap();
        (archive, bytes)
    }

    #[test]
    fn what_was_written_is_read() {
        let (archive, bytes) = sample();
        assert_eq!(Archive::read(&bytes).unwrap(), archive);
    }

    #[test]
    fn every_truncation_is_noticed() {
        let (_, bytes) = sample();
        for len in 0..bytes.len() {
            assert!(
                Archive::read(&bytes[..len]).is_err(),
                "{len} of {} bytes",
                bytes.len()
            );
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in [
            "../x", "/x", "a//b", ".hidden", "a/../b", "", DIGESTS, "a b",
        ] {
            assert!(Archive::default().insert(name, vec![]).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_noticed(at in 0usize..1_000_000, bit in 0u8..8) {
            let (_, mut bytes) = sample();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(Archive::read(&bytes).is_err());
        }
    }
}
