//! Every requested version with every version of a delegate's result.

use cni_test_kit::{Behaviour, CallBuilder, FakePlugin, PluginDir, Script, fake_call};
use cni_wrapper::SpecVersion;
use serde_json::{Value, json};

use crate::common::{
    recorder::{document, reply},
    wrapper,
};

/// Returns a result of `version` with one address.
fn result(version: SpecVersion) -> Value {
    let mut result = match version.as_str() {
        "0.1.0" | "0.2.0" => json!({"ip4": {"ip": "10.1.2.3/24", "gateway": "10.1.2.1"}}),
        "0.3.0" | "0.3.1" | "0.4.0" => {
            json!({"ips": [{"version": "4", "address": "10.1.2.3/24", "gateway": "10.1.2.1"}]})
        }
        _ => json!({"ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}),
    };
    result["cniVersion"] = version.as_str().into();
    result
}

#[test]
fn the_answer_has_the_requested_version_and_its_layout() {
    for asked in SpecVersion::ALL {
        for answered in SpecVersion::ALL {
            let fake = FakePlugin::new().result(result(answered));
            let call = fake_call(cni_wrapper::Verb::Add, json!({"cniVersion": asked.as_str()}));
            let got = document(&reply(&call, cni_wrapper::Stack::new(), &fake));
            assert_eq!(got, result(asked), "requested {asked}, answered {answered}");
        }
    }
}

#[test]
fn the_same_holds_for_processes_and_the_delegate_gets_its_own_version() {
    let dir = PluginDir::new().with("inner", &Script::succeed());
    for (index, asked) in SpecVersion::ALL.into_iter().enumerate() {
        let answered = SpecVersion::ALL[SpecVersion::ALL.len() - 1 - index];
        dir.script("inner", &Script::succeed().on("ADD", Behaviour::result(result(answered))));
        let config = json!({
            "cniVersion": asked.as_str(),
            "wrapper": {"resultDir": dir.path().join("results")},
            "delegate": {"type": "inner", "cniVersion": answered.as_str()},
        });
        let call = CallBuilder::add("net").cni_path(dir.path()).config(config);
        assert_eq!(call.run(wrapper()).expect_success().json(), result(asked), "{answered}");
        let passed = dir.calls("inner")[index].config.clone().expect("a configuration");
        assert_eq!(passed["cniVersion"], answered.as_str());
    }
}

#[test]
fn prev_result_is_passed_on_and_printed_unchanged_in_every_version() {
    for asked in SpecVersion::ALL {
        let config = json!({"cniVersion": asked.as_str(), "prevResult": result(asked)});
        let outcome = CallBuilder::add("net").config(config).run(wrapper());
        assert_eq!(outcome.expect_success().json(), result(asked));
    }
}
