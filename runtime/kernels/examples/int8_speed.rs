//! Multiply-adds per second of the 8-bit convolutions, layer by layer, on one thread.
//!
//! ```text
//! cargo run --release -p praxiscope-kernels --example int8_speed -- [mobilenet|others] [ISA...]
//! ```
//!
//! `mobilenet` are the layers of MobileNetV2 at 224 x 224, each as often as the network has it, and
//! their sum; `others` are shapes of ResNet-50, CSN and R(2+1)D. Times are medians.

use praxiscope_kernels::int8::{Addend, Conv, OutputRange};
use praxiscope_kernels::{Geometry, Isa, Window};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

struct Layer {
    name: String,
    geometry: Geometry,
    residual: bool,
    /// How often the network has it.
    times: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let set = arguments.next_if(|word| word == "mobilenet" || word == "others");
    let named: Vec<Isa> = arguments
        .map(|word| word.parse())
        .collect::<Result<_, _>>()?;
    let isas = if named.is_empty() {
        Isa::available()
    } else {
        named
    };
    if set.as_deref() != Some("others") {
        table("MobileNetV2 at 224", &mobilenet()?, &isas)?;
    }
    if set.as_deref() != Some("mobilenet") {
        table("ResNet-50, CSN, R(2+1)D", &others()?, &isas)?;
    }
    Ok(())
}

/// MobileNetV2's convolutions: expansion factor, channels, repeats, stride of each stage.
fn mobilenet() -> Result<Vec<Layer>, Box<dyn Error>> {
    let mut layers = Vec::new();
    push(&mut layers, dense([224, 224], 3, 32, [1, 3, 3], 2)?, false);
    let mut size = 112;
    let mut channels = 32;
    for (factor, outputs, repeats, first_stride) in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ] {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { first_stride } else { 1 };
            let wide = channels * factor;
            if factor > 1 {
                push(
                    &mut layers,
                    dense([size; 2], channels, wide, [1, 1, 1], 1)?,
                    false,
                );
            }
            push(
                &mut layers,
                depthwise([size; 2], wide, [1, 3, 3], stride)?,
                false,
            );
            size /= stride;
            let geometry = dense([size; 2], wide, outputs, [1, 1, 1], 1)?;
            push(&mut layers, geometry, repeat > 0);
            channels = outputs;
        }
    }
    push(&mut layers, dense([7, 7], 320, 1280, [1, 1, 1], 1)?, false);
    push(&mut layers, Geometry::linear(1, 1280, 1000)?, false);
    Ok(layers)
}

fn others() -> Result<Vec<Layer>, Box<dyn Error>> {
    let mut layers = Vec::new();
    for (size, inputs, outputs, kernel) in [
        (56, 64, 64, [1, 1, 1]),
        (56, 64, 64, [1, 3, 3]),
        (56, 64, 256, [1, 1, 1]),
        (28, 512, 128, [1, 1, 1]),
        (28, 128, 128, [1, 3, 3]),
        (14, 256, 256, [1, 3, 3]),
        (14, 1024, 256, [1, 1, 1]),
        (14, 256, 1024, [1, 1, 1]),
        (7, 512, 512, [1, 3, 3]),
        (7, 2048, 512, [1, 1, 1]),
        (56, 64, 144, [1, 3, 3]),
        (56, 144, 64, [3, 1, 1]),
        (7, 512, 1152, [1, 3, 3]),
        (7, 1152, 512, [3, 1, 1]),
        (14, 256, 256, [3, 3, 3]),
    ] {
        push(
            &mut layers,
            dense([size; 2], inputs, outputs, kernel, 1)?,
            false,
        );
    }
    for (size, channels, kernel) in [
        (56, 64, [3, 3, 3]),
        (28, 128, [3, 3, 3]),
        (14, 256, [3, 3, 3]),
        (7, 512, [3, 3, 3]),
        (28, 192, [3, 1, 1]),
        (28, 192, [5, 1, 1]),
        (28, 120, [1, 5, 5]),
    ] {
        push(
            &mut layers,
            depthwise([size; 2], channels, kernel, 1)?,
            false,
        );
    }
    Ok(layers)
}

