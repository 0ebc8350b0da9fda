//! The token that opens the page beyond loopback, and the file that keeps it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::places;

/// Letters and digits that nobody confuses.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a token that is made here: 120 bits.
const LENGTH: usize = 24;
const GROUP: usize = 4;
/// A shorter one, written by hand, could be guessed.
const SHORTEST: usize = 16;
const LONGEST: usize = 256;

/// A token.
#[derive(Debug)]
pub struct Token {
    /// Its characters, without the dashes that make it readable.
    pub text: String,
    made: bool,
}

impl Token {
    /// The token in groups, if it was made just now.
    pub fn shown_once(&self) -> Option<String> {
        let groups = self
            .text
            .as_bytes()
            .chunks(GROUP)
            .map(String::from_utf8_lossy);
        self.made.then(|| groups.collect::<Vec<_>>().join("-"))
    }
}

/// A token as a person writes it, without what only makes it readable.
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect()
}

/// Where the token is kept unless something else is said.
///
/// # Errors
///
/// When there is no folder for it.
pub fn usual_path() -> Result<PathBuf> {
    places::state_folder()
        .map(|folder| folder.join("page-token"))
        .context("the page needs a token: name a file for it with `token_file` under [page]")
}

/// The token in the file at `path`; a new one, kept there for its owner alone, if there is none.
///
/// # Errors
///
/// When the file is open to others, holds no token, or cannot be read or written.
pub fn read_or_make(path: &Path) -> Result<Token> {
    let shown = path.display();
    match File::open(path) {
        Ok(file) => read(file).with_context(|| format!("the page's token file {shown}")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(path).with_context(|| format!("cannot keep the page's token in {shown}"))
        }
        Err(error) => Err(anyhow!("cannot read the page's token {shown}: {error}")),
    }
}

fn read(file: File) -> Result<Token> {
    let about = file.metadata()?;
    if !about.is_file() {
        bail!("is no file");
    }
    if about.permissions().mode() & 0o077 != 0 {
        bail!("is open to others: delete it for a new one, or `chmod 600` it");
    }
    let mut text = String::new();
    file.take(LONGEST as u64 + 64).read_to_string(&mut text)?;
    let text = plain(&text);
    if !(SHORTEST..=LONGEST).contains(&text.len())
        || !text.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        bail!("holds no token of {SHORTEST} letters and digits or more: delete it for a new one");
    }
    Ok(Token { text, made: false })
}

/// Whole or not at all: a power cut leaves no token that nobody has seen half of.
fn make(path: &Path) -> Result<Token> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    let letter = |byte: u8| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]);
    let text: String = bytes.into_iter().map(letter).collect();
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(folder)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".part-{}", std::process::id()));
    let part = Path::new(&part);
    // What a power cut left behind, perhaps with other rights.
    let _ = fs::remove_file(part);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
        .and_then(|mut file| {
            writeln!(file, "{text}")?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(part, path));
    if written.is_err() {
        let _ = fs::remove_file(part);
    }
    written?;
    Ok(Token { text, made: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/page-token");
        let made = read_or_make(&path).unwrap();
        assert_eq!(made.text.len(), LENGTH);
        let shown = made.shown_once().unwrap();
        assert_eq!((shown.len(), plain(&shown)), (29, made.text.clone()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = read_or_make(&path).unwrap();
        assert_eq!(again.text, made.text);
        assert!(again.shown_once().is_none());
        let other = read_or_make(&folder.path().join("other")).unwrap();
        assert_ne!(other.text, made.text);
    }

    #[test]
    fn files_that_keep_no_secret_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, mode, needle) in [
            ("abcdefghijklmnopqrst", 0o644, "chmod 600"),
            ("short", 0o600, "holds no token"),
            ("", 0o600, "holds no token"),
            ("abcdefghijklmnopqr;t", 0o600, "holds no token"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = format!("{:#}", read_or_make(&path).unwrap_err());
            assert!(error.contains(needle) && !error.contains('\n'), "{error}");
        }
        assert!(read_or_make(folder.path()).is_err());
    }
}
