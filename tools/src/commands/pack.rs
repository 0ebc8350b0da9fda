//! `praxc unpack` and `praxc pack`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use praxiscope_runtime::bundle::{Archive, BYTES_CAP, Bundle, DIGESTS};
use praxiscope_runtime::stream::Model;

use super::{print_json, read_bundle};
use crate::Outcome;
use crate::cli::{Pack, Unpack};

/// How deep a bundle's folders are.
const DEPTH_CAP: usize = 4;

pub fn unpack(arguments: &Unpack, json: bool) -> Result<Outcome> {
    let bundle = read_bundle(&arguments.bundle)?;
    let folder = &arguments.output;
    std::fs::create_dir(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let digests = bundle.archive().digests();
    let members = bundle
        .archive()
        .members()
        .chain([(DIGESTS, digests.as_bytes())]);
    let mut names = vec![];
    for (name, content) in members {
        // An archive holds no name that leads out of its folder.
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, content))
            .with_context(|| format!("cannot write {}", path.display()))?;
        names.push(name.to_string());
    }
    match json {
        true => print_json(&serde_json::json!({ "folder": folder, "members": names }))?,
        false => println!("{}: {} files", folder.display(), names.len()),
    }
    Ok(Outcome::Good)
}

pub fn pack(arguments: &Pack, json: bool) -> Result<Outcome> {
    let mut archive = Archive::default();
    add_folder(&mut archive, &arguments.folder, "", 0)?;
    let bundle = Bundle::from_archive(archive)
        .with_context(|| format!("{} was refused", arguments.folder.display()))?;
    Model::load(&bundle).with_context(|| format!("{} was refused", arguments.folder.display()))?;
    bundle.write(&arguments.output)?;
    match json {
        true => print_json(
            &serde_json::json!({ "bundle": arguments.output, "digest": bundle.digest() }),
        )?,
        false => println!("{}: digest {}", arguments.output.display(), bundle.digest()),
    }
    Ok(Outcome::Good)
}

fn add_folder(archive: &mut Archive, folder: &Path, prefix: &str, depth: usize) -> Result<()> {
    if depth > DEPTH_CAP {
        bail!(
            "{} lies deeper than a bundle's folders do",
            folder.display()
        );
    }
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot read {}", path.display()))?;
        if kind.is_dir() {
            add_folder(archive, &path, &format!("{name}/"), depth + 1)?;
        } else if name == DIGESTS {
            continue;
        } else if !kind.is_file() || entry.metadata().is_ok_and(|data| data.len() > BYTES_CAP) {
            bail!("{} is no file that a bundle can hold", path.display());
        } else {
            let content =
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            archive.insert(&name, content)?;
        }
    }
    Ok(())
}
