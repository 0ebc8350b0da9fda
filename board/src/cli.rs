//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use praxiscope_runtime::source::FrameRate;

use crate::camera::PictureSize;
use crate::threads::Threads;

const EXIT_CODES: &str = "\
Exit codes:
  0  good
  2  the input, the model, the configuration or the command line was refused
  3  a device is not there, or no longer: the start is worth trying again
  4  a stage of the program hung";

const LINES: &str = r#"On standard output, one JSON object a line:
  {"event":"start","label":"swipe_left","t":2.5,"frame":60,"score":0.91,"decided":61}
  {"event":"end",...}    the score is then the highest one while it lasted
  {"event":"reset",...}  no frame had come for too long: the network started afresh
  {"scores":{"idle":0.03,...},"t":2.5,"frame":60,"decided":61}  with --scores
`frame` and `t` (seconds) name the frame that is spoken of, `decided` the newest one seen by then.
A summary with the time of each stage follows on standard error."#;

const CONFIG: &str = r#"A configuration file (--config), every key of which may be left out:
  model = "gestures.prax"     # else the installed one; paths are relative to the file's folder
  scores = false
  every_frame = false
  threads = 2                 # that share the network's work; else one for each big core
  [source]                    # camera, input, command or rtsp
  camera = "/dev/video0"
  size = "640x480"
  fps = 30
  [events]                    # what is to differ from the model's own settings
  on = 0.7
  off = 0.4
  cool_down = 1.0
  masked = ["swipe_up"]
  thresholds.swipe_left = { on = 0.8 }
  [[outputs.gpio]]            # an LED that is lit during a swipe
  line = "GPIO17"
  labels = ["swipe_left"]
  [outputs.mqtt]              # Home Assistant finds the device by itself
  broker = "mqtt://192.168.1.5"
  [outputs.clips]             # short videos of events
  folder = "clips"
  [page]                      # as with --page
  address = "127.0.0.1:8080"
  token_file = "page-token"   # made at the first start on an address beyond loopback
  [guard]
  stall = 30                  # seconds without a frame after which a live source hangs
  restarts = 3                # in an hour, before the program gives up
The sample configuration, praxiscope.toml, explains every key. SIGHUP reads [events] and
[outputs] again."#;

const DOCTOR: &str = "\
Each line is good, bad, or `-` where the board has no such thing or does not tell. Under a bad one
stands what to do.

Exit codes:
  0  nothing is bad
  1  something is bad
  2  the configuration or the command line was refused";

const INSTALL: &str = "\
The bundle's digests are checked, and its signature where a key is given. It is written beside the
model that runs, and its self-test is run there. Only then is it the one that `praxiscope run` takes
where neither the command line nor the configuration names a model. When its first run fails or is
cut off within 30 seconds, the next start is back at the model before. A power cut at any moment
leaves the one or the other.

  minisign -S -m gestures.prax -s ~/.minisign/minisign.key       # on the desk
  praxiscope install gestures.prax --verify-key minisign.pub     # on the device
  systemctl restart praxiscope

Exit codes:
  0  it is installed, and on the disk
  2  it was refused or could not be written; the device is as it was";

const REPLAY: &str = "\
A recording is what `praxiscope run --record DIR` keeps: each frame that the network was given, as it
came, and each line that the network said. Given the same frames again, the same model says the same,
to the byte, on the device and on a desktop; networks of floating-point numbers may differ in the last
digits from one kind of processor to the other. What was cut off counts up to its last whole frame.

  praxiscope run --camera /dev/video0 --record morning
  praxiscope replay morning                                  # the same lines
  praxiscope replay morning --model new.prax --another-model # what another model would have said

Exit codes:
  0  every line is as it was recorded, or another model was asked
  1  a line is not
  2  the recording, the model or the command line was refused";

const EXAMPLES: &str = "\
Examples:
  praxiscope run --camera /dev/video0
  praxiscope run --model gestures.prax --input clip.mp4 --no-pace --scores
  rpicam-vid -t 0 --codec mjpeg -o - | praxiscope run --input -
  gst-launch-1.0 -q v4l2src ! videoconvert ! y4menc ! fdsink | praxiscope run --input -
  praxiscope run --config /etc/praxiscope.toml";

/// Watches a camera and says, frame by frame, what is being done in front of it
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The things that the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the built-in model on the built-in clip: five seconds to see that all works
    #[command(after_long_help = LINES)]
    Demo(Demo),
    /// Runs a model on a camera, a pipe or a video file
    #[command(after_long_help = format!("{EXAMPLES}\n\n{LINES}\n\n{CONFIG}\n\n{EXIT_CODES}"))]
    Run(Run),
    /// Gives a network again what it was given when it was recorded, and holds what it says against that
    #[command(after_long_help = REPLAY)]
    Replay(Replay),
    /// Installs a model whole or not at all; the next `run` tries it, and goes back if it fails
    #[command(after_long_help = INSTALL)]
    Install(Install),
    /// Runs the built-in vector of a bundle's certificate
    #[command(hide = true)]
    SelfTest {
        /// The bundle
        model: PathBuf,
    },
    /// Looks at the board and says what is not as it should be
    #[command(after_long_help = DOCTOR)]
    Doctor(Doctor),
}

/// `praxiscope demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Also saves the clip, as YUV4MPEG2
    #[arg(long, value_name = "CLIP.y4m")]
    pub write: Option<PathBuf>,
    /// Plays the clip at its own speed instead of as fast as possible
    #[arg(long)]
    pub pace: bool,
    /// Writes a line of scores for each answer of the network
    #[arg(long)]
    pub scores: bool,
    /// Plays the clip again and again, and shows it at http://ADDRESS [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub page: Option<Option<SocketAddr>>,
}

