//! Tensors as `.npy` files.

use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Read, Seek, SeekFrom};
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
    read_from(BufReader::new(file)).map_err(|error| failed(reason(error)))
}

fn reason(error: ReadNpyError) -> String {
    match error {
        ReadNpyError::WrongDescriptor(found) => {
            format!("its numbers are of the type {found}, not float32 or float64")
        }
        error => error.to_string(),
    }
}

/// The same from a file's bytes.
///
/// # Errors
/// What is wrong with them.
pub fn from_bytes(bytes: &[u8]) -> Result<ArrayD<f32>, ReadNpyError> {
    read_from(Cursor::new(bytes))
}

fn read_from(mut input: impl Read + Seek) -> Result<ArrayD<f32>, ReadNpyError> {
    check_sizes(&mut input)?;
    match ArrayD::<f32>::read_npy(&mut input) {
        Err(ReadNpyError::WrongDescriptor(_)) => {
            input.rewind()?;
            Ok(ArrayD::<f64>::read_npy(&mut input)?.mapv(|value| value as f32))
        }
        read => read,
    }
}

/// The parser allocates what a header asks for before it reads: hold that against what is there.
fn check_sizes(input: &mut (impl Read + Seek)) -> Result<(), ReadNpyError> {
    const LONGEST_HEADER: usize = 1 << 16;
    let refused = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
    let mut start = [0; 8];
    input.read_exact(&mut start)?;
    let length = match start[6] {
        1 => {
            let mut length = [0; 2];
            input.read_exact(&mut length)?;
            usize::from(u16::from_le_bytes(length))
        }
        _ => {
            let mut length = [0; 4];
            input.read_exact(&mut length)?;
            u32::from_le_bytes(length) as usize
        }
    };
    if length > LONGEST_HEADER {
        return Err(refused("its header is longer than any").into());
    }
    let mut header = vec![0; length];
    input.read_exact(&mut header)?;
    let at = input.stream_position()?;
    let bytes = input.seek(SeekFrom::End(0))?.saturating_sub(at);
    let header = String::from_utf8_lossy(&header);
    // Numbers of one byte would seem to be too few below.
    let descriptor = header
        .split("descr")
        .nth(1)
        .and_then(|after| after.split('\'').nth(2));
    if let Some(found) = descriptor.filter(|found| !found.ends_with("f4") && !found.ends_with("f8"))
    {
        let what = format!("its numbers are of the type {found}, not float32 or float64");
        return Err(refused(&what).into());
    }
    let shapes: Vec<&str> = header.split("shape").skip(1).collect();
    // An escaped key would be one that is not seen here.
    let fits = |after: &&str| elements(after).is_some_and(|elements| elements <= bytes / 4);
    if shapes.is_empty() || header.contains('\\') || !shapes.iter().all(fits) {
        return Err(refused("it holds less than its header says").into());
    }
    Ok(input.rewind()?)
}

/// The product of the numbers in the first brackets.
fn elements(text: &str) -> Option<u64> {
    let (inside, _) = text.split_once('(')?.1.split_once(')')?;
    let numbers = inside.split(',').map(str::trim).filter(|n| !n.is_empty());
    let numbers: Option<Vec<u64>> = numbers
        .map(|n| n.strip_suffix('L').unwrap_or(n).parse().ok())
        .collect();
    let numbers = numbers?;
    match numbers.contains(&0) {
        true => Some(0),
        false => numbers
            .iter()
            .try_fold(1u64, |product, number| product.checked_mul(*number)),
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
    tensor
        .write_npy(BufWriter::new(file))
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, length: &[u8], header: &str, data: &[u8]) -> Vec<u8> {
        [
            b"\x93NUMPY",
            &[version, 0][..],
            length,
            header.as_bytes(),
            data,
        ]
        .concat()
    }

    #[test]
    fn sizes_that_are_not_there_are_refused_before_they_are_allocated() {
        let header = |shape: &str| {
            format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n")
        };
        let read = |shape: &str| {
            let header = header(shape);
            let length = (header.len() as u16).to_le_bytes();
            from_bytes(&file(1, &length, &header, &[0; 8]))
        };
        assert_eq!(read("2,").unwrap().shape(), [2]);
        for shape in [
            "3,",
            "4294967296, 4294967296",
            "99999999999999999999",
            "-1",
            "1 << 40",
        ] {
            assert!(read(shape).is_err(), "{shape}");
        }
        let long = file(2, &0x7fff_ffff_u32.to_le_bytes(), &header("2,"), &[0; 8]);
        assert!(from_bytes(&long).is_err());
    }
}
