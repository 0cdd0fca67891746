//! Steps with ticks and times.

use std::{
    fmt::Display,
    io::{IsTerminal, stdout},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Prints each step as it ends, and counts those that failed.
pub(super) struct Steps {
    colours: bool,
    failed: usize,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { colours: stdout().is_terminal(), failed: 0 }
    }

    /// A heading.
    pub(super) fn part(&self, title: &str) {
        println!("\n{}", self.paint("1", title));
    }

    /// Something that must go well; its word for what it saw is shown.
    pub(super) fn step<T, S: Display>(
        &mut self,
        title: &str,
        act: impl FnOnce() -> Result<(T, S), String>,
    ) -> Option<T> {
        let begun = Instant::now();
        let outcome = act();
        let millis = begun.elapsed().as_millis();
        match outcome {
            Ok((value, seen)) => {
                println!(
                    "  {} {title:<58} {seen}  {}",
                    self.paint("32", "✔"),
                    self.paint("2", &format!("{millis} ms"))
                );
                Some(value)
            }
            Err(problem) => {
                self.failed += 1;
                println!("  {} {title:<58} {problem}", self.paint("31", "✘"));
                None
            }
        }
    }

    /// Text of a tool, indented.
    pub(super) fn show(&self, text: &str) {
        for line in text.lines() {
            println!("      {}", self.paint("2", line));
        }
    }

    /// Prints how it went, and returns the exit status.
    pub(super) fn finish(self, took: Duration) -> ExitCode {
        if self.failed > 0 {
            eprintln!("\n{} step(s) of the demo failed", self.failed);
            return ExitCode::FAILURE;
        }
        println!("\nall steps went as they should, in {:.1} s", took.as_secs_f64());
        ExitCode::SUCCESS
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