/// `praxiscope run`
#[derive(Args, Debug, Default)]
pub struct Run {
    /// The model's bundle; without one, the model that was installed, or else the built-in demo model
    #[arg(long, value_name = "M.prax")]
    pub model: Option<PathBuf>,
    /// The folder of installed models [default: models in the service's state folder]
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    pub models: Option<PathBuf>,
    /// A video file, or `-` for YUV4MPEG2 or Motion JPEG on standard input
    ///
    /// YUV4MPEG2 and Motion JPEG are read by this program, any other video through the `ffmpeg`
    /// program. A file is played at its own speed and every frame counts. A pipe is live: the
    /// newest frame counts.
    #[arg(long, value_name = "FILE", conflicts_with = "camera")]
    pub input: Option<PathBuf>,
    /// A V4L2 camera: its node, its name under /dev/v4l/by-id, or its card's name
    #[arg(long, value_name = "/dev/videoN")]
    pub camera: Option<PathBuf>,
    /// The camera's picture size; it may grant another
    #[arg(long, value_name = "WxH", conflicts_with = "input")]
    pub camera_size: Option<PictureSize>,
    /// The camera's frames per second; it may grant others
    #[arg(long, value_name = "FPS", conflicts_with = "input")]
    pub camera_fps: Option<FrameRate>,
    /// Frames per second of an input that does not say, as Motion JPEG does not [default: 25 for
    /// files; live pipes count by the clock]
    #[arg(long, value_name = "FPS", conflicts_with = "camera")]
    pub input_fps: Option<FrameRate>,
    /// A configuration file; the command line wins over it
    #[arg(long, value_name = "praxiscope.toml")]
    pub config: Option<PathBuf>,
    /// Writes a line of scores for each answer of the network
    #[arg(long)]
    pub scores: bool,
    /// As fast as possible, and every frame counts, even through a pipe
    #[arg(long, conflicts_with = "camera")]
    pub no_pace: bool,
    /// Every frame enters the network, not only those nearest to the ticks of the model's clock
    #[arg(long)]
    pub every_frame: bool,
    /// Keeps what the network is given and what it says in the folder DIR, for `praxiscope replay`
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// The most that a recording takes, in megabytes; the run goes on without it
    #[arg(long, value_name = "MB", default_value_t = 1000, requires = "record")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub record_limit: u64,
    /// Threads that share the network's work [default: one for each big core, at most 4]
    ///
    /// What comes out does not depend on them.
    #[arg(long, value_name = "N")]
    pub threads: Option<Threads>,
    /// Shows the camera, scores and events at http://ADDRESS [default address: 127.0.0.1:8080]
    ///
    /// Any address beyond loopback needs a token, which is made at the first start and shown once.
    #[arg(long, value_name = "ADDRESS")]
    pub page: Option<Option<SocketAddr>>,
}

/// `praxiscope replay`
#[derive(Args, Debug)]
pub struct Replay {
    /// The recording's folder
    #[arg(value_name = "DIR")]
    pub recording: PathBuf,
    /// The model's bundle; without one, the model that is installed, or else the built-in demo model
    #[arg(long, value_name = "M.prax")]
    pub model: Option<PathBuf>,
    /// The folder of installed models [default: models in the service's state folder]
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    pub models: Option<PathBuf>,
    /// The model may be another one than that of the recording
    #[arg(long)]
    pub another_model: bool,
    /// Writes a line of scores for each answer of the network
    #[arg(long)]
    pub scores: bool,
}

/// `praxiscope install`
#[derive(Args, Debug)]
pub struct Install {
    /// The model's bundle
    #[arg(value_name = "NEW.prax")]
    pub model: PathBuf,
    /// The key that must have signed it, or the file with that key, as `minisign -G` makes it; the
    /// signature is in NEW.prax.minisig
    #[arg(long, value_name = "K")]
    pub verify_key: Option<String>,
    /// The folder of installed models [default: models in the service's state folder]
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

/// `praxiscope doctor`
#[derive(Args, Debug, Default)]
pub struct Doctor {
    /// The configuration of the service; its camera, model and page are looked at
    #[arg(long, value_name = "praxiscope.toml")]
    pub config: Option<PathBuf>,
    /// The model's bundle; without one, the model that was installed, or else the built-in demo model
    #[arg(long, value_name = "M.prax")]
    pub model: Option<PathBuf>,
    /// The camera whose rate is measured; else the first one
    #[arg(long, value_name = "/dev/videoN")]
    pub camera: Option<PathBuf>,
    /// Writes one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use praxiscope_runtime::events::EventSettings;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_configuration_in_the_help_is_valid() {
        let (_, sample) = CONFIG.split_once('\n').unwrap();
        let (sample, _) = sample.split_once("The sample").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("praxiscope.toml");
        std::fs::write(&path, sample).unwrap();
        let config = crate::config::Config::read(&path).unwrap();
        assert!(config.source.camera.is_some() && config.outputs.mqtt.is_some());
        let settings = config.events(&EventSettings::default()).unwrap().unwrap();
        assert_eq!((settings.on, settings.off), (0.7, 0.4));
    }

    #[test]
    fn a_camera_and_an_input_exclude_each_other() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("praxiscope run --camera /dev/video0 --camera-size 320x240").is_ok());
        for line in [
            "praxiscope run --camera /dev/video0 --input x.y4m",
            "praxiscope run --input x.y4m --camera-fps 30",
            "praxiscope run --camera /dev/video0 --no-pace",
            "praxiscope run --camera /dev/video0 --camera-fps 0",
            "praxiscope walk",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
