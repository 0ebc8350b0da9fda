//! A loaded network, shared by its streams.

use praxiscope_kernels::Isa;
use tract_core::internal::*;

use super::{FrameId, ModelError, Scores, StreamError, one_line};
use crate::bundle::{Bundle, BundleError, Clip, Manifest};
use crate::step::{Input, Program};

/// A network ready to run. Clones share the weights.
#[derive(Clone, Debug)]
pub struct Model {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manifest: Manifest,
    digest: String,
    network: Network,
    frame_shape: TVec<usize>,
    time_axis: usize,
    /// The network's input for each colour channel and each of the 256 levels.
    levels: [[f32; 256]; 3],
    /// The 8-bit values that stand for them in an integer program.
    values: [[i8; 256]; 3],
    state_bytes: usize,
}

/// What computes the answers.
#[derive(Debug)]
pub(super) enum Network {
    /// Frame by frame.
    Step(Arc<Program>),
    /// A window of the last frames, by tract.
    Clip {
        plan: Arc<TypedSimplePlan>,
        clip: Clip,
    },
}

impl Model {
    /// Prepares a bundle's network to run.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn load(bundle: &Bundle) -> Result<Model, ModelError> {
        Model::load_for(bundle, Isa::best())
    }

    /// The same for a bundle that is needed no more: its bytes make place for the packed weights.
    ///
    /// # Errors
    /// Any [`ModelError`].
    pub fn take(bundle: Bundle) -> Result<Model, ModelError> {
        let (manifest, digest) = (bundle.manifest().clone(), bundle.digest());
        let graph = bundle.graph()?;
        drop(bundle);
        Model::prepare(manifest, digest, graph, Isa::best())
    }

    /// The same for an instruction set chosen by hand; clip mode chooses its own.
    ///
    /// # Errors
    /// Any [`ModelError`]; [`ModelError::Graph`] also when this CPU has no such instructions.
    pub fn load_for(bundle: &Bundle, isa: Isa) -> Result<Model, ModelError> {
        let manifest = bundle.manifest().clone();
        Model::prepare(manifest, bundle.digest(), bundle.graph()?, isa)
    }

    fn prepare(
        manifest: Manifest,
        digest: String,
        graph: TypedModel,
        isa: Isa,
    ) -> Result<Model, ModelError> {
        let failed = |error: TractError| ModelError::Graph(one_line(&error));
        let (network, frame_shape, time_axis) = match manifest.clip {
            None => {
                let program = Program::compile_for(&graph, isa).map_err(failed)?;
                let shape = check_program(&program, &manifest)?;
                // What reading the weights left free is room for the work.
                drop(graph);
                let taken = program.take_memory();
                taken.map_err(|error| ModelError::Graph(error.to_string()))?;
                (Network::Step(program), shape, 0)
            }
            Some(clip) => {
                let (shape, axis) = input_layout(&graph, &manifest)?;
                check_output(&graph, &manifest)?;
                let optimised = graph.into_optimized().map_err(failed)?;
                let plan = TypedSimplePlan::new(optimised).map_err(failed)?;
                (Network::Clip { plan, clip }, shape, axis)
            }
        };
        let state_bytes = match &network {
            Network::Step(program) => program.facts().state_bytes as usize,
            Network::Clip { clip, .. } => {
                clip.frames * frame_shape.iter().product::<usize>() * size_of::<f32>()
            }
        };
        let levels = manifest.input.levels();
        let quantization = match &network {
            Network::Step(program) => program.input_quantization(),
            Network::Clip { .. } => None,
        };
        let values = levels.map(|levels: [f32; 256]| {
            levels.map(|level| quantization.map_or(0, |quantization| quantization.value(level)))
        });
        Ok(Model {
            shared: Arc::new(Shared {
                network,
                digest,
                frame_shape,
                time_axis,
                levels,
                values,
                state_bytes,
                manifest,
            }),
        })
    }

    /// Labels, input, clock and events.
    pub fn manifest(&self) -> &Manifest {
        &self.shared.manifest
    }

    /// The bundle's digest; a saved state names it.
    pub fn digest(&self) -> &str {
        &self.shared.digest
    }

    /// The shape of one frame: `[1, 3, H, W]`, or `[1, 3, 1, H, W]` for networks with an axis of time.
    pub fn frame_shape(&self) -> &[usize] {
        &self.shared.frame_shape
    }

    /// The axis of time in the network's input.
    pub fn time_axis(&self) -> usize {
        self.shared.time_axis
    }

    /// Bytes that one stream keeps from step to step: its operators' past, in clip mode its window.
    pub fn state_bytes(&self) -> usize {
        self.shared.state_bytes
    }

    /// The step program; none in clip mode.
    pub fn program(&self) -> Option<&Arc<Program>> {
        match &self.shared.network {
            Network::Step(program) => Some(program),
            Network::Clip { .. } => None,
        }
    }

    pub(super) fn network(&self) -> &Network {
        &self.shared.network
    }

    /// From bytes (planar, the model's colour order) to the pixels `[H, W, 3]` that a step program
    /// takes.
    pub(super) fn fill(&self, bytes: &[u8], pixels: Input<'_>) {
        match pixels {
            Input::Numbers(pixels) => interleave_by(&self.shared.levels, bytes, pixels),
            Input::Values(pixels, _) => interleave_by(&self.shared.values, bytes, pixels),
        }
    }

    /// From bytes (planar, the model's colour order) to the network's input.
    pub(super) fn normalise(&self, pixels: &[u8]) -> Tensor {
        let plane = pixels.len() / 3;
        let values = self
            .shared
            .levels
            .iter()
            .zip(pixels.chunks(plane.max(1)))
            .flat_map(|(levels, plane)| plane.iter().map(|&value| levels[usize::from(value)]));
        let shape = self.frame_shape();
        let flat = tract_ndarray::Array1::from_iter(values);
        match flat.into_shape_with_order(shape) {
            Ok(frame) => frame.into_tensor(),
            Err(_) => Tensor::zero_dt(f32::datum_type(), &[0]).unwrap_or_default(),
        }
    }

    pub(super) fn scores(
        &self,
        logits: Vec<f32>,
        answered: FrameId,
        decided: u64,
    ) -> Result<Scores, StreamError> {
        if logits.len() != self.manifest().labels.len() {
            return Err(StreamError::Network(format!(
                "it gave {} scores",
                logits.len()
            )));
        }
        Ok(Scores {
            frame: answered.number,
            time: answered.time,
            decided,
            probabilities: probabilities(&logits)
                .into_iter()
                .map(|probability| probability as f32)
                .collect(),
            logits,
        })
    }
}

