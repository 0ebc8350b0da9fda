//! `frames.log`: records one after the other, each with a checksum.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use super::record::Record;
use super::{FRAMES, RecordingError};

/// The first bytes of the file.
pub const MAGIC: &[u8; 8] = b"PRAXREC1";
/// Kind and length.
const HEAD: usize = 5;
/// A record that claims to be longer is damaged: no picture that a source may bring is.
const CONTENT_CAP: u32 = 128 << 20;

/// A record as it stands in the file.
pub fn framed(record: &Record) -> Vec<u8> {
    let (kind, content) = record.to_bytes();
    let mut bytes = vec![kind];
    // What a source may bring is far below this.
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_le_bytes());
    bytes.extend(content);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// Reads a log from its beginning.
pub struct Log<R> {
    input: R,
    /// Where the next record begins.
    at: u64,
    over: bool,
}

impl Log<BufReader<File>> {
    /// The log of the recording in a folder.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, RecordingError> {
        let file = File::open(folder.join(FRAMES)).map_err(unreadable)?;
        Self::new(BufReader::with_capacity(1 << 16, file))
    }
}

impl<R: Read> Log<R> {
    /// The log in these bytes.
    ///
    /// # Errors
    ///
    /// When they do not begin as one.
    pub fn new(input: R) -> Result<Self, RecordingError> {
        let mut log = Self {
            input,
            at: MAGIC.len() as u64,
            over: false,
        };
        let magic = log.some(log.at)?;
        if magic == MAGIC {
            Ok(log)
        } else if MAGIC.starts_with(&magic) {
            Err(RecordingError::CutOff(0))
        } else {
            Err(RecordingError::NoLog)
        }
    }

    /// The next record; nothing at the file's end, which is a whole recording's end only behind
    /// [`Record::Closed`].
    ///
    /// # Errors
    ///
    /// [`RecordingError::CutOff`] or [`RecordingError::Damaged`]; nothing can be read from there on.
    pub fn next(&mut self) -> Result<Option<Record>, RecordingError> {
        if self.over {
            return Ok(None);
        }
        self.over = true;
        let at = self.at;
        let damaged = |what: String| RecordingError::Damaged { at, what };
        let head = self.some(HEAD as u64)?;
        let [kind, a, b, c, d] = head[..] else {
            return match head[..] {
                [] => Ok(None),
                _ => Err(RecordingError::CutOff(at)),
            };
        };
        let length = u32::from_le_bytes([a, b, c, d]);
        if kind == 0 && length == 0 && self.is_zero_to_the_end()? {
            return Err(RecordingError::CutOff(at));
        }
        if length > CONTENT_CAP {
            return Err(damaged(format!("a record of {length} bytes")));
        }
        let content = self.some(length.into())?;
        let checksum = self.some(4)?;
        let Ok(checksum) = <[u8; 4]>::try_from(checksum) else {
            return Err(RecordingError::CutOff(at));
        };
        let mut found = crc32fast::Hasher::new();
        found.update(&head);
        found.update(&content);
        if found.finalize() != u32::from_le_bytes(checksum) {
            // The last record's length may be on a disk that has not got its content.
            return Err(match self.some(1)?[..] {
                [] => RecordingError::CutOff(at),
                _ => damaged("a wrong checksum".into()),
            });
        }
        let record = Record::from_bytes(kind, &content).map_err(|why| damaged(why.to_string()))?;
        self.at += HEAD as u64 + u64::from(length) + 4;
        self.over = matches!(record, Record::Closed { .. });
        Ok(Some(record))
    }

    /// So many bytes, or as many as are left; memory grows only with what is there.
    fn some(&mut self, count: u64) -> Result<Vec<u8>, RecordingError> {
        let mut bytes = vec![];
        let mut input = self.input.by_ref().take(count);
        input.read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn is_zero_to_the_end(&mut self) -> Result<bool, RecordingError> {
        let mut bytes = [0; 4096];
        loop {
            match self.input.read(&mut bytes) {
                Ok(0) => return Ok(true),
                Ok(read) if bytes.iter().take(read).all(|&byte| byte == 0) => {}
                Ok(_) => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    }
}

fn unreadable(source: io::Error) -> RecordingError {
    RecordingError::Read {
        file: FRAMES,
        source,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::Given;
    use super::*;

    fn log() -> (Vec<u8>, Vec<usize>) {
        let closed = Record::Closed {
            lines: 0,
            why: "the end".into(),
        };
        let frames = (0..3).map(|index| Record::Frame(Given::of_test(index)));
        let records = std::iter::once(Record::New)
            .chain(frames)
            .chain([Record::Ended, closed]);
        let (mut bytes, mut ends) = (MAGIC.to_vec(), vec![MAGIC.len()]);
        for record in records {
            bytes.extend(framed(&record));
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    /// How many whole records there are, and what stands behind them.
    fn read(bytes: &[u8]) -> (usize, Result<(), RecordingError>) {
        let mut log = match Log::new(bytes) {
            Ok(log) => log,
            Err(error) => return (0, Err(error)),
        };
        let mut count = 0;
        loop {
            match log.next() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return (count, Ok(())),
                Err(error) => {
                    assert!(log.next().unwrap().is_none());
                    return (count, Err(error));
                }
            }
        }
    }

    #[test]
    fn of_a_log_that_is_cut_anywhere_the_whole_records_count() {
        let (bytes, ends) = log();
        for cut in 0..=bytes.len() {
            let whole = ends
                .iter()
                .filter(|&&end| end <= cut)
                .count()
                .saturating_sub(1);
            let (count, end) = read(&bytes[..cut]);
            assert_eq!(count, whole, "{cut}");
            match end {
                Ok(()) => assert!(ends.contains(&cut)),
                Err(RecordingError::CutOff(at)) => {
                    assert!(at as usize <= cut && !ends.contains(&cut))
                }
                Err(error) => panic!("{cut}: {error}"),
            }
            // Or its length is on the disk, and zeros stand for the rest.
            let mut zeros = bytes[..cut].to_vec();
            zeros.resize(bytes.len() - 3, 0);
            if (MAGIC.len()..bytes.len() - 30).contains(&cut) {
                assert!(read(&zeros).1.is_err() && read(&zeros).0 >= whole, "{cut}");
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed_and_what_was_before_it_counts() {
        let (bytes, ends) = log();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                let before = ends
                    .iter()
                    .filter(|&&end| end <= at)
                    .count()
                    .saturating_sub(1);
                let (count, end) = read(&bad);
                assert!(
                    count == before && end.is_err(),
                    "{at}.{bit}: {count} {end:?}"
                );
            }
        }
    }

    #[test]
    fn a_length_beyond_reason_is_refused_before_memory_is_asked_for() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(b"F\xff\xff\xff\xff");
        let (_, end) = read(&bytes);
        assert!(matches!(end, Err(RecordingError::Damaged { at: 8, .. })));
        assert!(matches!(read(b"PRAXREC2").1, Err(RecordingError::NoLog)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&MAGIC[..], &content].concat());
        }
    }
}
