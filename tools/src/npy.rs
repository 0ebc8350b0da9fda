//! Tensors as `.npy` files.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayView2};
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
    let open = || {
        File::open(path)
            .map(BufReader::new)
            .map_err(|error| failed(error.to_string()))
    };
    match ArrayD::<f32>::read_npy(open()?) {
        Ok(array) => Ok(array),
        Err(ReadNpyError::WrongDescriptor(_)) => match ArrayD::<f64>::read_npy(open()?) {
            Ok(array) => Ok(array.mapv(|value| value as f32)),
            Err(error) => Err(failed(error.to_string())),
        },
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Writes rows of float32.
///
/// # Errors
/// [`NpyError::Write`].
pub fn write(path: &Path, rows: ArrayView2<f32>) -> Result<(), NpyError> {
    let failed = |reason: String| NpyError::Write {
        path: path.into(),
        reason,
    };
    let file = File::create(path).map_err(|error| failed(error.to_string()))?;
    rows.write_npy(BufWriter::new(file))
        .map_err(|error| failed(error.to_string()))
}
