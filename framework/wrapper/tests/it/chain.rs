//! A list of delegates, and a wrapper that is itself one of a list.

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::json;

use crate::common::{add, wrapper};

#[test]
fn a_list_of_delegates_runs_as_a_chain_and_is_undone_in_reverse() {
    let ours = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}], "from": "first"});
    let dir = PluginDir::new()
        .with("first", &Script::obey().on("ADD", Behaviour::result(ours.clone())))
        .with("second", &Script::obey());
    let call = add(&dir, json!([{"type": "first"}, {"type": "second"}]));
    let answer = call.run(wrapper()).expect_success().json();
    assert_eq!(answer["from"], "first", "the second handed it on");
    assert_eq!(dir.calls("second")[0].config.clone().expect("a configuration")["prevResult"], ours);
    call.as_verb("DEL").run(wrapper()).expect_success();
    let order = dir.verbs();
    assert_eq!(order, ["first ADD", "second ADD", "second DEL", "first DEL"]);
}

#[test]
fn a_chain_that_fails_is_undone_as_far_as_it_came_and_a_failing_undo_is_told() {
    let dir = PluginDir::new()
        .with("first", &Script::obey())
        .with("second", &Script::always(Behaviour::error(120, "no")))
        .with("third", &Script::obey());
    let call = add(&dir, json!([{"type": "first"}, {"type": "second"}, {"type": "third"}]));
    let (code, msg, details) = call.run(wrapper()).error();
    assert_eq!((code, msg.as_str()), (120, "no"), "the first error is what the runtime sees");
    assert!(details.contains("rollback: DEL of delegate second failed"), "{details}");
    let order = dir.verbs();
    assert_eq!(order, ["first ADD", "second ADD", "second DEL", "first DEL"]);
}

#[test]
fn a_chain_under_an_old_version_is_run_in_one_that_has_prev_result() {
    let first = json!({"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.0.2/24"}]});
    let dir = PluginDir::new()
        .with("first", &Script::obey().on("ADD", Behaviour::result(first)))
        .with("second", &Script::obey());
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"delegate": [{"type": "first"}, {"type": "second"}]}))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let answer = call.run(wrapper()).expect_success().json();
    assert_eq!(answer["ip4"]["ip"], "10.0.0.2/24", "answered as 0.1.0, which was asked");
    assert_eq!(
        dir.calls("second")[0].config.clone().expect("a configuration")["cniVersion"],
        "0.4.0"
    );
}

#[test]
fn a_wrapper_that_is_itself_chained_hands_prev_result_to_its_delegate() {
    let dir = PluginDir::new().with("inner", &Script::obey());
    let prev = json!({"cniVersion": "1.0.0", "ips": [], "x": 1});
    let call = add(&dir, json!({"type": "inner"})).key("prevResult", prev.clone());
    assert_eq!(call.run(wrapper()).expect_success().json(), prev);
    assert_eq!(dir.calls("inner")[0].config.clone().expect("a configuration")["prevResult"], prev);
}

#[test]
fn a_delegate_that_never_started_is_not_asked_to_clean_up() {
    let dir = PluginDir::new().with("first", &Script::obey());
    let call = add(&dir, json!([{"type": "first"}, {"type": "none-such"}]));
    let (code, _, details) = call.run(wrapper()).error();
    assert_eq!(code, 7);
    assert!(!details.contains("rollback"), "no trouble is made of it: {details}");
    assert_eq!(dir.verbs(), ["first ADD", "first DEL"]);
}

/// What Mesos's isolator adds to a network's configuration.
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
fn what_mesos_says_reaches_each_delegate_of_a_chain_by_the_capabilities_that_it_declares() {
    let dir = PluginDir::new().with("bridge", &Script::obey()).with("portmap", &Script::obey());
    let delegates = json!([
        {"type": "bridge"},
        {"type": "portmap", "capabilities": {"portMappings": true, "labels": true, "ips": false}},
    ]);
    let call = add(&dir, delegates).key("args", mesos());
    call.run(wrapper()).expect_success();
    call.as_verb("DEL").run(wrapper()).expect_success();
    for told in dir.calls("bridge").into_iter().map(|call| call.config.expect("a configuration")) {
        assert_eq!(told["args"], mesos(), "what declares nothing is told what there was");
        assert_eq!(told.get("runtimeConfig"), None);
    }
    for told in dir.calls("portmap").into_iter().map(|call| call.config.expect("a configuration")) {
        assert_eq!(
            told["runtimeConfig"]["portMappings"],
            json!([
                {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                {"hostPort": 53, "containerPort": 53, "protocol": "udp"},
            ])
        );
        let labels = &mesos()["org.apache.mesos"]["network_info"]["labels"]["labels"];
        assert_eq!(&told["args"]["cni"]["labels"], labels);
        assert_eq!(told["args"]["org.apache.mesos"], mesos()["org.apache.mesos"], "and it stays");
    }
    assert_eq!(dir.verbs().len(), 4, "ADD and DEL of both were looked at");
}

#[test]
fn what_a_runtime_says_in_the_common_form_goes_before_what_mesos_says() {
    let dir = PluginDir::new().with("portmap", &Script::obey());
    let delegate =
        json!({"type": "portmap", "capabilities": {"portMappings": true, "labels": true}});
    let common = json!([{"hostPort": 9, "containerPort": 9, "protocol": "tcp"}]);
    let mut args = mesos();
    args["cni"] = json!({"labels": []});
    let call = add(&dir, delegate)
        .key("args", args)
        .key("runtimeConfig", json!({ "portMappings": common, "mac": "02:00:00:00:00:01" }));
    call.run(wrapper()).expect_success();
    let told = dir.calls("portmap")[0].config.clone().expect("a configuration");
    assert_eq!(told["runtimeConfig"], json!({"portMappings": common, "mac": "02:00:00:00:00:01"}));
    assert_eq!(told["args"]["cni"]["labels"], json!([]));
}

#[test]
fn under_a_runtime_that_keeps_no_result_del_is_told_what_add_answered() {
    let first =
        json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}], "from": "first"});
    let dir = PluginDir::new()
        .with("first", &Script::obey().on("ADD", Behaviour::result(first.clone())))
        .with("second", &Script::obey());
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
        let told = |name: &str, index: usize| {
            let calls = dir.calls(name);
            calls[3 * round + index].config.clone().expect("a configuration")["prevResult"].clone()
        };
        assert_eq!(told("first", 1)["from"], "first");
        assert_eq!(told("second", 1)["ips"][0]["address"], "10.0.0.2/24");
        assert_eq!(told("second", 1)["cniVersion"], "0.4.0", "in the version that it speaks");
        assert_eq!(told("second", 2), json!(null), "the second DEL has nothing to tell");
    }
    let left: Vec<_> = std::fs::read_dir(results.join("nothing")).expect("made").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_add_whose_result_cannot_be_noted_is_undone() {
    let dir = PluginDir::new().with("first", &Script::obey()).with("second", &Script::obey());
    std::fs::write(dir.path().join("results"), "no directory").expect("written");
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"delegate": [{"type": "first"}, {"type": "second"}]}))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let (code, msg, _) = call.run(wrapper()).error();
    assert!(code == 5 && msg.contains("results"), "what could not be written: {msg}");
    assert_eq!(dir.verbs(), ["first ADD", "first DEL"]);
}
