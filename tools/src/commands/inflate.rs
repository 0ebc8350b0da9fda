//! `praxc inflate`.

use anyhow::{Context, Result};
use praxiscope_models::checkpoint::Checkpoint;
use praxiscope_runtime::files::write_whole;

use super::print_json;
use crate::Outcome;
use crate::cli::Inflate;

pub fn inflate(arguments: &Inflate, json: bool) -> Result<Outcome> {
    let image = Checkpoint::read(&arguments.source)?;
    let inflated = praxiscope_models::inflate(image, arguments.family)
        .with_context(|| format!("cannot inflate {}", arguments.source.display()))?;
    write_whole(&arguments.output, &inflated.to_safetensors()?)
        .with_context(|| format!("cannot write {}", arguments.output.display()))?;
    match json {
        true => print_json(&serde_json::json!({
            "checkpoint": arguments.output,
            "family": arguments.family.id(),
            "tensors": inflated.len(),
        }))?,
        false => println!("{}: {} tensors", arguments.output.display(), inflated.len()),
    }
    Ok(Outcome::Good)
}
