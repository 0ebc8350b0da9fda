//! The page of an evaluation.

use super::ReportError;
use super::page::Page;
use crate::evaluate::score::{ColumnReport, Level, Report};

/// Classes of which a confusion matrix is still to be looked at.
const MATRIX_CAP: usize = 60;

/// Tables, and confusion matrices where the classes are few.
///
/// # Errors
/// None now; the others' signature.
pub fn evaluation_page(report: &Report, labels: &[String]) -> Result<String, ReportError> {
    let mut page = Page::new(&format!("{} videos of {}", report.items, report.dataset));
    let clips = |column: &&ColumnReport| column.clip.asked > 0;
    let rows = report.columns.iter().filter(clips).map(|column| {
        let facts = &column.facts;
        let [clip1, clip5] = shares(&column.clip);
        let [video1, video5] = shares(&column.video);
        [
            facts.name.clone(),
            facts.mode.clone(),
            facts.arithmetic.clone(),
            clip1,
            clip5,
            video1,
            video5,
            percent(column.mean_class_top1),
            column.clip.unanswered.to_string(),
        ]
    });
    page.table(
        [
            "bundle",
            "mode",
            "",
            "clip top-1",
            "clip top-5",
            "video top-1",
            "video top-5",
            "mean of classes",
            "no answer",
        ],
        rows,
    );
    for column in &report.columns {
        column_part(&mut page, column, labels);
    }
    if !report.unreadable.is_empty() {
        page.heading("Not read");
        let rows = report.unreadable.iter();
        page.table(
            ["video", "why"],
            rows.map(|(name, why)| [name.clone(), why.clone()]),
        );
    }
    Ok(page.finish())
}

fn column_part(page: &mut Page, column: &ColumnReport, labels: &[String]) {
    let facts = &column.facts;
    page.heading(&format!(
        "{} ({}, {})",
        facts.name, facts.mode, facts.arithmetic
    ));
    if let Some(events) = &column.events {
        let number = |number: Option<f64>| number.map_or("-".into(), |n| format!("{n:.2}"));
        let rates = &events.rates;
        page.table(
            [
                "precision",
                "recall",
                "false alarms/h",
                "known after (median)",
                "flicker",
            ],
            [[
                percent(rates.precision),
                percent(rates.recall),
                number(rates.false_alarms_per_hour),
                number(rates.median_delay),
                number(rates.flicker_per_span),
            ]],
        );
    }
    if column.per_class.is_empty() {
        return;
    }
    if labels.len() <= MATRIX_CAP {
        page.text("Rows are what is shown, columns what was said first.");
        page.heat(labels, &column.confusion);
    }
    let rows = column.per_class.iter().map(|class| {
        let [top1, top5] = shares(&class.level);
        [
            class.label.clone(),
            class.level.asked.to_string(),
            top1,
            top5,
        ]
    });
    page.table(["class", "videos", "top-1", "top-5"], rows);
}

fn shares(level: &Level) -> [String; 2] {
    [level.top1_share(), level.top5_share()].map(percent)
}

/// A share as people read it; a dash where there is none.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.2} %", 100.0 * share))
}
