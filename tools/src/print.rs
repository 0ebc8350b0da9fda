//! Standard output, whose reader may go away.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes to standard output. What fails is kept for [`written`]; behind it nothing is written.
pub fn print(text: Arguments<'_>) {
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if failed.is_none() {
        *failed = io::stdout().write_fmt(text).err();
    }
}

/// Whether all was written that somebody wanted to read: a reader that has gone, as `head` goes, has
/// what it wanted.
///
/// # Errors
/// What the system said, a full disk for example.
pub fn written() -> io::Result<()> {
    let failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failed.or_else(|| io::stdout().flush().err()) {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// As the standard library's, but with [`print`].
macro_rules! print {
    ($($text:tt)*) => { $crate::print::print(format_args!($($text)*)) };
}

/// As the standard library's, but with [`print`].
macro_rules! println {
    () => { $crate::print::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::print::print(format_args!("{}\n", format_args!($($text)*))) };
}
