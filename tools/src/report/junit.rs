//! JUnit XML, which every CI shows.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::ReportError;

/// One thing that was checked.
pub struct Case {
    /// Its name.
    pub name: String,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// What was measured.
    pub said: String,
}

/// A report of these cases under the name of what was checked.
///
/// # Errors
/// [`ReportError::Xml`].
pub fn junit(subject: &str, cases: &[Case]) -> Result<String, ReportError> {
    let mut suite = TestSuite::new(subject);
    for Case {
        name,
        failure,
        said,
    } in cases
    {
        let status = match failure {
            None => TestCaseStatus::success(),
            Some(reason) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(reason.as_str());
                status
            }
        };
        let mut case = TestCase::new(name.as_str(), status);
        case.set_classname("praxc compare");
        case.set_system_out(said.as_str());
        suite.add_test_case(case);
    }
    let mut report = Report::new("praxc");
    report.add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| ReportError::Xml(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_counted_and_told() {
        let case = |failure: Option<&str>| Case {
            name: "logits".into(),
            failure: failure.map(String::from),
            said: "1 < 2".into(),
        };
        let xml = junit("a & b", &[case(None), case(Some("too far"))]).unwrap();
        for part in [
            "failures=\"1\"",
            "tests=\"2\"",
            "a &amp; b",
            "too far",
            "1 &lt; 2",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
    }
}
