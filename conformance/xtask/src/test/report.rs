//! The output of a test run: its progress, and the summary at the end.

use std::fmt::Write;
use std::time::{Duration, Instant};

use cni_output::outln;

use super::pool::{Done, Watch};
use crate::run::Outcome;

/// Prints each test that fails, and the progress every few seconds.
pub(super) struct Progress {
    all: usize,
    ended: usize,
    failed: usize,
    last: Instant,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(10);

    pub(super) fn of(all: usize) -> Self {
        Self { all, ended: 0, failed: 0, last: Instant::now() }
    }
}

impl Watch for Progress {
    fn ended(&mut self, done: &Done) {
        self.ended += 1;
        if let Some(problem) = &done.problem {
            self.failed += 1;
            outln!("✘ {} ({}): {problem}", done.id, seconds(done.took));
        }
    }

    fn tick(&mut self, running: &[(String, Duration)]) {
        if self.last.elapsed() < Self::EVERY {
            return;
        }
        self.last = Instant::now();
        let named = |(id, took): &(String, Duration)| format!("{id} ({})", seconds(*took));
        let running: Vec<String> = running.iter().map(named).collect();
        let (ended, all, failed) = (self.ended, self.all, self.failed);
        outln!("  {ended} of {all} tests, {failed} failed; running: {}", running.join(", "));
    }
}

/// The contents of the summary.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// The name and the duration of each step.
    pub(super) steps: Vec<(String, Duration)>,
    pub(super) done: Vec<Done>,
    /// Tests that are marked `#[ignore]`.
    pub(super) ignored: usize,
    pub(super) documentation: Counts,
    /// The output of documentation tests, if one failed.
    pub(super) documentation_output: Option<String>,
}

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Counts {
    /// Adds up the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(super) fn read(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
            let args: Vec<&str> = line.split_whitespace().collect();
            let before = |what: &str| {
                let at = args.iter().position(|word| word.trim_end_matches(';') == what)?;
                args.get(at.checked_sub(1)?)?.parse::<usize>().ok()
            };
            sum.passed += before("passed").unwrap_or(0);
            sum.failed += before("failed").unwrap_or(0);
            sum.skipped += before("ignored").unwrap_or(0);
        }
        sum
    }
}

/// The format that CI reads.
impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

impl Summary {
    /// Runs a step and records its duration.
    pub(super) fn step<T>(&mut self, name: &str, act: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        outln!("\n▶ {name}");
        let started = Instant::now();
        let outcome = act();
        let took = started.elapsed();
        self.steps.push((name.to_owned(), took));
        outln!("{} {name} ({})", if outcome.is_ok() { "✔" } else { "✘" }, seconds(took));
        outcome
    }

    pub(super) fn counts(&self) -> Counts {
        let failed = self.done.iter().filter(|done| done.problem.is_some()).count();
        Counts {
            passed: self.done.len() - failed + self.documentation.passed,
            failed: failed + self.documentation.failed,
            skipped: self.ignored + self.documentation.skipped,
        }
    }

    /// Returns the summary without the counts.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.add_failures(&mut text);
        text.push_str("\nslowest tests\n");
        let mut slowest: Vec<&Done> = self.done.iter().collect();
        slowest.sort_by_key(|done| std::cmp::Reverse(done.took));
        for done in slowest.iter().take(10) {
            let _ = writeln!(text, "{:>9}  {}", seconds(done.took), done.id);
        }
        text.push_str("\nduration of each step\n");
        for (name, took) in &self.steps {
            let _ = writeln!(text, "{:>9}  {name}", seconds(*took));
        }
        let all = self.steps.iter().map(|(_, took)| *took).sum();
        let _ = writeln!(text, "{:>9}  total", seconds(all));
        text
    }

    fn add_failures(&self, text: &mut String) {
        if let Some(output) = &self.documentation_output {
            let _ = write!(text, "\n✘ documentation tests\n{output}\n");
        }
        for done in &self.done {
            let Some(problem) = &done.problem else { continue };
            let took = seconds(done.took);
            let _ = write!(text, "\n✘ {} ({took}): {problem}\n{}\n", done.id, end_of(&done.output));
        }
    }
}

/// Returns the end of the output, which contains the reason of a failure.
fn end_of(output: &str) -> &str {
    const SHOWN: usize = 100_000;
    let mut start = output.len().saturating_sub(SHOWN);
    while !output.is_char_boundary(start) {
        start += 1;
    }
    &output[start..]
}

pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(id: &str, seconds: u64, problem: Option<&str>) -> Done {
        Done {
            id: id.to_owned(),
            took: Duration::from_secs(seconds),
            problem: problem.map(str::to_owned),
            output: problem.map_or(String::new(), |_| format!("output of {id}")),
        }
    }

    #[test]
    fn counts_are_read_from_every_line_of_results() {
        let output = "\
running 2 tests
test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out
";
        assert_eq!(Counts::read(output), Counts { passed: 13, failed: 2, skipped: 3 });
    }

    #[test]
    fn counts_are_written_as_ci_reads_them() {
        let counts = |passed, failed, skipped| Counts { passed, failed, skipped }.to_string();
        assert_eq!(counts(7, 0, 0), "7 passed, 0 failed");
        assert_eq!(counts(7, 1, 2), "7 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn the_summary_counts_tests_ignored_tests_and_documentation() {
        let summary = Summary {
            done: vec![done("a", 1, None), done("b", 1, Some("no")), done("c", 1, None)],
            ignored: 4,
            documentation: Counts { passed: 10, failed: 1, skipped: 2 },
            ..Summary::default()
        };
        assert_eq!(summary.counts(), Counts { passed: 12, failed: 2, skipped: 6 });
    }

    #[test]
    fn the_summary_shows_failures_with_output_the_ten_slowest_and_steps() {
        let mut all: Vec<Done> =
            (1..=12).map(|number| done(&format!("t{number:02}"), number, None)).collect();
        all.push(done("bad", 3, Some("exit status: 101")));
        let steps = vec![("build".to_owned(), Duration::from_millis(61_540))];
        let summary = Summary { done: all, steps, ..Summary::default() };
        let text = summary.text();
        assert!(text.contains("✘ bad (3.0 s): exit status: 101\noutput of bad\n"), "{text}");
        assert!(text.contains("   12.0 s  t12\n   11.0 s  t11\n"), "{text}");
        assert!(text.contains("t04") && !text.contains("t02"), "ten of them: {text}");
        assert!(text.ends_with("   61.5 s  build\n   61.5 s  total\n"), "{text}");
    }

    #[test]
    fn only_the_end_of_long_output_is_shown() {
        let output = "é".repeat(100_000) + "why";
        let end = end_of(&output);
        assert!(end.len() <= 100_000 && end.ends_with("éwhy"));
    }
}