/// The shape of one frame as others see it, `[1, 3, H, W]`; the program is held against the manifest.
fn check_program(program: &Program, manifest: &Manifest) -> Result<TVec<usize>, ModelError> {
    let geometry = &manifest.input.geometry;
    let (found, promised) = (program.input_shape(), [geometry.height, geometry.width, 3]);
    if found != promised {
        return Err(ModelError::Input {
            found: format!("{found:?}"),
            promised: format!("{promised:?}"),
        });
    }
    let (logits, labels) = (
        program.output_shape().iter().product::<usize>(),
        manifest.labels.len(),
    );
    if logits != labels {
        return Err(ModelError::LabelCount { labels, logits });
    }
    match program.facts().answers_at_once {
        0..=1 => Ok(tvec![1, 3, geometry.height, geometry.width]),
        answers => Err(ModelError::Graph(format!(
            "it gives {answers} answers for one frame"
        ))),
    }
}

/// The shape of one frame and the axis of time, held against the manifest.
fn input_layout(
    graph: &TypedModel,
    manifest: &Manifest,
) -> Result<(TVec<usize>, usize), ModelError> {
    let failed = |error: TractError| ModelError::Graph(one_line(&error));
    if graph.inputs.len() != 1 || graph.outputs.is_empty() {
        let (inputs, outputs) = (graph.inputs.len(), graph.outputs.len());
        return Err(ModelError::Graph(format!(
            "it has {inputs} inputs and {outputs} outputs"
        )));
    }
    let fact = graph.input_fact(0).map_err(failed)?;
    let (height, width) = (
        manifest.input.geometry.height,
        manifest.input.geometry.width,
    );
    let frames = manifest.clip.map_or(1, |clip| clip.frames);
    let (shape, time_axis) = match fact.rank() {
        5 => (tvec![1, 3, frames, height, width], 2),
        _ => (tvec![frames, 3, height, width], 0),
    };
    if fact.shape.as_concrete() != Some(&*shape) || fact.datum_type != f32::datum_type() {
        return Err(ModelError::Input {
            found: format!("{fact:?}"),
            promised: format!("{shape:?}"),
        });
    }
    let mut frame = shape;
    frame[time_axis] = 1;
    Ok((frame, time_axis))
}

fn check_output(graph: &TypedModel, manifest: &Manifest) -> Result<(), ModelError> {
    let failed = |error: TractError| ModelError::Graph(one_line(&error));
    let fact = graph.output_fact(0).map_err(failed)?;
    let logits = fact
        .shape
        .as_concrete()
        .map(|shape| shape.iter().product::<usize>());
    let labels = manifest.labels.len();
    match logits {
        Some(logits) if logits == labels && fact.datum_type == f32::datum_type() => Ok(()),
        Some(logits) => Err(ModelError::LabelCount { labels, logits }),
        None => Err(ModelError::Bundle(BundleError::Graph(format!(
            "it gives {fact:?}"
        )))),
    }
}

/// Softmax in float64, in order and with one exponential for all platforms: the same bits everywhere.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits
        .iter()
        .map(|&x| libm::exp(f64::from(x - largest)))
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// What stands for each byte of the planes, pixel by pixel.
fn interleave_by<T: Copy>(levels: &[[T; 256]; 3], bytes: &[u8], pixels: &mut [T]) {
    let plane = pixels.len() / 3;
    for (channel, (levels, plane)) in levels.iter().zip(bytes.chunks(plane.max(1))).enumerate() {
        let places = pixels.iter_mut().skip(channel).step_by(3);
        for (pixel, byte) in places.zip(plane) {
            *pixel = levels[usize::from(*byte)];
        }
    }
}
