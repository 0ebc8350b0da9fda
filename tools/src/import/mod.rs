//! Exported ONNX files as graphs in which time is visible.
//!
//! What is read today: plain per-frame networks, and step networks whose caches are one-way temporal
//! shifts. With a fixed window any clip network can be run as it is ([`Want::Clip`]).

mod caches;
mod independence;
mod slices;

use std::path::{Path, PathBuf};

use thiserror::Error;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::InferenceFact;

use crate::network::Network;

/// What an ONNX file shall become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// A network that takes one frame at a time.
    Step,
    /// The network as it is, over windows of this many frames.
    Clip {
        /// Frames of a window; `None` takes the file's.
        frames: Option<usize>,
    },
}

/// An ONNX file that was read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network.
    pub network: Network,
    /// What the file's own inputs and outputs are.
    pub ports: Ports,
}

/// A step network's inputs and outputs, by their place in the ONNX file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// The input that takes the frame.
    pub frame: usize,
    /// The output that gives the scores.
    pub scores: usize,
    /// Outputs, and the inputs that take their values in the next step.
    pub carried: Vec<(usize, usize)>,
}

/// Why an ONNX file was refused.
#[derive(Debug, Error)]
pub enum ImportError {
    /// Not an ONNX file, or one with operators that are not known.
    #[error("cannot read the ONNX file {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// No input looks like a frame.
    #[error("the network has no input that takes frames: {0}")]
    NoFrame(String),
    /// The picture's size stands neither in the file nor on the command line.
    #[error("the network leaves the size of its frames open; say it with --size")]
    SizeOpen,
    /// The picture's size stands in the file and is another.
    #[error("the network takes frames of {found}, not {wanted}")]
    SizeOther {
        /// Height x width in the file.
        found: String,
        /// Height x width asked for.
        wanted: String,
    },
    /// A clip network where a step network was wanted.
    #[error(
        "the network takes {frames} frames at once, and turning clip networks from ONNX into \
         frame-by-frame programs is not built yet; convert it with --mode clip, or convert its \
         checkpoint with --family"
    )]
    ClipNetwork {
        /// Frames of its clip.
        frames: String,
    },
    /// The window's length stands nowhere.
    #[error("the network leaves the number of frames open; say it with --frames")]
    FramesOpen,
    /// A cache that is no temporal shift.
    #[error("the network's cache input {input:?} is not a temporal shift: {reason}")]
    Cache {
        /// The graph input.
        input: String,
        /// What was found instead.
        reason: String,
    },
    /// An output that nobody carries on.
    #[error("the network has {0} outputs besides its caches; exactly one, the scores, is needed")]
    Outputs(usize),
    /// A window that is answered more than once.
    #[error(
        "the network gives {0} rows of scores for one window, and one is needed; end it with the mean \
         over them when it is exported"
    )]
    Rows(usize),
    /// tract refuses the graph.
    #[error("the network cannot be used: {0}")]
    Graph(String),
}

/// Reads an ONNX file.
///
/// `size` is height and width; needed where the file leaves them open.
///
/// # Errors
/// Any [`ImportError`].
pub fn onnx(
    path: &Path,
    want: Want,
    size: Option<(usize, usize)>,
) -> Result<Imported, ImportError> {
    let failed = |error: TractError| ImportError::Graph(one_line(&error));
    let unreadable = |reason: String| ImportError::Read {
        path: path.into(),
        reason,
    };
    let read = || {
        tract_onnx::onnx()
            .with_ignore_output_shapes(true)
            // What an exporter wrote about shapes in between can contradict a batch of one.
            .with_ignore_value_info(true)
            .model_for_path(path)
    };
    // The parser is not ours, and a file may be anything: what panics in there is a bad file.
    let model = std::panic::catch_unwind(read)
        .map_err(|_| unreadable("its parser gave up".into()))?
        .map_err(|error| unreadable(one_line(&error)))?;
    let frame = Frame::find(&model).map_err(failed)?;
    let frame = frame.ok_or_else(|| ImportError::NoFrame(list_inputs(&model)))?;
    let (height, width) = frame.size(size)?;
    let frames = match want {
        Want::Step => frame.single()?,
        Want::Clip { frames } => frame.window(frames)?,
    };
    let shape = frame.shape(frames, height, width);
    let graph = fix_inputs(model.clone(), frame.input, &shape).map_err(failed)?;
    if want == Want::Step && frame.is_open_batch() && graph.inputs.len() == 1 {
        let shape = frame.shape(independence::BATCH, height, width);
        // A graph that only one number of frames fits is not one of single frames.
        let independent = fix_inputs(model, frame.input, &shape)
            .and_then(|batch| independence::frames_are_independent(&graph, &batch));
        if !independent.unwrap_or(false) {
            return Err(ImportError::ClipNetwork {
                frames: "any number of".into(),
            });
        }
    }
    let (graph, ports) = match want {
        Want::Step => caches::own(graph, frame.input)?,
        Want::Clip { .. } if graph.inputs.len() == 1 => (graph, Ports::default()),
        Want::Clip { .. } => {
            let cache = graph.inputs[usize::from(frame.input == 0)];
            let input = graph.node(cache.node).name.clone();
            let reason = "a step network has no clip mode".into();
            return Err(ImportError::Cache { input, reason });
        }
    };
    if graph.outputs.len() != 1 {
        return Err(ImportError::Outputs(graph.outputs.len()));
    }
    let network = Network::new(graph, frames, (height, width)).map_err(failed)?;
    let output = network.graph.output_fact(0).map_err(failed)?;
    match output.shape.as_concrete() {
        Some([rows, _, ..]) if *rows != 1 => return Err(ImportError::Rows(*rows)),
        _ => {}
    }
    Ok(Imported { network, ports })
}

