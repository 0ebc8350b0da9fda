//! The demo clip and what tests make of it: `.y4m` files that are mirrored, thinned or cut.

use std::time::Duration;

use praxiscope_runtime::frame::{Frame, FrameLayout, PixelFormat, Range};

use crate::files;
use crate::programs::praxiscope;

/// A YUV4MPEG2 file in memory.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The header's words after the first.
    parameters: Vec<String>,
    layout: FrameLayout,
    /// Whole frames a second.
    pub fps: u32,
    /// The samples of each frame.
    pub frames: Vec<Vec<u8>>,
}

impl Clip {
    /// The demo clip, as `praxiscope demo --write` saves it.
    pub fn demo() -> Clip {
        let folder = files::folder();
        let path = folder.path().join("clip.y4m");
        let program = praxiscope().args("demo --write").arg(&path);
        program.run().good();
        Clip::parse(&std::fs::read(path).expect("the clip was written"))
    }

    /// A grey clip of a bright bar that wanders over a dark ground.
    pub fn synthetic(width: usize, height: usize, fps: u32, frames: usize) -> Clip {
        let picture = |t: usize| {
            let pixels = (0..width * height).map(|i| if i % width == t % width { 200 } else { 40 });
            pixels.collect()
        };
        Clip {
            parameters: vec![
                format!("W{width}"),
                format!("H{height}"),
                format!("F{fps}:1"),
                "Cmono".into(),
            ],
            layout: FrameLayout::packed(PixelFormat::Grey, width, height),
            fps,
            frames: (0..frames).map(picture).collect(),
        }
    }

    fn parse(bytes: &[u8]) -> Clip {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (header, mut rest) = bytes.split_at(end.expect("a header") + 1);
        let header = std::str::from_utf8(header).expect("the header is text");
        let parameters: Vec<String> = header.split_whitespace().skip(1).map(Into::into).collect();
        let value = |tag: &str| {
            let found = parameters.iter().find_map(|word| word.strip_prefix(tag));
            found.unwrap_or_else(|| panic!("{header} has {tag}"))
        };
        let number = |tag| value(tag).parse().expect("a number");
        let format = match value("C") {
            "422" => PixelFormat::I422,
            "444" => PixelFormat::I444,
            "mono" => PixelFormat::Grey,
            _ => PixelFormat::I420,
        };
        let mut layout = FrameLayout::packed(format, number("W"), number("H"));
        layout.color.range = match value("XCOLORRANGE=") {
            "FULL" => Range::Full,
            _ => Range::Limited,
        };
        let fps = value("F").strip_suffix(":1").expect("whole frames");
        let fps = fps.parse().expect("a number");
        let size = layout.bytes().expect("a layout");
        let mut frames = vec![];
        while let Some(after) = rest.strip_prefix(b"FRAME\n") {
            let (samples, after) = after.split_at(size);
            frames.push(samples.to_vec());
            rest = after;
        }
        assert!(rest.is_empty() && !frames.is_empty());
        Clip {
            parameters,
            layout,
            fps,
            frames,
        }
    }

    /// The file's first line.
    pub fn header(&self) -> Vec<u8> {
        let mut header = String::from("YUV4MPEG2");
        for word in &self.parameters {
            header.push(' ');
            match word.starts_with('F') {
                true => header.push_str(&format!("F{}:1", self.fps)),
                false => header.push_str(word),
            }
        }
        header.push('\n');
        header.into_bytes()
    }

    /// Frame `number` as it stands in the file.
    pub fn record(&self, number: usize) -> Vec<u8> {
        [b"FRAME\n", self.frames[number].as_slice()].concat()
    }

    /// The whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let records = (0..self.frames.len()).map(|number| self.record(number));
        std::iter::once(self.header())
            .chain(records)
            .flatten()
            .collect()
    }

    /// Left and right exchanged: each row of each plane reversed.
    pub fn mirrored(&self) -> Clip {
        let FrameLayout {
            format,
            width,
            height,
            ..
        } = self.layout;
        let mut clip = self.clone();
        for frame in &mut clip.frames {
            let mut rest = frame.as_mut_slice();
            for plane in 0..format.planes() {
                let (row, rows) = format.plane_size(plane, width, height);
                let (samples, after) = rest.split_at_mut(row * rows);
                samples.chunks_mut(row).for_each(<[u8]>::reverse);
                rest = after;
            }
        }
        clip
    }

    /// The same time at half the frame rate: every second frame.
    pub fn halved(&self) -> Clip {
        Clip {
            fps: self.fps / 2,
            frames: self.frames.iter().step_by(2).cloned().collect(),
            ..self.clone()
        }
    }

    /// Every frame with its number and time.
    pub fn timed_frames(&self) -> impl Iterator<Item = Frame> {
        self.frames.iter().zip(0u32..).map(|(samples, number)| {
            let frame = Frame::new(self.layout, samples.clone()).expect("a whole frame");
            frame.with_time(number.into(), Duration::from_secs(number.into()) / self.fps)
        })
    }
}
