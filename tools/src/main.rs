//! `praxc`, the praxiscope compiler: trained clip models to frame-by-frame bundles, and the proof.

#![forbid(unsafe_code)]

#[macro_use]
mod print;
mod cli;
mod commands;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use praxiscope_tools::reference::ReferenceError;

use crate::cli::{Cli, Command};

/// A comparison went beyond its tolerance.
const FAILED: u8 = 1;
/// The input, the model or the command line was refused; the command line's parser exits so too.
const REFUSED: u8 = 2;
/// A reference is not installed.
const ABSENT: u8 = 3;

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    ComparisonFailed,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Convert(arguments) => commands::convert(arguments, cli.json),
        Command::Inflate(arguments) => commands::inflate(arguments, cli.json),
        Command::Families => commands::families(cli.json),
        Command::Quantize(arguments) => commands::quantize(arguments, cli.json),
        Command::Bench(arguments) => commands::bench(arguments, cli.json),
        Command::Run(arguments) => commands::run(arguments, cli.json),
        Command::Compare(arguments) => commands::compare(arguments, cli.json),
        Command::Evaluate(arguments) => commands::evaluate(arguments, cli.json),
        Command::Tune(arguments) => commands::tune(arguments, cli.json),
        Command::FetchReference(arguments) => commands::fetch_reference(arguments, cli.json),
        Command::Inspect(arguments) => commands::inspect(arguments, cli.json),
        Command::Unpack(arguments) => commands::unpack(arguments, cli.json),
        Command::Pack(arguments) => commands::pack(arguments, cli.json),
    };
    let result = result.and_then(|outcome| {
        print::written().context("standard output cannot be written")?;
        Ok(outcome)
    });
    match result {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::ComparisonFailed) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("praxc: {error:#}");
            let absent = error.downcast_ref().is_some_and(ReferenceError::is_absent);
            ExitCode::from(if absent { ABSENT } else { REFUSED })
        }
    }
}
