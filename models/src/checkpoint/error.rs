//! What can be wrong with a checkpoint. Every message is one sentence that stands for itself.

use thiserror::Error;

use super::pickle::PickleError;
use super::tensor::TensorError;

/// Why a checkpoint was not read, or is not the network that was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file is not a readable checkpoint.
    #[error("{file}: {problem}")]
    Unreadable {
        /// The file's path.
        file: String,
        /// What is wrong with it.
        problem: FormatError,
    },
    /// The network needs a tensor that the checkpoint lacks.
    #[error("{file}: the tensor `{tensor}`{} is missing", shape_note(.shape))]
    Missing {
        /// The file's path.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape that it should have, where that is known.
        shape: Option<Vec<usize>>,
    },
    /// A tensor has another shape than the network needs.
    #[error("{file}: the tensor `{tensor}` has the shape {found:?} instead of {expected:?}")]
    Misshapen {
        /// The file's path.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The checkpoint holds tensors that are no part of the network.
    #[error("{file}: {}", surplus_note(.tensors))]
    Surplus {
        /// The file's path.
        file: String,
        /// The names of all of them, sorted.
        tensors: Vec<String>,
    },
    /// Renaming gives two tensors one name.
    #[error("{file}: the tensors `{first}` and `{second}` are both the network's `{name}`")]
    Ambiguous {
        /// The file's path.
        file: String,
        /// The name that both would have.
        name: String,
        /// One of the two as the file has it.
        first: String,
        /// The other one.
        second: String,
    },
}

/// Why a file is not a readable checkpoint.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system did not hand the file over.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
    /// A folder, a pipe or a device.
    #[error("is not a plain file")]
    NoFile,
    /// Larger than any network that this program is for.
    #[error("is larger than {0} bytes, the most that is read as a checkpoint")]
    TooLarge(u64),
    /// None of the known formats.
    #[error("is neither a safetensors file nor one that torch.save wrote")]
    Unknown,
    /// A safetensors file that contradicts itself.
    #[error("is not a sound safetensors file: {0}")]
    Safetensors(safetensors::SafeTensorError),
    /// A zip archive that contradicts itself, or is cut short.
    #[error("is not a sound zip archive: {0}")]
    Zip(zip::result::ZipError),
    /// A zip archive without a checkpoint in it.
    #[error("is a zip archive without a data.pkl, so torch.save did not write it")]
    NoPickle,
    /// An entry of the archive is damaged or not stored as `torch.save` does it.
    #[error("the archive's entry {entry} {problem}")]
    Entry {
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A pickle that is damaged or would call something.
    #[error("{0}")]
    Pickle(#[from] PickleError),
    /// The parts of a file from before PyTorch 1.6 do not fit together.
    #[error("is not a sound file of torch.save: {0}")]
    Legacy(String),
    /// Nothing in the file maps names to tensors.
    #[error(
        "holds no tensors by name, neither at the top level nor under {}",
        super::state_dict::WRAPPERS.join(", ")
    )]
    NoStateDict,
    /// A tensor cannot be decoded.
    #[error("the tensor `{tensor}` {problem}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        problem: TensorError,
    },
}

fn shape_note(shape: &Option<Vec<usize>>) -> String {
    shape
        .as_ref()
        .map(|shape| format!(" of the shape {shape:?}"))
        .unwrap_or_default()
}

/// Names the first few; a wrong family has hundreds.
fn surplus_note(tensors: &[String]) -> String {
    const SHOWN: usize = 4;
    let names: Vec<String> = tensors
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    let names = names.join(", ");
    match tensors.len() {
        1 => format!("the tensor {names} is no part of the network"),
        count if count <= SHOWN => format!("the tensors {names} are no part of the network"),
        count => format!(
            "the tensors {names} and {} more are no part of the network",
            count.saturating_sub(SHOWN)
        ),
    }
}
