//! Rows that another program saved: what PyTorch said of the same frames.

use std::path::Path;

use ndarray::{Array2, ArrayD};
use praxiscope_models::checkpoint::Checkpoint;

use super::ReferenceError;
use crate::npy;

/// Rows of `classes` logits from a tensor file: `.npy`, `.safetensors`, or a dictionary with one tensor
/// in it that `torch.save` wrote, which is read without executing anything.
///
/// # Errors
/// [`ReferenceError::Rows`].
pub fn saved_rows(path: &Path, classes: usize) -> Result<Array2<f32>, ReferenceError> {
    let refused = |reason: String| ReferenceError::Rows {
        path: path.into(),
        reason,
    };
    let tensor: ArrayD<f32> = match path.extension().is_some_and(|suffix| suffix == "npy") {
        true => npy::read(path).map_err(|error| refused(error.to_string()))?,
        false => {
            let checkpoint = Checkpoint::read(path).map_err(|error| refused(error.to_string()))?;
            let tensors: Vec<_> = checkpoint.iter().collect();
            match tensors[..] {
                [(_, tensor)] => tensor.data.clone(),
                _ => {
                    let count = tensors.len();
                    return Err(refused(format!("it holds {count} tensors, and not one")));
                }
            }
        }
    };
    let shape = tensor.shape().to_vec();
    if classes == 0 || shape.last() != Some(&classes) {
        return Err(refused(format!(
            "it has the shape {shape:?}, and rows of {classes} logits are needed"
        )));
    }
    let rows = tensor.len() / classes;
    tensor
        .as_standard_layout()
        .into_owned()
        .into_shape_with_order((rows, classes))
        .map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_in_every_form_and_other_shapes_refused() {
        let folder = tempfile::tempdir().unwrap();
        let rows = Array2::from_shape_fn((3, 2), |(row, class)| (row * 2 + class) as f32);
        let npy = folder.path().join("rows.npy");
        npy::write(&npy, rows.view()).unwrap();
        assert_eq!(saved_rows(&npy, 2).unwrap(), rows);
        let named = [("rows".to_owned(), rows.clone().into_dyn())];
        let safetensors = folder.path().join("rows.safetensors");
        let bytes = Checkpoint::from_tensors(named, "rows").to_safetensors();
        std::fs::write(&safetensors, bytes.unwrap()).unwrap();
        assert_eq!(saved_rows(&safetensors, 2).unwrap(), rows);
        for classes in [0, 3, 6] {
            assert!(saved_rows(&npy, classes).is_err(), "{classes}");
        }
    }
}
