//! A folder of JPEG pictures as a video, as Jester and Something-Something are handed out.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use praxiscope_runtime::source::{Captured, FrameRate, FrameSource, SourceError, decode_jpeg};

use crate::listing::{entries, is_picture};

/// A larger file is no picture of a video.
const BYTES_CAP: u64 = 64 << 20;

/// Pictures in the order of their names.
pub struct Pictures {
    paths: std::vec::IntoIter<PathBuf>,
    rate: FrameRate,
    next: u64,
}

impl Pictures {
    /// The pictures of a folder, `rate` a second; else 25.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no picture.
    pub fn open(folder: &Path, rate: Option<FrameRate>) -> Result<Pictures, SourceError> {
        let name = folder.display().to_string();
        let unopened = |source| SourceError::Open {
            name: name.clone(),
            source,
        };
        let mut paths = entries(folder).map_err(unopened)?;
        paths.retain(|path| is_picture(path));
        if paths.is_empty() {
            let lack = "is a folder without JPEG pictures";
            return Err(SourceError::Empty { name, lack });
        }
        Ok(Pictures {
            paths: paths.into_iter(),
            rate: rate.unwrap_or(FrameRate::USUAL),
            next: 0,
        })
    }
}

impl FrameSource for Pictures {
    fn next_frame(&mut self) -> Result<Option<Captured>, SourceError> {
        let Some(path) = self.paths.next() else {
            return Ok(None);
        };
        let name = path.display().to_string();
        let started = Instant::now();
        let unreadable = |source| SourceError::Read {
            what: name.clone(),
            source,
        };
        let size = std::fs::metadata(&path).map_err(unreadable)?.len();
        if size > BYTES_CAP {
            let problem = format!("has {size} bytes, more than a picture");
            return Err(SourceError::Malformed { name, problem });
        }
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let frame = decode_jpeg(&bytes).map_err(|error| SourceError::Malformed {
            name,
            problem: format!("is no picture: {error}"),
        })?;
        let number = self.next;
        self.next += 1;
        let time: Duration = self.rate.time_of(number);
        Ok(Some(Captured {
            frame: frame.with_time(number, time),
            took: started.elapsed(),
        }))
    }
}
