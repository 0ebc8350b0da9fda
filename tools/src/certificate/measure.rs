//! Step programs against their clip graphs.

use ndarray::{Array2, Array3, ArrayD};
use praxiscope_runtime::step::Program;
use tract_core::internal::*;

use super::{Comparison, MOST_TOLERATED, ROUNDINGS, TOLERANCE};
use crate::streaming::{
    Options, StepProgram, Window, clip_output, clip_output_as_is, features, frames_of, noise, over,
    step_rows, to_step,
};

/// Receptive fields that the recording is long.
const FIELDS: usize = 4;
/// Multiply-adds that a comparison may cost before it is done with smaller pictures.
const BUDGET: u64 = 200_000_000_000;
/// Pictures are not made smaller than this.
const LEAST_SIDE: usize = 32;

/// A network that was lowered.
pub struct Subject<'a> {
    /// The clip graph over the network's own clip.
    pub clip: &'a TypedModel,
    /// How it was lowered.
    pub options: Options,
    /// Height and width of a frame.
    pub size: (usize, usize),
    /// The clip graph for pictures of another size, if there is one.
    pub resized: &'a dyn Fn((usize, usize)) -> Option<TypedModel>,
}

/// Holds the program against the clip graph over a recording of noise, row by row, warm-up and end
/// included: at the last features, and at the output with the window of its last mean.
///
/// # Errors
/// When the graph cannot be made longer, or does not run.
pub fn over_a_recording(subject: &Subject) -> TractResult<Vec<Comparison>> {
    let program = to_step(subject.clip, &subject.options)?;
    let native = frames_of(subject.clip);
    // The rows themselves, whatever the last mean is over.
    let by_row = Options {
        window: Window::Native,
        ..subject.options
    };
    let outlets = features(subject.clip, &by_row)?;
    let mut field = 1;
    let mut stride = program.stride * program.rows_apart;
    for outlet in &outlets {
        let features = to_step(&ending_with(subject.clip, *outlet)?, &by_row)?;
        let facts = *Program::compile(&features.graph)?.facts();
        field = field.max(
            facts
                .receptive_field()
                .map_or(native, |field| field as usize),
        );
        stride = stride.max(features.stride * features.rows_apart);
    }
    if outlets.is_empty() {
        let facts = *Program::compile(&program.graph)?.facts();
        field = facts
            .receptive_field()
            .map_or(native, |field| field as usize);
    }
    let frames = native
        + (FIELDS * field)
            .saturating_sub(native)
            .div_ceil(stride)
            .max(1)
            * stride;
    let (size, clip) = affordable(subject, &program, frames, outlets.len() + 1)?;
    let recording = noise(frames, size);
    let pictures = match size == subject.size {
        true => "its own size".to_owned(),
        false => format!("{}x{} pixels", size.0, size.1),
    };
    let input = format!("{frames} frames of noise of {pictures}, {FIELDS} receptive fields");
    let mut comparisons = vec![];
    for outlet in features(&clip, &by_row)? {
        let graph = ending_with(&clip, outlet)?;
        let what = "step program against the clip graph over the recording: last features";
        comparisons.push(compared(&graph, &by_row, &recording, (what, &input))?);
    }
    let what = "step program against the clip graph over the recording: logits";
    comparisons.push(compared(
        &clip,
        &subject.options,
        &recording,
        (what, &input),
    )?);
    Ok(comparisons)
}

fn ending_with(graph: &TypedModel, outlet: OutletId) -> TractResult<TypedModel> {
    let mut graph = graph.clone();
    graph.select_output_outlets(&[outlet])?;
    Ok(graph)
}

