//! All requirements, in the order of reports.

use super::requirement::Requirement;

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
