//! What the weights of a convolution are multiplied with: the second moments of its windows' numbers.

use std::collections::VecDeque;

use praxiscope_runtime::step::Conv;

/// Numbers of a window whose moments are taken together. More would cost more than they tell.
pub(super) const BLOCK: usize = 96;
/// Windows of a map that are looked at: of long ones, and of short ones.
const WINDOWS: [usize; 2] = [4, 16];
/// A layer has seen enough after so many.
const ENOUGH: usize = 4096;

/// Sums of the products of a window's numbers, block by block.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    conv: Conv,
    /// Height, width and channels of the input.
    shape: [usize; 3],
    /// Numbers of a group's window, in the order of the weights: channel, frame, row, column.
    pub window: usize,
    /// For each group its blocks, each `[n, n]`, the last one shorter.
    sums: Vec<Vec<Vec<f32>>>,
    windows: usize,
    /// Frames that a window over time may still need.
    recent: VecDeque<Vec<f32>>,
    chance: u64,
}

impl Moments {
    /// Nothing seen yet, of a convolution of maps `[H, W, C]`.
    pub fn new(conv: &Conv, shape: [usize; 3]) -> Moments {
        let taps = conv.time.kernel * conv.space.kernel.iter().product::<usize>();
        let window = shape[2] / conv.groups.max(1) * taps;
        let block = |at: usize| {
            let size = BLOCK.min(window - at * BLOCK);
            vec![0.0; size * size]
        };
        let blocks: Vec<Vec<f32>> = (0..window.div_ceil(BLOCK)).map(block).collect();
        Moments {
            conv: *conv,
            shape,
            window,
            sums: vec![blocks; conv.groups],
            windows: 0,
            recent: VecDeque::new(),
            chance: 1,
        }
    }

    /// A new recording begins.
    pub fn restart(&mut self) {
        self.recent.clear();
    }

    /// Looks at some windows of a map that came, the same on every machine.
    pub fn look_at(&mut self, map: &[f32]) {
        if self.windows >= ENOUGH {
            return;
        }
        let time = self.conv.time;
        let reach = (time.kernel - 1) * time.dilation;
        if reach > 0 {
            self.recent.push_back(map.to_vec());
            if self.recent.len() <= reach {
                return;
            }
            self.recent.truncate(reach + 1);
        }
        let Some([height, width]) = self.conv.space.output(self.shape[0], self.shape[1]) else {
            return;
        };
        let most = WINDOWS[usize::from(self.window <= BLOCK)].min(height * width);
        for _ in 0..most {
            let place = [self.below(height), self.below(width)];
            for group in 0..self.conv.groups {
                let numbers = self.numbers(map, place, group);
                for (sums, numbers) in self.sums[group].iter_mut().zip(numbers.chunks(BLOCK)) {
                    add_products(sums, numbers);
                }
            }
            self.windows += 1;
        }
        if reach > 0 {
            self.recent.pop_front();
        }
    }

    /// A group's numbers in the window of an output.
    fn numbers(&self, map: &[f32], place: [usize; 2], group: usize) -> Vec<f32> {
        let (space, time) = (&self.conv.space, &self.conv.time);
        let [height, width, channels] = self.shape;
        let each = channels / self.conv.groups;
        let mut numbers = Vec::with_capacity(self.window);
        let tap = |axis: usize, tap: usize, extent: usize| {
            let at = place[axis] * space.stride[axis] + tap * space.dilation[axis];
            at.checked_sub(space.padding[axis][0])
                .filter(|at| *at < extent)
        };
        for channel in group * each..(group + 1) * each {
            for frame in 0..time.kernel {
                let frame = self.recent.get(frame * time.dilation);
                let frame = frame.map_or(map, Vec::as_slice);
                for y in 0..space.kernel[0] {
                    for x in 0..space.kernel[1] {
                        let at = tap(0, y, height).zip(tap(1, x, width));
                        let number =
                            at.map_or(0.0, |(y, x)| frame[(y * width + x) * channels + channel]);
                        numbers.push(number);
                    }
                }
            }
        }
        numbers
    }

    /// A number below `end`, by Knuth's linear congruential generator.
    fn below(&mut self, end: usize) -> usize {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.chance >> 33) % end.max(1) as u64) as usize
    }

    /// The blocks of a group; `None` if nothing was seen.
    pub fn of_group(&self, group: usize) -> Option<&[Vec<f32>]> {
        let blocks = self.sums.get(group).map(Vec::as_slice);
        blocks.filter(|_| self.windows > 0)
    }
}

fn add_products(sums: &mut [f32], numbers: &[f32]) {
    for (row, number) in sums.chunks_exact_mut(numbers.len().max(1)).zip(numbers) {
        // Behind a rectifier half of them are zeros.
        if *number != 0.0 {
            for (sum, other) in row.iter_mut().zip(numbers) {
                *sum += number * other;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use praxiscope_runtime::step::{Activation, SpaceWindow, TimeWindow};

    use super::*;

    fn conv(kernel: [usize; 3], groups: usize) -> Conv {
        Conv {
            time: TimeWindow {
                kernel: kernel[0],
                ..TimeWindow::FRAME
            },
            space: SpaceWindow {
                kernel: [kernel[1], kernel[2]],
                ..SpaceWindow::PIXEL
            },
            groups,
            activation: Activation::Identity,
        }
    }

    #[test]
    fn a_pixels_channels_are_multiplied_with_one_another() {
        let mut moments = Moments::new(&conv([1, 1, 1], 1), [1, 1, 2]);
        moments.look_at(&[2.0, 3.0]);
        moments.look_at(&[1.0, 0.0]);
        assert_eq!(moments.of_group(0).unwrap()[0], [5.0, 6.0, 6.0, 9.0]);
    }

    #[test]
    fn groups_stay_apart_and_windows_lie_in_the_order_of_the_weights() {
        let mut moments = Moments::new(&conv([1, 1, 2], 2), [1, 2, 2]);
        moments.look_at(&[1.0, 10.0, 2.0, 20.0]);
        assert_eq!(moments.of_group(0).unwrap()[0], [1.0, 2.0, 2.0, 4.0]);
        assert_eq!(
            moments.of_group(1).unwrap()[0],
            [100.0, 200.0, 200.0, 400.0]
        );
    }

    #[test]
    fn a_window_over_time_waits_for_its_frames() {
        let mut moments = Moments::new(&conv([2, 1, 1], 1), [1, 1, 1]);
        moments.look_at(&[2.0]);
        assert!(moments.of_group(0).is_none());
        moments.look_at(&[3.0]);
        moments.look_at(&[4.0]);
        let sums = [4.0 + 9.0, 6.0 + 12.0, 6.0 + 12.0, 9.0 + 16.0];
        assert_eq!(moments.of_group(0).unwrap()[0], sums);
        moments.restart();
        moments.look_at(&[5.0]);
        assert_eq!(moments.of_group(0).unwrap()[0], sums);
    }
}
