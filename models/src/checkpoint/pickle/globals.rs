//! The names that a checkpoint's pickle may import, and what a call of each means here.
//!
//! Nothing is ever imported or run: a call either builds one of our own values or stands for a
//! value of no interest. Every name that is not in these tables is refused once it is called.

use super::super::dtype::Dtype;

/// What stands behind a name that may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callable {
    /// Builds a mapping: an empty one, or one of the pairs in a list.
    Mapping,
    /// `(storage, offset, shape, strides, ...)`
    Tensor,
    /// As `Tensor`, with the dtype as the seventh argument.
    TypedTensor,
    /// `(value, ...)`: the value itself, as a parameter is its tensor.
    First,
    /// Builds something that is no weight: harmless, and not looked into.
    Opaque,
}

/// Looks up a name that the pickle calls.
pub(super) fn callable(module: &str, name: &str) -> Option<Callable> {
    use Callable::*;
    Some(match (module, name) {
        ("collections", "OrderedDict" | "defaultdict") => Mapping,
        ("__builtin__" | "builtins", "dict") => Mapping,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Tensor,
        ("torch._utils", "_rebuild_tensor_v3") => TypedTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => First,
        ("torch", "Size") => First,
        ("torch", "device") => Opaque,
        ("collections", "Counter" | "deque") => Opaque,
        ("__builtin__" | "builtins", harmless) => match harmless {
            "set" | "frozenset" | "list" | "tuple" | "bytearray" | "bytes" => Opaque,
            "complex" | "range" | "xrange" | "slice" | "object" => Opaque,
            _ => return None,
        },
        ("_codecs", "encode") => Opaque,
        ("argparse", "Namespace") => Opaque,
        ("datetime", "datetime" | "date" | "time" | "timedelta") => Opaque,
        ("pathlib", "PosixPath" | "PurePosixPath" | "WindowsPath" | "PureWindowsPath") => Opaque,
        ("numpy", "dtype" | "ndarray") => Opaque,
        (array, "scalar" | "_reconstruct") if is_numpy(array, "multiarray") => Opaque,
        (numeric, "_frombuffer") if is_numpy(numeric, "numeric") => Opaque,
        _ => return None,
    })
}

/// Whether `module` is numpy's core module `part`, by its name before or since numpy 2.
fn is_numpy(module: &str, part: &str) -> bool {
    let inner = module
        .strip_prefix("numpy._core.")
        .or(module.strip_prefix("numpy.core."));
    inner == Some(part)
}

/// The dtype of a storage class, such as `torch.FloatStorage`.
pub(super) fn storage_dtype(module: &str, name: &str) -> Option<Dtype> {
    if !matches!(module, "torch" | "torch.cuda" | "torch.storage") {
        return None;
    }
    Some(match name {
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "ByteStorage" | "UntypedStorage" => Dtype::U8,
        "CharStorage" => Dtype::I8,
        "ShortStorage" => Dtype::I16,
        "IntStorage" => Dtype::I32,
        "LongStorage" => Dtype::I64,
        "BoolStorage" => Dtype::Bool,
        "ComplexFloatStorage" => Dtype::Complex64,
        "ComplexDoubleStorage" => Dtype::Complex128,
        "QInt8Storage" => Dtype::QInt8,
        "QUInt8Storage" => Dtype::QUInt8,
        "QInt32Storage" => Dtype::QInt32,
        _ => return None,
    })
}

/// The dtype that a name such as `torch.float16` stands for.
pub(super) fn dtype(module: &str, name: &str) -> Option<Dtype> {
    if module == "torch" {
        Dtype::from_name(name)
    } else {
        None
    }
}
