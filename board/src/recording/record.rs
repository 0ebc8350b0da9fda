//! The records of a log, as bytes.

use std::time::Duration;

use praxiscope_runtime::events::EventSettings;
use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat};

use super::error::ContentError;
use super::picture;

/// A frame that the network was given.
#[derive(Clone, Debug)]
pub struct Given {
    /// With its number and time.
    pub frame: Frame,
    /// Whether a tick of the model's clock took it; else its picture is not kept.
    pub used: bool,
    /// Frames that were thrown away before it.
    pub dropped: u32,
    /// The network is started afresh before it.
    pub afresh: bool,
}

/// What happened to the network.
#[derive(Clone, Debug)]
pub enum Record {
    /// It is a new one.
    New,
    /// Events are made with these settings from here on.
    Settings(Box<EventSettings>),
    /// It was given a frame.
    Frame(Given),
    /// The source ended.
    Ended,
    /// The recording is over.
    Closed {
        /// How many lines belong to it.
        lines: u64,
        /// Why.
        why: String,
    },
}

const AFRESH: u8 = 1;

impl Record {
    /// The kind, and the content.
    pub fn to_bytes(&self) -> (u8, Vec<u8>) {
        match self {
            Self::New => (b'N', vec![]),
            // Numbers, text and lists always serialise.
            Self::Settings(settings) => (b'S', serde_json::to_vec(settings).unwrap_or_default()),
            Self::Frame(given) => (b'F', given.to_bytes()),
            Self::Ended => (b'E', vec![]),
            Self::Closed { lines, why } => {
                (b'C', [&lines.to_le_bytes()[..], why.as_bytes()].concat())
            }
        }
    }

    /// The record of this kind with this content.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn from_bytes(kind: u8, content: &[u8]) -> Result<Self, ContentError> {
        let empty = content.is_empty();
        Ok(match kind {
            b'N' if empty => Self::New,
            b'E' if empty => Self::Ended,
            b'N' | b'E' => return Err(ContentError::Length),
            b'S' => {
                Self::Settings(serde_json::from_slice(content).map_err(|_| ContentError::Settings)?)
            }
            b'F' => Self::Frame(Given::from_bytes(content)?),
            b'C' => {
                let (lines, why) = content.split_first_chunk().ok_or(ContentError::Length)?;
                Self::Closed {
                    lines: u64::from_le_bytes(*lines),
                    why: String::from_utf8_lossy(why).into_owned(),
                }
            }
            _ => return Err(ContentError::Unknown("kind of record")),
        })
    }
}

impl Given {
    fn to_bytes(&self) -> Vec<u8> {
        let (frame, time) = (&self.frame, self.frame.time());
        let mut content = vec![];
        content.extend(frame.index().to_le_bytes());
        content.extend(time.as_secs().to_le_bytes());
        content.extend(time.subsec_nanos().to_le_bytes());
        content.extend(self.dropped.to_le_bytes());
        content.push(if self.afresh { AFRESH } else { 0 });
        if self.used {
            picture::write(frame, &mut content);
        } else {
            picture::write_none(&mut content);
        }
        content
    }

    fn from_bytes(content: &[u8]) -> Result<Self, ContentError> {
        let (index, rest) = content.split_first_chunk().ok_or(ContentError::Length)?;
        let (seconds, rest) = rest.split_first_chunk().ok_or(ContentError::Length)?;
        let (nanos, rest) = rest.split_first_chunk().ok_or(ContentError::Length)?;
        let (dropped, rest) = rest.split_first_chunk().ok_or(ContentError::Length)?;
        let ([flags], rest) = rest.split_first_chunk().ok_or(ContentError::Length)?;
        let nanos = u32::from_le_bytes(*nanos);
        if nanos >= 1_000_000_000 {
            return Err(ContentError::Time);
        }
        if flags & !AFRESH != 0 {
            return Err(ContentError::Unknown("flag"));
        }
        let time = Duration::new(u64::from_le_bytes(*seconds), nanos);
        let picture = picture::read(rest)?;
        let used = picture.is_some();
        Ok(Self {
            frame: picture
                .map_or_else(no_picture, Ok)?
                .with_time(u64::from_le_bytes(*index), time),
            used,
            dropped: u32::from_le_bytes(*dropped),
            afresh: flags & AFRESH != 0,
        })
    }
}

/// Stands for a picture that nothing looks at.
fn no_picture() -> Result<Frame, ContentError> {
    let one = FrameLayout::packed(PixelFormat::Grey, 1, 1);
    let frame = Frame::new(one, vec![0]);
    Ok(frame.map_err(praxiscope_runtime::source::PictureError::from)?)
}

#[cfg(test)]
impl Given {
    /// Frame `index` of a source of ten a second.
    pub fn of_test(index: u64) -> Self {
        let layout = FrameLayout::packed(PixelFormat::Grey, 4, 2);
        let frame = Frame::new(layout, vec![index as u8; 8]).unwrap();
        Self {
            frame: frame.with_time(index, Duration::from_millis(100 * index)),
            used: true,
            dropped: 0,
            afresh: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again(record: &Record) -> Record {
        let (kind, content) = record.to_bytes();
        Record::from_bytes(kind, &content).unwrap()
    }

    #[test]
    fn what_is_written_of_a_frame_is_read_again() {
        let given = Given {
            dropped: 7,
            afresh: true,
            ..Given::of_test(u64::MAX / 200)
        };
        let Record::Frame(read) = again(&Record::Frame(given.clone())) else {
            panic!("another record");
        };
        assert_eq!((read.used, read.dropped, read.afresh), (true, 7, true));
        assert_eq!(read.frame.index(), given.frame.index());
        assert_eq!(read.frame.time(), given.frame.time());
        assert_eq!(read.frame.data(), given.frame.data());
        let unused = Given {
            used: false,
            ..Given::of_test(3)
        };
        let Record::Frame(read) = again(&Record::Frame(unused)) else {
            panic!("another record");
        };
        assert_eq!((read.used, read.frame.index()), (false, 3));
    }

    #[test]
    fn the_other_records_are_read_again() {
        let settings = EventSettings {
            on: 0.7,
            masked: vec!["wave".into()],
            ..EventSettings::default()
        };
        let closed = Record::Closed {
            lines: 3,
            why: "the end".into(),
        };
        for record in [
            Record::New,
            Record::Settings(Box::new(settings)),
            Record::Ended,
            closed,
        ] {
            assert_eq!(format!("{:?}", again(&record)), format!("{record:?}"));
        }
    }

    #[test]
    fn impossible_records_are_refused() {
        let (kind, good) = Record::Frame(Given::of_test(1)).to_bytes();
        for cut in 0..good.len() {
            assert!(Record::from_bytes(kind, &good[..cut]).is_err());
        }
        for (at, byte) in [(19, 0x3c), (24, 2)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(Record::from_bytes(kind, &bad).is_err(), "{at}");
        }
        for (kind, content) in [
            (b'N', "x"),
            (b'E', "x"),
            (b'S', "{"),
            (b'C', "short"),
            (b'?', ""),
        ] {
            assert!(Record::from_bytes(kind, content.as_bytes()).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            kind in 0usize..5, content in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = Record::from_bytes(b"NSFEC"[kind], &content);
        }
    }
}
