//! Prints steps with their outcome and duration.

use std::{
    fmt::Display,
    io::{IsTerminal, stdout},
    process::ExitCode,
    time::{Duration, Instant},
};

use cni_output::{errln, outln};

/// Prints each step as it ends, and counts those that failed.
pub(super) struct Steps {
    colours: bool,
    failed: usize,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { colours: stdout().is_terminal(), failed: 0 }
    }

    /// Prints a heading.
    pub(super) fn part(&self, title: &str) {
        outln!("\n{}", self.paint("1", title));
    }

    /// Runs a step that has to succeed, and prints what it observed.
    pub(super) fn step<T, S: Display>(
        &mut self,
        title: &str,
        act: impl FnOnce() -> Result<(T, S), String>,
    ) -> Option<T> {
        let started = Instant::now();
        let outcome = act();
        let millis = started.elapsed().as_millis();
        match outcome {
            Ok((value, seen)) => {
                outln!(
                    "  {} {title:<58} {seen}  {}",
                    self.paint("32", "✔"),
                    self.paint("2", &format!("{millis} ms"))
                );
                Some(value)
            }
            Err(problem) => {
                self.failed += 1;
                outln!("  {} {title:<58} {problem}", self.paint("31", "✘"));
                None
            }
        }
    }

    /// Prints the output of a tool, indented.
    pub(super) fn show(&self, text: &str) {
        for line in text.lines() {
            outln!("      {}", self.paint("2", line));
        }
    }

    /// Prints the outcome, and returns the exit status.
    pub(super) fn finish(self, took: Duration) -> ExitCode {
        if self.failed > 0 {
            errln!("\n{} steps of the demonstration failed", self.failed);
            return ExitCode::FAILURE;
        }
        outln!("\nall steps succeeded, in {:.1} s", took.as_secs_f64());
        ExitCode::SUCCESS
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
