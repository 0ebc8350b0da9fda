//! What can be wrong with a bundle.

use std::path::PathBuf;

use thiserror::Error;

/// Why a bundle was refused. Each message is one sentence that a user can act on.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The file could not be read.
    #[error("cannot read the bundle {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write the bundle {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than any bundle may be.
    #[error("the bundle has {bytes} bytes, more than the {cap} that a bundle may have")]
    TooLarge {
        /// Size found.
        bytes: u64,
        /// Size allowed.
        cap: u64,
    },
    /// The file is no tar archive, or is cut off.
    #[error("this is not a whole bundle ({0}); make or copy it again")]
    Archive(String),
    /// A member that no bundle has.
    #[error("the bundle holds an unexpected member {0:?}")]
    UnexpectedMember(String),
    /// A member that every bundle has.
    #[error("the bundle lacks its member {0:?}")]
    MissingMember(&'static str),
    /// A member's content is not what was packed.
    #[error("the bundle is damaged: the digest of {0:?} does not match; make or copy it again")]
    Digest(String),
    /// The manifest cannot be understood.
    #[error("the bundle's manifest.toml is not valid: {0}")]
    Manifest(String),
    /// A format version of another release.
    #[error(
        "the bundle has format {found}, and this program reads format {known}: convert its network anew \
         with the praxc of this release, or run it with the program of the release that made it"
    )]
    Format {
        /// Version found.
        found: u32,
        /// Version that this program reads.
        known: u32,
    },
    /// The graph cannot be understood.
    #[error("the bundle's graph is not valid: {0}")]
    Graph(String),
}
