//! Exported ONNX files as graphs in which time is visible.
//!
//! A file becomes a *clip graph* ([`Want::Clip`]): the network over a whole clip, in which every
//! temporal operator is one node, whatever an exporter made of it. Networks of single frames, and
//! step networks whose caches are one-way temporal shifts, become step programs ([`Want::Step`]).

mod branches;
mod caches;
mod canonical;
mod error;
mod file;
mod independence;
mod indices;
mod layout;
mod pathways;
mod quantized;
mod shapes;
mod slices;
mod strides;

use std::path::Path;

use praxiscope_models::SlowFrames;
use tract_onnx::prelude::*;

use crate::network::Network;

pub use error::ImportError;
pub(crate) use file::quiet;
pub use layout::{Layout, Role, stack};
pub use pathways::{Slow, part as part_pathways, picked as picked_pathway};
pub use quantized::{Quantization, Scales};

use canonical::Canonical;
use layout::Frames;

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
    /// The network, to be run or written into a bundle.
    pub network: Network,
    /// The same as a clip graph, in which every temporal operator is one node: input `[T, 3, H, W]`
    /// or `[1, 3, T, H, W]`, one output of scores. Of a network of two pathways there are two inputs,
    /// in the order of the file. Not decluttered: tract tears operators apart when it declutters.
    pub clip: TypedModel,
    /// What the file's own inputs and outputs are.
    pub ports: Ports,
    /// How the tensors of a QDQ network were quantized; empty for a float network.
    pub scales: Scales,
    /// Whether the file holds for clips of other lengths as well.
    pub is_open: bool,
    /// What a user must know.
    pub warnings: Vec<String>,
}

/// A step network's inputs and outputs, by their place in the ONNX file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// The input that takes the frame.
    pub frame: usize,
    /// How it lies; `None` as in [`Imported::clip`].
    pub layout: Option<Layout>,
    /// The output that gives the scores.
    pub scores: usize,
    /// Outputs, and the inputs that take their values in the next step.
    pub carried: Vec<(usize, usize)>,
    /// The second input of a network of two pathways.
    pub slow: Option<Slow>,
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
    let (model, scales) = file::read(path)?;
    let found = Frames::find(&model).map_err(failed)?;
    let frame = found.first();
    let frame = frame.ok_or_else(|| ImportError::NoFrame(list_inputs(&model)))?;
    let read = Read {
        size: frame.size(size)?,
        frame,
        model: &model,
    };
    let mut imported = match want {
        Want::Step => read.step()?,
        Want::Clip { frames } => read.clip(&found, frames)?,
    };
    if !scales.is_empty() {
        imported.warnings.push(format!(
            "the network is quantized: it is read in float, the scales of its {} tensors are kept",
            scales.len()
        ));
    }
    imported.scales = scales;
    Ok(imported)
}

struct Read<'a> {
    model: &'a InferenceModel,
    frame: &'a Frames,
    size: (usize, usize),
}

impl Read<'_> {
    fn step(&self) -> Result<Imported, ImportError> {
        let frames = self.frame.single()?;
        let mut graph = self.fixed(frames).map_err(|error| {
            // Frames that are stacked there fit their own number alone.
            match self.frame.is_open_batch() && self.model.inputs.len() == 1 {
                true => any_number(),
                false => error,
            }
        })?;
        canonical::explicit_pools(&mut graph).map_err(failed)?;
        if self.frame.is_open_batch() && graph.inputs.len() == 1 {
            // A graph that only one number of frames fits is not one of single frames.
            let independent = self.fixed(independence::BATCH).and_then(|batch| {
                independence::frames_are_independent(&graph, &batch).map_err(failed)
            });
            if !independent.unwrap_or(false) {
                return Err(any_number());
            }
        }
        let (graph, ports) = caches::own(graph, self.frame.input)?;
        Imported::of_step(graph, ports, self.size)
    }

    /// The graph for so many frames in the layout of the file.
    fn fixed(&self, frames: usize) -> Result<TypedModel, ImportError> {
        let shape = self.frame.layout.shape(frames, self.size);
        shapes::fixed(self.model, &[(self.frame.input, shape)])
    }

    fn clip(&self, found: &[Frames], wanted: Option<usize>) -> Result<Imported, ImportError> {
        let clips: Vec<&Frames> = found.iter().filter(|other| other.dims.len() > 4).collect();
        let inputs = self.model.inputs.len();
        if inputs > 1 && clips.len() != inputs {
            let cache = self.model.inputs[usize::from(self.frame.input == 0)];
            let input = self.model.node(cache.node).name.clone();
            let reason = "a step network has no clip mode".into();
            return Err(ImportError::Cache { input, reason });
        }
        if inputs > 1 {
            return self.pathways(clips);
        }
        let frames = self.frame.window(wanted)?;
        let graph = self.fixed(frames).map_err(|error| {
            // Whatever was refused, another number of frames may be what the graph was made for.
            let is_open = self.frame.layout.frames(&self.frame.dims).is_none();
            let fits =
                |frames: &usize| *frames != wanted.unwrap_or(0) && self.fixed(*frames).is_ok();
            match is_open
                .then(|| shapes::USUAL_FRAMES.iter().find(|n| fits(n)))
                .flatten()
            {
                Some(&fits) => ImportError::FramesFixed { fits },
                None => error,
            }
        })?;
        let layout = &self.frame.layout;
        let native = layout.native(shapes::has_time_axis(&graph));
        let graph = shapes::with_input(&graph, &native, layout, frames, self.size);
        let canonical = canonical_of(&graph.map_err(failed)?)?;
        let ports = Ports {
            layout: Some(layout.clone()),
            ..Ports::default()
        };
        let mut imported = Imported::of_clip(canonical, ports, frames, self.size)?;
        imported.is_open = layout.frames(&self.frame.dims).is_none();
        if !layout.is_native() {
            imported.warnings.push(format!(
                "the file's input is {}; the network is given {}",
                layout.describe(),
                native.describe()
            ));
        }
        Ok(imported)
    }
}

