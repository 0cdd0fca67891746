//! A mutant: the faulty plugin that proves that a case can fail.

use crate::profile::Profile;
use crate::verdict::Finding;

/// A faulty plugin that its case must fail. It meets the other requirements as far as possible.
///
/// It is the program `cni-mutant`, started by the file name `mutant.PROFILE.ID`.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The id of its case.
    pub id: &'static str,
    /// The files in `src/bin/cni-mutant` that have the mutation.
    pub files: &'static str,
    /// What the plugin does wrong, as a sentence without its subject.
    pub does: &'static str,
    /// Other cases that it fails unavoidably.
    pub also_fails: &'static [&'static str],
    /// The command line of a process that it leaves running. Any case that compares the host with
    /// an earlier snapshot may find it, depending on when it looks.
    pub leaves_process: Option<&'static str>,
    pub(super) except: &'static [Profile],
}

impl Mutant {
    /// Excludes profiles in which the case has nothing to test and is skipped.
    pub(super) const fn except(mut self, profiles: &'static [Profile]) -> Self {
        self.except = profiles;
        self
    }

    pub(super) const fn also_fails(mut self, cases: &'static [&'static str]) -> Self {
        self.also_fails = cases;
        self
    }

    pub(super) const fn leaves_process(mut self, command: &'static str) -> Self {
        self.leaves_process = Some(command);
        self
    }

    /// Whether a deviation that another case found is nothing but the process that is left.
    pub fn explains(&self, finding: &Finding) -> bool {
        self.leaves_process.is_some_and(|command| {
            let line = format!("+ process: {command}");
            !finding.actual.is_empty() && finding.actual.lines().all(|found| found == line)
        })
    }
}

/// Returns the mutant of a case.
pub(super) const fn mutant(id: &'static str, files: &'static str, does: &'static str) -> Mutant {
    Mutant { id, files, does, also_fails: &[], leaves_process: None, except: &[] }
}
