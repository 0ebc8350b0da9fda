//! What FFmpeg says on standard error: its `showinfo` filter's lines, and its complaints.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use crate::frame::Matrix;

/// What `showinfo` says of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The presentation time in nanoseconds, from a start of the file's own.
    pub nanos: Option<i64>,
    /// How the frame's colours are mixed.
    pub matrix: Option<Matrix>,
}

/// Follows FFmpeg's standard error on a thread of its own: the stamps come as they are read, the
/// thread ends with the last complaint.
pub fn follow(stderr: impl Read + Send + 'static) -> (Receiver<Stamp>, JoinHandle<Option<String>>) {
    let (sender, stamps) = channel();
    let thread = std::thread::spawn(move || {
        let mut parser = Parser::default();
        let mut stderr = BufReader::new(stderr);
        let mut line = vec![];
        while stderr
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            if let Some(stamp) = parser.line(&String::from_utf8_lossy(&line)) {
                // When nobody wants the stamps any more, the pipe is still emptied.
                let _ = sender.send(stamp);
            }
            line.clear();
        }
        if let Some(stamp) = parser.pending {
            let _ = sender.send(stamp);
        }
        parser.complaint
    });
    (stamps, thread)
}

#[derive(Default)]
struct Parser {
    unit: Option<TimeBase>,
    pending: Option<Stamp>,
    complaint: Option<String>,
}

impl Parser {
    /// Takes one line; gives a frame's stamp when all is known of it.
    fn line(&mut self, line: &str) -> Option<Stamp> {
        let complaint = ["[error]", "[fatal]"]
            .iter()
            .find_map(|tag| line.split(tag).nth(1));
        if let Some(complaint) = complaint {
            self.complaint = Some(complaint.trim().trim_end_matches('.').replace("file:", ""));
        }
        let text = line
            .split_once("showinfo")?
            .1
            .split_once("[info]")?
            .1
            .trim_start();
        if let Some(unit) = text.strip_prefix("config in time_base:") {
            self.unit = TimeBase::parse(unit);
        } else if text.starts_with("n:") {
            let nanos = field(text, "pts:")
                .zip(self.unit)
                .and_then(|(pts, unit)| unit.nanos(pts));
            return self.pending.replace(Stamp {
                nanos,
                matrix: None,
            });
        } else if let Some(name) = field::<String>(text, "color_space:") {
            let matrix = match name.as_str() {
                "bt709" => Some(Matrix::Bt709),
                "smpte170m" | "bt470bg" => Some(Matrix::Bt601),
                _ => None,
            };
            return self.pending.take().map(|stamp| Stamp { matrix, ..stamp });
        }
        None
    }
}

/// The unit of time stamps: `seconds / parts`.
#[derive(Clone, Copy)]
struct TimeBase {
    seconds: u32,
    parts: u32,
}

impl TimeBase {
    fn parse(text: &str) -> Option<Self> {
        let (seconds, parts) = text.trim().split(',').next()?.split_once('/')?;
        Some(Self {
            seconds: seconds.parse().ok()?,
            parts: parts.parse().ok()?,
        })
    }

    fn nanos(self, ticks: i64) -> Option<i64> {
        let nanos = i128::from(ticks) * i128::from(self.seconds) * 1_000_000_000;
        nanos.checked_div(self.parts.into())?.try_into().ok()
    }
}

/// The value behind `key`, which may stand apart from it.
fn field<T: std::str::FromStr>(text: &str, key: &str) -> Option<T> {
    let start = text.find(&format!(" {key}"))? + 1;
    text.get(start + key.len()..)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:clip.mp4':
[Parsed_showinfo_1 @ 0x5] [info] config in time_base: 1/15360, frame_rate: 30/1
[Parsed_showinfo_1 @ 0x5] [info] config out time_base: 0/0, frame_rate: 0/0
[Parsed_showinfo_1 @ 0x5] [info] n:   0 pts:    512 pts_time:0.0333  pos:  48 fmt:yuv420p i:P
[Parsed_showinfo_1 @ 0x5] [info] color_range:tv color_space:bt709 color_primaries:bt709
[Parsed_showinfo_1 @ 0x5] [info] n:   1 pts:NOPTS pts_time:NOPTS  pos:  48 fmt:yuv420p
[Parsed_showinfo_1 @ 0x5] [info] color_range:unknown color_space:unknown
[Parsed_showinfo_1 @ 0x5] [info] n:1000 pts:-3 pts_time:0.2  pos:  48 fmt:yuv420p
[Parsed_showinfo_1 @ 0x5] [info] n:1001 pts: 3 pts_time:0.2  pos:  48 fmt:yuv420p
[mov,mp4 @ 0x5] [error] moov atom not found
[error] file:cut.mp4: Invalid data found when processing input
[fatal] Stream map '0:V:0' matches no streams.
To ignore this, add a trailing '?' to the map.
";

    #[test]
    fn stamps_and_the_last_complaint_are_found() {
        let (stamps, thread) = follow(LOG.as_bytes());
        let stamp = |nanos, matrix| Stamp { nanos, matrix };
        assert_eq!(
            stamps.iter().collect::<Vec<_>>(),
            [
                stamp(Some(33_333_333), Some(Matrix::Bt709)),
                stamp(None, None),
                stamp(Some(-195_312), None),
                stamp(Some(195_312), None),
            ]
        );
        let complaint = thread.join().unwrap().unwrap();
        assert_eq!(complaint, "Stream map '0:V:0' matches no streams");
    }

    #[test]
    fn ticks_become_exact_times() {
        let unit = |seconds, parts| TimeBase { seconds, parts };
        assert_eq!(unit(1001, 30_000).nanos(30_000), Some(1_001_000_000_000));
        assert_eq!(unit(1, 0).nanos(1), None);
        assert_eq!(unit(u32::MAX, 1).nanos(i64::MAX), None);
    }

    #[test]
    fn what_is_no_stamp_is_passed_over() {
        for line in [
            "",
            "showinfo",
            "showinfo [info] n:",
            "showinfo [info] config in time_base: x",
        ] {
            assert_eq!(Parser::default().line(line), None);
        }
    }
}
