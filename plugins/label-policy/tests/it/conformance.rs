//! The plugin conforms to the specification in every version, in both positions.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

fn label_policy(profile: Profile) -> Check {
    let deny =
        json!({"rules": [{"when": {"labels": {"a": false}}, "deny": "for the sake of failing"}]});
    check(env!("CARGO_BIN_EXE_cni-label-policy"))
        .each_format()
        .profile(profile)
        .config(json!({ "default": { "allow": true } }))
        .changed(json!({"rules": [{"when": {"labels": {"a": "b"}}, "allow": true}]}))
        .failing(deny)
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
}

const KEEPS_SELECTION: &str = "The file that names the selected delegate is kept until that \
                               delegate has cleaned up, since a repeated DEL goes to it.";

#[test]
fn around_each_delegate_that_it_selects_it_conforms_to_the_specification() {
    let report = label_policy(Profile::Wrapper)
        .delegate("delegate", "/delegate", json!({}))
        .delegate("vault", "/delegates/vault", json!({ "default": { "use": "vault" } }))
        .verdicts_in(reports("label-policy-wrapper"))
        .known("del.cleans-although-delegate-fails", KEEPS_SELECTION)
        .known("gc.goes-on-after-an-error", KEEPS_SELECTION)
        .run();
    assert!(report.records.iter().all(|record| record.delegate.is_some()));
}

#[test]
#[should_panic(expected = "with the delegate \"vault\"")]
fn a_delegate_that_it_does_not_select_is_noticed() {
    let unselected =
        label_policy(Profile::Wrapper).delegate("vault", "/delegates/vault", json!({}));
    unselected.only(&["delegate.gets-every-verb"]).run();
}

#[test]
fn after_another_plugin_it_conforms_to_the_specification() {
    label_policy(Profile::Chained)
        .verdicts_in(reports("label-policy-chained"))
        .known("check.fails-after-del", "it creates nothing that CHECK could miss")
        .run();
}

/// Returns the path of a committed report.
fn reports(name: &str) -> String {
    format!("{}/../../conformance/reports/this-repository/{name}.json", env!("CARGO_MANIFEST_DIR"))
}
