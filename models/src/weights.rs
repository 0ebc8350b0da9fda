//! Where a network's weights come from: a checkpoint, or chance.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ndarray::ArrayD;

use crate::checkpoint::{Checkpoint, CheckpointError};

/// The layers of a published network that have a weight, and how many outputs each makes; besides,
/// by their whole names, the biases of convolutions that have one.
pub(crate) type Layers = Vec<(String, usize)>;

/// What a builder takes tensors from.
#[derive(Clone, Debug)]
pub(crate) enum Weights {
    /// A file.
    Trained(Checkpoint),
    /// Random values for the layers of a published network, by the names that the builder uses.
    Random {
        /// For each layer's weight, its outputs.
        layers: BTreeMap<String, usize>,
        /// What the next values are made from.
        seed: u64,
        /// How many parameters have been taken: what training changes, so no statistics.
        parameters: Rc<Cell<usize>>,
    },
}

impl Weights {
    /// Random weights for `layers`, always the same for one `seed`.
    pub fn random(layers: Layers, seed: u64) -> Weights {
        let tensor = |(name, outputs): (String, usize)| match name.ends_with(".bias") {
            true => (name, outputs),
            false => (format!("{name}.weight"), outputs),
        };
        let layers = layers.into_iter().map(tensor).collect();
        Weights::Random {
            layers,
            seed,
            parameters: Rc::default(),
        }
    }

    /// What stands for the file in errors.
    pub fn file(&self) -> &str {
        match self {
            Weights::Trained(checkpoint) => checkpoint.file(),
            Weights::Random { .. } => "random weights",
        }
    }

    /// The names of the tensors; of random layers those of their weights.
    pub fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Weights::Trained(checkpoint) => Box::new(checkpoint.iter().map(|(name, _)| name)),
            Weights::Random { layers, .. } => Box::new(layers.keys().map(String::as_str)),
        }
    }

    /// The tensors of a file as `change` makes them.
    pub fn map(self, mut change: impl FnMut(&str, ArrayD<f32>) -> ArrayD<f32>) -> Weights {
        let Weights::Trained(checkpoint) = self else {
            return self;
        };
        let file = checkpoint.file().to_owned();
        let tensors: Vec<_> = (checkpoint.iter())
            .map(|(name, tensor)| (name.to_owned(), change(name, tensor.data.clone())))
            .collect();
        Weights::Trained(Checkpoint::from_tensors(tensors, &file))
    }

    /// Whether a name passes a test.
    pub fn any(&self, test: impl FnMut(&str) -> bool) -> bool {
        self.names().any(test)
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Weights::Trained(checkpoint) => checkpoint.shape(name).is_some(),
            Weights::Random { layers, .. } => layers.contains_key(name),
        }
    }

    /// The shape of a tensor that there is; chance has none of its own.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match self {
            Weights::Trained(checkpoint) => checkpoint.shape(name),
            Weights::Random { .. } => None,
        }
    }

    /// The first extent of a weight, which the network must have.
    pub fn outputs(&self, name: &str) -> Result<usize, CheckpointError> {
        let outputs = match self {
            Weights::Trained(checkpoint) => checkpoint.require(name)?.first(),
            Weights::Random { layers, .. } => {
                let outputs = layers.get(name);
                Some(outputs.ok_or_else(|| self.missing(name))?)
            }
        };
        // No weight makes no channels: its shape is found wrong when it is taken.
        Ok(outputs.copied().unwrap_or(1).max(1))
    }

    /// Takes a tensor out, which must have the shape `shape`.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<ArrayD<f32>, CheckpointError> {
        match self {
            Weights::Trained(checkpoint) => checkpoint.take(name, shape),
            Weights::Random {
                seed, parameters, ..
            } => {
                if is_trained(name) {
                    parameters.set(parameters.get() + shape.iter().product::<usize>());
                }
                Ok(random(name, shape, seed))
            }
        }
    }

    /// How many parameters there are; of random ones, how many have been taken by the time that one
    /// asks.
    pub fn parameters(&self) -> Rc<Cell<usize>> {
        match self {
            Weights::Trained(checkpoint) => {
                let trained = checkpoint.iter().filter(|(name, _)| is_trained(name));
                Rc::new(Cell::new(
                    trained.map(|(_, tensor)| tensor.data.len()).sum(),
                ))
            }
            Weights::Random { parameters, .. } => parameters.clone(),
        }
    }

    /// Ends the loading: every tensor must have been taken.
    pub fn finish(self) -> Result<(), CheckpointError> {
        match self {
            Weights::Trained(checkpoint) => checkpoint.finish(),
            Weights::Random { .. } => Ok(()),
        }
    }

    fn missing(&self, name: &str) -> CheckpointError {
        CheckpointError::Missing {
            file: self.file().to_owned(),
            tensor: name.to_owned(),
            shape: None,
        }
    }
}

/// Whether a tensor is what training changes, and no statistics of a batch-norm.
fn is_trained(name: &str) -> bool {
    !name.contains(".running_")
}

/// Values of a spread that keeps features of order 1 through a network without batch-norms.
fn random(name: &str, shape: &[usize], seed: &mut u64) -> ArrayD<f32> {
    let fan_in: usize = shape.iter().skip(1).product();
    let part = name.rsplit('.').next().unwrap_or_default();
    let (low, high) = match part {
        "running_var" => (0.7, 1.5),
        "weight" if shape.len() == 1 => (0.4, 0.8),
        "weight" => {
            let limit = (6.0 / fan_in.max(1) as f32).sqrt();
            (-limit, limit)
        }
        _ => (-0.3, 0.3),
    };
    ArrayD::from_shape_simple_fn(shape, || low + (high - low) * unit(seed))
}

/// The next number in 0..1 by SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014).
fn unit(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 40) as f32 / (1u64 << 24) as f32
}
