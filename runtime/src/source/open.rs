//! Telling from the first bytes what a file or a pipe holds.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;

use super::ffmpeg::FfmpegReader;
use super::mjpeg::{self, MjpegReader};
use super::y4m::{self, Y4mReader};
use super::{FrameRate, FrameSource, Liveness, Source, SourceError};

/// How a file or pipe is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// The frame rate of a stream that does not say.
    pub rate: Option<FrameRate>,
    /// Whether every frame counts even where they come through a pipe.
    pub every_frame: bool,
}

/// A video file; YUV4MPEG2 and Motion JPEG are read here, all else through FFmpeg.
///
/// # Errors
///
/// When the file cannot be opened, is empty, or is no video.
pub fn file(path: &Path, reading: Reading) -> Result<Source, SourceError> {
    let name = path.display().to_string();
    let unopened = |source| SourceError::Open {
        name: name.clone(),
        source,
    };
    let file = File::open(path).map_err(unopened)?;
    let kind = file.metadata().map_err(unopened)?.file_type();
    if kind.is_dir() {
        let what = "is a folder, not a video file";
        return Err(SourceError::NotVideo { name, what });
    }
    match stream(&name, file, reading)? {
        Some(source) => Ok(source),
        None if !kind.is_file() => Err(neither(&name)),
        None => {
            let reader = FfmpegReader::open(path)?;
            let rate = reader.rate();
            Ok(Source {
                name,
                frames: Box::new(reader),
                liveness: Liveness::Recorded,
                rate,
            })
        }
    }
}

/// YUV4MPEG2 or Motion JPEG on standard input: live when it is a pipe, else as a file.
///
/// # Errors
///
/// When there is nothing, or neither of the two.
pub fn standard_input(reading: Reading) -> Result<Source, SourceError> {
    let stdin = io::stdin();
    let name = "standard input";
    if stdin.is_terminal() {
        return Err(SourceError::NotVideo {
            name: name.into(),
            what: "is a terminal: pipe YUV4MPEG2 or Motion JPEG into it",
        });
    }
    let file = stdin
        .as_fd()
        .try_clone_to_owned()
        .map_err(|source| SourceError::Read {
            what: name.into(),
            source,
        })?;
    stream(name, File::from(file), reading)?.ok_or_else(|| neither(name))
}

fn neither(name: &str) -> SourceError {
    SourceError::NotVideo {
        name: name.into(),
        what: "brings neither YUV4MPEG2 nor Motion JPEG",
    }
}

/// Nothing when the first bytes are of no format that is read here.
fn stream(name: &str, mut file: File, reading: Reading) -> Result<Option<Source>, SourceError> {
    let unreadable = |source| SourceError::Read {
        what: name.into(),
        source,
    };
    let recorded = file.metadata().map_err(unreadable)?.is_file() || reading.every_frame;
    let liveness = if recorded {
        Liveness::Recorded
    } else {
        Liveness::Pipe
    };
    let mut head = vec![];
    let longest = y4m::MAGIC.len().max(mjpeg::MAGIC.len()) as u64;
    (&mut file)
        .take(longest)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    if head.is_empty() {
        return Err(SourceError::Empty {
            name: name.into(),
            lack: "is empty",
        });
    }
    let (is_y4m, is_mjpeg) = (head.starts_with(y4m::MAGIC), head.starts_with(mjpeg::MAGIC));
    let input = BufReader::with_capacity(1 << 16, io::Cursor::new(head).chain(file));
    let assumed = reading.rate.unwrap_or(FrameRate::USUAL);
    let (frames, rate): (Box<dyn FrameSource>, _) = if is_y4m {
        let reader = Y4mReader::new(name, input, assumed)?;
        let rate = reader.rate();
        (Box::new(reader), Some(rate))
    } else if is_mjpeg {
        let rate = if recorded {
            Some(assumed)
        } else {
            reading.rate
        };
        (Box::new(MjpegReader::new(name, input, assumed)), rate)
    } else {
        return Ok(None);
    };
    Ok(Some(Source {
        name: name.into(),
        frames,
        liveness,
        rate,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::jpeg::tests::GREY;
    use super::*;

    fn open(content: &[u8], reading: Reading) -> Result<Source, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.bin");
        std::fs::write(&path, content).unwrap();
        file(&path, reading)
    }

    #[test]
    fn content_decides_and_not_the_name() {
        let y4m = b"YUV4MPEG2 W2 H2 F5:1 Cmono\nFRAME\nabcd";
        let source = open(y4m, Reading::default()).unwrap();
        assert_eq!(
            (source.liveness, source.rate),
            (Liveness::Recorded, FrameRate::new(5, 1))
        );
        let rate = FrameRate::new(7, 1);
        let mut source = open(
            GREY,
            Reading {
                rate,
                ..Reading::default()
            },
        )
        .unwrap();
        assert_eq!(source.rate, rate);
        assert!(source.frames.next_frame().unwrap().is_some());
    }

    #[test]
    fn what_is_no_video_is_refused_in_one_sentence() {
        for content in [
            &b""[..],
            b"Dear diary",
            b"YUV4MPEG2 W2\n",
            b"\xff\xd8",
            &[0; 5000],
        ] {
            let error = open(content, Reading::default()).err().unwrap().to_string();
            assert!(
                error.contains("clip.bin") && !error.contains('\n'),
                "{error}"
            );
        }
    }

    #[test]
    fn folders_and_missing_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), &folder.path().join("none.y4m")] {
            assert!(file(path, Reading::default()).is_err());
        }
    }

    #[test]
    fn a_pipe_is_live_unless_every_frame_counts() {
        for (every_frame, liveness) in [(false, Liveness::Pipe), (true, Liveness::Recorded)] {
            let (reader, mut writer) = io::pipe().unwrap();
            io::Write::write_all(&mut writer, GREY).unwrap();
            drop(writer);
            let file = File::from(std::os::fd::OwnedFd::from(reader));
            let reading = Reading {
                every_frame,
                ..Reading::default()
            };
            let source = stream("pipe", file, reading).unwrap().unwrap();
            assert_eq!(source.liveness, liveness);
        }
    }
}
