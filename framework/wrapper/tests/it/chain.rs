//! A list of delegates, and a wrapper that is part of a list.

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::json;

use crate::common::{add, wrapper};

#[test]
fn a_list_of_delegates_runs_as_a_chain_and_is_undone_in_reverse() {
    let ours = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}], "from": "first"});
    let dir = PluginDir::new()
        .with("first", &Script::succeed().on("ADD", Behaviour::result(ours.clone())))
        .with("second", &Script::succeed());
    let call = add(&dir, json!([{"type": "first"}, {"type": "second"}]));
    let answer = call.run(wrapper()).expect_success().json();
    assert_eq!(answer["from"], "first", "the second passed it on");
    assert_eq!(dir.calls("second")[0].config.clone().expect("a configuration")["prevResult"], ours);
    call.as_verb("DEL").run(wrapper()).expect_success();
    let order = dir.verbs();
    assert_eq!(order, ["first ADD", "second ADD", "second DEL", "first DEL"]);
}

#[test]
fn a_failed_chain_is_rolled_back_and_errors_of_the_rollback_are_reported() {
    let dir = PluginDir::new()
        .with("first", &Script::succeed())
        .with("second", &Script::always(Behaviour::error(120, "no")))
        .with("third", &Script::succeed());
    let call = add(&dir, json!([{"type": "first"}, {"type": "second"}, {"type": "third"}]));
    let (code, msg, details) = call.run(wrapper()).error();
    assert_eq!((code, msg.as_str()), (120, "no"), "the first error is what the runtime sees");
    assert!(details.contains("rollback: DEL of delegate second failed"), "{details}");
    let order = dir.verbs();
    assert_eq!(order, ["first ADD", "second ADD", "second DEL", "first DEL"]);
}

#[test]
fn a_chain_in_an_old_version_runs_in_one_that_has_prev_result() {
    let first = json!({"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.0.2/24"}]});
    let dir = PluginDir::new()
        .with("first", &Script::succeed().on("ADD", Behaviour::result(first)))
        .with("second", &Script::succeed());
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"delegate": [{"type": "first"}, {"type": "second"}]}))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let answer = call.run(wrapper()).expect_success().json();
    assert_eq!(answer["ip4"]["ip"], "10.0.0.2/24", "converted to 0.1.0, the requested version");
    assert_eq!(
        dir.calls("second")[0].config.clone().expect("a configuration")["cniVersion"],
        "0.4.0"
    );
}

#[test]
fn a_chained_wrapper_passes_prev_result_to_its_delegate() {
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let prev = json!({"cniVersion": "1.0.0", "ips": [], "x": 1});
    let call = add(&dir, json!({"type": "inner"})).key("prevResult", prev.clone());
    assert_eq!(call.run(wrapper()).expect_success().json(), prev);
    assert_eq!(dir.calls("inner")[0].config.clone().expect("a configuration")["prevResult"], prev);
}

#[test]
fn a_delegate_that_was_not_started_gets_no_del() {
    let dir = PluginDir::new().with("first", &Script::succeed());
    let call = add(&dir, json!([{"type": "first"}, {"type": "none-such"}]));
    let (code, _, details) = call.run(wrapper()).error();
    assert_eq!(code, 7);
    assert!(!details.contains("rollback"), "this is not an error of the rollback: {details}");
    assert_eq!(dir.verbs(), ["first ADD", "first DEL"]);
}

/// Returns the `args` that Mesos's isolator adds to a network configuration.
fn mesos() -> serde_json::Value {
    json!({"org.apache.mesos": {"network_info": {
        "labels": {"labels": [{"key": "tier", "value": "db"}, {"key": "plain"}]},
        "port_mappings": [
            {"host_port": 8080, "container_port": 80},
            {"host_port": 53, "container_port": 53, "protocol": "UDP"},
        ],
    }}})
}

