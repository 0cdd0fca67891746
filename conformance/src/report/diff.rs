//! What changed between two reports, by case and version.

use std::fmt::Write;

use super::document::{CaseReport, Document, RunReport};
use super::visible::visible;
use crate::exchange::shorten;
use crate::verdict::Verdict;

/// The changes between two reports.
#[derive(Debug, Default)]
pub struct Difference {
    lines: Vec<Line>,
}

/// A case, with the versions in which it changed in the same way.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    direction: Direction,
    id: String,
    versions: Vec<String>,
    from: Option<Verdict>,
    to: Option<Verdict>,
    /// What was seen in the new report.
    seen: String,
}

/// Whether a change is for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Worse,
    Better,
    /// A deviation that was not judged again, so that it may still exist.
    Unclear,
    New,
    Removed,
}

impl Direction {
    const ALL: [Self; 5] = [Self::Worse, Self::Better, Self::Unclear, Self::New, Self::Removed];

    const fn title(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Unclear => "no longer judged",
            Self::New => "new",
            Self::Removed => "removed",
        }
    }
}

/// Returns the direction of a change; `None` if the verdicts are the same.
fn direction(from: Verdict, to: Verdict) -> Option<Direction> {
    use Verdict::{Broken, Fail, Info, Pass, Skip, Warn};
    let gravity = |verdict| match verdict {
        Pass => 0,
        Info => 1,
        // Not judged is worse than passed, and better than a known deviation.
        Skip => 2,
        Broken => 3,
        Warn => 4,
        Fail => 5,
    };
    match (from, to) {
        _ if from == to => None,
        (Warn | Fail, Skip | Broken) => Some(Direction::Unclear),
        _ if gravity(to) > gravity(from) => Some(Direction::Worse),
        _ => Some(Direction::Better),
    }
}

impl Difference {
    /// Compares two reports by case and version.
    pub fn between(old: &Document, new: &Document) -> Self {
        let mut difference = Self::default();
        for case in &new.cases {
            for run in &case.runs {
                let before = find(old, case, run);
                let direction = match before {
                    Some(before) => direction(before.verdict, run.verdict),
                    None => Some(Direction::New),
                };
                if let Some(direction) = direction {
                    let verdicts = [before.map(|before| before.verdict), Some(run.verdict)];
                    difference.add(direction, case, run, verdicts);
                }
            }
        }
        for case in &old.cases {
            for run in case.runs.iter().filter(|run| find(new, case, run).is_none()) {
                difference.add(Direction::Removed, case, run, [Some(run.verdict), None]);
            }
        }
        difference
    }

    fn add(
        &mut self,
        direction: Direction,
        case: &CaseReport,
        run: &RunReport,
        [from, to]: [Option<Verdict>; 2],
    ) {
        let seen = run.actual.as_ref().or(run.note.as_ref()).filter(|_| to.is_some());
        let last = self.lines.last_mut();
        let same = |line: &&mut Line| line.id == case.id && (line.from, line.to) == (from, to);
        match last.filter(same) {
            Some(line) => line.versions.push(run.version.clone()),
            None => self.lines.push(Line {
                direction,
                id: case.id.clone(),
                versions: vec![run.version.clone()],
                from,
                to,
                seen: seen.map(|seen| shorten(seen)).unwrap_or_default(),
            }),
        }
    }

    /// Returns whether anything got worse; new and removed cases did not.
    pub fn is_worse(&self) -> bool {
        self.those(Direction::Worse).next().is_some()
    }

    fn those(&self, direction: Direction) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.direction == direction)
    }

    /// Returns the changes as text, for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for direction in Direction::ALL {
            let mut lines = self.those(direction).peekable();
            if lines.peek().is_some() {
                let _ = writeln!(text, "{}", direction.title());
            }
            lines.for_each(|line| text.push_str(&line.text()));
        }
        let sum = |direction: Direction| {
            let runs: usize = self.those(direction).map(|line| line.versions.len()).sum();
            format!("{runs} {}", direction.title())
        };
        visible(&text) + &format!("{}\n", Direction::ALL.map(sum).join(", "))
    }
}

impl Line {
    fn text(&self) -> String {
        let word = |verdict: Option<Verdict>| verdict.map(Verdict::as_str);
        let how = match (word(self.from), word(self.to)) {
            (Some(from), Some(to)) => format!("{from} → {to}"),
            (from, to) => from.or(to).unwrap_or_default().to_owned(),
        };
        let sign = self.to.or(self.from).map(Verdict::sign).unwrap_or_default();
        let seen = if self.seen.is_empty() { String::new() } else { format!(": {}", self.seen) };
        format!("  {sign} {} in {}  {how}{seen}\n", self.id, self.versions.join(", "))
    }
}

fn find<'d>(document: &'d Document, case: &CaseReport, run: &RunReport) -> Option<&'d RunReport> {
    let case = document.cases.iter().find(|other| other.id == case.id)?;
    case.runs.iter().find(|other| other.version == run.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_verdict_has_a_direction() {
        use Direction::{Better, Unclear, Worse};
        use Verdict::{Broken, Fail, Info, Pass, Skip, Warn};
        for (from, to, expected) in [
            (Pass, Pass, None),
            (Pass, Info, Some(Worse)),
            (Pass, Fail, Some(Worse)),
            (Warn, Fail, Some(Worse)),
            (Fail, Warn, Some(Better)),
            (Info, Pass, Some(Better)),
            // It passed, and is no longer judged.
            (Pass, Skip, Some(Worse)),
            (Pass, Broken, Some(Worse)),
            (Fail, Skip, Some(Unclear)),
            (Warn, Broken, Some(Unclear)),
            (Skip, Fail, Some(Worse)),
            (Skip, Pass, Some(Better)),
            (Broken, Skip, Some(Better)),
        ] {
            assert_eq!(direction(from, to), expected, "{from} → {to}");
        }
    }
}
