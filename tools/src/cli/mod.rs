//! The command line.

mod compare;
mod evaluate;
mod values;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Parser, Subcommand};
use praxiscope_models::Family;

pub use compare::*;
pub use evaluate::*;
pub use values::*;

use praxiscope_runtime::source::FrameRate;
use praxiscope_runtime::step::Isa;

/// The praxiscope compiler: from a trained network to one file that runs frame by frame.
#[derive(Debug, Parser)]
#[command(
    name = "praxc",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 good; 1 a comparison went beyond its tolerance; 2 an input, a model or the command line
was refused; 3 a reference is not installed.

A first round:
  praxc convert models/demo/demo-step.onnx -o demo.prax --labels models/demo/labels.txt \\
      --mean 0.5,0.5,0.5 --std 0.25,0.25,0.25 --fps 12
  praxc inspect demo.prax
  praxc compare demo.prax --source models/demo/demo-step.onnx --input clip.y4m"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Print the result as JSON on standard output.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn a checkpoint or an ONNX file into a bundle.
    Convert(Box<Convert>),
    /// Turn a ResNet's weights for pictures into an I3D's for clips.
    Inflate(Inflate),
    /// List the families of networks whose checkpoints are read, with their published sizes.
    Families,
    /// Turn a float step program into one of 8-bit integers.
    Quantize(Quantize),
    /// Measure how long a frame takes.
    Bench(Bench),
    /// Run the raw network on a tensor of frames.
    Run(Run),
    /// Hold a bundle against its source network in a reference.
    Compare(Compare),
    /// Tell how good bundles are on labelled videos.
    Evaluate(Box<Evaluate>),
    /// Find event settings that keep within a budget of false alarms.
    Tune(Tune),
    /// Install ONNX Runtime for `compare`.
    FetchReference(FetchReference),
    /// Show what a bundle holds.
    Inspect(Inspect),
    /// Write a bundle's members as files.
    Unpack(Unpack),
    /// Make a bundle of unpacked files, digests renewed.
    Pack(Pack),
}

/// Turn a checkpoint (`--family` says which network it belongs to) or an ONNX file into a bundle.
///
/// ONNX files: networks of clips, plain networks of single frames, and step networks whose caches are
/// temporal shifts (MIT's online TSM). Checkpoints: .safetensors, and PyTorch's .pth, .pt, .pth.tar,
/// read without executing anything.
///
/// What the program was held against, and how far it is from it, is printed and stays in the bundle as
/// its certificate; a program that differs from its network is not written (exit code 1).
#[derive(Args, Debug)]
pub struct Convert {
    /// The checkpoint or ONNX file.
    #[arg(required_unless_present = "random", conflicts_with = "random")]
    pub source: Option<PathBuf>,
    /// Random weights in the published size of a family instead of a file, the same for one seed: to
    /// measure its speed.
    #[arg(long, value_name = "SEED", requires = "family")]
    pub random: Option<u64>,
    /// The bundle to write.
    #[arg(short, long)]
    pub output: PathBuf,
    /// The network that a checkpoint belongs to.
    #[arg(long, value_parser = Family::from_str)]
    pub family: Option<Family>,
    /// One label a line, in the order of the network's outputs; else classes are numbered.
    #[arg(long)]
    pub labels: Option<PathBuf>,
    /// The label that means that nothing is being done; else a label called `idle`, if there is one.
    #[arg(long)]
    pub idle: Option<String>,
    /// Frame by frame, or over windows; else frame by frame where the network allows it.
    #[arg(long)]
    pub mode: Option<ModeArg>,
    /// Frames of the network's own clip; else the file's, or the family's published number.
    #[arg(long)]
    pub frames: Option<usize>,
    /// Frames from one answer to the next in clip mode.
    #[arg(long, default_value_t = 1)]
    pub hop: usize,
    /// Answer every frame: temporal strides become dilations of what comes behind, at a cost that the
    /// certificate states.
    #[arg(long)]
    pub dense: bool,
    /// Frame by frame, what the last mean over time is taken over: the rows that a clip of so many frames
    /// has, or all since the start; else those of the network's own clip, or the frame alone where the
    /// network has a row for each.
    #[arg(long, value_name = "N|all")]
    pub window: Option<WindowArg>,
    /// A video on which the program is held against the clip network, window by window.
    #[arg(long, value_name = "VIDEO")]
    pub video: Option<PathBuf>,
    /// Leave measured times and differences out of the bundle, so that the same command makes the same
    /// bytes on every machine; they are measured and printed all the same.
    #[arg(long)]
    pub reproducible: bool,
    /// Height and width of a frame as the network takes it: 224 or 224x320.
    #[arg(long, value_name = "N|HxW")]
    pub size: Option<Size>,
    /// Frames per second that the network was trained at.
    #[arg(long)]
    pub fps: Option<f64>,
    /// Mean of each colour channel, of values in 0..1 (values above 1 are taken as of 0..255); else
    /// that of the pictures that the family's, or the checkpoint's spelling's, networks were
    /// trained on.
    #[arg(long, value_name = "R,G,B")]
    pub mean: Option<Triple>,
    /// Standard deviation of each channel, likewise.
    #[arg(long, value_name = "R,G,B")]
    pub std: Option<Triple>,
    /// The network's order of colours, in which mean and std stand; else the family's own, or rgb.
    #[arg(long)]
    pub color: Option<ColorArg>,
    /// Resize the shorter side and cut the centre out, or stretch the picture.
    #[arg(long, default_value = "crop")]
    pub fit: FitArg,
    /// The shorter side before the centre is cut out; else the network's own, so that the crop is as
    /// large as it can be.
    #[arg(long)]
    pub shorter: Option<usize>,
    /// Which way a checkpoint's shifts go; else what its names tell.
    #[arg(long)]
    pub direction: Option<DirectionArg>,
    /// One channel in so many is shifted each way.
    #[arg(long, default_value_t = 8)]
    pub shift_divisor: usize,
    /// What the shifts bring in at the clip's ends.
    #[arg(long, default_value = "zeros")]
    pub shift_border: BorderArg,
    /// What weighs the places of a non-local block; else what the checkpoint tells.
    #[arg(long)]
    pub attention: Option<AttentionArg>,
    /// What SlowFast's fast pathway gives to the slow one; else a convolution over time.
    #[arg(long)]
    pub lateral: Option<LateralArg>,
    /// Which frames SlowFast's slow pathway sees; else the first of every so many.
    #[arg(long)]
    pub slow_frames: Option<SlowFramesArg>,
    /// What batch-norms add to the variance; else what the published code for the checkpoint's names
    /// has (VMZ's 18-layer networks have torchvision's names, but 1e-3).
    #[arg(long)]
    pub epsilon: Option<f64>,
    /// Whether a ResNet pools behind its first convolution, where the checkpoint cannot tell.
    #[arg(long)]
    pub stem_pool: Option<bool>,
    /// Strides over time of I3D's first convolution over ResNet and of the pool behind it; else those
    /// of the published code for the checkpoint's names.
    #[arg(long, value_name = "CONV,POOL")]
    pub stem_time_strides: Option<Strides>,
}

