//! Signatures of bundles, as `minisign` makes them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use minisign_verify::{PublicKey, Signature};

/// No key and no signature is longer.
const LONGEST: u64 = 16 << 10;

/// Holds the bytes of the bundle at `path` against the signature beside it.
///
/// # Errors
///
/// When there is none, or it is not one of this key for these bytes.
pub fn check(path: &Path, bytes: &[u8], key: &str) -> Result<()> {
    let key = public_key(key)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".minisig");
    let beside = PathBuf::from(beside);
    let shown = beside.display();
    let text = short_text(&beside).with_context(|| format!("cannot read the signature {shown}"))?;
    Signature::decode(&text)
        .and_then(|signature| key.verify(bytes, &signature, false))
        .map_err(|error| {
            anyhow!(
                "{shown} is no signature of this key for {}: {error}",
                path.display()
            )
        })
}

/// A key as it stands on the command line, or in a file that `minisign -G` made.
fn public_key(key: &str) -> Result<PublicKey> {
    if let Ok(key) = PublicKey::from_base64(key) {
        return Ok(key);
    }
    let text = short_text(Path::new(key))
        .with_context(|| format!("{key} is no key and no file with one"))?;
    PublicKey::decode(&text).map_err(|error| anyhow!("{key} holds no key of minisign: {error}"))
}

fn short_text(path: &Path) -> Result<String> {
    let size = fs::metadata(path)?.len();
    if size > LONGEST {
        return Err(anyhow!("it has {size} bytes"));
    }
    Ok(fs::read_to_string(path)?)
}
