//! From the command line and the configuration to the source of a run.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use praxiscope_runtime::source::{self, Reading, Source};

use crate::camera::{self, CameraSettings};
use crate::cli;
use crate::command::{self, CommandSettings, PipeFormat};
use crate::config::Config;
use crate::stop::Stop;
use crate::telemetry::Pulse;

/// The source that the command line names, or else the configuration.
///
/// # Errors
///
/// When none is named, or more than one, or it cannot be opened.
pub fn open(arguments: &cli::Run, config: &Config, stop: &Stop, pulse: &Pulse) -> Result<Source> {
    let mut wanted = config.source.clone();
    if arguments.camera.is_some() || arguments.input.is_some() {
        wanted.camera = arguments.camera.clone();
        wanted.input = arguments.input.clone();
        (wanted.command, wanted.rtsp) = (None, None);
    }
    let (timeout, give_up) = wanted.patience()?;
    let pipe = |command, name, format| CommandSettings {
        command,
        name,
        format,
        size: wanted.size,
        rate: arguments.input_fps.or(wanted.fps),
        restart: wanted.restart,
        timeout,
        give_up,
        every_frame: arguments.no_pace,
    };
    match (&wanted.camera, &wanted.input, &wanted.command, &wanted.rtsp) {
        (Some(path), None, None, None) => {
            let settings = CameraSettings {
                path: path.clone(),
                size: arguments.camera_size.or(wanted.size),
                rate: arguments.camera_fps.or(wanted.fps),
                format: wanted.format,
                timeout,
                give_up,
            };
            camera::open(&settings, stop, pulse)
        }
        (None, Some(path), None, None) => {
            let reading = Reading {
                rate: arguments.input_fps.or(wanted.fps),
                every_frame: arguments.no_pace,
            };
            if path == Path::new("-") {
                Ok(source::standard_input(reading)?)
            } else {
                Ok(source::file(path, reading)?)
            }
        }
        (None, None, Some(line), None) => {
            let format = wanted.format.as_deref().unwrap_or("mjpeg");
            let format = format.parse().map_err(|why: String| anyhow!(why))?;
            let name = line.first().cloned().unwrap_or_default();
            command::open(pipe(line.clone(), name, format), stop, pulse)
        }
        (None, None, None, Some(url)) => {
            let (line, name) = command::through_ffmpeg(url, wanted.size, wanted.fps)?;
            command::open(pipe(line, name, PipeFormat::Y4m), stop, pulse)
        }
        (None, None, None, None) => {
            bail!("nothing to watch: give --camera /dev/videoN, --input FILE or --input -")
        }
        _ => bail!(
            "the configuration's source names more than one of camera, input, command and rtsp: \
             leave one"
        ),
    }
}
