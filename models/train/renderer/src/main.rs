//! Renders recordings of people before webcams, with truth, as raw arrays.
//!
//! The file holds, for each recording, first its frames (`frames` x 96 x 128 x 3 bytes, RGB), then
//! its truth (`frames` x 10 little-endian f32, see [`recording::Recording::render`]). Recording `i`
//! of a seed is the same whatever is asked for beside it, on every machine.
#![forbid(unsafe_code)]

mod assembly;
mod blur;
mod codec;
mod dice;
mod fidget;
mod gestures;
mod hand;
mod idle;
mod noise;
mod performer;
mod person;
mod raster;
mod recording;
mod room;
mod sensor;
mod shade;
mod solid;
mod stage;
mod track;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;
use rayon::prelude::*;

use crate::performer::LABELS;
use crate::recording::{Order, Recording};

/// Renders recordings of people before webcams, with truth, as raw arrays.
#[derive(Parser)]
struct Arguments {
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first recording.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many recordings.
    #[arg(long, default_value_t = 64)]
    count: u64,
    /// Frames of each, at 12 a second.
    #[arg(long, default_value_t = 48)]
    frames: usize,
    /// The share of acts that are gestures.
    #[arg(long, default_value_t = 0.7)]
    gestures: f32,
    /// Only this gesture.
    #[arg(long)]
    only: Option<String>,
    /// Hands, bodies and rooms that training never sees.
    #[arg(long)]
    held_back: bool,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let only = match &arguments.only {
        None => None,
        Some(name) => match LABELS.iter().position(|label| label == name) {
            Some(label) if label > 0 => Some(label),
            _ => bail!("{name:?} is no gesture; choose among {:?}", &LABELS[1..]),
        },
    };
    let order = Order {
        seed: arguments.seed,
        frames: arguments.frames,
        gestures: arguments.gestures,
        held_back: arguments.held_back,
        only,
    };
    let path = &arguments.out;
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads)
        .build()?;
    let all: Vec<u64> = (arguments.first..arguments.first + arguments.count).collect();
    for some in all.chunks(arguments.threads * 4) {
        let rendered: Vec<_> = pool.install(|| {
            some.par_iter()
                .map(|&index| Recording::new(&order, index).render())
                .collect()
        });
        for (frames, truth) in rendered {
            file.write_all(&frames)?;
            let truth: Vec<u8> = truth
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            file.write_all(&truth)?;
        }
    }
    file.flush()
        .with_context(|| format!("cannot write {}", path.display()))
}
