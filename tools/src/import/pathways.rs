//! Networks of two clips, SlowFast's pathways, as networks of one.
//!
//! A camera gives one clip. The pathway of fewer frames is given some of them: the first of every so
//! many, or as many as evenly as can be, as the training code did.

use praxiscope_models::SlowFrames;
use praxiscope_runtime::ops::Sample;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::source::TypedSource;

use super::layout::Frames;
use super::{ImportError, Imported, Ports, Read, canonical_of, list_inputs, shapes};
use crate::streaming::frames_at;

/// The input of the pathway of fewer frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Its place in the ONNX file.
    pub input: usize,
    /// Frames of the other pathway for one of its own.
    pub every: usize,
    /// Which of them it is given.
    pub frames: SlowFrames,
}

impl Slow {
    /// The frames that it is given of all.
    pub fn of<T: Clone>(&self, frames: &[T]) -> Vec<T> {
        let numbers = match self.frames {
            SlowFrames::Packed => Sample {
                axis: 0,
                step: self.every,
            }
            .numbers(frames.len()),
            _ => (0..frames.len()).step_by(self.every.max(1)).collect(),
        };
        let picked = numbers.into_iter().filter_map(|number| frames.get(number));
        picked.cloned().collect()
    }
}

impl Read<'_> {
    /// A network of two clips: SlowFast's pathways.
    pub(super) fn pathways(&self, mut clips: Vec<&Frames>) -> Result<Imported, ImportError> {
        clips.sort_by_key(|clip| clip.input);
        let mut shapes = vec![];
        let mut lengths = vec![];
        for clip in clips {
            let frames = clip.window(None)?;
            if !clip.layout.is_native() {
                return Err(ImportError::NoFrame(list_inputs(self.model)));
            }
            shapes.push((clip.input, clip.layout.shape(frames, self.size)));
            lengths.push((frames, clip.input));
        }
        lengths.sort_unstable();
        let [(few, slow), (many, fast)] = lengths[..] else {
            return Err(ImportError::NoFrame(list_inputs(self.model)));
        };
        if few == 0 || few == many || !many.is_multiple_of(few) {
            return Err(ImportError::Pathways { few, many });
        }
        let graph = shapes::fixed(self.model, &shapes)?;
        let canonical = canonical_of(&graph)?;
        let ports = Ports {
            frame: fast,
            slow: Some(Slow {
                input: slow,
                every: many / few,
                frames: SlowFrames::Given,
            }),
            ..Ports::default()
        };
        Imported::of_clip(canonical, ports, many, self.size)
    }
}

fn time_axis(graph: &TypedModel, clip: OutletId) -> TractResult<usize> {
    let rank = graph.outlet_fact(clip)?.rank();
    Ok(if rank == 5 { 2 } else { 0 })
}

/// Gives the input of fewer frames some of the other one's, in place.
///
/// # Errors
/// When the graph has not two such inputs.
pub fn join(graph: &mut TypedModel, slow_frames: SlowFrames) -> TractResult<()> {
    let inputs = graph.input_outlets()?.to_vec();
    let frames = |input: &OutletId| frames_at(graph, *input).unwrap_or(0);
    let [one, other] = inputs[..] else {
        bail!("it has {} inputs", inputs.len());
    };
    let (slow, fast) = match frames(&one) < frames(&other) {
        true => (one, other),
        false => (other, one),
    };
    let (few, many) = (frames(&slow), frames(&fast));
    ensure!(
        few > 0 && few < many && many.is_multiple_of(few),
        "its clips have {few} and {many} frames"
    );
    let (axis, step) = (time_axis(graph, slow)?, many / few);
    let op: Box<dyn TypedOp> = match slow_frames {
        SlowFrames::Packed => Box::new(Sample { axis, step }),
        _ => Box::new(Downsample::new(axis, isize::try_from(step)?, 0)),
    };
    let made = op.output_facts(&[graph.outlet_fact(fast)?])?;
    ensure!(
        made[0].shape == graph.outlet_fact(slow)?.shape,
        "its clips have other frames: {:?} and {:?}",
        graph.outlet_fact(slow)?.shape,
        graph.outlet_fact(fast)?.shape
    );
    let node = graph.node_mut(slow.node);
    node.op = op;
    node.inputs = vec![fast];
    let read = InletId::new(slow.node, 0);
    graph.node_mut(fast.node).outputs[fast.slot]
        .successors
        .push(read);
    graph.inputs = vec![fast];
    Ok(())
}

/// The node of a joined graph that picks the frames of the pathway of fewer, and which it picks.
pub fn picked(graph: &TypedModel) -> Option<(usize, SlowFrames)> {
    let [source] = graph.inputs[..] else {
        return None;
    };
    let time = time_axis(graph, source).ok()?;
    let picks = |node: &TypedNode| -> Option<(usize, SlowFrames)> {
        (node.inputs[..] == [source]).then_some(())?;
        match (node.op_as::<Downsample>(), node.op_as::<Sample>()) {
            (Some(op), _) if op.axis == time => Some((node.id, SlowFrames::Strided)),
            (_, Some(op)) if op.axis == time => Some((node.id, SlowFrames::Packed)),
            _ => None,
        }
    };
    let mut found = graph.nodes().iter().filter_map(picks);
    found.next().filter(|_| found.next().is_none())
}

/// Gives the picked frames of a joined graph their own input again, the last one; `false` where there
/// are none.
///
/// # Errors
/// When tract refuses the graph.
pub fn part(graph: &mut TypedModel) -> TractResult<bool> {
    let Some((id, _)) = picked(graph) else {
        return Ok(false);
    };
    let fact = graph.outlet_fact(id.into())?.clone();
    let node = graph.node_mut(id);
    let source = node.inputs[0];
    node.op = Box::new(TypedSource::new(fact));
    node.inputs.clear();
    let successors = &mut graph.node_mut(source.node).outputs[source.slot].successors;
    successors.retain(|read| read.node != id);
    graph.inputs.push(id.into());
    Ok(true)
}