/// Turn a ResNet's weights for pictures into an I3D's for clips: every kernel over time repeats that of
/// the picture, divided by its length.
#[derive(Args, Debug)]
pub struct Inflate {
    /// The checkpoint of the ResNet.
    pub source: PathBuf,
    /// The network of clips.
    #[arg(long, value_parser = Family::from_str, default_value = "i3d-resnet50")]
    pub family: Family,
    /// The checkpoint to write (.safetensors).
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Turn a float step program into one of 8-bit integers.
///
/// The recordings run through the float program, which says what ranges the integers must cover; both
/// run side by side, which says what was lost, layer by layer. All of it stays in the bundle.
#[derive(Args, Debug)]
pub struct Quantize {
    /// The bundle, a step program in float.
    pub bundle: PathBuf,
    /// Recordings of what the camera will see: videos, folders of JPEG pictures (25 a second), normalised
    /// .npy tensors [T, 3, H, W], or folders of all these.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub calibration: Vec<PathBuf>,
    /// The bundle to write.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Recordings that decide nothing: what was lost is measured on them as well.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub holdout: Vec<PathBuf>,
    /// How the range of a layer's numbers is chosen; else min-max, or what measures clearly better.
    #[arg(long)]
    pub range: Option<RangeArg>,
    /// Percent of the answers whose first class may become another: as long as it is more, or the logits
    /// are less than 20 dB above the noise, the layers that lose most go back to float.
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0)]
    pub max_drop: f64,
    /// Leave the channels of convolutions as large and as small as they are.
    #[arg(long)]
    pub no_equalization: bool,
    /// Frames of one long stream over which the state's drift is measured.
    #[arg(long, value_name = "FRAMES", default_value_t = 512, value_parser = at_least_one)]
    pub drift: usize,
    /// The instruction set that the float program runs with; else the best of this CPU. With `portable`
    /// the same bundle comes out on every CPU.
    #[arg(long, value_name = "NAME", value_parser = isa)]
    pub isa: Option<Isa>,
    /// A node that stays in float, by its name in the report; may be given more than once.
    #[arg(long, value_name = "NODE")]
    pub float: Vec<String>,
    /// Frames of each recording that are used, at most.
    #[arg(long, default_value_t = 512)]
    pub frames: usize,
}

