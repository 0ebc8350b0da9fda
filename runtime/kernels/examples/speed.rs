//! Prints how fast convolutions run, layer shape by layer shape, one thread.
//!
//! `cargo run --release -p praxiscope-kernels --example speed [-- ISA [PART OF A LAYER'S NAME]]`
//!
//! Each line gives multiply-adds per second (median and best of the repetitions) and the share of
//! the core's measured peak of fused multiply-adds.

use praxiscope_kernels::float::{Activation, Conv};
use praxiscope_kernels::{Geometry, Isa, KernelError, Window};
use std::hint::black_box;
use std::time::Instant;

struct Layer {
    name: String,
    geometry: Geometry,
}

fn dense(
    family: &str,
    size: usize,
    channels: [usize; 2],
    kernel: [usize; 3],
    stride: usize,
) -> Result<Layer, KernelError> {
    let [t, h, w] = kernel;
    let [i, o] = channels;
    let window = Window::centred(kernel, [stride, stride]);
    let geometry = Geometry::new([size, size], channels, 1, window)?;
    Ok(Layer {
        name: format!("{family} {t}x{h}x{w}/{stride} {size}x{size} {i}>{o}"),
        geometry,
    })
}

fn depthwise(
    family: &str,
    size: usize,
    channels: usize,
    kernel: [usize; 3],
    stride: usize,
) -> Result<Layer, KernelError> {
    let [t, h, w] = kernel;
    let window = Window::centred(kernel, [stride, stride]);
    let geometry = Geometry::per_channel([size, size], channels, window)?;
    Ok(Layer {
        name: format!("{family} dw {t}x{h}x{w}/{stride} {size}x{size} {channels}"),
        geometry,
    })
}

fn layers() -> Result<Vec<Layer>, KernelError> {
    let mut layers = vec![dense("mbv2", 224, [3, 32], [1, 3, 3], 2)?];
    for (size, channels) in [
        (112, [32, 16]),
        (112, [16, 96]),
        (56, [96, 24]),
        (56, [24, 144]),
        (56, [144, 24]),
        (28, [144, 32]),
        (28, [32, 192]),
        (28, [192, 32]),
        (14, [192, 64]),
        (14, [64, 384]),
        (14, [384, 64]),
        (14, [384, 96]),
        (14, [96, 576]),
        (14, [576, 96]),
        (7, [576, 160]),
        (7, [160, 960]),
        (7, [960, 160]),
        (7, [960, 320]),
        (7, [320, 1280]),
    ] {
        layers.push(dense("mbv2", size, channels, [1, 1, 1], 1)?);
    }
    for (size, channels, stride) in [
        (112, 32, 1),
        (112, 96, 2),
        (56, 144, 1),
        (56, 144, 2),
        (28, 192, 1),
        (28, 192, 2),
        (14, 384, 1),
        (14, 576, 1),
        (14, 576, 2),
        (7, 960, 1),
    ] {
        layers.push(depthwise("mbv2", size, channels, [1, 3, 3], stride)?);
    }
    layers.push(dense("r50", 224, [3, 64], [1, 7, 7], 2)?);
    for (size, width) in [(56, 64), (28, 128), (14, 256), (7, 512)] {
        layers.push(dense("r50", size, [4 * width, width], [1, 1, 1], 1)?);
        layers.push(dense("r50", size, [width, 4 * width], [1, 1, 1], 1)?);
        layers.push(dense("r50", size, [width, width], [1, 3, 3], 1)?);
    }
    for (size, channels, middle) in [
        (56, [64, 64], 144),
        (28, [128, 128], 288),
        (14, [256, 256], 576),
        (7, [512, 512], 1152),
    ] {
        layers.push(dense("r2p1d", size, [channels[0], middle], [1, 3, 3], 1)?);
        layers.push(dense("r2p1d", size, [middle, channels[1]], [3, 1, 1], 1)?);
    }
    for (size, width) in [(56, 64), (28, 128), (14, 256), (7, 512)] {
        layers.push(depthwise("csn", size, width, [3, 3, 3], 1)?);
    }
    layers.push(depthwise("temporal", 28, 192, [3, 1, 1], 1)?);
    layers.push(depthwise("mbv3", 14, 672, [1, 5, 5], 1)?);
    Ok(layers)
}

