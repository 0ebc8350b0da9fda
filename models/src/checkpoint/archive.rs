//! What `torch.save` writes since PyTorch 1.6: an uncompressed zip archive with `ANY/data.pkl` and
//! the storages beside it, `ANY/data/KEY`.

use std::collections::HashMap;
use std::io::{self, Cursor};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::error::FormatError;
use super::pickle::Pickle;
use super::state_dict::{self, Contents};
use super::tensor::ByteOrder;

/// Whether the file begins with the header of an archive's entry.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn read(bytes: &[u8]) -> Result<Contents, FormatError> {
    let mut archive = Archive::open(bytes)?;
    let pickle = archive.entry("data.pkl")?.ok_or(FormatError::NoPickle)?;
    let (pickle, _) = Pickle::parse(pickle, 0)?;
    let order = match archive.entry("byteorder")? {
        None => ByteOrder::Little,
        Some(order) => match order.trim_ascii() {
            b"little" => ByteOrder::Little,
            b"big" => ByteOrder::Big,
            _ => return Err(archive.wrong("byteorder", "is neither little nor big")),
        },
    };
    // A storage that tensors share is looked up, and its checksum computed, once.
    let mut found: HashMap<String, Option<&[u8]>> = HashMap::new();
    let storages = |key: &str| {
        if let Some(&storage) = found.get(key) {
            return Ok(storage);
        }
        let storage = archive.entry(&format!("data/{key}"))?;
        found.insert(key.to_owned(), storage);
        Ok(storage)
    };
    state_dict::read(&pickle, storages, order, bytes.len())
}

struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder, slash included, that all entries stand in; named after the file when it was
    /// saved.
    folder: String,
}

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, FormatError> {
        // Nothing stands before the archive. Left to find that out, `zip` takes the second entry of
        // the directory for the first where its name is 30 characters long, since PyTorch puts as
        // many bytes as such an entry has between the directory and the end's record.
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(FormatError::Zip)?;
        let folder = zip
            .file_names()
            .filter_map(Result::ok)
            .filter_map(|name| name.strip_suffix("data.pkl").map(str::to_owned))
            .find(|folder| folder.is_empty() || folder.ends_with('/'))
            .ok_or(FormatError::NoPickle)?;
        Ok(Self { bytes, zip, folder })
    }

    fn wrong(&self, name: &str, problem: impl Into<String>) -> FormatError {
        FormatError::Entry {
            entry: format!("{}{name}", self.folder),
            problem: problem.into(),
        }
    }

    /// The bytes of an entry, its checksum verified; none where there is no such entry.
    fn entry(&mut self, name: &str) -> Result<Option<&'a [u8]>, FormatError> {
        let path = format!("{}{name}", self.folder);
        let wrong = |problem: String| FormatError::Entry {
            entry: path.clone(),
            problem,
        };
        let Some(index) = self.zip.index_for_name(&path) else {
            return Ok(None);
        };
        let mut entry = self
            .zip
            .by_index(index)
            .map_err(|error| wrong(error.to_string()))?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(wrong(
                "is compressed, which torch.save never does".to_owned(),
            ));
        }
        let start = entry
            .data_start()
            .and_then(|start| usize::try_from(start).ok());
        let length = usize::try_from(entry.size()).ok();
        let range = start
            .zip(length)
            .and_then(|(start, n)| Some(start..start.checked_add(n)?));
        let data = range.and_then(|range| self.bytes.get(range));
        let data = data.ok_or_else(|| wrong("reaches beyond the end of the file".to_owned()))?;
        // PyTorch can be told to compute no checksums; it then writes zeros.
        if entry.crc32() != 0 {
            io::copy(&mut entry, &mut io::sink())
                .map_err(|error| wrong(format!("is damaged: {error}")))?;
        }
        Ok(Some(data))
    }
}
