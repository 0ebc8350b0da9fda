//! `praxiscope doctor`: looks at the board and says what is not as it should be, and what to do.

mod camera;
mod computer;
mod model;
mod report;

use std::io::{self, Write};

use anyhow::Result;

use crate::cli;
use crate::config::Config;
use crate::page::{PageSettings, read_or_make_token};
use crate::telemetry::Sys;
use report::{Finding, Report};

/// Looks at everything and writes what was found; whether nothing is bad.
///
/// # Errors
///
/// When the configuration is refused.
pub fn run(arguments: &cli::Doctor) -> Result<bool> {
    let config = arguments.config.as_deref().map(Config::read).transpose()?;
    let config = config.unwrap_or_default();
    let system = Sys::default().read();
    let mut report = Report::default();
    let path = arguments.model.as_deref().or(config.model.as_deref());
    let (finding, rate) = model::look_at(path, config.models.as_deref(), config.threads);
    report.add(finding);
    let camera = arguments.camera.as_ref().or(config.source.camera.as_ref());
    let watches_file = arguments.camera.is_none() && config.source.input.is_some();
    if !watches_file {
        report.extend(camera::look_at(camera, &config.source, rate));
    }
    report.add(computer::gpio());
    report.add(computer::temperature(&system));
    report.add(computer::governor(&system));
    report.add(computer::throttling(&system));
    report.add(computer::memory());
    report.add(computer::disk());
    report.add(computer::clock());
    report.extend(config.page.as_ref().map(page));
    let text = if arguments.json {
        report.json()
    } else {
        report.to_string()
    };
    // Who does not read it does not want to know.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(report.is_good())
}

/// Whether the page can be opened by those who are to open it.
fn page(settings: &PageSettings) -> Finding {
    const NAME: &str = "page";
    let address = settings.address;
    let path = match settings.token_path() {
        Ok(Some(path)) => path,
        Ok(None) => return Finding::good(NAME, format!("http://{address}/, for this board alone")),
        Err(error) => return Finding::bad(NAME, format!("{error:#}"), "name a file in [page]"),
    };
    let shown = path.display();
    if !path.exists() {
        let found = format!("http://{address}/; the token is made at the first start, in {shown}");
        return Finding::good(NAME, found);
    }
    match read_or_make_token(&path) {
        Ok(_) => Finding::good(
            NAME,
            format!("http://{address}/, with the token in {shown}"),
        ),
        Err(error) => Finding::bad(NAME, format!("{error:#}"), "see to that file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_others_can_read_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let settings = PageSettings {
            address: "0.0.0.0:8080".parse().unwrap(),
            token_file: Some(path.clone()),
        };
        assert!(page(&PageSettings::default()).is_good());
        assert!(page(&settings).is_good() && !path.exists());
        std::fs::write(&path, "abcdefghijklmnopqrst").unwrap();
        assert!(!page(&settings).is_good());
    }
}
