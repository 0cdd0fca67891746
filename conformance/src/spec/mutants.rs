//! All mutants, in the order of the cases.

use super::mutant::Mutant;
use super::requirements;
use crate::profile::Profile;

const AREAS: [&[Mutant]; 14] = [
    super::execution::mutants::MUTANTS,
    super::environment::mutants::MUTANTS,
    super::version::mutants::MUTANTS,
    super::add::mutants::MUTANTS,
    super::result::mutants::MUTANTS,
    super::chain::mutants::MUTANTS,
    super::del::mutants::MUTANTS,
    super::check::mutants::MUTANTS,
    super::gc::mutants::MUTANTS,
    super::status::mutants::MUTANTS,
    super::delegate::mutants::MUTANTS,
    super::capability::mutants::MUTANTS,
    super::config::mutants::MUTANTS,
    super::concurrency::mutants::MUTANTS,
];

/// Returns all mutants.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    AREAS.into_iter().flatten()
}

/// Returns the mutant of this case.
pub fn find(id: &str) -> Option<&'static Mutant> {
    all().find(|mutant| mutant.id == id)
}

impl Mutant {
    /// Returns the profiles in which its case finds the mutation.
    pub fn profiles(&self) -> impl Iterator<Item = Profile> {
        let requirement = requirements::find(self.id);
        let profiles = requirement.map_or(&[][..], |requirement| requirement.profiles);
        let except = self.except;
        profiles.iter().copied().filter(move |profile| !except.contains(profile))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::spec::cases;

    #[test]
    fn every_case_has_one_mutant_in_the_same_order() {
        let cases: Vec<&str> = cases::all().map(|case| case.id).collect();
        let mutants: Vec<&str> = all().map(|mutant| mutant.id).collect();
        assert_eq!(mutants, cases);
    }

    #[test]
    fn every_mutation_is_in_the_files_that_its_mutant_names() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/cni-mutant");
        for mutant in all() {
            for file in mutant.files.split(", ") {
                let text = fs::read_to_string(directory.join(file)).unwrap();
                assert!(text.contains(&format!("{:?}", mutant.id)), "{} in {file}", mutant.id);
            }
        }
    }

    #[test]
    fn the_further_cases_that_a_mutant_fails_exist() {
        for id in all().flat_map(|mutant| mutant.also_fails) {
            assert!(cases::find(id).is_some(), "{id}");
        }
    }
}
