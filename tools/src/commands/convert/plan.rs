//! From a source to a network, and how it shall be run.

use std::path::Path;

use anyhow::{Context, Result, bail};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_models::{BuildOptions, Colours, Family, Pathways, Rows};
use praxiscope_runtime::bundle::Mode;
use praxiscope_runtime::ops::{Border, ShiftDirection};
use praxiscope_tools::import::{self, ImportError, Imported, Ports, Want};
use praxiscope_tools::network::Network;
use praxiscope_tools::rewire::{concrete, rewire};
use praxiscope_tools::streaming::{self, Options, StepProgram, Window};
use tract_core::internal::{TVec, TractResult, TypedModel};

use super::options::{build_options, elsewhere, pathways, slow_frames};
use crate::cli::{Convert, ModeArg, Size, WindowArg};

/// A network, how it shall be run, and what a user must be told.
pub(super) struct Plan {
    pub network: Network,
    pub mode: Mode,
    /// The same network of whole clips for another length and size, where there is one.
    pub other: Option<TypedModel>,
    pub remarks: Vec<String>,
    /// The network over its own clip, written out for its one size.
    pub clip: TypedModel,
    /// Frame by frame, the program and how it was made.
    pub step: Option<(StepProgram, Options)>,
    /// The network over its own clip, for pictures of another size.
    pub resized: Box<dyn Fn((usize, usize)) -> Option<TypedModel>>,
    /// The source's inputs and outputs, where it is an ONNX file.
    pub ports: Option<Ports>,
    /// The colours that the network was trained on, where its family tells.
    pub colours: Option<Colours>,
    /// Whether the source computes with quantized numbers, and this network in float.
    pub is_quantized: bool,
    /// Whether the source holds for longer clips as well.
    pub is_open: bool,
}

impl Plan {
    pub fn of(arguments: &Convert) -> Result<Plan> {
        match (&arguments.source, arguments.family) {
            (source, Some(family)) => from_family(arguments, source.as_deref(), family),
            (Some(source), None) => from_onnx(arguments, source),
            (None, None) => bail!("neither a file nor a family was given"),
        }
    }
}

fn options(arguments: &Convert) -> Options {
    Options {
        dense: arguments.dense,
        window: match arguments.window {
            None => Window::Native,
            Some(WindowArg::Frames(frames)) => Window::Frames(frames),
            Some(WindowArg::All) => Window::All,
        },
    }
}

/// The network that runs a step program.
fn stepped(step: &StepProgram, size: (usize, usize)) -> TractResult<Network> {
    Network::of(step.graph.clone(), 1, size)
}

fn from_onnx(arguments: &Convert, source: &Path) -> Result<Plan> {
    let size = arguments.size.map(|Size(height, width)| (height, width));
    let read = |want| import::onnx(source, want, size);
    let clip = Want::Clip {
        frames: arguments.frames,
    };
    let mut remarks = vec![];
    let (imported, mode) = match (arguments.mode, read(Want::Step)) {
        (Some(ModeArg::Clip), _) => (read(clip)?, Mode::Clip),
        (Some(ModeArg::Stream), Err(ImportError::ClipNetwork { .. })) => {
            (read(clip)?, Mode::Stream)
        }
        (_, Ok(imported)) => (imported, Mode::Stream),
        (None, Err(ImportError::ClipNetwork { .. })) => {
            let imported = read(clip)?;
            remarks.push(format!(
                "the network takes {} frames at once, so this bundle recomputes its window every {} \
                 frames (clip mode); --mode stream makes a frame-by-frame program of it",
                imported.network.frames, arguments.hop
            ));
            (imported, Mode::Clip)
        }
        (_, Err(error)) => return Err(error.into()),
    };
    remarks.extend(imported.warnings.iter().cloned());
    let imported = match imported.ports.slow {
        None => imported,
        Some(_) => {
            let (slow, remark) = slow_frames(mode == Mode::Stream);
            let slow = pathways(arguments, Pathways::default())
                .slow
                .unwrap_or(slow);
            remarks.push(remark.into());
            imported.joined(slow)?
        }
    };
    let Imported {
        network,
        clip,
        ports,
        scales,
        is_open,
        ..
    } = imported;
    let is_quantized = !scales.is_empty();
    let clip = concrete(&streaming::in_clip_form(clip))?;
    let (network, step) = match mode {
        Mode::Clip => match network.graph.output_fact(0)?.shape.as_concrete() {
            Some([rows, _, ..]) if *rows != 1 => return Err(ImportError::Rows(*rows).into()),
            _ => (network, None),
        },
        Mode::Stream => {
            let options = options(arguments);
            let step = streaming::to_step(&clip, &options)?;
            (stepped(&step, network.size)?, Some((step, options)))
        }
    };
    let long = clip.clone();
    Ok(Plan {
        network,
        mode,
        other: None,
        remarks,
        clip,
        step,
        resized: Box::new(move |size| resized(&long, size)),
        ports: Some(ports),
        colours: None,
        is_quantized,
        is_open,
    })
}

