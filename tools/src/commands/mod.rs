//! One file for each command.

mod bench;
mod compare;
mod compare_report;
mod convert;
mod evaluate;
mod families;
mod fetch_reference;
mod inflate;
mod inspect;
mod pack;
mod quantize;
mod run;
mod tune;

pub use bench::bench;
pub use compare::compare;
pub use convert::convert;
pub use evaluate::evaluate;
pub use families::families;
pub use fetch_reference::fetch_reference;
pub use inflate::inflate;
pub use inspect::inspect;
pub use pack::{pack, unpack};
pub use quantize::quantize;
pub use run::run;
pub use tune::tune;

use std::path::Path;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use praxiscope_runtime::bundle::{Bundle, BundleError};
use praxiscope_runtime::step::Isa;
use praxiscope_runtime::stream::Model;
use serde::Serialize;

fn read_bundle(path: &Path) -> Result<Bundle> {
    Bundle::read(path).map_err(|error| match error {
        // These name the file themselves.
        BundleError::Read { .. } => error.into(),
        _ => anyhow::Error::new(error).context(format!("{} was refused", path.display())),
    })
}

/// The model for an instruction set; else for the best at hand.
fn load_for(path: &Path, isa: Option<Isa>) -> Result<Model> {
    let isa = isa.unwrap_or_else(Isa::best);
    Model::load_for(&read_bundle(path)?, isa)
        .with_context(|| format!("{} was refused", path.display()))
}

/// A bar of work to do, of no length yet; none for those who read JSON.
fn progress_bar(json: bool, template: &str) -> ProgressBar {
    let bar = match json {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(0),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
