//! Tensors as files hold them, and as networks want them: contiguous `f32`.

use ndarray::{ArrayD, IxDyn};
use thiserror::Error;

use super::dtype::Dtype;

/// A tensor of a network: contiguous `f32`, whatever it was in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The values.
    pub data: ArrayD<f32>,
    /// The element type in the file.
    pub dtype: Dtype,
}

/// Why the bytes of a tensor do not make one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorError {
    /// The shape's number of elements is beyond what a computer addresses.
    #[error("has an impossible shape {0:?}")]
    Shape(Vec<usize>),
    /// The elements lie, wholly or in part, outside the storage.
    #[error("reaches beyond its storage of {stored} bytes")]
    OutOfBounds {
        /// Bytes that the storage really has.
        stored: usize,
    },
    /// More elements than the storage: a repeated view, which no weight is.
    #[error("has more elements ({elements}) than its storage ({stored})")]
    Expanded {
        /// Elements of the tensor.
        elements: usize,
        /// Elements of the storage.
        stored: usize,
    },
    /// The tensors before and this one share storages so often that together they outgrow the file.
    #[error("makes the tensors larger in total than the file")]
    Total,
    /// A dtype that weights do not come in.
    #[error("holds {0} values, which no weight does")]
    Dtype(&'static str),
    /// The storage is not in the file.
    #[error("lies in the storage `{0}`, which the file lacks")]
    NoStorage(String),
}

/// How a tensor lies in its storage; offset and strides in elements.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) dtype: Dtype,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Which byte of a number comes first in a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// Decodes tensors; together they may hold as many elements as the file has bytes.
pub(super) struct Decoder {
    order: ByteOrder,
    elements_left: usize,
}

impl Decoder {
    pub(super) fn new(order: ByteOrder, file_length: usize) -> Self {
        Self {
            order,
            elements_left: file_length,
        }
    }

    /// Decodes the tensor that lies so in `storage`.
    pub(super) fn decode(
        &mut self,
        layout: &Layout,
        storage: &[u8],
    ) -> Result<Tensor, TensorError> {
        let dtype = layout.dtype;
        let elements = layout.check(storage)?;
        self.elements_left = self
            .elements_left
            .checked_sub(elements)
            .ok_or(TensorError::Total)?;
        let mut bytes = layout.gather(storage, elements)?;
        if self.order == ByteOrder::Big {
            bytes
                .chunks_exact_mut(dtype.size())
                .for_each(<[u8]>::reverse);
        }
        let values = dtype
            .to_f32(&bytes)
            .ok_or(TensorError::Dtype(dtype.name()))?;
        let data = ArrayD::from_shape_vec(IxDyn(&layout.shape), values);
        Ok(Tensor {
            data: data.map_err(|_| TensorError::Shape(layout.shape.clone()))?,
            dtype,
        })
    }
}

impl Layout {
    /// A tensor that fills its storage in row-major order.
    pub(super) fn row_major(dtype: Dtype, shape: &[usize]) -> Self {
        let mut strides = vec![1usize; shape.len()];
        let mut stride = 1usize;
        for (to, &size) in strides.iter_mut().zip(shape).rev() {
            *to = stride;
            stride = stride.saturating_mul(size);
        }
        Self {
            dtype,
            offset: 0,
            shape: shape.to_vec(),
            strides,
        }
    }

