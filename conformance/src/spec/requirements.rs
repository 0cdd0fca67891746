//! All requirements, in the order of reports.

use cni_wrapper::SpecVersion;

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

/// All requirements, in the order of reports.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    AREAS.into_iter().flatten()
}

/// The requirement with this id or code (`del.twice-succeeds`, `DEL-02`).
pub fn find(name: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == name || requirement.code == name)
}

impl Case {
    /// The requirement.
    ///
    /// # Panics
    /// When there is none of this id; a test sees to it that there is.
    pub fn requirement(&self) -> &'static Requirement {
        let found = find(self.id);
        found.unwrap_or_else(|| panic!("the case {} has no requirement", self.id))
    }

    /// Whether it is for plugins of this kind in this version.
    pub fn applies(&self, profile: Profile, version: SpecVersion) -> bool {
        profile.exists_in(version) && self.requirement().holds(profile, version)
    }
}
