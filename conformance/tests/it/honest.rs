//! The unmutated plugin meets every requirement, in every profile and version.

use cni_conformance::run::options::Options;
use cni_conformance::run::run;
use cni_conformance::spec::mutant::Mutant;
use cni_conformance::spec::{cases, mutants};
use cni_conformance::{Profile, Verdict};
use cni_protocol::SpecVersion;

use crate::support::{Mutants, versions};

/// The unmutated plugin never refuses an unknown key, so it has no message that must name the key.
const ALWAYS_SKIPPED: &str = "execution.unsupported-field-is-named";

fn meets_every_requirement(profile: Profile) {
    let programs = Mutants::new();
    let options = Options { versions: versions(), ..Options::default() };
    let report = run(&programs.subject(profile, None), &options, &|_| ()).unwrap();
    let mut possible = options.versions.of(&SpecVersion::ALL);
    possible.retain(|version| profile.exists_in(*version));
    assert_eq!(report.versions, possible, "unusable: {:?}", report.unusable);
    let bad: Vec<String> = report
        .records
        .iter()
        .filter(|record| !matches!(record.verdict, Verdict::Pass | Verdict::Skip))
        .map(|record| {
            let (id, version) = (record.case.id, record.version);
            format!("{id} in {version}: {}: {:?} {:?}", record.verdict, record.finding, record.note)
        })
        .collect();
    // Every case that a mutant can fail in this profile must have run, and not only been skipped.
    let passed = |id: &str| {
        let records = report.records.iter();
        records.clone().any(|record| record.case.id == id && record.verdict == Verdict::Pass)
    };
    let applies = |mutant: &&Mutant| {
        let case = cases::find(mutant.id).unwrap();
        mutant.id != ALWAYS_SKIPPED
            && mutant.profiles().any(|one| one == profile)
            && report.versions.iter().any(|version| case.applies(profile, *version))
    };
    let applicable = mutants::all().filter(applies);
    let untested: Vec<&str> = applicable.map(|mutant| mutant.id).filter(|id| !passed(id)).collect();
    assert!(untested.is_empty(), "no case passed in any version of {untested:?}");
    assert!(bad.is_empty(), "the {profile} plugin does not conform:\n{}", bad.join("\n"));
}

#[test]
fn the_unmutated_interface_plugin_meets_every_requirement() {
    meets_every_requirement(Profile::Interface);
}

#[test]
fn the_unmutated_chained_plugin_meets_every_requirement() {
    meets_every_requirement(Profile::Chained);
}

#[test]
fn the_unmutated_wrapper_meets_every_requirement() {
    meets_every_requirement(Profile::Wrapper);
}

#[test]
fn the_unmutated_ipam_plugin_meets_every_requirement() {
    meets_every_requirement(Profile::Ipam);
}
