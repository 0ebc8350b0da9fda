//! Lines of the kernel's GPIO chips, found by number or name.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use gpiocdev::Request;
use gpiocdev::chip::{Chip, chips};
use gpiocdev::line::{Bias, Value};
use gpiocdev_embedded_hal::{InputPin, OutputPin};
use serde::Deserialize;

use crate::absent::Absent;

/// What the kernel calls the user of the lines.
const CONSUMER: &str = "praxiscope";

/// A line of a chip.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum LineName {
    /// By its number.
    Number(u32),
    /// By its name, which a board gives it: `GPIO17`.
    Name(String),
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// What keeps an input at a level while nothing drives it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// A resistor to the supply.
    #[default]
    Up,
    /// A resistor to ground.
    Down,
    /// As the board has it.
    None,
}

/// A line as an output, from the first moment at this level.
///
/// # Errors
///
/// When there is no such line, or it may not be had.
pub fn output(chip: Option<&str>, line: &LineName, high: bool) -> Result<OutputPin> {
    let level = if high { Value::Active } else { Value::Inactive };
    let (path, offset) = find(chip, line)?;
    let request = Request::builder()
        .on_chip(path)
        .with_consumer(CONSUMER)
        .with_line(offset)
        .as_output(level)
        .request();
    let request = request.map_err(|error| not_had(line, &error))?;
    OutputPin::try_from(request).map_err(|error| not_had(line, &error))
}

/// A line as an input.
///
/// # Errors
///
/// As [`output`].
pub fn input(chip: Option<&str>, line: &LineName, pull: Pull) -> Result<InputPin> {
    let (path, offset) = find(chip, line)?;
    let request = |bias: Option<Bias>| {
        Request::builder()
            .on_chip(&path)
            .with_consumer(CONSUMER)
            .with_line(offset)
            .as_input()
            .with_bias(bias)
            .request()
    };
    let bias = match pull {
        Pull::Up => Some(Bias::PullUp),
        Pull::Down => Some(Bias::PullDown),
        Pull::None => None,
    };
    // Many chips have no resistors of their own; the board has them then, or the line hangs loose.
    let request = request(bias).or_else(|_| request(None));
    let request = request.map_err(|error| not_had(line, &error))?;
    InputPin::try_from(request).map_err(|error| not_had(line, &error))
}

fn not_had(line: &LineName, error: &dyn fmt::Display) -> anyhow::Error {
    anyhow!(
        "the GPIO line {line} cannot be had ({error}): another program may hold it, or the user is \
         not in the group `gpio`"
    )
}

/// The chip's path and the line's number on it.
fn find(chip: Option<&str>, line: &LineName) -> Result<(PathBuf, u32)> {
    let mut found = chips().unwrap_or_default();
    if let Some(wanted) = chip {
        found.retain(|path| is_called(path, wanted));
        if found.is_empty() {
            bail!(Absent(format!(
                "there is no GPIO chip {wanted}: `gpiodetect` lists those that are there"
            )));
        }
    }
    match (line, &found[..]) {
        (_, []) => bail!(Absent(format!(
            "this machine has no GPIO chip for the line {line}"
        ))),
        (LineName::Number(number), [path]) => {
            let chip = Chip::from_path(path).context("a GPIO chip cannot be opened")?;
            if chip.line_info(*number).is_err() {
                bail!("the GPIO chip {} has no line {number}", path.display());
            }
            Ok((path.clone(), *number))
        }
        (LineName::Number(number), _) => {
            bail!("there are several GPIO chips: name the one of line {number} as `chip`")
        }
        (LineName::Name(name), paths) => {
            let line_of = |path: &PathBuf| {
                let info = Chip::from_path(path).ok()?.find_line_info(name)?;
                Some((path.clone(), info.offset))
            };
            let line = paths.iter().find_map(line_of);
            line.with_context(|| format!("no GPIO chip has a line {name}: `gpioinfo` lists them"))
        }
    }
}

/// A chip is known by its path, its name (the path's end) and its label (the driver's word).
fn is_called(path: &PathBuf, wanted: &str) -> bool {
    let chip = || Chip::from_path(path).ok()?.info().ok();
    path.as_os_str() == wanted
        || path.file_name().is_some_and(|name| name == wanted)
        || chip().is_some_and(|info| info.label == wanted)
}
