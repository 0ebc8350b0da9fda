//! Safetensors files: a JSON header and the tensors' bytes, always little-endian and contiguous.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::dtype::Dtype;
use super::error::FormatError;
use super::state_dict::{Contents, LeftOut};
use super::tensor::{ByteOrder, Decoder, Layout, Tensor};

/// Whether the file begins like one: the header's length, then a JSON object.
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, header)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let fits = usize::try_from(u64::from_le_bytes(*length)).is_ok_and(|n| n <= header.len());
    fits && header.first() == Some(&b'{')
}

pub(super) fn read(bytes: &[u8]) -> Result<Contents, FormatError> {
    let file = SafeTensors::deserialize(bytes).map_err(FormatError::Safetensors)?;
    let mut decoder = Decoder::new(ByteOrder::Little, bytes.len());
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let in_tensor = |problem| FormatError::Tensor {
            tensor: name.clone(),
            problem,
        };
        let layout = Layout::row_major(dtype(view.dtype()).map_err(in_tensor)?, view.shape());
        let tensor = decoder.decode(&layout, view.data()).map_err(in_tensor)?;
        tensors.insert(name, tensor);
    }
    Ok(Contents {
        tensors,
        left_out: LeftOut::default(),
    })
}

/// The bytes of a file with these tensors, all of them as `f32`.
pub(super) fn write(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, FormatError> {
    let bytes = |tensor: &Tensor| -> Vec<u8> {
        tensor
            .data
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let stored: Vec<(&String, &[usize], Vec<u8>)> = (tensors.iter())
        .map(|(name, tensor)| (name, tensor.data.shape(), bytes(tensor)))
        .collect();
    let views = (stored.iter())
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes)?;
            Ok((*name, view))
        })
        .collect::<Result<Vec<_>, _>>();
    let file = views.and_then(|views| safetensors::serialize(views, None));
    file.map_err(FormatError::Safetensors)
}

fn dtype(dtype: safetensors::Dtype) -> Result<Dtype, super::TensorError> {
    use safetensors::Dtype as Stored;
    Ok(match dtype {
        Stored::F16 => Dtype::F16,
        Stored::BF16 => Dtype::BF16,
        Stored::F32 => Dtype::F32,
        Stored::F64 => Dtype::F64,
        Stored::U8 => Dtype::U8,
        Stored::U16 => Dtype::U16,
        Stored::U32 => Dtype::U32,
        Stored::U64 => Dtype::U64,
        Stored::I8 => Dtype::I8,
        Stored::I16 => Dtype::I16,
        Stored::I32 => Dtype::I32,
        Stored::I64 => Dtype::I64,
        Stored::BOOL => Dtype::Bool,
        _ => return Err(super::TensorError::Dtype("8-bit float or narrower")),
    })
}