/// Seconds of one run: `[best, median]`.
fn time(mut run: impl FnMut()) -> [f64; 2] {
    run();
    let mut seconds = Vec::new();
    let begin = Instant::now();
    while seconds.len() < 5 || begin.elapsed().as_secs_f64() < 0.08 {
        let start = Instant::now();
        run();
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    [seconds[0], seconds[seconds.len() / 2]]
}

/// Multiply-adds per second that the core reaches when nothing is loaded.
fn peak(isa: Isa) -> f64 {
    const ROUNDS: usize = 200_000;
    let per_round = match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vnni => 16 * x86::CHAINS,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => 8 * x86::CHAINS,
        _ => return f64::NAN,
    };
    let [best, _] = time(|| {
        black_box(match isa {
            // SAFETY: the caller passes instruction sets that are available.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Vnni => unsafe { x86::avx512(ROUNDS) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { x86::avx2(ROUNDS) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => 0.0f32,
        });
    });
    (per_round * ROUNDS) as f64 / best
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Independent sums: more than latency times units.
    pub const CHAINS: usize = 12;

    #[target_feature(enable = "avx2,fma")]
    pub fn avx2(rounds: usize) -> f32 {
        let factor = _mm256_set1_ps(std::hint::black_box(0.999));
        let mut sums = [factor; CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, factor, factor);
            }
        }
        sums.into_iter().map(|sum| _mm256_cvtss_f32(sum)).sum()
    }

    #[target_feature(enable = "avx512f")]
    pub fn avx512(rounds: usize) -> f32 {
        let factor = _mm512_set1_ps(std::hint::black_box(0.999));
        let mut sums = [factor; CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, factor);
            }
        }
        sums.into_iter().map(|sum| _mm512_cvtss_f32(sum)).sum()
    }
}

/// Floats in a cache line.
const LINE: usize = 16;

/// The first `len` values that begin on a cache line, as an engine's arena lays its maps out.
fn from_line(values: &mut [f32], len: usize) -> &mut [f32] {
    let skip = values.as_ptr().align_offset(4 * LINE).min(LINE);
    &mut values[skip..skip + len]
}

fn main() -> Result<(), KernelError> {
    let mut arguments = std::env::args().skip(1);
    let isa = match arguments.next() {
        Some(name) => name.parse::<Isa>()?.checked()?,
        None => Isa::best(),
    };
    let wanted = arguments.next().unwrap_or_default();
    let peak = peak(isa) / 1e9;
    println!("{isa}: peak {peak:.1} GMAC/s");
    println!(
        "{:36} {:>8} {:>8} {:>8} {:>6}",
        "layer", "us", "median", "best", "share"
    );
    for Layer { name, geometry } in layers()?.into_iter().filter(|l| l.name.contains(&wanted)) {
        let weights = vec![0.01; geometry.weights_len()];
        let bias = vec![0.1; geometry.out_channels()];
        let conv = Conv::new(&geometry, &weights, &bias, Activation::RELU, isa)?;
        let mut maps: Vec<_> = (0..geometry.frames())
            .map(|_| vec![0.5; geometry.input_len() + LINE])
            .collect();
        let frames: Vec<Option<&[f32]>> = maps
            .iter_mut()
            .map(|map| Some(&*from_line(map, geometry.input_len())))
            .collect();
        let mut output = vec![0.0; geometry.output_len() + LINE];
        let output = from_line(&mut output, geometry.output_len());
        let mut outcome = Ok(());
        let [best, median] = time(|| {
            outcome = conv.run(&frames, None, black_box(output), 0..geometry.output()[0]);
        });
        outcome?;
        let macs = geometry.macs() as f64 / 1e9;
        let (median, best, micros) = (macs / median, macs / best, median * 1e6);
        let share = 100.0 * best / peak;
        println!("{name:36} {micros:8.1} {median:8.1} {best:8.1} {share:5.0}%");
    }
    Ok(())
}
