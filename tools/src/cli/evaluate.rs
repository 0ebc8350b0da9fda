//! `praxc evaluate`, `tune` and `fetch-reference`.

use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use praxiscope_runtime::source::FrameRate;

/// How good bundles are on labelled videos.
///
/// Several bundles stand side by side: clip mode, step mode, float, integers. A data set is a folder
/// with a folder for each class, or a list: CSV with `path,label`; CSV with `path,start,end,label` for
/// long videos, which are evaluated by their events; or a list of Kinetics, UCF101, Jester,
/// Something-Something, mmaction2 or TSM.
///
/// A view of a bundle in clip mode is its window. A step program streams over the whole video, and
/// its answer is the one that stands at the view's last frame.
#[derive(Args, Debug)]
pub struct Evaluate {
    /// The bundles; all with the same labels.
    #[arg(required_unless_present = "merge", conflicts_with = "merge")]
    pub bundles: Vec<PathBuf>,
    #[command(flatten)]
    pub dataset: DatasetFrom,
    /// The ONNX file that a bundle in clip mode was made of, as one more column.
    #[arg(long, value_name = "ONNX")]
    pub source: Option<PathBuf>,
    /// Where the source network runs.
    #[arg(long, default_value = "cpu")]
    pub device: DeviceArg,
    /// Places in time at which a video is looked at.
    #[arg(long, default_value_t = NonZero::<usize>::MIN)]
    pub views: NonZero<usize>,
    /// Parts of the picture at each: the centre, or both ends of the longer side too.
    #[arg(long, default_value = "1")]
    pub crops: CropsArg,
    /// How a view's frames lie: one after another, or one in each of equal parts of the video.
    #[arg(long, default_value = "dense")]
    pub sampling: SpreadArg,
    /// Frames of a view for step programs; else those of the first bundle in clip mode, else the video.
    #[arg(long)]
    pub frames: Option<NonZero<usize>>,
    /// The results, video by video. Where the file is there already, the run goes on.
    #[arg(short = 'o', long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Machine I of N, from 0: every Nth video; `--merge` puts the results together.
    #[arg(long, value_name = "I/N", requires = "results")]
    pub shard: Option<Shard>,
    /// Make one report of the results of all machines, instead of running anything.
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "dataset")]
    pub merge: Vec<PathBuf>,
    /// Videos at once; else as many as there are CPUs.
    #[arg(long)]
    pub jobs: Option<NonZero<usize>>,
    /// Write each video's inputs and logits as tensors into this folder: VIDEO.BUNDLE.input.npy,
    /// [views, T, 3, H, W], and VIDEO.BUNDLE.logits.npy, numbers from 0.
    #[arg(long, value_name = "DIR")]
    pub dump_tensors: Option<PathBuf>,
    /// A page with tables and confusion matrices.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Where labelled videos come from.
#[derive(Args, Debug)]
#[group(skip)]
pub struct DatasetFrom {
    /// A folder or list of labelled videos.
    #[arg(long, value_name = "DIR|LIST", required_unless_present = "merge")]
    pub dataset: Option<PathBuf>,
    #[command(flatten)]
    pub list: ListOptions,
}

/// How a list of labelled videos is read.
#[derive(Args, Debug)]
pub struct ListOptions {
    /// The folder that a list's paths start from; else the list's own.
    #[arg(long, value_name = "DIR")]
    pub videos: Option<PathBuf>,
    /// The data set's names of the classes, one a line, in the order of the network's outputs; else the
    /// bundle's labels.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Leave videos out whose class the network does not have.
    #[arg(long)]
    pub skip_unknown: bool,
    /// The frame rate of videos that do not say: Motion JPEG, folders of pictures; else 25.
    #[arg(long, value_name = "FPS")]
    pub input_fps: Option<FrameRate>,
}

/// Find event settings that keep within a budget of false alarms, and write them into the bundle.
///
/// The data set is a CSV of long videos: `path,start,end,label`, in seconds. Where no settings keep
/// within the budget, nothing is written (exit code 1).
#[derive(Args, Debug)]
pub struct Tune {
    /// The bundle.
    pub bundle: PathBuf,
    /// The list of long videos.
    #[arg(long, value_name = "LIST")]
    pub dataset: PathBuf,
    #[command(flatten)]
    pub list: ListOptions,
    /// False alarms for each hour of video that are accepted.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub false_alarms_per_hour: f64,
    /// The bundle to write; the network in it stays as it is.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Install the pinned ONNX Runtime by pip into a folder of one's own, where `compare` finds it.
#[derive(Args, Debug)]
pub struct FetchReference {
    /// The folder; else one below ~/.local/share, which needs no ORT_DYLIB_PATH.
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    Cpu,
    Cuda,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SpreadArg {
    Dense,
    Segments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CropsArg {
    #[value(name = "1")]
    One,
    #[value(name = "3")]
    Three,
}

/// Part I of N, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard(pub usize, pub usize);

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if part < of => Ok(Shard(part, of)),
            _ => Err(format!(
                "{text:?} is no part like 0/4, of which 3/4 is the last"
            )),
        }
    }
}
