//! `praxc families`.

use anyhow::Result;
use praxiscope_models::{BuildOptions, Family, TimeStructure, build_random};
use praxiscope_tools::network;
use serde::Serialize;

use super::print_json;
use crate::Outcome;

#[derive(Serialize)]
struct Row {
    family: &'static str,
    description: &'static str,
    frames: usize,
    height: usize,
    width: usize,
    parameters: usize,
    multiply_adds_per_clip: u64,
    receptive_field: usize,
    lookahead: usize,
    stride: usize,
    whole_clip: bool,
}

pub fn families(json: bool) -> Result<Outcome> {
    let rows = Family::all().map(row).collect::<Result<Vec<_>>>()?;
    if json {
        print_json(&rows)?;
        return Ok(Outcome::Good);
    }
    println!(
        "{:<20} {:>6} {:>9} {:>8} {:>9} {:>9} {:>9} {:>6}  description",
        "family", "frames", "size", "weights", "GMAC/clip", "receptive", "lookahead", "stride"
    );
    for row in rows {
        println!(
            "{:<20} {:>6} {:>9} {:>6.1} M {:>9.2} {:>9} {:>9} {:>6}  {}",
            row.family,
            row.frames,
            format!("{}x{}", row.height, row.width),
            row.parameters as f64 / 1e6,
            row.multiply_adds_per_clip as f64 / 1e9,
            frames(row.receptive_field, row.whole_clip),
            frames(row.lookahead, row.whole_clip),
            row.stride,
            row.description
        );
    }
    Ok(Outcome::Good)
}

/// A network whose last features see the whole clip somewhere sees more than its windows say.
fn frames(count: usize, whole_clip: bool) -> String {
    if whole_clip {
        format!(">={count}")
    } else {
        count.to_string()
    }
}

/// The published size of a family; its numbers are counted on the graph.
fn row(family: Family) -> Result<Row> {
    let options = BuildOptions::published(family);
    let built = build_random(family, 0, &options)?;
    let time = TimeStructure::of(&built.graph)?;
    Ok(Row {
        family: family.id(),
        description: family.description(),
        frames: options.frames,
        height: options.size.0,
        width: options.size.1,
        parameters: built.parameters,
        multiply_adds_per_clip: network::multiply_adds(&built.graph)?,
        receptive_field: time.receptive_field,
        lookahead: time.lookahead,
        stride: time.stride,
        whole_clip: time.whole_clip,
    })
}
