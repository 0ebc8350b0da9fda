//! The first convolution of S3D-G.

use ndarray::{Array5, ArrayD, Ix5};

use crate::build::BuildOptions;
use crate::checkpoint::Checkpoint;
use crate::error::BuildError;
use crate::layers::Window;
use crate::weights::Weights;

const CONV: &str = "conv1.conv1.weight";
const TEXT: &str = "text_module.";

/// The weights with a first convolution that sees frames, and what it sees of them; without the
/// text module.
///
/// Space-to-depth puts every 2x2x2 values of the clip into channels, where the published network
/// has a kernel of 2x4x4, padded by 1x2x2, and drops the first place along every axis. That is a
/// kernel of 4x8x8 over the frames themselves, in steps of two: one layer over time.
pub(super) fn undo(
    weights: Weights,
    options: &BuildOptions,
) -> Result<(Weights, Window), BuildError> {
    let behind = Window::of(&[4, 8, 8])
        .stride(2)
        .paddings(&[0, 2, 2], &[2, 4, 4]);
    let plain = Window::of(&[3, 7, 7]).stride(2);
    let Weights::Trained(checkpoint) = weights else {
        return Ok((weights, behind));
    };
    let is_plain = checkpoint
        .shape(CONV)
        .is_none_or(|shape| shape.get(1) == Some(&3));
    let tensors = checkpoint
        .iter()
        .filter(|(name, _)| !name.starts_with(TEXT));
    let tensors = tensors.map(|(name, tensor)| {
        let data = match name == CONV && !is_plain {
            true => over_frames(&tensor.data),
            false => tensor.data.clone(),
        };
        (name.to_owned(), data)
    });
    let weights = Weights::Trained(Checkpoint::from_tensors(tensors, checkpoint.file()));
    if is_plain {
        return Ok((weights, plain));
    }
    let (height, width) = options.size;
    if [options.frames, height, width]
        .iter()
        .all(|extent| extent % 2 == 0)
    {
        return Ok((weights, behind));
    }
    Err(BuildError::Options(format!(
        "this network's first layer puts 2x2x2 values into channels, so that a clip of {} frames \
         of {height}x{width} pixels, which are not even numbers all, does not suit it",
        options.frames
    )))
}

/// From `[outputs, (2, 2, 2, 3), 2, 4, 4]` to `[outputs, 3, 4, 8, 8]`. Any other shape stays, and
/// is found wrong when it is taken.
fn over_frames(kernel: &ArrayD<f32>) -> ArrayD<f32> {
    const COLOURS: usize = 3;
    let Ok(kernel) = kernel.view().into_dimensionality::<Ix5>() else {
        return kernel.clone();
    };
    let (outputs, channels, time, height, width) = kernel.dim();
    if (channels, time, height, width) != (8 * COLOURS, 2, 4, 4) {
        return kernel.to_owned().into_dyn();
    }
    let shape = (outputs, COLOURS, 4, 8, 8);
    let value = |(output, colour, t, y, x): (usize, usize, usize, usize, usize)| {
        let channel = (((t % 2) * 2 + y % 2) * 2 + x % 2) * COLOURS + colour;
        kernel[[output, channel, t / 2, y / 2, x / 2]]
    };
    Array5::from_shape_fn(shape, value).into_dyn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_finds_its_frame_and_pixel() {
        let shape = vec![1, 24, 2, 4, 4];
        let kernel = ArrayD::from_shape_fn(shape, |at| {
            (at[1] * 1000 + at[2] * 100 + at[3] * 10 + at[4]) as f32
        });
        let frames = over_frames(&kernel);
        assert_eq!(frames.shape(), [1, 3, 4, 8, 8]);
        // Frame 3 is the second of the second pair; row 2 the first, column 5 the second of theirs.
        assert_eq!(
            frames[[0, 1, 3, 2, 5]],
            ((4 + 1) * 3 + 1) as f32 * 1000.0 + 112.0
        );
    }

    #[test]
    fn a_kernel_of_another_shape_stays() {
        for shape in [
            vec![1, 23, 2, 4, 4],
            vec![0, 24, 1 << 40, 4, 4],
            vec![1, 24],
        ] {
            let kernel = ArrayD::zeros(shape.clone());
            assert_eq!(over_frames(&kernel).shape(), shape);
        }
    }
}
