//! The bundle (`.prax`): one file with a network and all that is needed to run it.
//!
//! A bundle is a tar archive that `tar tf` lists:
//!
//! | member | what it is |
//! |---|---|
//! | `SHA256SUMS` | digests of all other members; `sha256sum -c` checks an unpacked bundle |
//! | `certificate.json` | what was measured when the bundle was made (optional) |
//! | `graph/graph.nnef` | the network as NNEF text, with the operators of [`crate::ops`] |
//! | `graph/NAME.dat` | a tensor of the network, in NNEF's format |
//! | `manifest.toml` | labels, input geometry, clock, event settings: [`Manifest`] |
//! | `quantization.json` | what was done to an integer program, layer by layer (optional) |
//!
//! The same content always gives the same bytes, and only those bytes are accepted: sizes and
//! digests are checked before anything is built from a member.

mod archive;
mod error;
pub(crate) mod graph;
mod manifest;

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use tract_core::internal::TypedModel;

pub use archive::{Archive, BYTES_CAP, DIGESTS, hex_digest};
pub use error::BundleError;
#[cfg(test)]
pub(crate) use graph::{read as read_graph, write as write_graph};
pub use manifest::{Clip, FORMAT, Input, Manifest, Mode, Origin};

const MANIFEST: &str = "manifest.toml";
const CERTIFICATE: &str = "certificate.json";
const QUANTIZATION: &str = "quantization.json";
const GRAPH: &str = "graph/";

/// A network with all that is needed to run it, as it lies in a `.prax` file.
#[derive(Clone, Debug)]
pub struct Bundle {
    manifest: Manifest,
    archive: Archive,
}

impl Bundle {
    /// Packs a decluttered graph.
    ///
    /// # Errors
    /// [`BundleError::Manifest`] or [`BundleError::Graph`] if they cannot be written.
    pub fn new(
        manifest: Manifest,
        graph: &TypedModel,
        certificate: Option<Vec<u8>>,
    ) -> Result<Bundle, BundleError> {
        let mut archive = Archive::default();
        archive.insert(MANIFEST, manifest.to_toml()?.into_bytes())?;
        if let Some(certificate) = certificate {
            archive.insert(CERTIFICATE, certificate)?;
        }
        graph::write(graph, &mut archive)?;
        Ok(Bundle { manifest, archive })
    }

    /// Reads a bundle from a file.
    ///
    /// # Errors
    /// Any [`BundleError`]; nothing is built before sizes and digests were checked.
    pub fn read(path: impl AsRef<Path>) -> Result<Bundle, BundleError> {
        let path = path.as_ref();
        let failed = |source| BundleError::Read {
            path: path.into(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > BYTES_CAP {
            return Err(BundleError::TooLarge {
                bytes: size,
                cap: BYTES_CAP,
            });
        }
        let mut bytes = Vec::with_capacity(size as usize);
        file.take(BYTES_CAP + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Bundle::take(bytes)
    }

    /// Reads a bundle from its bytes.
    ///
    /// # Errors
    /// As [`Bundle::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Bundle, BundleError> {
        Bundle::from_archive(Archive::read(bytes)?)
    }

    /// The same for bytes that are given away, or that are static, which are then not copied.
    ///
    /// # Errors
    /// As [`Bundle::read`].
    pub fn take(bytes: impl Into<Bytes>) -> Result<Bundle, BundleError> {
        Bundle::from_archive(Archive::take(bytes)?)
    }

    /// Takes members that were read elsewhere, from an unpacked folder for one.
    ///
    /// # Errors
    /// [`BundleError::MissingMember`], [`BundleError::UnexpectedMember`], [`BundleError::Manifest`].
    pub fn from_archive(archive: Archive) -> Result<Bundle, BundleError> {
        let unexpected = archive.members().find(|(name, _)| {
            !([MANIFEST, CERTIFICATE, QUANTIZATION].contains(name) || name.starts_with(GRAPH))
        });
        if let Some((name, _)) = unexpected {
            return Err(BundleError::UnexpectedMember(name.into()));
        }
        let manifest = archive
            .get(MANIFEST)
            .ok_or(BundleError::MissingMember(MANIFEST))?;
        let manifest = std::str::from_utf8(manifest)
            .map_err(|error| BundleError::Manifest(error.to_string()))
            .and_then(Manifest::from_toml)?;
        Ok(Bundle { manifest, archive })
    }

    /// The bytes of the `.prax` file; the same bundle always gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![];
        // A Vec takes every write.
        let _ = self.archive.write(&mut bytes);
        bytes
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), BundleError> {
        let path = path.as_ref();
        crate::files::write_whole(path, &self.to_bytes()).map_err(|source| BundleError::Write {
            path: path.into(),
            source,
        })
    }

    /// Labels, input, clock and events.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The certificate, as JSON text, if one was written.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.archive.get(CERTIFICATE)
    }

    /// The same with a certificate, JSON text, in place of the one that it may have.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn with_certificate(mut self, certificate: Vec<u8>) -> Result<Bundle, BundleError> {
        self.archive.insert(CERTIFICATE, certificate)?;
        Ok(self)
    }

    /// The same with what was done to its integer program, as JSON text.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn with_quantization(mut self, report: Vec<u8>) -> Result<Bundle, BundleError> {
        self.archive.insert(QUANTIZATION, report)?;
        Ok(self)
    }

    /// What was done to an integer program, as JSON text.
    pub fn quantization(&self) -> Option<&[u8]> {
        self.archive.get(QUANTIZATION)
    }

    /// The members.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The digest that stands for the whole bundle: that of its `SHA256SUMS`.
    pub fn digest(&self) -> String {
        hex_digest(self.archive.digests().as_bytes())
    }

    /// Builds the graph.
    ///
    /// # Errors
    /// [`BundleError::Graph`] or [`BundleError::MissingMember`].
    pub fn graph(&self) -> Result<TypedModel, BundleError> {
        graph::read(&self.archive)
    }
}
