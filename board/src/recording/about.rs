//! `about.json`: what a recording is of.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use praxiscope_runtime::events::EventSettings;
use serde::{Deserialize, Serialize};

use super::{ABOUT, RecordingError};

/// The version that is written, and the only one that is read.
const FORMAT: u64 = 1;
/// The largest file that is read.
const BYTES_CAP: u64 = 1 << 20;

/// What has to be known before the first frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    format: u64,
    program: String,
    /// The model that saw it.
    pub model: AboutModel,
    /// The source's name.
    pub source: String,
    /// Whether every frame entered the network, whatever its time.
    pub every_frame: bool,
    /// How scores became events at the beginning.
    pub events: EventSettings,
}

/// Which model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutModel {
    /// Its name.
    pub name: String,
    /// Its bundle's digest.
    pub digest: String,
}

impl About {
    /// What this program records of a run.
    pub fn new(
        model: AboutModel,
        source: String,
        every_frame: bool,
        events: EventSettings,
    ) -> Self {
        Self {
            format: FORMAT,
            program: concat!("praxiscope ", env!("CARGO_PKG_VERSION")).into(),
            model,
            source,
            every_frame,
            events,
        }
    }

    /// Writes it into a folder that has none.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let mut file = File::create_new(folder.join(ABOUT))?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// Reads it from a recording's folder.
    ///
    /// # Errors
    ///
    /// When there is none, or one of another format.
    pub fn read(folder: &Path) -> Result<Self, RecordingError> {
        #[derive(Deserialize)]
        struct Version {
            format: u64,
        }
        let mut text = vec![];
        File::open(folder.join(ABOUT))
            .and_then(|file| file.take(BYTES_CAP).read_to_end(&mut text))
            .map_err(|source| RecordingError::Read {
                file: ABOUT,
                source,
            })?;
        let damaged = |error: serde_json::Error| RecordingError::About(error.to_string());
        let Version { format } = serde_json::from_slice(&text).map_err(damaged)?;
        if format != FORMAT {
            return Err(RecordingError::Format(format));
        }
        serde_json::from_slice(&text).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        let model = AboutModel {
            name: "demo".into(),
            digest: "ab".repeat(32),
        };
        About::new(model, "a \"clip\"".into(), true, EventSettings::default())
    }

    #[test]
    fn what_is_written_is_read_again_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        about().write(folder.path()).unwrap();
        assert_eq!(About::read(folder.path()).unwrap(), about());
        let again = about().write(folder.path()).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn what_is_none_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(folder.path().join(ABOUT), text).unwrap();
            About::read(folder.path()).unwrap_err().to_string()
        };
        let text = serde_json::to_string(&about()).unwrap();
        assert!(read(&text.replace("\"format\":1", "\"format\":2")).contains("format 2"));
        for text in ["", "{}", "[1]", &text[..text.len() - 9], "\"format\": 1"] {
            let error = read(text);
            assert!(
                error.contains("damaged") && !error.contains('\n'),
                "{error}"
            );
        }
        std::fs::remove_file(folder.path().join(ABOUT)).unwrap();
        assert!(About::read(folder.path()).is_err());
    }
}
