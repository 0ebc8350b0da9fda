//! The whole way from a frame's bytes to the tensor.

use super::*;
use crate::frame::PixelFormat;
use proptest::prelude::*;

/// See `tests/fixtures/make_preprocess.py`.
const GOLDEN: &[u8] = include_bytes!("../../../tests/fixtures/preprocess/pillow.bin");

fn geometry(width: usize, height: usize, fit: Fit) -> InputGeometry {
    InputGeometry {
        width,
        height,
        fit,
        color: ColorOrder::Rgb,
    }
}

fn run(frame: &Frame, geometry: InputGeometry) -> Vec<u8> {
    let mut tensor = vec![0; geometry.tensor_len()];
    Preprocessor::new(geometry)
        .unwrap()
        .run(frame, &mut tensor)
        .unwrap();
    tensor
}

/// A packed frame whose byte `i` is `byte(i)`.
fn frame(format: PixelFormat, width: usize, height: usize, byte: impl Fn(usize) -> u8) -> Frame {
    let layout = FrameLayout::packed(format, width, height);
    Frame::new(layout, (0..layout.bytes().unwrap()).map(byte).collect()).unwrap()
}

/// The same frame with `pad` bytes of rubbish behind each row.
fn padded(frame: &Frame, pad: usize) -> Frame {
    let layout = FrameLayout {
        strides: frame.layout().strides.map(|stride| stride + pad),
        ..*frame.layout()
    };
    let (width, height) = (layout.width, layout.height);
    let mut data = Vec::new();
    for plane in 0..layout.format.planes() {
        for y in 0..layout.format.plane_size(plane, width, height).1 {
            data.extend(frame.row(plane, y));
            data.extend((0..pad).map(|i| (i * 89 + 7) as u8));
        }
    }
    Frame::new(layout, data).unwrap()
}

/// The picture of the fixture: chirps that run through all levels and alias when they are resized
/// carelessly.
fn chirps(width: usize, height: usize) -> Frame {
    frame(PixelFormat::Rgb24, width, height, |i| {
        let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
        (x * x * 3 + y * y * 5 + x * y * (c + 2) + 37 * c * x + 91 * y) as u8
    })
}

#[test]
fn the_tensor_is_that_of_pillow_and_torchvision_to_the_bit() {
    let mut rest = GOLDEN;
    let mut cases = 0;
    while let Some((head, after)) = rest.split_first_chunk::<10>() {
        let fields: [usize; 5] =
            std::array::from_fn(|i| u16::from_le_bytes([head[2 * i], head[2 * i + 1]]).into());
        let [source_width, source_height, shorter, width, height] = fields;
        let fit = if shorter == 0 {
            Fit::Stretch
        } else {
            Fit::Crop { shorter }
        };
        let geometry = geometry(width, height, fit);
        let (expected, after) = after.split_at(geometry.tensor_len());
        let got = run(&chirps(source_width, source_height), geometry);
        assert!(
            got == expected,
            "{source_width}x{source_height} to {geometry:?}"
        );
        rest = after;
        cases += 1;
    }
    assert!(rest.is_empty() && cases >= 10, "{cases} cases");
}

#[test]
fn bgr_models_get_their_planes_the_other_way_round() {
    let frame = chirps(40, 30);
    let rgb = geometry(16, 16, Fit::Crop { shorter: 20 });
    let bgr = InputGeometry {
        color: ColorOrder::Bgr,
        ..rgb
    };
    let planes: Vec<u8> = run(&frame, rgb)
        .chunks(256)
        .rev()
        .flatten()
        .copied()
        .collect();
    assert_eq!(run(&frame, bgr), planes);
}

#[test]
fn grey_fills_the_three_planes_and_heeds_its_range() {
    let full = frame(PixelFormat::Grey, 4, 2, |i| 16 + 31 * i as u8);
    let same_size = geometry(4, 2, Fit::Stretch);
    assert_eq!(run(&full, same_size), full.data().repeat(3));
    let mut layout = *full.layout();
    layout.color.range = crate::frame::Range::Limited;
    let limited = Frame::new(layout, full.data().to_vec()).unwrap();
    let row = [0, 36, 72, 108, 144, 180, 217, 253];
    assert_eq!(run(&limited, same_size), row.repeat(3));
}

