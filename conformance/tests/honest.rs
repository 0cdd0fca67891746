//! A plugin without sin keeps every requirement, in every profile and version.

mod support;

use cni_conformance::run::{Options, run};
use cni_conformance::{Profile, Verdict};
use support::Sinners;

fn keeps_everything(profile: Profile) {
    let sinners = Sinners::new(&format!("honest-{profile}"));
    let report = run(&sinners.subject(profile, None), &Options::default(), &|_| ()).unwrap();
    let versions = if profile == Profile::Chained { 5 } else { 7 };
    assert_eq!(report.versions.len(), versions, "unusable: {:?}", report.unusable);
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