fn dense(
    size: [usize; 2],
    inputs: usize,
    outputs: usize,
    kernel: [usize; 3],
    stride: usize,
) -> Result<Geometry, Box<dyn Error>> {
    let window = Window::centred(kernel, [stride; 2]);
    Ok(Geometry::new(size, [inputs, outputs], 1, window)?)
}

fn depthwise(
    size: [usize; 2],
    channels: usize,
    kernel: [usize; 3],
    stride: usize,
) -> Result<Geometry, Box<dyn Error>> {
    let window = Window::centred(kernel, [stride; 2]);
    Ok(Geometry::per_channel(size, channels, window)?)
}

/// Adds a layer, or counts one more of its kind.
fn push(layers: &mut Vec<Layer>, geometry: Geometry, residual: bool) {
    let same = |layer: &&mut Layer| layer.geometry == geometry && layer.residual == residual;
    if let Some(layer) = layers.iter_mut().find(same) {
        layer.times += 1;
        return;
    }
    let [t, h, w] = geometry.window().kernel;
    let kind = if geometry.is_depthwise() { "dw " } else { "" };
    let name = format!(
        "{:3} {kind}{t}x{h}x{w}/{} {:4} -> {:4}{}",
        geometry.input()[1],
        geometry.window().stride[1],
        geometry.in_channels(),
        geometry.out_channels(),
        if residual { " +" } else { "" },
    );
    layers.push(Layer {
        name,
        geometry,
        residual,
        times: 1,
    });
}

fn table(title: &str, layers: &[Layer], isas: &[Isa]) -> Result<(), Box<dyn Error>> {
    println!("{title}: GMAC/s (microseconds)");
    print!("{:34}", "");
    isas.iter().for_each(|isa| print!("{isa:>18}"));
    println!();
    let mut sums = vec![0.0; isas.len()];
    let mut macs = 0;
    for layer in layers {
        print!("{:30} x{} ", layer.name, layer.times);
        for (isa, sum) in isas.iter().zip(&mut sums) {
            let seconds = time(layer, *isa)?;
            *sum += seconds * layer.times as f64;
            let rate = layer.geometry.macs() as f64 / seconds / 1e9;
            print!("{rate:9.1} {:8.1}", seconds * 1e6);
        }
        macs += layer.geometry.macs() * layer.times as u64;
        println!();
    }
    print!("{:34}", format!("sum, {:.3} GMAC", macs as f64 / 1e9));
    for sum in sums {
        print!("{:9.1} {:8.1}", macs as f64 / sum / 1e9, sum * 1e6);
    }
    println!("\n");
    Ok(())
}

/// The median seconds of one run.
fn time(layer: &Layer, isa: Isa) -> Result<f64, Box<dyn Error>> {
    let geometry = &layer.geometry;
    let mut state = 1u32;
    let mut random = |len: usize| -> Vec<i8> {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 24) as u8 as i8).max(-127)
        };
        (0..len).map(next).collect()
    };
    let outputs = geometry.out_channels();
    let conv = Conv::new(
        geometry,
        &random(geometry.weights_len()),
        &vec![1000; outputs],
        &vec![1e-3; outputs],
        -3,
        OutputRange {
            zero: -128,
            low: -128,
            high: 127,
        },
        isa,
    )?;
    let frames: Vec<_> = (0..geometry.frames())
        .map(|_| random(geometry.input_len()))
        .collect();
    let frames: Vec<_> = frames.iter().map(|frame| Some(frame.as_slice())).collect();
    let addend = random(geometry.output_len());
    let addend = layer.residual.then_some(Addend {
        values: &addend,
        zero: 3,
        multiplier: 0.7,
    });
    let mut output = vec![0; geometry.output_len()];
    let mut times = Vec::new();
    let began = Instant::now();
    while times.len() < 9 || (began.elapsed().as_secs_f64() < 0.1 && times.len() < 2000) {
        let start = Instant::now();
        conv.run(&frames, addend, &mut output, 0..geometry.output()[0])?;
        times.push(start.elapsed().as_secs_f64());
        black_box(&mut output);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