#[test]
fn chroma_is_repeated_over_its_block() {
    // A 3x3 picture with four chroma samples, the last ones for the odd row and column.
    let mut data = vec![128; 9];
    data.extend([128, 90, 160, 200, 128, 128, 128, 128]);
    let layout = FrameLayout::packed(PixelFormat::I420, 3, 3);
    let tensor = run(
        &Frame::new(layout, data).unwrap(),
        geometry(3, 3, Fit::Stretch),
    );
    let blue: Vec<u8> = tensor[18..].to_vec();
    let (a, b, c, d) = (130, 54, 195, 255);
    assert_eq!(blue, [a, a, b, a, a, b, c, c, d]);
}

#[test]
fn every_format_of_the_same_picture_gives_nearly_the_same_tensor() {
    let (width, height) = (67, 51);
    // Smooth, so that halving the chroma loses little, and away from the colours that YUV would
    // clip.
    let rgb = |x: usize, y: usize| [60 + 2 * x, 80 + 2 * y, 180 - x - y].map(|c| c as f64);
    let yuv = |x: usize, y: usize| {
        let [r, g, b] = rgb(x.min(width - 1), y.min(height - 1));
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        let chroma = |c: f64, k: f64| 128.0 + (c - luma) / (2.0 * (1.0 - k)) * 224.0 / 255.0;
        [
            16.0 + luma * 219.0 / 255.0,
            chroma(b, 0.114),
            chroma(r, 0.299),
        ]
        .map(|sample| sample.round() as u8)
    };
    let sample = |format, plane, i, y: usize| match (format, plane) {
        (PixelFormat::Rgb24, _) => rgb(i / 3, y)[i % 3] as u8,
        (PixelFormat::Bgr24, _) => rgb(i / 3, y)[2 - i % 3] as u8,
        (PixelFormat::Yuyv, _) => yuv(i / 4 * 2 + i % 4 / 2, y)[[0, 1, 0, 2][i % 4]],
        (PixelFormat::Uyvy, _) => yuv(i / 4 * 2 + i % 4 / 2, y)[[1, 0, 2, 0][i % 4]],
        (_, 0) => yuv(i, y)[0],
        (PixelFormat::Nv12, _) => yuv(i & !1, 2 * y)[1 + i % 2],
        (PixelFormat::I420, _) => yuv(2 * i, 2 * y)[plane],
        (PixelFormat::I422, _) => yuv(2 * i, y)[plane],
        (_, _) => yuv(i, y)[plane],
    };
    let geometry = geometry(24, 20, Fit::Crop { shorter: 25 });
    let mut reference = None;
    for format in PixelFormat::ALL
        .into_iter()
        .filter(|&format| format != PixelFormat::Grey)
    {
        let layout = FrameLayout::packed(format, width, height);
        let mut data = Vec::new();
        for plane in 0..format.planes() {
            let (row, rows) = format.plane_size(plane, width, height);
            data.extend((0..rows).flat_map(|y| (0..row).map(move |i| sample(format, plane, i, y))));
        }
        let tensor = run(&Frame::new(layout, data).unwrap(), geometry);
        let reference = reference.get_or_insert_with(|| tensor.clone());
        let furthest = tensor
            .iter()
            .zip(&*reference)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(furthest <= Some(4), "{format}: {furthest:?}");
    }
}

