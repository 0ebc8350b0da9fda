//! Numbers that a window picks: what a convolution of ones and zeros does.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::meaning::{Step, View};

/// A window along all axes behind the channels, of which each new channel is one number.
#[derive(Clone, Debug, PartialEq)]
pub struct Picks {
    /// Places of the window along each axis.
    pub window: Vec<usize>,
    /// From one window to the next.
    pub strides: Vec<usize>,
    /// Zeros before and behind each axis.
    pub padding: Vec<(usize, usize)>,
    /// Channels of the map, and groups of them that are picked from apart.
    pub channels: usize,
    pub groups: usize,
    /// For each new channel the channel in its group, and the place in the window.
    pub picked: Vec<(usize, Vec<usize>)>,
}

impl Picks {
    /// The same for a map with more axes behind, along which nothing is picked.
    pub fn widen(&mut self, axes: usize) {
        self.window.resize(axes, 1);
        self.strides.resize(axes, 1);
        self.padding.resize(axes, (0, 0));
        for (_, place) in &mut self.picked {
            place.resize(axes, 0);
        }
    }

    /// The convolution, its weights and its bias.
    ///
    /// # Errors
    /// When a picked place is outside the window.
    pub fn convolution(&self) -> TractResult<(Conv, Tensor, Tensor)> {
        let outputs = self.picked.len();
        let mut shape = vec![outputs, self.channels / self.groups.max(1)];
        shape.extend(&self.window);
        let mut weights = tract_ndarray::ArrayD::<f32>::zeros(shape);
        for (output, (channel, place)) in self.picked.iter().enumerate() {
            let mut at = vec![output, *channel];
            at.extend(place);
            *weights
                .get_mut(&*at)
                .context("a place outside the window")? = 1.0;
        }
        let (before, behind) = self.padding.iter().copied().unzip();
        let conv = Conv {
            pool_spec: PoolSpec {
                data_format: DataFormat::NCHW,
                kernel_shape: self.window.iter().copied().collect(),
                padding: PaddingSpec::Explicit(before, behind),
                dilations: None,
                strides: Some(self.strides.iter().copied().collect()),
                input_channels: self.channels,
                output_channels: outputs,
            },
            kernel_fmt: KernelFormat::OIHW,
            group: self.groups,
            q_params: None,
        };
        let bias = Tensor::zero::<f32>(&[outputs])?;
        Ok((conv, weights.into_tensor(), bias))
    }
}

impl View<'_> {
    /// Neighbours in time or on the map put into channels, space-to-depth and time-to-channel.
    pub fn gathered(&self) -> Option<Step> {
        let (map, shape) = (self.map, self.shape);
        let rank = map.len();
        if rank < 3 || shape.len() != rank || map[0] != shape[0] {
            return None;
        }
        // What becomes a single place is rather a map that is made flat.
        let sides = map[2..].iter().zip(&shape[2..]);
        let window = sides.map(|(&inside, &outside)| {
            let is_parted = inside.is_multiple_of(outside) && (inside == outside || outside > 1);
            is_parted.then(|| inside / outside)
        });
        let window: Vec<usize> = window.collect::<Option<_>>()?;
        let places: usize = window.iter().product();
        if places == 1 || shape[1] != map[1] * places {
            return None;
        }
        let mut picked: Vec<Option<(usize, Vec<usize>)>> = vec![None; shape[1]];
        for at in 0..self.table.len() {
            let (to, from) = (coordinates(shape, at), coordinates(map, self.origin(at)));
            let behind = || from[2..].iter().zip(&to[2..]).zip(&window);
            let is_inside = behind().all(|((from, to), side)| from / side == *to);
            if from[0] != to[0] || !is_inside {
                return None;
            }
            let place = behind().map(|((from, _), side)| from % side).collect();
            let here = (from[1], place);
            match &picked[to[1]] {
                Some(known) if *known != here => return None,
                Some(_) => {}
                None => picked[to[1]] = Some(here),
            }
        }
        Some(Step::Picks(Box::new(Picks {
            strides: window.clone(),
            padding: vec![(0, 0); window.len()],
            window,
            channels: map[1],
            groups: 1,
            picked: picked.into_iter().collect::<Option<_>>()?,
        })))
    }
}

/// A shift of each channel by its own number of frames, zeros at the clip's ends; `offsets` are from a
/// frame to the one that its numbers come from.
pub fn lent(map: &[usize], (time, channel): (usize, usize), offsets: &[isize]) -> Vec<Step> {
    let farthest = offsets
        .iter()
        .map(|by| by.unsigned_abs())
        .max()
        .unwrap_or(0);
    // `[1, C, T, ...]`: a first axis of one place is there, or comes.
    let is_there = map[0] == 1 && time != 0 && channel != 0;
    let added = usize::from(!is_there);
    let (channel, time) = (channel + added, time + added);
    let time = if time < channel { time + 1 } else { time };
    let axes = map.len() + added - 2;
    let mut steps = vec![];
    if !is_there {
        steps.push(Step::axes(AxisOp::Add(0)));
    }
    let moves = [(channel, 1), (time, 2)];
    let moves = || moves.into_iter().filter(|(from, to)| from != to);
    steps.extend(moves().map(|(from, to)| Step::axes(AxisOp::Move(from, to))));
    let mut picks = Picks {
        window: vec![2 * farthest + 1],
        strides: vec![1],
        padding: vec![(farthest, farthest)],
        channels: offsets.len(),
        groups: offsets.len(),
        picked: offsets
            .iter()
            .map(|by| (0, vec![(farthest as isize + by) as usize]))
            .collect(),
    };
    picks.widen(axes);
    steps.push(Step::Picks(Box::new(picks)));
    steps.extend(
        moves()
            .rev()
            .map(|(from, to)| Step::axes(AxisOp::Move(to, from))),
    );
    if !is_there {
        steps.push(Step::axes(AxisOp::Rm(0)));
    }
    steps
}

fn coordinates(shape: &[usize], mut place: usize) -> Vec<usize> {
    let mut found = vec![0; shape.len()];
    for (coordinate, extent) in found.iter_mut().zip(shape).rev() {
        *coordinate = place % extent;
        place /= extent;
    }
    found
}
