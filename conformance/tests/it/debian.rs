//! Three plugins of Debian get exactly the committed verdicts.

use std::path::PathBuf;

use cni_conformance::{Check, Subject};

fn has_the_committed_verdicts(name: &str) {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let subject = Subject::read(&here.join("subjects").join(name).with_extension("json"));
    let verdicts = here.join("reports/debian-12").join(name).with_extension("json");
    Check::of(subject.unwrap()).each_format().verdicts_in(verdicts).run();
}

#[test]
fn bridge_has_the_committed_verdicts() {
    has_the_committed_verdicts("bridge");
}

#[test]
fn portmap_has_the_committed_verdicts() {
    has_the_committed_verdicts("portmap");
}

#[test]
fn host_local_has_the_committed_verdicts() {
    has_the_committed_verdicts("host-local");
}
