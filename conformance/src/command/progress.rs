//! A line on a terminal that tells how far it is; nothing in a pipe.

use std::io::{self, IsTerminal, Write};

use cni_conformance::run::Progress;

/// The line, on stderr.
pub(super) struct ProgressLine {
    shown: bool,
}

impl ProgressLine {
    pub(super) fn new() -> Self {
        Self { shown: io::stderr().is_terminal() }
    }

    /// Shows how far it is in place of what is shown.
    pub(super) fn show(&self, progress: &Progress) {
        if self.shown {
            let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
            let text = line(progress, columns.into());
            // One write, so that the lines of several cases don't mix.
            self.put(&format!("\r\x1b[K{text}"));
        }
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        if self.shown {
            self.put("\r\x1b[K");
        }
    }

    fn put(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Only the look of a progress line depends on it.
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

/// What it shows, cut to the terminal: a line that wraps can't be taken away again.
fn line(progress: &Progress, columns: usize) -> String {
    let Progress { done, total, record } = progress;
    let text = format!("{done}/{total} {} in {}", record.case.id, record.version);
    // A terminal that does not know its width says 0.
    let columns = if columns == 0 { 80 } else { columns };
    // The `^C` of who has seen enough fits behind it.
    text.chars().take(columns.saturating_sub(3)).collect()
}

#[cfg(test)]
mod tests {
    use cni_conformance::run::{Progress, Record};
    use cni_conformance::{Verdict, cases};
    use cni_wrapper::SpecVersion;

    use super::line;

    #[test]
    fn the_line_fits_the_terminal() {
        let record = Record {
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
        assert_eq!(line(&progress, 0), "12/541 del.twice-succeeds in 1.0.0");
        assert_eq!(line(&progress, 14), "12/541 del.");
        assert_eq!(line(&progress, 1), "");
    }
}
