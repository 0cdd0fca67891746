//! The changes between two reports, by case and version.

use std::fmt::Write;

use super::document::{CaseReport, Document, RunReport, Unusable};
use super::visible::visible;
use crate::exchange::shorten;
use crate::verdict::Verdict;

/// The cases whose verdict differs between two reports.
#[derive(Debug, Default)]
pub struct Difference {
    changes: Vec<Change>,
    /// The versions in which an ADD succeeded before and now none does, with the reason.
    lost_versions: Vec<Unusable>,
}

/// A case and the versions in which its verdict changed in the same way.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    direction: Direction,
    id: String,
    versions: Vec<String>,
    from: Option<Verdict>,
    to: Option<Verdict>,
    /// `actual` of the new report, or else its `note`.
    observation: String,
}

/// Whether a change is for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Worse,
    Better,
    /// A deviation that was not judged again, so it may still exist.
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
    let rank = |verdict| match verdict {
        Pass => 0,
        Info => 1,
        // A case that was not judged ranks between a pass and a deviation.
        Skip => 2,
        Broken => 3,
        Warn => 4,
        Fail => 5,
    };
    match (from, to) {
        _ if from == to => None,
        (Warn | Fail, Skip | Broken) => Some(Direction::Unclear),
        _ if rank(to) > rank(from) => Some(Direction::Worse),
        _ => Some(Direction::Better),
    }
}

impl Difference {
    /// Compares two reports by case and version.
    pub fn between(old: &Document, new: &Document) -> Self {
        let worked = |lost: &&Unusable| old.versions.contains(&lost.version);
        let lost_versions = new.unusable_versions.iter().filter(worked).cloned().collect();
        let mut difference = Self { lost_versions, ..Self::default() };
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
        let observation = run.actual.as_ref().or(run.note.as_ref()).filter(|_| to.is_some());
        let last = self.changes.last_mut();
        let is_same =
            |change: &&mut Change| change.id == case.id && (change.from, change.to) == (from, to);
        match last.filter(is_same) {
            Some(change) => change.versions.push(run.version.clone()),
            None => self.changes.push(Change {
                direction,
                id: case.id.clone(),
                versions: vec![run.version.clone()],
                from,
                to,
                observation: observation.map(|text| shorten(text)).unwrap_or_default(),
            }),
        }
    }

    /// Returns whether any verdict got worse, or a version no longer works. New and removed cases
    /// do not count.
    pub fn is_worse(&self) -> bool {
        !self.lost_versions.is_empty() || self.in_direction(Direction::Worse).next().is_some()
    }

    fn in_direction(&self, direction: Direction) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.direction == direction)
    }

    /// Returns the changes as human-readable text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Unusable { version, reason } in &self.lost_versions {
            let reason = shorten(reason);
            let _ = writeln!(text, "{version} no longer works: no ADD succeeds: {reason}\n");
        }
        for direction in Direction::ALL {
            let mut changes = self.in_direction(direction).peekable();
            if changes.peek().is_some() {
                let _ = writeln!(text, "{}", direction.title());
            }
            changes.for_each(|change| text.push_str(&change.text()));
        }
        let total = |direction: Direction| {
            let runs: usize =
                self.in_direction(direction).map(|change| change.versions.len()).sum();
            format!("{runs} {}", direction.title())
        };
        visible(&text) + &format!("{}\n", Direction::ALL.map(total).join(", "))
    }
}

impl Change {
    fn text(&self) -> String {
        let name = |verdict: Option<Verdict>| verdict.map(Verdict::as_str);
        let transition = match (name(self.from), name(self.to)) {
            (Some(from), Some(to)) => format!("{from} → {to}"),
            (from, to) => from.or(to).unwrap_or_default().to_owned(),
        };
        let sign = self.to.or(self.from).map(Verdict::sign).unwrap_or_default();
        let observation = match self.observation.as_str() {
            "" => String::new(),
            text => format!(": {text}"),
        };
        let versions = self.versions.join(", ");
        format!("  {sign} {} in {versions}  {transition}{observation}\n", self.id)
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
            // A case that passed is no longer judged.
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
