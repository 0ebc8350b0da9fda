use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::source::jpeg::tests::GREY;

/// The numbers of the frames that were read, the pictures that were lost, and how it ended.
fn read(bytes: &[u8]) -> (Vec<u64>, u64, Option<String>) {
    let mut source = MjpegReader::new("clip", io::BufReader::with_capacity(7, bytes), rate());
    let mut numbers = vec![];
    loop {
        match source.next_frame() {
            Ok(Some(captured)) => numbers.push(captured.frame.index()),
            Ok(None) => return (numbers, source.losses().broken, None),
            Err(error) => {
                return (numbers, source.losses().broken, Some(error.to_string()));
            }
        }
    }
}

fn rate() -> FrameRate {
    FrameRate::new(10, 1).unwrap()
}

/// The picture with another inside, as a camera's thumbnail.
fn with_thumbnail() -> Vec<u8> {
    let length = u16::try_from(GREY.len() + 2).unwrap().to_be_bytes();
    [&GREY[..2], &[0xff, 0xe1], &length, GREY, &GREY[2..]].concat()
}

#[test]
fn pictures_are_split_whatever_stands_between_them() {
    let between = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff";
    let bytes = [GREY, GREY, between, &with_thumbnail(), &[0; 9], GREY, &[0]].concat();
    assert_eq!(read(&bytes), (vec![0, 1, 2, 3], 0, None));
}

#[test]
fn frames_are_numbered_and_timed() {
    let bytes = [GREY, GREY].concat();
    let mut source = MjpegReader::new("clip", &bytes[..], rate());
    source.next_frame().unwrap();
    let frame = source.next_frame().unwrap().unwrap().frame;
    assert_eq!(
        (frame.index(), frame.time()),
        (1, Duration::from_millis(100))
    );
}

#[test]
fn damaged_pictures_are_counted_and_keep_their_number() {
    let mut bad_table = GREY.to_vec();
    bad_table[3] = 0xdc;
    for broken in [&GREY[..GREY.len() - 2], &bad_table, b"\xff\xd8\xff\x00"] {
        let bytes = [GREY, broken, GREY, GREY].concat();
        assert_eq!(read(&bytes), (vec![0, 2, 3], 1, None), "{broken:x?}");
    }
}

#[test]
fn a_cut_last_picture_is_counted() {
    let bytes = [GREY, &GREY[..100]].concat();
    assert_eq!(read(&bytes), (vec![0], 1, None));
}

#[test]
fn a_stream_without_a_picture_is_an_error() {
    for bytes in [&b""[..], b"hello", MAGIC, &GREY[..GREY.len() - 1]] {
        let error = read(bytes).2.unwrap();
        assert_eq!(error, "clip holds no whole JPEG picture");
    }
}

#[test]
fn an_endless_picture_is_given_up() {
    let start = &GREY[..GREY.len() - 2];
    let endless = start.chain(io::repeat(7));
    let mut pictures = Pictures {
        input: io::BufReader::new(endless),
        started: false,
    };
    assert!(pictures.next().unwrap().unwrap().1.is_none());
}

proptest! {
    #[test]
    fn flipped_bytes_are_survived(
        flips in proptest::collection::vec((0..3 * GREY.len(), any::<u8>()), 1..6),
    ) {
        let mut bytes = [GREY, GREY, GREY].concat();
        for (position, value) in flips {
            bytes[position] = value;
        }
        let (numbers, broken, error) = read(&bytes);
        prop_assert!(numbers.len() as u64 + broken > 0 || error.is_some());
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(
        prop_oneof![any::<u8>(), Just(0xff), 0xc0..=0xdfu8], 0..300,
    )) {
        read(&[MAGIC, &bytes[..]].concat());
    }
}