#[test]
fn values_of_mesos_are_translated_for_delegates_that_declare_the_capability() {
    let dir =
        PluginDir::new().with("bridge", &Script::succeed()).with("portmap", &Script::succeed());
    let delegates = json!([
        {"type": "bridge"},
        {"type": "portmap", "capabilities": {"portMappings": true, "labels": true, "ips": false}},
    ]);
    let call = add(&dir, delegates).key("args", mesos());
    call.run(wrapper()).expect_success();
    call.as_verb("DEL").run(wrapper()).expect_success();
    for passed in dir.calls("bridge").into_iter().map(|call| call.config.expect("a configuration"))
    {
        assert_eq!(passed["args"], mesos(), "without capabilities nothing is translated");
        assert_eq!(passed.get("runtimeConfig"), None);
    }
    for passed in dir.calls("portmap").into_iter().map(|call| call.config.expect("a configuration"))
    {
        assert_eq!(
            passed["runtimeConfig"]["portMappings"],
            json!([
                {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                {"hostPort": 53, "containerPort": 53, "protocol": "udp"},
            ])
        );
        let labels = &mesos()["org.apache.mesos"]["network_info"]["labels"]["labels"];
        assert_eq!(&passed["args"]["cni"]["labels"], labels);
        assert_eq!(
            passed["args"]["org.apache.mesos"],
            mesos()["org.apache.mesos"],
            "Mesos's own form is kept"
        );
    }
    assert_eq!(dir.verbs().len(), 4, "ADD and DEL of both were checked");
}

#[test]
fn values_in_the_common_form_take_precedence_over_mesos_s() {
    let dir = PluginDir::new().with("portmap", &Script::succeed());
    let delegate =
        json!({"type": "portmap", "capabilities": {"portMappings": true, "labels": true}});
    let common = json!([{"hostPort": 9, "containerPort": 9, "protocol": "tcp"}]);
    let mut args = mesos();
    args["cni"] = json!({"labels": []});
    let call = add(&dir, delegate)
        .key("args", args)
        .key("runtimeConfig", json!({ "portMappings": common, "mac": "02:00:00:00:00:01" }));
    call.run(wrapper()).expect_success();
    let passed = dir.calls("portmap")[0].config.clone().expect("a configuration");
    assert_eq!(
        passed["runtimeConfig"],
        json!({"portMappings": common, "mac": "02:00:00:00:00:01"})
    );
    assert_eq!(passed["args"]["cni"]["labels"], json!([]));
}

#[test]
fn del_gets_the_result_of_add_under_a_runtime_that_does_not_keep_it() {
    let first =
        json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}], "from": "first"});
    let dir = PluginDir::new()
        .with("first", &Script::succeed().on("ADD", Behaviour::result(first.clone())))
        .with("second", &Script::succeed());
    let results = dir.path().join("results");
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"type": "nothing", "delegate": [
            {"type": "first", "cniVersion": "1.0.0"}, {"type": "second", "cniVersion": "0.4.0"},
        ]}))
        .key("wrapper", json!({"resultDir": results}));
    for round in 0..2 {
        call.run(wrapper()).expect_success();
        call.clone().as_verb("DEL").run(wrapper()).expect_success();
        call.clone().as_verb("DEL").run(wrapper()).expect_success();
        let passed = |name: &str, index: usize| {
            let calls = dir.calls(name);
            calls[3 * round + index].config.clone().expect("a configuration")["prevResult"].clone()
        };
        assert_eq!(passed("first", 1)["from"], "first");
        assert_eq!(passed("second", 1)["ips"][0]["address"], "10.0.0.2/24");
        assert_eq!(passed("second", 1)["cniVersion"], "0.4.0", "in its own version");
        assert_eq!(passed("second", 2), json!(null), "the result is removed by then");
    }
    assert!(!results.join("nothing").exists(), "no file is left, nor the empty directory");
}

#[test]
fn a_del_finds_the_kept_result_by_the_former_key_of_the_directory() {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    let script = Script::succeed().on("ADD", Behaviour::result(result));
    let dir = PluginDir::new().with("first", &script);
    let results = dir.path().join("results");
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"delegate": {"type": "first", "cniVersion": "1.0.0"}}));
    let add = call.clone().key("wrapper", json!({"resultDir": results}));
    add.run(wrapper()).expect_success();
    call.as_verb("DEL").key("resultDir", json!(results)).run(wrapper()).expect_success();
    let passed = dir.calls("first")[1].config.clone().expect("a configuration");
    assert!(passed["prevResult"].is_object(), "{passed}");
}

#[test]
fn an_add_whose_result_can_not_be_kept_is_rolled_back() {
    let dir = PluginDir::new().with("first", &Script::succeed()).with("second", &Script::succeed());
    std::fs::write(dir.path().join("results"), "no directory").expect("written");
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"delegate": [{"type": "first"}, {"type": "second"}]}))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let (code, msg, _) = call.run(wrapper()).error();
    assert!(code == 5 && msg.contains("results"), "the path is named: {msg}");
    assert_eq!(dir.verbs(), ["first ADD", "first DEL"]);
}
