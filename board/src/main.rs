//! `praxiscope`: watches a camera and says, frame by frame, what is being done in front of it.
//!
//! ```text
//! source | camera -> pace -> handover -> (runtime: clock, network, events) -> output
//! ```
//!
//! [`pipeline`] is the way of a frame; [`run`] sets it up from [`cli`] and [`config`].

#![deny(unsafe_code)]

mod camera;
mod cli;
mod config;
mod handover;
mod output;
mod pace;
mod pipeline;
mod run;
mod source;
mod stop;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use crate::camera::CameraLost;
use crate::cli::{Cli, Command};

/// The input, the model, the configuration or the command line was refused. The parser of the
/// command line exits with the same number.
const REFUSED: u8 = 2;
/// A device is no longer there.
const ABSENT: u8 = 3;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(arguments) => run::demo(&arguments),
        Command::Run(arguments) => run::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("praxiscope: {}", sentence(&error)));
            let lost = error.downcast_ref::<CameraLost>().is_some();
            ExitCode::from(if lost { ABSENT } else { REFUSED })
        }
    }
}

/// An error and its causes in one line, each said once: many an error repeats its cause.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.ends_with(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = anyhow::anyhow!("no such file");
        let error = cause
            .context("cannot read x: no such file")
            .context("refused");
        assert_eq!(sentence(&error), "refused: cannot read x: no such file");
    }
}
