//! `praxiscope`: watches a camera and says, frame by frame, what is being done in front of it.
//!
//! ```text
//! source | camera -> pace -> handover -> (runtime: clock, network, events) -> outputs
//!                \------------- telemetry -------------/ -> page, guard
//! ```
//!
//! [`pipeline`] is the way of a frame; [`run`] sets it up from [`cli`] and [`config`]. [`recording`] is
//! what a run saw, and [`replay`] shows it to a network again.

#![deny(unsafe_code)]

mod absent;
mod backoff;
mod camera;
mod cli;
mod command;
mod config;
mod controls;
mod demo;
mod doctor;
mod guard;
mod handover;
mod models;
mod outputs;
mod pace;
mod page;
mod picture;
mod pipeline;
mod places;
mod recording;
mod reload;
mod replay;
mod run;
mod sources;
mod stop;
mod summary;
mod telemetry;
mod threads;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use praxiscope_runtime::source::SourceError;

use crate::absent::Absent;
use crate::cli::{Cli, Command};
use crate::watch::Hung;

/// The doctor found something that is not good, or a replay said other things than the run had.
const BAD: u8 = 1;
/// The input, the model, the configuration or the command line was refused. The parser of the
/// command line exits with the same number.
const REFUSED: u8 = 2;
/// A device is not there, or no longer.
const ABSENT: u8 = 3;
/// A stage of the pipeline hung.
const HUNG: u8 = 4;

fn main() -> ExitCode {
    let good = |()| true;
    let result = match Cli::parse().command {
        Command::Demo(arguments) => run::demo(&arguments).map(good),
        Command::Run(arguments) => run::run(&arguments).map(good),
        Command::Install(arguments) => models::install(&arguments).map(good),
        Command::SelfTest { model } => models::self_test(&model).map(good),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(BAD),
        Err(error) => {
            run::say(&format!("praxiscope: {error:#}"));
            ExitCode::from(exit_code(&error))
        }
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Hung>() {
        return HUNG;
    }
    let lost = matches!(error.downcast_ref(), Some(SourceError::Lost { .. }));
    if lost || error.is::<Absent>() {
        return ABSENT;
    }
    REFUSED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_away_is_told_from_other_errors() {
        let lost = SourceError::Lost {
            name: "the camera /dev/video0".into(),
            what: "was disconnected".into(),
        };
        let lost = anyhow::Error::from(lost).context("while running");
        assert_eq!(exit_code(&lost), ABSENT);
        let absent = Absent("there is no camera /dev/video0".into());
        let absent = anyhow::Error::from(absent).context("at the start");
        assert_eq!(exit_code(&absent), ABSENT);
        assert_eq!(exit_code(&anyhow::anyhow!("other")), REFUSED);
        let hung = Hung {
            stage: "capture",
            seconds: 30.0,
        };
        assert_eq!(exit_code(&hung.into()), HUNG);
    }
}