/// Measure how long a frame takes, on one thread, over frames of noise.
///
/// What is timed is the network, from a frame in the form that its input has. Where networks do not do
/// the same for every frame (temporal strides), a cycle is what they repeat.
#[derive(Args, Debug)]
pub struct Bench {
    /// The bundle.
    pub bundle: PathBuf,
    /// Frames that are timed.
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    pub frames: usize,
    /// Frames that come before; else as many as an answer depends on, but from 10 to 64.
    #[arg(long)]
    pub warmup: Option<usize>,
    /// The instruction set to run a step program with; else the best of this CPU.
    #[arg(long, value_name = "NAME", value_parser = isa)]
    pub isa: Option<Isa>,
    /// Threads that share the work of each node of a step program; answers stay the same, bit for bit.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub threads: usize,
    /// Show where the time goes: by operator, and the ten slowest nodes.
    #[arg(long)]
    pub profile: bool,
    /// Time a source network beside it, one frame after another in turn: a network of steps on its
    /// frame, a network of clips on a whole window at each frame.
    #[arg(long, requires = "source", value_name = "REFERENCE")]
    pub against: Option<ReferenceArg>,
    /// The ONNX file for --against.
    #[arg(long, requires = "against")]
    pub source: Option<PathBuf>,
}

/// Run the raw network on a float tensor ([T, 3, H, W], or as an exported file takes it), normalised; write
/// one row of logits for each answered frame, the tail included. A network of whole clips takes the
/// tensor for one clip, of whatever length and size.
#[derive(Args, Debug)]
pub struct Run {
    /// The bundle.
    pub bundle: PathBuf,
    /// The frames (.npy). Of a network of two pathways both clips may be given, each with its own
    /// --tensor, as the ONNX file takes them; frame by frame the shorter one must be the frames that the
    /// program takes by itself.
    #[arg(long, required_unless_present = "random")]
    pub tensor: Vec<PathBuf>,
    /// So many frames of noise instead of a tensor, the same on every machine.
    #[arg(long, value_name = "FRAMES", conflicts_with = "tensor")]
    pub random: Option<usize>,
    /// The rows (.npy).
    #[arg(short, long, required_unless_present = "digest")]
    pub output: Option<PathBuf>,
    /// Print the SHA-256 of all answers' bits, and of the state after the last frame.
    #[arg(long)]
    pub digest: bool,
    /// The instruction set to run a step program with; else the best of this CPU.
    #[arg(long, value_name = "NAME", value_parser = isa)]
    pub isa: Option<Isa>,
    /// Answer a window of the bundle's length every N frames, instead of the whole tensor once (clip
    /// mode).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub hop: Option<u16>,
    /// Go on from a state that --save wrote.
    #[arg(long, value_name = "STATE")]
    pub restore: Option<PathBuf>,
    /// Write the state after the last frame, instead of flushing the tail.
    #[arg(long, value_name = "STATE")]
    pub save: Option<PathBuf>,
}

/// Run the source network in a reference and hold the bundle's answers against it, frame by frame.
///
/// The reference runs the source network itself, never the step program made of it. In clip mode both
/// sides get the same windows; a step network is stepped, caches carried along; against a step program a
/// clip network gets the whole recording as one clip.
#[derive(Args, Debug)]
pub struct Compare {
    /// The bundle.
    pub bundle: PathBuf,
    /// The ONNX file that the bundle was made of.
    #[arg(long)]
    pub source: PathBuf,
    #[command(flatten)]
    pub frames: FramesFrom,
    /// Who says what is right.
    #[arg(long, default_value = "onnxruntime")]
    pub reference: SideArg,
    /// The largest difference of a logit that is accepted.
    #[arg(long, default_value_t = 1e-3)]
    pub tolerance: f32,
    #[command(flatten)]
    pub demands: Demands,
}

/// The frames that a command runs over: a tensor or a video.
#[derive(Args, Debug)]
#[group(skip)]
#[command(group(ArgGroup::new("frames").required(true)))]
pub struct FramesFrom {
    /// Frames as the network takes them (.npy).
    #[arg(long, group = "frames", conflicts_with = "input_fps")]
    pub tensor: Option<PathBuf>,
    /// A video file; the model's clock picks its frames, as on the board.
    #[arg(long, value_name = "VIDEO", group = "frames")]
    pub input: Option<PathBuf>,
    /// The frame rate of a video that does not say (Motion JPEG); else 25.
    #[arg(long, value_name = "FPS", requires = "input")]
    pub input_fps: Option<FrameRate>,
}

/// Show labels, geometry, operators, state, multiply-adds, sizes and digests.
#[derive(Args, Debug)]
pub struct Inspect {
    /// The bundle.
    pub bundle: PathBuf,
}

/// Write a bundle's members as files into a new folder.
#[derive(Args, Debug)]
pub struct Unpack {
    /// The bundle.
    pub bundle: PathBuf,
    /// The folder; it must not exist.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Make a bundle of a folder that `unpack` wrote. Digests are renewed; the same files always give the
/// same bytes.
#[derive(Args, Debug)]
pub struct Pack {
    /// The folder.
    pub folder: PathBuf,
    /// The bundle to write.
    #[arg(short, long)]
    pub output: PathBuf,
}
