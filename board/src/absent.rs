//! What is configured and is not there.

use thiserror::Error;

/// A device that was named is not there. A USB camera may come seconds after the program at a start of
/// the board, or a day later: unlike what was refused, it is worth trying again without anybody's help,
/// which is what its own exit code is for.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Absent(pub String);
