//! A mutant: the faulty plugin that proves that a case can fail.

use crate::profile::Profile;

/// A faulty plugin that its case must fail, and that keeps all other requirements as far as possible.
///
/// It is the program `cni-mutant`, started by the file name `mutant.PROFILE.ID`.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The id of its case.
    pub id: &'static str,
    /// The files in `src/bin/cni-mutant` that have the mutation.
    pub files: &'static str,
    /// What the plugin does wrong, in one sentence without a subject.
    pub does: &'static str,
    /// Further cases that it can't help failing.
    pub also_fails: &'static [&'static str],
    pub(super) except: &'static [Profile],
}

impl Mutant {
    /// Excludes kinds of plugin in which the case has nothing to test and is skipped.
    pub(super) const fn except(mut self, profiles: &'static [Profile]) -> Self {
        self.except = profiles;
        self
    }

    pub(super) const fn also_fails(mut self, cases: &'static [&'static str]) -> Self {
        self.also_fails = cases;
        self
    }
}

/// The mutant of a case.
pub(super) const fn mutant(id: &'static str, files: &'static str, does: &'static str) -> Mutant {
    Mutant { id, files, does, also_fails: &[], except: &[] }
}
