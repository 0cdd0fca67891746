//! The progress of a run on stderr: on a terminal one line that is replaced, otherwise a line every
//! few seconds.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cni_conformance::run::record::Progress;

/// The time between two lines if stderr is not a terminal.
const INTERVAL: Duration = Duration::from_secs(5);

/// Prints the progress.
pub(super) struct ProgressLine {
    on_terminal: bool,
    /// When the last line was printed, or the run started, if stderr is not a terminal.
    last: Mutex<Instant>,
}

impl ProgressLine {
    pub(super) fn new() -> Self {
        Self { on_terminal: io::stderr().is_terminal(), last: Mutex::new(Instant::now()) }
    }

    /// Shows the progress.
    pub(super) fn show(&self, progress: &Progress) {
        if self.on_terminal {
            let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
            // A terminal that does not know its width reports 0.
            let columns = if columns == 0 { 80 } else { columns.into() };
            put(&format!("\r\x1b[K{}", line(progress, columns)));
        } else if self.is_due() {
            put(&format!("{}\n", line(progress, usize::MAX)));
        }
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        if self.on_terminal {
            put("\r\x1b[K");
        }
    }

    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.elapsed() >= INTERVAL;
        if due {
            *last = Instant::now();
        }
        due
    }
}

/// Writes a line with one call, so that the lines of several cases don't mix.
fn put(text: &str) {
    let mut stderr = io::stderr().lock();
    // An error only affects the progress line.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Returns the line, truncated to the width of the terminal: a wrapped line can't be replaced.
fn line(progress: &Progress, columns: usize) -> String {
    let Progress { done, total, record } = progress;
    let text = format!("{done}/{total} {} in {}", record.case.id, record.version);
    // Leaves space for `^C`.
    text.chars().take(columns.saturating_sub(3)).collect()
}

#[cfg(test)]
mod tests {
    use cni_conformance::Verdict;
    use cni_conformance::run::record::{Progress, Record};
    use cni_conformance::spec::cases;
    use cni_protocol::SpecVersion;

    use super::line;

    #[test]
    fn the_line_fits_the_terminal() {
        let record = Record {
            delegate: None,
            case: cases::find("del.twice-succeeds").unwrap(),
            version: SpecVersion::V1_0_0,
            verdict: Verdict::Pass,
            finding: None,
            note: None,
            exchanges: Vec::new(),
            millis: 1,
        };
        let progress = Progress { done: 12, total: 541, record: &record };
        assert_eq!(line(&progress, 80), "12/541 del.twice-succeeds in 1.0.0");
        assert_eq!(line(&progress, usize::MAX), "12/541 del.twice-succeeds in 1.0.0");
        assert_eq!(line(&progress, 14), "12/541 del.");
        assert_eq!(line(&progress, 1), "");
    }
}
