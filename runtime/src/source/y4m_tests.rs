use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn reader(bytes: &[u8]) -> Result<Y4mReader<&[u8]>, SourceError> {
    Y4mReader::new("clip.y4m", bytes, FrameRate::USUAL)
}

/// All frames, and the error that ended them.
fn read(bytes: &[u8]) -> (Vec<Frame>, Option<String>) {
    let mut frames = vec![];
    let mut source = match reader(bytes) {
        Ok(source) => source,
        Err(error) => return (frames, Some(error.to_string())),
    };
    loop {
        match source.next_frame() {
            Ok(Some(captured)) => frames.push(captured.frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

fn clip(header: &str, frame_bytes: usize, frames: u8) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 {header}\n").into_bytes();
    for value in 0..frames {
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend(std::iter::repeat_n(value, frame_bytes));
    }
    bytes
}

#[test]
fn frames_come_in_order_with_number_and_time() {
    let (frames, error) = read(&clip("W4 H2 F24:1 Ip A1:1 C420jpeg XYSCSS=420JPEG", 12, 3));
    assert_eq!(error, None);
    let times: Vec<_> = frames.iter().map(|f| (f.index(), f.time())).collect();
    let nanos = |n| Duration::from_nanos(n);
    assert_eq!(
        times,
        [
            (0, nanos(0)),
            (1, nanos(41_666_666)),
            (2, nanos(83_333_333))
        ]
    );
    assert_eq!(frames[2].plane(0), [2; 8]);
    assert_eq!(
        (frames[0].format(), frames[0].color().range),
        (PixelFormat::I420, Range::Limited)
    );
}

#[test]
fn every_chroma_format_is_told_apart() {
    for (tag, format, bytes) in [
        ("", PixelFormat::I420, 15 + 12),
        ("C420", PixelFormat::I420, 15 + 12),
        ("C420mpeg2", PixelFormat::I420, 15 + 12),
        ("C422", PixelFormat::I422, 15 + 18),
        ("C444", PixelFormat::I444, 45),
        ("Cmono", PixelFormat::Grey, 15),
    ] {
        let (frames, error) = read(&clip(&format!("W5 H3 F5:1 {tag}"), bytes, 2));
        assert_eq!((frames.len(), error), (2, None), "{tag}");
        assert_eq!(frames[0].format(), format);
    }
}

#[test]
fn the_range_is_taken_from_the_header() {
    for (tag, format, range) in [
        ("C420jpeg XCOLORRANGE=FULL", 6, Range::Full),
        ("C420jpeg XCOLORRANGE=LIMITED", 6, Range::Limited),
        ("Cmono", 4, Range::Full),
        ("Cmono XCOLORRANGE=LIMITED", 4, Range::Limited),
    ] {
        let (frames, _) = read(&clip(&format!("W2 H2 F5:1 {tag}"), format, 1));
        assert_eq!(frames[0].color().range, range, "{tag}");
    }
}

#[test]
fn a_header_without_a_rate_takes_the_one_that_is_given() {
    for header in ["W2 H2", "W2 H2 F0:0"] {
        let bytes = clip(header, 6, 1);
        let rate = FrameRate::new(7, 1).unwrap();
        assert_eq!(Y4mReader::new("x", &bytes[..], rate).unwrap().rate(), rate);
    }
}

#[test]
fn a_clip_cut_in_a_frame_gives_the_frames_before() {
    let whole = clip("W4 H2 F24:1", 12, 3);
    for cut in [1, 11, 12, 13, 17] {
        let (frames, error) = read(&whole[..whole.len() - cut]);
        assert_eq!(frames.len(), 2, "{cut}");
        assert_eq!(
            error.unwrap(),
            "clip.y4m is cut off in the middle of frame 2: the frames before it were used"
        );
    }
    assert_eq!(read(&whole[..whole.len() - 18]).1, None);
}

#[test]
fn damaged_frames_and_headers_are_named() {
    let mut damaged = clip("W4 H2 F24:1", 12, 2);
    let second = damaged.len() - 18;
    damaged[second] = b'G';
    for (bytes, needle) in [
        (damaged, "frame 1 does not begin with the word FRAME"),
        (clip("W4 H2 F24:1", 12, 0), "holds no frame"),
        (clip("H2", 1, 1), "width (W) is missing"),
        (clip("W4", 1, 1), "height (H) is missing"),
        (clip("W-1 H2", 1, 1), "width (W) is missing or no number"),
        (clip("W0 H2", 1, 1), "0x2 pixels is empty"),
        (clip("W16384 H16384", 1, 1), "16384x16384 pixels is refused"),
        (clip("W99999999999 H99999999999", 1, 1), "refused"),
        (clip("W20000 H1", 1, 1), "each side must be"),
        (clip("W4 H2 C420p10", 1, 1), "C420p10"),
        (clip("W4 H2 F1:0", 1, 1), "F1:0"),
        (clip("W4 H2 Fx", 1, 1), "Fx"),
        (b"YUV4MPEG2 W4 H2".to_vec(), "first line"),
        (vec![], "first line"),
        (b"RIFF".to_vec(), "first line"),
        ([MAGIC, &[b' '; 5000]].concat(), "first line"),
    ] {
        let error = read(&bytes).1.unwrap();
        assert!(error.contains(needle) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = clip("W5 H3 F30000:1001 C444 XCOLORRANGE=FULL", 45, 3);
    let (frames, _) = read(&bytes);
    let mut writer = Y4mWriter::new(vec![], reader(&bytes).unwrap().rate());
    for frame in &frames {
        writer.write(frame).unwrap();
    }
    let written = writer.into_inner();
    assert_eq!(written.len(), bytes.len() + "Ip A1:1 ".len());
    let (again, error) = read(&written);
    assert_eq!(error, None);
    for (a, b) in frames.iter().zip(&again) {
        assert_eq!(
            (a.layout(), a.time(), a.data()),
            (b.layout(), b.time(), b.data())
        );
    }
}

#[test]
fn frames_of_another_size_are_not_written() {
    let mut writer = Y4mWriter::new(vec![], FrameRate::USUAL);
    let grey = |width| {
        let layout = FrameLayout::packed(PixelFormat::Grey, width, 1);
        Frame::new(layout, vec![0; width]).unwrap()
    };
    writer.write(&grey(2)).unwrap();
    assert!(writer.write(&grey(3)).is_err());
}

proptest! {
    #[test]
    fn any_bytes_end_in_frames_or_an_error(
        header in "[WHFCX0-9: a-z]{0,40}",
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [b"YUV4MPEG2 ", header.as_bytes(), b"\nFRAME\n", &tail[..]].concat();
        let (frames, error) = read(&bytes);
        prop_assert!(!frames.is_empty() || error.is_some());
        read(&tail);
    }
}
