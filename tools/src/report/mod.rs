//! Reports for others: pages that need nothing beside them, and JUnit XML.

mod comparison;
mod evaluation;
mod junit;
mod page;
mod plots;

use thiserror::Error;

pub use comparison::{Side, comparison_page};
pub use evaluation::{evaluation_page, percent};
pub use junit::{Case, junit};

/// Why a report was not made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A plot.
    #[error("a plot was not drawn: {0}")]
    Plot(String),
    /// The XML.
    #[error("the XML was not written: {0}")]
    Xml(String),
}
