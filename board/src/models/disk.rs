//! The few things that a store does to a disk, so that a test can lose what was not yet synced.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use praxiscope_runtime::bundle::BYTES_CAP;

/// One folder of files.
pub trait Disk {
    /// A file's content; nothing when there is no such file.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Makes the file, or empties it, and writes this into it.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Brings the content of the file that was written last to the disk.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Gives a file another name, taking it from the file that had it.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, if it is there.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Brings the names to the disk.
    fn sync_folder(&mut self) -> io::Result<()>;

    /// Writes a file whole: under another name first, and what it replaces stays until it is on the
    /// disk.
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = format!("{name}.part");
        let put = self
            .write(&part, bytes)
            .and_then(|()| self.sync(&part))
            .and_then(|()| self.rename(&part, name))
            .and_then(|()| self.sync_folder());
        if put.is_err() {
            // What cannot be removed is overwritten the next time.
            let _ = self.remove(&part);
        }
        put
    }
}

/// A folder of this machine. One program at a time has it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    written: Option<File>,
    _lock: File,
}

impl Folder {
    /// The folder, which is made where it is missing; waits until no other program has it.
    ///
    /// # Errors
    ///
    /// When there can be no such folder.
    pub fn make(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            fs::create_dir_all(path)?;
            let above = match path.parent() {
                Some(above) if above.as_os_str().is_empty() => Path::new("."),
                Some(above) => above,
                None => Path::new("/"),
            };
            give_to_the_owner_of(above, path);
            File::open(above)?.sync_all()?;
        }
        Self::open(path)
    }

    /// The folder; waits until no other program has it.
    ///
    /// # Errors
    ///
    /// When it is not there, or may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let lock = File::open(path)?;
        lock.lock()?;
        Ok(Self {
            path: path.into(),
            written: None,
            _lock: lock,
        })
    }

    /// Where a file of the folder is.
    pub fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// What root installs must be the service's to change. Only root can do this, and only root has to.
fn give_to_the_owner_of(of: &Path, place: &Path) {
    if let (Ok(owner), Ok(now)) = (fs::metadata(of), fs::metadata(place))
        && owner.uid() != now.uid()
    {
        let _ = chown(place, Some(owner.uid()), Some(owner.gid()));
    }
}

impl Disk for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.place(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = vec![];
        file.take(BYTES_CAP + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(self.place(name))?;
        give_to_the_owner_of(&self.path, &self.place(name));
        file.write_all(bytes)?;
        self.written = Some(file);
        Ok(())
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        self.written.take().map_or(Ok(()), |file| file.sync_all())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.place(from), self.place(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.place(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}
