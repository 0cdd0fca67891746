//! Each deviation of libcni: with it a rule is violated, without it the rule is met.

use std::collections::BTreeMap;
use std::fs;

use cni_conformance::runtime::libcni::cache::Cache;
use cni_conformance::runtime::libcni::network::Network;
use cni_conformance::runtime::libcni::quirk::{Quirk, Quirks};
use cni_conformance::runtime::libcni::{Libcni, invocation};
use cni_conformance::runtime::runtime_conf::RuntimeConf;
use cni_protocol::Verb;
use serde_json::{Value, json};

use super::scripted::Scripted;
use cni_test_kit::TempDir;

/// Returns the behaviour with these quirks, which must depend on the one under test.
type Behaviour = fn(&Quirks) -> String;

const BEHAVIOURS: [(Quirk, Behaviour, [&str; 2]); 9] = [
    (Quirk::PassesCapabilities, capabilities, ["true", "false"]),
    (Quirk::RoundsNumbers, numbers, ["12345678901234567000", "12345678901234567890"]),
    (
        Quirk::ForgetsFailedAdd,
        failed_add,
        ["ADD first, ADD second", "ADD first, ADD second, DEL second, DEL first"],
    ),
    (Quirk::TrustsTheCaller, parameters_of_check, ["null", r#"{"portMappings":[]}"#]),
    (Quirk::TakesAnyVersion, other_version, ["accepted", "a result of version 0.3.1, not 0.4.0"]),
    (Quirk::LeaksNewMembers, new_members, ["9", "null"]),
    (Quirk::ChecksNamesOnAddOnly, names_on_del, ["DEL second, DEL first", ""]),
    (Quirk::KeepsOldCache, old_cache, ["true", "false"]),
    (Quirk::SkipsGcSilently, gc_without_cache, ["", "GC first, GC second"]),
];

#[test]
fn each_quirk_violates_its_rule_and_can_be_disabled() {
    for (quirk, behaviour, [with, without]) in BEHAVIOURS {
        assert_eq!(behaviour(&Quirks::all()), with, "{quirk:?}, {}", quirk.rule());
        assert_eq!(behaviour(&Quirks::all().without(quirk)), without, "without {quirk:?}");
        assert_eq!(behaviour(&Quirks::none()), without, "without any, {quirk:?}");
    }
}

#[test]
fn every_quirk_is_tested_and_has_a_rule() {
    let tested: Vec<Quirk> = BEHAVIOURS.iter().map(|(quirk, ..)| *quirk).collect();
    assert_eq!(tested, Quirk::ALL);
    for quirk in Quirk::ALL {
        let number: u32 = quirk.rule().strip_prefix("RT-").unwrap().parse().unwrap();
        assert!((1..=13).contains(&number), "{quirk:?}");
    }
}

fn network(version: &str) -> Network {
    let list = json!({
        "cniVersion": version, "name": "net",
        "plugins": [
            { "type": "first" },
            { "type": "second", "capabilities": { "portMappings": true } },
        ],
    });
    Network::parse_list(list.to_string().as_bytes(), &Quirks::all()).unwrap()
}

fn attachment() -> RuntimeConf {
    let capability_args = json!({ "portMappings": [] });
    RuntimeConf {
        id: "c1".to_owned(),
        netns: "/run/netns/c1".to_owned(),
        ifname: "eth0".to_owned(),
        args: Vec::new(),
        capability_args: capability_args.as_object().cloned().unwrap(),
    }
}

/// Calls `work` with a libcni and two plugins that print this result.
fn with<T>(
    quirks: &Quirks,
    result: &Value,
    fail: &str,
    work: impl FnOnce(&Libcni, &Scripted) -> T,
) -> T {
    let directory = TempDir::new();
    let results = ["first", "second"].map(|name| (name.to_owned(), result.clone()));
    let plugins = Scripted::new(BTreeMap::from(results), fail);
    let cache = Cache::new(directory.path().join("cache"));
    let libcni = Libcni::new(&plugins, vec!["/p".into()], cache).with(quirks.clone());
    work(&libcni, &plugins)
}

fn verbs(plugins: &Scripted) -> String {
    let calls = plugins
        .invocations()
        .iter()
        .map(|invocation| format!("{} {}", invocation.verb, invocation.plugin))
        .collect::<Vec<_>>();
    calls.join(", ")
}

fn stdin(plugins: &Scripted) -> Value {
    serde_json::from_str(&plugins.invocations().last().unwrap().stdin).unwrap()
}

fn capabilities(quirks: &Quirks) -> String {
    with(quirks, &json!({}), "", |libcni, plugins| {
        libcni.add(&network("1.0.0"), &attachment()).unwrap();
        stdin(plugins).get("capabilities").is_some().to_string()
    })
}

fn numbers(quirks: &Quirks) -> String {
    let list = br#"{"name": "net", "cniVersion": "1.0.0",
        "plugins": [{"type": "first", "large": 12345678901234567890}]}"#;
    let network = Network::parse_list(list, quirks).unwrap();
    let about = (&attachment(), &["/p".into()][..]);
    let invocation =
        invocation::attachment(&network, &network.plugins[0], Verb::Add, None, about, quirks)
            .unwrap();
    let invocation: Value = serde_json::from_str(&invocation.stdin).unwrap();
    invocation["large"].to_string()
}

fn failed_add(quirks: &Quirks) -> String {
    with(quirks, &json!({}), "ADD second", |libcni, plugins| {
        libcni.add(&network("1.0.0"), &attachment()).unwrap_err();
        verbs(plugins)
    })
}

fn parameters_of_check(quirks: &Quirks) -> String {
    with(quirks, &json!({}), "", |libcni, plugins| {
        libcni.add(&network("1.0.0"), &attachment()).unwrap();
        let forgetful = RuntimeConf { capability_args: serde_json::Map::new(), ..attachment() };
        libcni.check(&network("1.0.0"), &forgetful).unwrap();
        stdin(plugins)["runtimeConfig"].to_string()
    })
}

fn other_version(quirks: &Quirks) -> String {
    with(quirks, &json!({ "cniVersion": "0.3.1" }), "", |libcni, _| {
        match libcni.add(&network("0.4.0"), &attachment()) {
            Ok(_) => "accepted".to_owned(),
            Err(failure) => failure.message.rsplit_once(": ").unwrap().1.to_owned(),
        }
    })
}

fn new_members(quirks: &Quirks) -> String {
    let quirks_of_add = Quirks::all();
    let result =
        json!({ "cniVersion": "1.1.0", "routes": [{ "dst": "0.0.0.0/0", "priority": 9 }] });
    let directory = TempDir::new();
    let cache = Cache::new(directory.path().join("cache"));
    let results = ["first", "second"].map(|name| (name.to_owned(), result.clone()));
    let plugins = Scripted::new(BTreeMap::from(results), "");
    let libcni = |quirks: &Quirks| {
        Libcni::new(&plugins, vec!["/p".into()], cache.clone()).with(quirks.clone())
    };
    libcni(&quirks_of_add).add(&network("1.1.0"), &attachment()).unwrap();
    // The operator has changed the list in between.
    libcni(quirks).check(&network("0.4.0"), &attachment()).unwrap();
    stdin(&plugins)["prevResult"]["routes"][0]["priority"].to_string()
}

fn names_on_del(quirks: &Quirks) -> String {
    with(quirks, &json!({}), "", |libcni, plugins| {
        let outside = RuntimeConf { id: "../c1".to_owned(), ..attachment() };
        // An error if the rule is met.
        let _ = libcni.del(&network("1.0.0"), &outside);
        verbs(plugins)
    })
}

fn old_cache(quirks: &Quirks) -> String {
    with(quirks, &json!({}), "", |libcni, _| {
        libcni.add(&network("0.3.1"), &attachment()).unwrap();
        libcni.del(&network("0.3.1"), &attachment()).unwrap();
        fs::exists(libcni.cache().path("net", &attachment()).unwrap()).unwrap().to_string()
    })
}

fn gc_without_cache(quirks: &Quirks) -> String {
    with(quirks, &json!({}), "", |libcni, plugins| {
        libcni.gc(&network("1.1.0"), Some(&[])).unwrap();
        verbs(plugins)
    })
}
