//! Tensors as `.npy` files.

use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayView, Dimension};
use ndarray_npy::{ReadNpyError, ReadNpyExt, WriteNpyExt};
use thiserror::Error;

/// Why a tensor file was not read or written.
#[derive(Debug, Error)]
pub enum NpyError {
    /// Not to be read.
    #[error("cannot read the tensor {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Not to be written.
    #[error("cannot write the tensor {path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Reads a tensor of float32 or float64.
///
/// # Errors
/// [`NpyError::Read`].
pub fn read(path: &Path) -> Result<ArrayD<f32>, NpyError> {
    let failed = |reason: String| NpyError::Read {
        path: path.into(),
        reason,
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    read_from(BufReader::new(file)).map_err(|error| failed(error.to_string()))
}

/// The same from a file's bytes.
///
/// # Errors
/// What is wrong with them.
pub fn from_bytes(bytes: &[u8]) -> Result<ArrayD<f32>, ReadNpyError> {
    read_from(Cursor::new(bytes))
}

fn read_from(mut input: impl Read + Seek) -> Result<ArrayD<f32>, ReadNpyError> {
    match ArrayD::<f32>::read_npy(&mut input) {
        Err(ReadNpyError::WrongDescriptor(_)) => {
            input.rewind()?;
            Ok(ArrayD::<f64>::read_npy(&mut input)?.mapv(|value| value as f32))
        }
        read => read,
    }
}

/// Writes a tensor of float32.
///
/// # Errors
/// [`NpyError::Write`].
pub fn write<D: Dimension>(path: &Path, tensor: ArrayView<f32, D>) -> Result<(), NpyError> {
    let failed = |reason: String| NpyError::Write {
        path: path.into(),
        reason,
    };
    let file = File::create(path).map_err(|error| failed(error.to_string()))?;
    tensor.write_npy(BufWriter::new(file))
        .map_err(|error| failed(error.to_string()))
}
