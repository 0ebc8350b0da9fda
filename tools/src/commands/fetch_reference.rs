//! `praxc fetch-reference`.

use anyhow::{Context, Result};
use praxiscope_tools::reference::{VERSION, fetch, fetched_folder};

use super::print_json;
use crate::Outcome;
use crate::cli::FetchReference;

pub fn fetch_reference(arguments: &FetchReference, json: bool) -> Result<Outcome> {
    let usual = fetched_folder();
    let folder = arguments.into.clone().or_else(|| usual.clone());
    let folder = folder.context("neither HOME nor --into says where it is to be installed")?;
    let library = fetch(&folder)?;
    if json {
        print_json(&serde_json::json!({ "version": VERSION, "library": library }))?;
        return Ok(Outcome::Good);
    }
    println!("ONNX Runtime {VERSION}: {}", library.display());
    if Some(&folder) != usual.as_ref() {
        println!("export ORT_DYLIB_PATH={}", library.display());
    }
    Ok(Outcome::Good)
}
