//! All requirements, in the order of reports.

use cni_protocol::SpecVersion;

use super::case::Case;
use super::requirement::Requirement;
use crate::profile::Profile;

const AREAS: [&[Requirement]; 14] = [
    super::execution::requirements::REQUIREMENTS,
    super::environment::requirements::REQUIREMENTS,
    super::version::requirements::REQUIREMENTS,
    super::add::requirements::REQUIREMENTS,
    super::result::requirements::REQUIREMENTS,
    super::chain::requirements::REQUIREMENTS,
    super::del::requirements::REQUIREMENTS,
    super::check::requirements::REQUIREMENTS,
    super::gc::requirements::REQUIREMENTS,
    super::status::requirements::REQUIREMENTS,
    super::delegate::requirements::REQUIREMENTS,
    super::capability::requirements::REQUIREMENTS,
    super::config::requirements::REQUIREMENTS,
    super::concurrency::requirements::REQUIREMENTS,
];

/// Returns all requirements, in the order of reports.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    AREAS.into_iter().flatten()
}

/// Returns the requirement with this id or code (`del.twice-succeeds`, `DEL-02`).
pub fn find(name: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == name || requirement.code == name)
}

impl Case {
    /// Returns the requirement that the case tests.
    ///
    /// # Panics
    /// If no requirement has this id; a test ensures that one has.
    pub fn requirement(&self) -> &'static Requirement {
        let found = find(self.id);
        found.unwrap_or_else(|| panic!("the case {} has no requirement", self.id))
    }

    /// Whether the case is for plugins of this profile in this version.
    pub fn applies(&self, profile: Profile, version: SpecVersion) -> bool {
        profile.exists_in(version) && self.requirement().holds(profile, version)
    }
}
