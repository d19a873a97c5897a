//! What a suite found, and the forms it is told in.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It held.
    Passed,
    /// It does not apply, for this reason.
    Skipped(String),
    /// It did not hold: what was seen.
    Failed(String),
}

impl Outcome {
    /// For a test of one case: prints why it was skipped.
    ///
    /// # Panics
    /// If it failed.
    pub fn assert_held(&self, name: &str) {
        match self {
            Self::Passed => {}
            Self::Skipped(reason) => println!("skipped {name}: {reason}"),
            Self::Failed(seen) => panic!("{name}: {seen}"),
        }
    }
}

/// One case of a report.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The case's name.
    pub name: &'static str,
    /// Rows of the behaviour checklist that it shows.
    pub shows: &'static [&'static str],
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// The outcome of a whole suite.
#[derive(Debug, Default, Clone)]
#[must_use = "call assert_passed"]
pub struct Report {
    entries: Vec<Entry>,
}

impl Report {
    /// Runs one case.
    pub fn case(
        &mut self,
        name: &'static str,
        shows: &'static [&'static str],
        case: impl FnOnce() -> Outcome,
    ) {
        let begun = Instant::now();
        let outcome = case();
        self.entries.push(Entry { name, shows, outcome, took: begun.elapsed() });
    }

    /// Every case in the order in which they ran.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn names(&self, wanted: impl Fn(&Outcome) -> bool) -> Vec<&'static str> {
        self.entries.iter().filter(|entry| wanted(&entry.outcome)).map(|entry| entry.name).collect()
    }

    /// Names of the cases that held.
    #[must_use]
    pub fn passed(&self) -> Vec<&'static str> {
        self.names(|outcome| *outcome == Outcome::Passed)
    }

    /// Names of the cases that do not apply.
    #[must_use]
    pub fn skipped(&self) -> Vec<&'static str> {
        self.names(|outcome| matches!(outcome, Outcome::Skipped(_)))
    }

    /// Names of the cases that did not hold.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.names(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// # Panics
    /// If a case failed, or none ran.
    pub fn assert_passed(&self) {
        assert!(self.failed().is_empty(), "{}", self.text());
        assert!(!self.passed().is_empty(), "no case ran");
    }

    /// A line for each case, and a sum.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let shows =
                if entry.shows.is_empty() { String::new() } else { format!(" [{}]", entry.shows.join(" ")) };
            let (word, reason) = match &entry.outcome {
                Outcome::Passed => ("passed ", String::new()),
                Outcome::Skipped(reason) => ("skipped", format!(": {reason}")),
                Outcome::Failed(seen) => ("FAILED ", format!(": {}", one_line(seen))),
            };
            let _ = writeln!(text, "{word}  {}{shows}{reason}", entry.name);
        }
        let (passed, skipped, failed) = (self.passed().len(), self.skipped().len(), self.failed().len());
        let _ = writeln!(text, "{passed} passed, {skipped} skipped, {failed} failed");
        text
    }

    /// The Test Anything Protocol, version 13.
    #[must_use]
    pub fn tap(&self) -> String {
        let mut text = format!("TAP version 13\n1..{}\n", self.entries.len());
        for (number, entry) in (1..).zip(&self.entries) {
            let shows: String = entry.shows.iter().map(|id| format!(" {id}")).collect();
            let line = match &entry.outcome {
                Outcome::Passed => format!("ok {number} - {}{shows}", entry.name),
                Outcome::Skipped(reason) => {
                    format!("ok {number} - {}{shows} # SKIP {}", entry.name, one_line(reason))
                }
                Outcome::Failed(seen) => {
                    format!("not ok {number} - {}{shows}\n# {}", entry.name, seen.replace('\n', "\n# "))
                }
            };
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// JUnit's XML, as most servers for continuous integration read it.
    #[must_use]
    pub fn junit(&self, suite: &str) -> String {
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
            xml(suite),
            self.entries.len(),
            self.failed().len(),
            self.skipped().len()
        );
        for entry in &self.entries {
            let _ = write!(
                text,
                "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
                xml(suite),
                xml(entry.name),
                entry.took.as_secs_f64()
            );
            if !entry.shows.is_empty() {
                let _ = write!(
                    text,
                    "<properties><property name=\"shows\" value=\"{}\"/></properties>",
                    xml(&entry.shows.join(" "))
                );
            }
            let _ = match &entry.outcome {
                Outcome::Passed => write!(text, ""),
                Outcome::Skipped(reason) => write!(text, "<skipped message=\"{}\"/>", xml(reason)),
                Outcome::Failed(seen) => write!(text, "<failure message=\"{}\"/>", xml(seen)),
            };
            let _ = writeln!(text, "</testcase>");
        }
        text += "</testsuite>\n";
        text
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn xml(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        match character {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' => safe += "&#10;",
            // XML has no place for other control characters.
            control if control.is_control() => safe.push('?'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Report};

    fn three() -> Report {
        let mut report = Report::default();
        report.case("a::one", &["S-001"], || Outcome::Passed);
        report.case("a::two", &[], || Outcome::Skipped("not here".into()));
        report.case("a::three", &["S-002", "S-003"], || Outcome::Failed("left: <1>\nright: \"2\"".into()));
        report
    }

    #[test]
    fn each_form_tells_every_case() {
        let report = three();
        assert_eq!(
            report.text(),
            "passed   a::one [S-001]\nskipped  a::two: not here\nFAILED   a::three [S-002 S-003]: left: <1> right: \"2\"\n1 passed, 1 skipped, 1 failed\n"
        );
        assert_eq!(
            report.tap(),
            "TAP version 13\n1..3\nok 1 - a::one S-001\nok 2 - a::two # SKIP not here\nnot ok 3 - a::three S-002 S-003\n# left: <1>\n# right: \"2\"\n"
        );
        let junit = report.junit("store");
        assert!(junit.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{junit}");
        assert!(junit.contains("<failure message=\"left: &lt;1&gt;&#10;right: &quot;2&quot;\"/>"), "{junit}");
    }

    #[test]
    #[should_panic(expected = "a::three")]
    fn a_failed_case_fails_the_report() {
        three().assert_passed();
    }

    #[test]
    #[should_panic(expected = "no case ran")]
    fn an_empty_report_does_not_pass() {
        Report::default().assert_passed();
    }
}
