//! A case: how one requirement is put to the test.

use cni_wrapper::SpecVersion;

use crate::fixture::Fixture;
use crate::profile::Profile;
use crate::spec::requirement::Requirement;
use crate::spec::requirements;
use crate::verdict::CaseResult;

/// How one requirement is put to the test. It has the requirement's id.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The id of the requirement.
    pub id: &'static str,
    /// What the case does, for people.
    pub does: &'static str,
    /// Does it.
    pub run: fn(&Fixture) -> CaseResult,
}

impl Case {
    /// The requirement.
    ///
    /// # Panics
    /// When there is none of this id; a test sees to it that there is.
    pub fn requirement(&self) -> &'static Requirement {
        let found = requirements::find(self.id);
        found.unwrap_or_else(|| panic!("the case {} has no requirement", self.id))
    }

    /// Whether it is for plugins of this kind in this version.
    pub fn applies(&self, profile: Profile, version: SpecVersion) -> bool {
        profile.exists_in(version) && self.requirement().holds(profile, version)
    }
}