impl Imported {
    /// A network of two pathways as one of a single clip, of which the shorter one is given these
    /// frames; any other as it is.
    ///
    /// # Errors
    /// [`ImportError::Graph`] when the two clips do not fit together.
    pub fn joined(mut self, frames: SlowFrames) -> Result<Imported, ImportError> {
        if let Some(slow) = &mut self.ports.slow {
            pathways::join(&mut self.clip, frames).map_err(failed)?;
            pathways::join(&mut self.network.graph, frames).map_err(failed)?;
            slow.frames = frames;
        }
        Ok(self)
    }

    /// Of a clip graph.
    fn of_clip(
        canonical: Canonical,
        ports: Ports,
        frames: usize,
        size: (usize, usize),
    ) -> Result<Imported, ImportError> {
        let Canonical {
            graph: clip,
            warnings,
        } = canonical;
        one_output(&clip)?;
        let graph = strides::picked(&clip).map_err(failed)?;
        // What a device would fail at is refused here.
        shapes::decluttered(&graph)?;
        let network = Network::of(graph, frames, size).map_err(failed)?;
        Ok(Imported {
            network,
            clip,
            ports,
            scales: Scales::new(),
            is_open: false,
            warnings,
        })
    }

    /// Of a step program.
    fn of_step(
        graph: TypedModel,
        ports: Ports,
        size: (usize, usize),
    ) -> Result<Imported, ImportError> {
        one_output(&graph)?;
        let network = Network::new(graph.clone(), 1, size).map_err(failed)?;
        Ok(Imported {
            network,
            clip: graph,
            ports,
            scales: Scales::new(),
            is_open: false,
            warnings: vec![],
        })
    }
}

/// A graph whose movement cannot be followed is still one that can be run.
fn canonical_of(graph: &TypedModel) -> Result<Canonical, ImportError> {
    let unfollowed = || Canonical {
        graph: graph.clone(),
        warnings: vec!["tract gave up while the network's operators were looked for".into()],
    };
    let canonical = quiet(|| canonical::canonical(graph));
    canonical.map_or_else(|| Ok(unfollowed()), |canonical| canonical.map_err(failed))
}

fn one_output(graph: &TypedModel) -> Result<(), ImportError> {
    match graph.outputs[..] {
        [_] => Ok(()),
        _ => Err(ImportError::Outputs(graph.outputs.len())),
    }
}

fn any_number() -> ImportError {
    ImportError::ClipNetwork {
        frames: "any number of".into(),
    }
}

fn failed(error: TractError) -> ImportError {
    ImportError::Graph(one_line(&error))
}

fn list_inputs(model: &InferenceModel) -> String {
    let inputs = model.inputs.iter().map(|input| {
        let node = model.node(input.node);
        format!("{} {:?}", node.name, node.outputs[input.slot].fact)
    });
    inputs.collect::<Vec<_>>().join(", ")
}

/// What went wrong, and why, in one line.
pub fn one_line(error: &TractError) -> String {
    format!("{error:#}")
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}