/// The input that takes frames, as the file declares it.
struct Frame {
    input: usize,
    dims: TVec<Option<usize>>,
}

impl Frame {
    /// The only input, or the one with three channels and the largest picture.
    fn find(model: &InferenceModel) -> TractResult<Option<Frame>> {
        let mut best: Option<Frame> = None;
        for input in 0..model.inputs.len() {
            let fact = model.input_fact(input)?;
            let dims = dims(fact);
            let candidate = Frame { input, dims };
            let looks_right = matches!(candidate.dims.len(), 4 | 5)
                && matches!(candidate.dims[1], Some(3) | None);
            if looks_right
                && best
                    .as_ref()
                    .is_none_or(|b| b.pixels() < candidate.pixels())
            {
                best = Some(candidate);
            }
        }
        Ok(best)
    }

    /// An open size counts as large: caches have theirs written down.
    fn pixels(&self) -> usize {
        self.dims
            .iter()
            .skip(self.dims.len() - 2)
            .map(|d| d.unwrap_or(1 << 12))
            .product()
    }

    fn time_axis(&self) -> usize {
        if self.dims.len() == 5 { 2 } else { 0 }
    }

    fn size(&self, wanted: Option<(usize, usize)>) -> Result<(usize, usize), ImportError> {
        let rank = self.dims.len();
        let resolve = |axis: usize, wanted: Option<usize>| match (self.dims[axis], wanted) {
            (Some(found), Some(wanted)) if found != wanted => Err(ImportError::SizeOther {
                found: format!(
                    "{:?}x{:?}",
                    self.dims[rank - 2].unwrap_or(0),
                    self.dims[rank - 1].unwrap_or(0)
                ),
                wanted: format!("{wanted} at axis {axis}"),
            }),
            (Some(found), _) => Ok(found),
            (None, Some(wanted)) => Ok(wanted),
            (None, None) => Err(ImportError::SizeOpen),
        };
        Ok((
            resolve(rank - 2, wanted.map(|s| s.0))?,
            resolve(rank - 1, wanted.map(|s| s.1))?,
        ))
    }

    fn single(&self) -> Result<usize, ImportError> {
        match self.dims[self.time_axis()] {
            Some(1) => Ok(1),
            None if self.dims.len() == 4 => Ok(1),
            Some(frames) => Err(ImportError::ClipNetwork {
                frames: frames.to_string(),
            }),
            None => Err(ImportError::ClipNetwork {
                frames: "any number of".into(),
            }),
        }
    }

    fn is_open_batch(&self) -> bool {
        self.dims.len() == 4 && self.dims[0].is_none()
    }

    fn window(&self, wanted: Option<usize>) -> Result<usize, ImportError> {
        match (self.dims[self.time_axis()], wanted) {
            (Some(found), Some(wanted)) if found != wanted => Err(ImportError::SizeOther {
                found: format!("{found} frames"),
                wanted: wanted.to_string(),
            }),
            (found, wanted) => found.or(wanted).ok_or(ImportError::FramesOpen),
        }
    }

    fn shape(&self, frames: usize, height: usize, width: usize) -> TVec<usize> {
        match self.dims.len() {
            5 => tvec![1, 3, frames, height, width],
            _ => tvec![frames, 3, height, width],
        }
    }
}

fn dims(fact: &InferenceFact) -> TVec<Option<usize>> {
    fact.shape
        .dims()
        .map(|dim| dim.concretize().and_then(|d| d.to_usize().ok()))
        .collect()
}

fn list_inputs(model: &InferenceModel) -> String {
    let inputs = model.inputs.iter().map(|input| {
        let node = model.node(input.node);
        format!("{} {:?}", node.name, node.outputs[input.slot].fact)
    });
    inputs.collect::<Vec<_>>().join(", ")
}

/// Gives every input a concrete shape: the frame's, and a batch of one for caches.
fn fix_inputs(mut model: InferenceModel, frame: usize, shape: &[usize]) -> TractResult<TypedModel> {
    for input in 0..model.inputs.len() {
        let shape: TVec<usize> = if input == frame {
            shape.into()
        } else {
            dims(model.input_fact(input)?)
                .iter()
                .map(|dim| dim.unwrap_or(1))
                .collect()
        };
        model.set_input_fact(input, f32::fact(&shape).into())?;
    }
    let mut graph = model.into_typed()?;
    graph.prop_consts()?;
    Ok(graph)
}

pub(crate) fn one_line(error: &TractError) -> String {
    format!("{error:#}")
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}
