//! A frame's picture in a record: as it came.

use praxiscope_runtime::frame::{ColorSpace, Frame, FrameLayout, Matrix, PixelFormat, Range};
use praxiscope_runtime::source::{check_size, decode_jpeg};

use super::error::ContentError;

const NONE: [u8; 4] = *b"NONE";
const JPEG: [u8; 4] = *b"JPEG";
const SAMPLES: [([u8; 4], PixelFormat); 9] = [
    (*b"RGB3", PixelFormat::Rgb24),
    (*b"BGR3", PixelFormat::Bgr24),
    (*b"YUYV", PixelFormat::Yuyv),
    (*b"UYVY", PixelFormat::Uyvy),
    (*b"NV12", PixelFormat::Nv12),
    (*b"YU12", PixelFormat::I420),
    (*b"422P", PixelFormat::I422),
    (*b"444P", PixelFormat::I444),
    (*b"GREY", PixelFormat::Grey),
];

/// Appends no picture.
pub fn write_none(content: &mut Vec<u8>) {
    content.extend(NONE);
}

/// Appends the frame's picture: the JPEG that it came as, or else its samples.
pub fn write(frame: &Frame, content: &mut Vec<u8>) {
    if let Some(jpeg) = frame.jpeg() {
        content.extend(JPEG);
        content.extend(jpeg);
        return;
    }
    let FrameLayout {
        format,
        width,
        height,
        strides,
        color,
    } = *frame.layout();
    // Every format is in the table.
    let code = SAMPLES.iter().find(|(_, known)| *known == format);
    content.extend(code.map_or(NONE, |(code, _)| *code));
    content.push(u8::from(color.matrix == Matrix::Bt709));
    content.push(u8::from(color.range == Range::Full));
    let strides = strides.iter().enumerate();
    let strides = strides.map(|(plane, &stride)| if plane < format.planes() { stride } else { 0 });
    for number in [width, height].into_iter().chain(strides) {
        // A frame's sides and strides are far below this.
        content.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }
    // What the driver had put behind the picture is none of it.
    let samples = frame.layout().bytes().unwrap_or_default();
    content.extend(frame.data().get(..samples).unwrap_or_default());
}

/// The frame in a picture; nothing where there is none.
///
/// # Errors
///
/// When it is none that [`write`] writes.
pub fn read(content: &[u8]) -> Result<Option<Frame>, ContentError> {
    let (code, rest) = content.split_first_chunk().ok_or(ContentError::Length)?;
    match *code {
        NONE if rest.is_empty() => return Ok(None),
        NONE => return Err(ContentError::Length),
        JPEG => return Ok(Some(decode_jpeg(rest)?.with_jpeg(rest.to_vec()))),
        _ => {}
    }
    let format = SAMPLES.iter().find(|(known, _)| known == code);
    let &(_, format) = format.ok_or(ContentError::Unknown("format of samples"))?;
    let ([matrix, range], rest) = rest.split_first_chunk().ok_or(ContentError::Length)?;
    let color = ColorSpace {
        matrix: match matrix {
            0 => Matrix::Bt601,
            1 => Matrix::Bt709,
            _ => return Err(ContentError::Unknown("colour matrix")),
        },
        range: match range {
            0 => Range::Limited,
            1 => Range::Full,
            _ => return Err(ContentError::Unknown("range of samples")),
        },
    };
    let (numbers, samples) = rest.split_first_chunk::<20>().ok_or(ContentError::Length)?;
    let (numbers, _) = numbers.as_chunks::<4>();
    let mut numbers = numbers
        .iter()
        .map(|number| u32::from_le_bytes(*number) as usize);
    let mut next = || numbers.next().unwrap_or_default();
    let layout = FrameLayout {
        format,
        width: next(),
        height: next(),
        strides: [next(), next(), next()],
        color,
    };
    check_size(layout.width, layout.height)?;
    if layout
        .bytes()
        .map_err(praxiscope_runtime::source::PictureError::from)?
        != samples.len()
    {
        return Err(ContentError::Length);
    }
    let frame = Frame::new(layout, samples.to_vec());
    Ok(Some(
        frame.map_err(praxiscope_runtime::source::PictureError::from)?,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(frame: &Frame) -> Vec<u8> {
        let mut content = vec![];
        write(frame, &mut content);
        content
    }

    #[test]
    fn samples_of_every_format_come_back_with_their_layout() {
        for format in PixelFormat::ALL {
            let mut layout = FrameLayout::packed(format, 5, 3);
            layout.strides = layout.strides.map(|stride| stride + 3);
            layout.color.matrix = Matrix::Bt709;
            let bytes = layout.bytes().unwrap();
            let samples: Vec<u8> = (0..bytes + 7).map(|sample| sample as u8).collect();
            let frame = Frame::new(layout, samples).unwrap();
            let read = read(&written(&frame)).unwrap().unwrap();
            assert_eq!(read.data(), &frame.data()[..bytes]);
            for plane in 0..format.planes() {
                assert_eq!(read.plane(plane), frame.plane(plane));
            }
            assert_eq!((read.color(), read.format()), (frame.color(), format));
        }
    }

    #[test]
    fn a_jpeg_comes_back_as_it_was() {
        let layout = FrameLayout::packed(PixelFormat::Grey, 16, 8);
        let picture = Frame::new(layout, (0..128).collect()).unwrap();
        let jpeg = crate::picture::jpeg(&picture, 80).unwrap();
        let frame = decode_jpeg(&jpeg).unwrap().with_jpeg(jpeg.clone());
        let content = written(&frame);
        assert_eq!(content[4..], jpeg);
        let read = read(&content).unwrap().unwrap();
        assert_eq!((read.data(), read.jpeg()), (frame.data(), Some(&*jpeg)));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let frame = Frame::new(FrameLayout::packed(PixelFormat::Nv12, 4, 2), vec![1; 12]).unwrap();
        let good = written(&frame);
        for cut in 0..good.len() {
            assert!(read(&good[..cut]).is_err(), "{cut}");
        }
        assert!(read(&[&good[..], b"x"].concat()).is_err());
        for (at, byte) in [
            (0, b'X'),
            (4, 2),
            (5, 2),
            (6, 0),
            (9, 0xff),
            (14, 3),
            (18, 3),
        ] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(read(&bad).is_err(), "{at}");
        }
        assert!(read(b"NONE").unwrap().is_none() && read(b"NONEx").is_err());
        assert!(read(b"JPEG\xff\xd8\xff").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            code in 0..SAMPLES.len() + 1, bytes in proptest::collection::vec(0u8..4, 0..64),
        ) {
            let code = SAMPLES.get(code).map_or(JPEG, |(code, _)| *code);
            let _ = read(&[&code[..], &bytes].concat());
        }
    }
}
