//! Checkpoints: the named tensors of a trained network, read from the files that training programs
//! leave behind.
//!
//! [`Checkpoint::read`] knows safetensors files and both formats of `torch.save`, by their content.
//! PyTorch's files hold pickles, which are programs; they are read by an interpreter of our own
//! that executes nothing and refuses what no checkpoint needs.
//!
//! A family's loader takes its tensors one by one with [`Checkpoint::take`] and ends with
//! [`Checkpoint::finish`], so that a tensor that is missing, misshapen or too many is named.

mod archive;
mod dtype;
mod error;
mod legacy;
mod pickle;
mod safetensors;
mod state_dict;
mod tensor;
#[cfg(test)]
mod tests;
mod wrapping;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::ArrayD;

pub use dtype::Dtype;
pub use error::{CheckpointError, FormatError};
pub use pickle::PickleError;
pub use state_dict::LeftOut;
pub use tensor::{Tensor, TensorError};

use state_dict::Contents;

/// The largest file that is read; the networks of this project stay below a tenth of it, optimizer
/// state included.
const MAX_FILE: u64 = 8 << 30;

/// Named tensors, sorted by name.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    file: String,
    tensors: BTreeMap<String, Tensor>,
    left_out: LeftOut,
}

impl Checkpoint {
    /// Reads a file: safetensors, or either of the formats that `torch.save` has had since 2017.
    ///
    /// The tensors of a training checkpoint are found under their usual keys (`state_dict`,
    /// `model`, ...); a `module.` before every name is dropped, and so are counters such as
    /// `num_batches_tracked`.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Unreadable`] names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let file = path.display().to_string();
        let unreadable = |problem| CheckpointError::Unreadable {
            file: file.clone(),
            problem,
        };
        let bytes = read_limited(path).map_err(unreadable)?;
        Self::from_bytes(&bytes, &file)
    }

    /// As [`Checkpoint::read`], from the bytes of a file; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Unreadable`] says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8], file: &str) -> Result<Self, CheckpointError> {
        let contents = if archive::is_zip(bytes) {
            archive::read(bytes)
        } else if safetensors::is_safetensors(bytes) {
            safetensors::read(bytes)
        } else if legacy::is_pickle(bytes) {
            legacy::read(bytes)
        } else {
            Err(FormatError::Unknown)
        };
        let unreadable = |problem| CheckpointError::Unreadable {
            file: file.to_owned(),
            problem,
        };
        Ok(Self::from_contents(contents.map_err(unreadable)?, file))
    }

    /// A checkpoint of tensors that were made here; `file` stands for it in errors.
    pub fn from_tensors(
        tensors: impl IntoIterator<Item = (String, ArrayD<f32>)>,
        file: &str,
    ) -> Self {
        let tensor = |(name, data)| {
            (
                name,
                Tensor {
                    data,
                    dtype: Dtype::F32,
                },
            )
        };
        let tensors = tensors.into_iter().map(tensor).collect();
        Self::from_contents(
            Contents {
                tensors,
                left_out: LeftOut::default(),
            },
            file,
        )
    }

    fn from_contents(contents: Contents, file: &str) -> Self {
        let Contents {
            mut tensors,
            mut left_out,
        } = contents;
        left_out.counters = wrapping::take_off(&mut tensors);
        Self {
            file: file.to_owned(),
            tensors,
            left_out,
        }
    }

    /// What stands for the file in errors.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The tensors by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// What the file holds besides.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The shape of a tensor, none where there is no such tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.data.shape())
    }

    /// The shape of a tensor that the network must have.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Missing`] where there is no such tensor.
    pub fn require(&self, name: &str) -> Result<&[usize], CheckpointError> {
        self.shape(name).ok_or_else(|| self.missing(name, None))
    }

    /// Takes a tensor out, which must have the shape `shape`.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Missing`] or [`CheckpointError::Misshapen`]; a misshapen tensor stays.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<ArrayD<f32>, CheckpointError> {
        let found = self
            .shape(name)
            .ok_or_else(|| self.missing(name, Some(shape)))?;
        if found != shape {
            return Err(CheckpointError::Misshapen {
                file: self.file.clone(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
                found: found.to_vec(),
            });
        }
        let taken = self
            .tensors
            .remove(name)
            .ok_or_else(|| self.missing(name, Some(shape)))?;
        Ok(taken.data)
    }

    fn missing(&self, name: &str, shape: Option<&[usize]>) -> CheckpointError {
        CheckpointError::Missing {
            file: self.file.clone(),
            tensor: name.to_owned(),
            shape: shape.map(<[usize]>::to_vec),
        }
    }

    /// Gives every tensor the name that `rename` makes of its name.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Ambiguous`] where two tensors would have one name.
    pub fn rename_all(
        self,
        mut rename: impl FnMut(&str) -> String,
    ) -> Result<Self, CheckpointError> {
        let mut renamed: BTreeMap<String, (String, Tensor)> = BTreeMap::new();
        for (old, tensor) in self.tensors {
            let name = rename(&old);
            if let Some((first, _)) = renamed.get(&name) {
                let (file, first) = (self.file, first.clone());
                return Err(CheckpointError::Ambiguous {
                    file,
                    name,
                    first,
                    second: old,
                });
            }
            renamed.insert(name, (old, tensor));
        }
        let tensors = renamed
            .into_iter()
            .map(|(name, (_, tensor))| (name, tensor))
            .collect();
        Ok(Self { tensors, ..self })
    }

    /// The bytes of a safetensors file with these tensors, as `f32`.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Unreadable`], for shapes that no file can have.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, CheckpointError> {
        safetensors::write(&self.tensors).map_err(|problem| CheckpointError::Unreadable {
            file: self.file.clone(),
            problem,
        })
    }

    /// Ends the loading: every tensor must have been taken.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Surplus`] names those that are left.
    pub fn finish(self) -> Result<(), CheckpointError> {
        if self.tensors.is_empty() {
            return Ok(());
        }
        let tensors = self.tensors.into_keys().collect();
        Err(CheckpointError::Surplus {
            file: self.file,
            tensors,
        })
    }
}

fn read_limited(path: &Path) -> Result<Vec<u8>, FormatError> {
    // Reading a pipe or a device might never end.
    if !std::fs::metadata(path).map_err(FormatError::Io)?.is_file() {
        return Err(FormatError::NoFile);
    }
    let file = File::open(path).map_err(FormatError::Io)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(FormatError::Io)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(FormatError::TooLarge(MAX_FILE));
    }
    Ok(bytes)
}
