//! Whether a batch of frames is only that, or a clip.
//!
//! A network exported with an open first dimension may take pictures that know nothing of each other,
//! or the frames of a clip stacked there, as TSM's are. Nothing in the file tells which, so it is run.

use tract_onnx::prelude::*;

/// Frames of the batch that is tried.
pub const BATCH: usize = 3;
/// Of the largest score: far above rounding, far below what a shift changes.
const TOLERANCE: f32 = 1e-3;

/// Whether `batch`, a network over [`BATCH`] frames, gives each frame what `single`, the same network
/// over one frame, gives it alone.
///
/// # Errors
/// When tract refuses to run one of them.
pub fn frames_are_independent(single: &TypedModel, batch: &TypedModel) -> TractResult<bool> {
    let [single, batch] = [single, batch]
        .map(|graph| TypedSimplePlan::new(graph.clone().into_decluttered()?.into_optimized()?));
    let (single, batch) = (single?, batch?);
    let shape = batch.model().input_fact(0)?.shape.as_concrete();
    let frames = noise(shape.unwrap_or(&[]))?;
    let together = batch.run(tvec!(frames.clone().into_tvalue()))?.remove(0);
    if together.shape().first() != Some(&BATCH) {
        return Ok(false);
    }
    let scale = largest(&together)?;
    for frame in 0..BATCH {
        let alone = single
            .run(tvec!(frames.slice(0, frame, frame + 1)?.into_tvalue()))?
            .remove(0);
        let row = together.slice(0, frame, frame + 1)?;
        let apart =
            row.to_plain_array_view::<f32>()?.to_owned() - alone.to_plain_array_view::<f32>()?;
        let same = apart.iter().all(|d| d.abs() <= TOLERANCE * scale);
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn largest(tensor: &Tensor) -> TractResult<f32> {
    let values = tensor.to_plain_array_view::<f32>()?;
    Ok(values
        .iter()
        .fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs())))
}

/// Values between -1 and 1, the same ones every time.
fn noise(shape: &[usize]) -> TractResult<Tensor> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
    Tensor::from_shape(shape, &values)
}