    /// Checks the layout against the storage before anything is sized by it; returns the number of
    /// elements.
    fn check(&self, storage: &[u8]) -> Result<usize, TensorError> {
        let shape_error = || TensorError::Shape(self.shape.clone());
        let elements = self
            .shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        if self.shape.contains(&0) {
            return Ok(0);
        }
        let elements = elements.ok_or_else(shape_error)?;
        let mut last = self.offset;
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            let step = (size - 1).checked_mul(*stride).ok_or_else(shape_error)?;
            last = last.checked_add(step).ok_or_else(shape_error)?;
        }
        let stored = storage.len() / self.dtype.size();
        if last >= stored {
            return Err(TensorError::OutOfBounds {
                stored: storage.len(),
            });
        }
        if elements > stored {
            return Err(TensorError::Expanded { elements, stored });
        }
        Ok(elements)
    }

    /// The tensor's bytes in row-major order.
    fn gather(&self, storage: &[u8], elements: usize) -> Result<Vec<u8>, TensorError> {
        let width = self.dtype.size();
        let out_of_bounds = || TensorError::OutOfBounds {
            stored: storage.len(),
        };
        let run = |start: usize, count: usize| {
            storage
                .get(start * width..(start + count) * width)
                .ok_or_else(out_of_bounds)
        };
        if elements == 0 {
            return Ok(Vec::new());
        }
        if self.is_row_major() {
            return Ok(run(self.offset, elements)?.to_vec());
        }
        let mut bytes = Vec::with_capacity(elements * width);
        let mut index = vec![0usize; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..elements {
            bytes.extend_from_slice(run(at, 1)?);
            // Count the index up by one, last dimension first, moving `at` along.
            let dimensions = index.iter_mut().zip(&self.shape).zip(&self.strides).rev();
            for ((place, &size), &stride) in dimensions {
                if *place + 1 < size {
                    *place += 1;
                    at += stride;
                    break;
                }
                at -= *place * stride;
                *place = 0;
            }
        }
        Ok(bytes)
    }

    /// Whether the elements stand one after the other; strides of dimensions of size 1 are
    /// arbitrary.
    fn is_row_major(&self) -> bool {
        let packed = Self::row_major(self.dtype, &self.shape);
        let mut dimensions = self.shape.iter().zip(&self.strides).zip(&packed.strides);
        dimensions.all(|((&size, stride), packed)| size == 1 || stride == packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(shape: &[usize], strides: &[usize], offset: usize) -> Result<Tensor, TensorError> {
        let storage: Vec<u8> = (0..12).collect();
        let layout = Layout {
            dtype: Dtype::U8,
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        };
        Decoder::new(ByteOrder::Little, 12).decode(&layout, &storage)
    }

    fn values(tensor: Tensor) -> Vec<f32> {
        tensor.data.iter().copied().collect()
    }

    #[test]
    fn strides_and_offset_are_followed() {
        assert_eq!(
            values(decode(&[2, 3], &[3, 1], 4).unwrap()),
            [4., 5., 6., 7., 8., 9.]
        );
        assert_eq!(
            values(decode(&[3, 2], &[1, 3], 0).unwrap()),
            [0., 3., 1., 4., 2., 5.]
        );
        assert_eq!(
            values(decode(&[2, 1, 2], &[6, 999, 2], 1).unwrap()),
            [1., 3., 7., 9.]
        );
        assert_eq!(values(decode(&[], &[], 11).unwrap()), [11.]);
    }

    #[test]
    fn no_elements_need_no_storage() {
        let empty = decode(&[0, usize::MAX / 2], &[1, 1], usize::MAX);
        assert!(matches!(empty, Err(TensorError::Shape(_)) | Ok(_)));
        assert_eq!(decode(&[3, 0], &[1, 1], 99).unwrap().data.shape(), [3, 0]);
    }

    #[test]
    fn what_lies_outside_is_refused_before_it_is_allocated() {
        let outside = Err(TensorError::OutOfBounds { stored: 12 });
        assert_eq!(decode(&[13], &[1], 0), outside);
        assert_eq!(decode(&[2], &[1], 11), outside);
        assert_eq!(decode(&[2, 2], &[11, 2], 0), outside);
        assert_eq!(decode(&[1], &[1], usize::MAX), outside);
        let huge = [usize::MAX, usize::MAX];
        assert_eq!(
            decode(&huge, &[1, 1], 0),
            Err(TensorError::Shape(huge.to_vec()))
        );
        let repeated = Err(TensorError::Expanded {
            elements: 1 << 40,
            stored: 12,
        });
        assert_eq!(decode(&[1 << 40], &[0], 0), repeated);
    }

    #[test]
    fn views_of_one_storage_cannot_outgrow_the_file() {
        let layout = Layout::row_major(Dtype::U8, &[8]);
        let mut decoder = Decoder::new(ByteOrder::Little, 12);
        decoder.decode(&layout, &[7; 8]).unwrap();
        assert_eq!(decoder.decode(&layout, &[7; 8]), Err(TensorError::Total));
    }

    #[test]
    fn big_endian_storages_are_turned_around() {
        let layout = Layout::row_major(Dtype::I16, &[2]);
        let tensor = Decoder::new(ByteOrder::Big, 4).decode(&layout, &[0, 1, 0xff, 0xfe]);
        assert_eq!(values(tensor.unwrap()), [1., -2.]);
    }
}