#[test]
fn a_new_layout_is_noticed() {
    let geometry = geometry(8, 8, Fit::Crop { shorter: 8 });
    let mut preprocessor = Preprocessor::new(geometry).unwrap();
    let frames = [chirps(30, 20), chirps(20, 30), padded(&chirps(20, 30), 5)];
    for frame in frames.iter().chain(frames.iter().rev()) {
        let mut tensor = vec![0; geometry.tensor_len()];
        preprocessor.run(frame, &mut tensor).unwrap();
        assert_eq!(tensor, run(frame, geometry));
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_the_tensor() {
    let wide = geometry(48, 16, Fit::Crop { shorter: 20 });
    let mut preprocessor = Preprocessor::new(wide).unwrap();
    let mut tensor = vec![9; wide.tensor_len()];
    let error = preprocessor.run(&chirps(40, 40), &mut tensor).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a 40x40 frame is resized to 20x20, which cannot hold the model's 48x16"
    );
    let short = preprocessor.run(&chirps(100, 40), &mut tensor[1..]);
    assert_eq!(
        short,
        Err(PreprocessError::Tensor {
            needed: 2304,
            got: 2303
        })
    );
    assert!(tensor.iter().all(|&byte| byte == 9));
    assert!(preprocessor.run(&chirps(100, 40), &mut tensor).is_ok());
    assert!(Preprocessor::new(geometry(0, 8, Fit::Stretch)).is_err());
}

fn formats() -> impl Strategy<Value = PixelFormat> {
    prop::sample::select(&PixelFormat::ALL[..])
}

fn fits() -> impl Strategy<Value = Fit> {
    prop_oneof![
        Just(Fit::Stretch),
        (1..60_usize).prop_map(|shorter| Fit::Crop { shorter })
    ]
}

proptest! {
    #[test]
    fn padding_between_the_rows_changes_nothing(
        format in formats(), width in 1..50_usize, height in 1..50_usize, pad in 1..20_usize,
    ) {
        let frame = frame(format, width, height, |i| (i * 37 + i / 11) as u8);
        let geometry = geometry(9, 7, Fit::Crop { shorter: 11 });
        prop_assert_eq!(run(&padded(&frame, pad), geometry), run(&frame, geometry));
    }

    #[test]
    fn a_constant_picture_stays_constant(
        format in formats(), width in 1..300_usize, height in 1..300_usize,
        target in 1..60_usize, level in 0..=255_u8,
    ) {
        let frame = frame(format, width, height, |_| level);
        let tensor = run(&frame, geometry(target, 8, Fit::Stretch));
        for plane in tensor.chunks(target * 8) {
            prop_assert!(plane.iter().all(|&byte| byte == plane[0]));
        }
        let plain = matches!(format, PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey);
        prop_assert!(!plain || tensor[0] == level);
    }

    #[test]
    fn a_crop_is_the_middle_of_the_whole_resized_picture(
        format in formats(), width in 1..50_usize, height in 1..50_usize,
        across in 1..20_usize, down in 1..20_usize,
    ) {
        let frame = frame(format, width, height, |i| (i * 37 + i / 11) as u8);
        let crop = geometry(across, down, Fit::Crop { shorter: 20 });
        let (x, y) = crop.place((width, height)).unwrap();
        let whole = run(&frame, geometry(x.resized, y.resized, Fit::Stretch));
        let cut: Vec<u8> = whole
            .chunks(x.resized)
            .enumerate()
            .filter(|(row, _)| (y.start..y.start + y.len).contains(&(row % y.resized)))
            .flat_map(|(_, row)| &row[x.start..x.start + x.len])
            .copied()
            .collect();
        prop_assert_eq!(run(&frame, crop), cut);
    }

    #[test]
    fn no_size_and_no_bytes_make_it_panic(
        format in formats(), width in 0..80_usize, height in 0..80_usize,
        stride in 0..300_usize, len in 0..30_000_usize,
        across in 0..40_usize, down in 0..40_usize, fit in fits(),
    ) {
        let layout = FrameLayout {
            strides: [stride, stride / 2, stride / 2],
            ..FrameLayout::packed(format, width, height)
        };
        let frame = Frame::new(layout, vec![77; len]);
        let preprocessor = Preprocessor::new(geometry(across, down, fit));
        if let (Ok(frame), Ok(mut preprocessor)) = (frame, preprocessor) {
            let mut tensor = vec![0; preprocessor.geometry().tensor_len()];
            let _ = preprocessor.run(&frame, &mut tensor);
        }
    }
}