/// Pictures that are small enough, and the clip graph for them.
fn affordable(
    subject: &Subject,
    program: &StepProgram,
    frames: usize,
    runs: usize,
) -> TractResult<((usize, usize), TypedModel)> {
    let facts = *Program::compile(&program.graph)?.facts();
    let mut cost = facts.multiply_adds_per_frame() as u64 * (frames * runs * 2) as u64;
    let mut found = (subject.size, subject.clip.clone());
    while cost > BUDGET {
        let (height, width) = found.0;
        let size = ((height / 2).max(LEAST_SIDE), (width / 2).max(LEAST_SIDE));
        let Some(clip) = (subject.resized)(size).filter(|_| size != found.0) else {
            break;
        };
        found = (size, clip);
        cost /= 4;
    }
    Ok(found)
}

fn compared(
    graph: &TypedModel,
    options: &Options,
    recording: &[Array3<f32>],
    (what, input): (&str, &str),
) -> TractResult<Comparison> {
    let program = to_step(graph, options)?;
    let compiled = Program::compile(&program.graph)?;
    // Where every frame is answered, those are compared that the clip graph has a row for.
    let rows = |recording: &[Array3<f32>]| -> TractResult<ArrayD<f32>> {
        let rows = step_rows(&compiled, recording)?;
        let rows: Vec<Vec<f32>> = rows.into_iter().step_by(program.rows_apart).collect();
        let shape = (rows.len(), rows.first().map_or(0, Vec::len));
        Ok(Array2::from_shape_vec(shape, rows.concat())?.into_dyn())
    };
    let ours = rows(recording)?;
    let long = over(graph, recording.len(), options)?;
    let against = |wanted: ArrayD<f32>| {
        let reference = "the clip graph over the whole recording, by tract";
        compare([what, reference, input], &ours, &wanted)
    };
    let mut found = against(clip_output(&long, recording)?)?;
    if !found.is_good() {
        // tract's optimizer may be what is wrong.
        found = against(clip_output_as_is(&long, recording)?)?;
    }
    if !found.is_good() && !program.changes.is_empty() {
        let other = rows(&neighbouring(recording))?;
        let (_, apart) = apart(&other, &ours)?;
        found.tolerance = (ROUNDINGS * apart).clamp(TOLERANCE, MOST_TOLERATED);
        found.rounding = Some(apart);
    }
    Ok(found)
}

/// The recording with every number a neighbouring one.
fn neighbouring(recording: &[Array3<f32>]) -> Vec<Array3<f32>> {
    let mut state = 1u32;
    let mut neighbour = |number: f32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state >> 31 {
            0 => number.next_down(),
            _ => number.next_up(),
        }
    };
    let recording = recording.iter();
    recording.map(|frame| frame.mapv(&mut neighbour)).collect()
}

/// Our rows against the reference's: what was compared, with whom and on what.
pub(super) fn compare(
    [what, reference, input]: [&str; 3],
    ours: &ArrayD<f32>,
    theirs: &ArrayD<f32>,
) -> TractResult<Comparison> {
    let (largest_difference, relative_difference) = apart(ours, theirs)?;
    Ok(Comparison {
        what: what.into(),
        reference: reference.into(),
        input: input.into(),
        rows: ours.shape().first().copied().unwrap_or(0),
        largest_difference,
        relative_difference,
        tolerance: TOLERANCE,
        rounding: None,
    })
}

/// The largest difference of a number, and the same in parts of the reference's largest number.
fn apart(ours: &ArrayD<f32>, reference: &ArrayD<f32>) -> TractResult<(f64, f64)> {
    ensure!(
        ours.shape() == reference.shape(),
        "ours gives {:?}, the reference {:?}",
        ours.shape(),
        reference.shape()
    );
    let scale = reference
        .iter()
        .fold(0f64, |most, x| most.max(f64::from(x.abs())));
    let apart = ours
        .iter()
        .zip(reference)
        .map(|(a, b)| f64::from((a - b).abs()));
    let largest = apart.fold(0f64, |most, d| {
        if d.is_nan() {
            f64::INFINITY
        } else {
            most.max(d)
        }
    });
    let relative = match largest == 0.0 {
        true => 0.0,
        false => largest / scale,
    };
    Ok((largest, relative))
}
