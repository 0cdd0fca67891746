//! A plugin without sin keeps every requirement, in every profile and version.

use cni_conformance::run::options::Options;
use cni_conformance::run::run;
use cni_conformance::{Profile, Verdict};
use cni_protocol::SpecVersion;

use crate::support::{Mutants, versions};

fn keeps_everything(profile: Profile) {
    let mutants = Mutants::new();
    let options = Options { versions: versions(), ..Options::default() };
    let report = run(&mutants.subject(profile, None), &options, &|_| ()).unwrap();
    let mut possible = options.versions.of(&SpecVersion::ALL);
    possible.retain(|version| profile != Profile::Chained || *version >= SpecVersion::V0_3_0);
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
    assert!(bad.is_empty(), "the honest {profile} plugin is found guilty:\n{}", bad.join("\n"));
}

#[test]
fn the_honest_interface_plugin_keeps_every_requirement() {
    keeps_everything(Profile::Interface);
}

#[test]
fn the_honest_chained_plugin_keeps_every_requirement() {
    keeps_everything(Profile::Chained);
}

#[test]
fn the_honest_wrapper_keeps_every_requirement() {
    keeps_everything(Profile::Wrapper);
}

#[test]
fn the_honest_ipam_plugin_keeps_every_requirement() {
    keeps_everything(Profile::Ipam);
}
