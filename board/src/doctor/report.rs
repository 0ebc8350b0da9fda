//! What was found, for people and for programs.

use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::json;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// The board has no such thing, or does not tell.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    name: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Good, found)
    }

    /// Not as it should be, and what to do.
    pub fn bad(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..Self::new(name, Verdict::Bad, found)
        }
    }

    /// The board has no such thing, or does not tell.
    pub fn unknown(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Unknown, found)
    }

    fn new(name: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            found: found.into(),
            advice: None,
        }
    }

    /// Whether it is not bad.
    pub fn is_good(&self) -> bool {
        self.verdict != Verdict::Bad
    }
}

/// All that was looked at, in order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Adds one finding.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds several.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// Whether nothing is bad.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(Finding::is_good)
    }

    /// As one JSON object.
    pub fn json(&self) -> String {
        let report = json!({ "good": self.is_good(), "findings": self.findings });
        format!("{report}\n")
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let verdict = match finding.verdict {
                Verdict::Good => "good",
                Verdict::Bad => "BAD",
                Verdict::Unknown => "-",
            };
            writeln!(f, "{verdict:5} {:12} {}", finding.name, finding.found)?;
            if let Some(advice) = &finding.advice {
                writeln!(f, "{:19}-> {advice}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_finding_makes_the_report_bad_and_brings_its_advice() {
        let mut report = Report::default();
        report.add(Finding::good("disk", "9 GB free"));
        report.add(Finding::unknown("gpio", "no GPIO chip"));
        assert!(report.is_good());
        report.extend([Finding::bad("clock", "1970", "switch time on")]);
        assert!(!report.is_good());
        let text = report.to_string();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.ends_with("-> switch time on\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["good"], false);
        assert_eq!(json["findings"][2]["advice"], "switch time on");
        assert_eq!(json["findings"][1]["verdict"], "unknown");
    }
}
