//! What is said of three plugins that others wrote is what is committed, neither better nor worse.

use std::path::PathBuf;

use cni_conformance::{Check, Subject};

fn is_judged_as_ever(name: &str) {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let subject = Subject::read(&here.join("subjects").join(name).with_extension("json"));
    let verdicts = here.join("reports/debian-12").join(name).with_extension("json");
    Check::of(subject.unwrap()).verdicts_in(verdicts).run();
}

#[test]
fn bridge_is_judged_as_ever() {
    is_judged_as_ever("bridge");
}

#[test]
fn portmap_is_judged_as_ever() {
    is_judged_as_ever("portmap");
}

#[test]
fn host_local_is_judged_as_ever() {
    is_judged_as_ever("host-local");
}