/// A clip graph for pictures of another size.
fn resized(clip: &TypedModel, (height, width): (usize, usize)) -> Option<TypedModel> {
    let mut shapes = vec![];
    for input in clip.input_outlets().ok()? {
        let shape = clip.outlet_fact(*input).ok()?.shape.as_concrete()?;
        let mut shape: TVec<usize> = shape.into();
        let rank = shape.len();
        shape[rank - 2] = height;
        shape[rank - 1] = width;
        shapes.push(shape);
    }
    rewire(clip, &shapes).ok()
}

fn from_family(arguments: &Convert, source: Option<&Path>, family: Family) -> Result<Plan> {
    let mut options = build_options(arguments, family);
    let checkpoint = source.map(Checkpoint::read).transpose();
    let checkpoint = checkpoint.with_context(|| format!("cannot build {family}"))?;
    let seed = arguments.random.unwrap_or(0);
    let build = move |options: &BuildOptions| match &checkpoint {
        Some(checkpoint) => praxiscope_models::build(family, checkpoint.clone(), options),
        None => praxiscope_models::build_random(family, seed, options),
    };
    let cannot = || format!("cannot build {family}");
    let mut clip = build(&options).with_context(cannot)?;
    let mut remarks = vec![];
    if clip.graph.inputs.len() > 1 {
        let (slow, remark) = slow_frames(arguments.mode == Some(ModeArg::Stream));
        options.pathways.slow = Some(slow);
        clip = build(&options).with_context(cannot)?;
        remarks.push(remark.into());
    }
    let colours = clip.colours;
    let streams = clip.rows == Rows::PerFrame;
    let wraps = options.shift_border == Border::Circular && clip.direction.is_some();
    let causal = streams && !wraps && clip.direction != Some(ShiftDirection::TwoWay);
    let mode = match arguments.mode {
        Some(ModeArg::Clip) => Mode::Clip,
        Some(ModeArg::Stream) => Mode::Stream,
        None if causal => Mode::Stream,
        None if !streams => {
            remarks.push(format!(
                "{family} is a network of whole clips, so this bundle recomputes its window of {} \
                 frames every {} frames (clip mode); --mode stream makes a frame-by-frame program of it",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
        None if wraps => {
            remarks.push(format!(
                "the shifts are circular, which no stream can be, so this bundle recomputes its \
                 window of {} frames every {} frames (clip mode)",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
        None => {
            remarks.push(format!(
                "the shifts go two ways and were trained on {0} frames with nothing before and \
                 behind, so this bundle recomputes its window of {0} frames every {1} frames (clip \
                 mode); --mode stream answers every frame from the endless stream instead, later",
                options.frames, arguments.hop
            ));
            Mode::Clip
        }
    };
    let written = concrete(&clip.graph)?;
    let (network, other, step) = match mode {
        Mode::Stream => {
            let how = self::options(arguments);
            let step = streaming::to_step(&written, &how)?;
            (stepped(&step, options.size)?, None, Some((step, how)))
        }
        Mode::Clip => {
            let other = build(&elsewhere(&options)).ok();
            let other = other.map(|clip| clip.with_consensus()).transpose()?;
            let graph = clip.with_consensus()?;
            let network = Network::of(graph, options.frames, options.size)?;
            (network, other, None)
        }
    };
    Ok(Plan {
        network,
        mode,
        other,
        remarks,
        clip: written,
        step,
        resized: Box::new(move |size| {
            let resized = build(&BuildOptions { size, ..options }).ok()?;
            concrete(&resized.graph).ok()
        }),
        ports: None,
        colours: Some(colours),
        is_quantized: false,
        is_open: false,
    })
}
