//! The published schema and the program accept the same values.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use cni_test_kit::{CallBuilder, Host};
use serde_json::{Value, json};

use crate::common::plugin;

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json"));
        let schema = serde_json::from_str(&text.expect("a file")).expect("JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", schema).expect("a schema");
        let index = compiler.compile("schema.json", &mut schemas).expect("a schema");
        Self { schemas, index }
    }

    fn accepts(&self, key: &str, value: &Value) -> bool {
        let config = json!({"type": "mesos-cni-port-mapper", key: value});
        self.schemas.validate(&config, self.index).is_ok()
    }
}

/// Reports whether an ADD without mappings accepts a value.
fn accepts(host: &Host, key: &str, value: &Value) -> bool {
    let outcome = CallBuilder::add("n")
        .config(json!({"type": "mesos-cni-port-mapper", "cniVersion": "1.0.0"}))
        .key("prevResult", json!({"cniVersion": "1.0.0", "ips": []}))
        .key(key, value.clone())
        .netns("/proc/1/ns/mnt")
        .cni_path("/nonexistent")
        .within(host)
        .run(plugin());
    if outcome.status.success() {
        return true;
    }
    match outcome.error() {
        // A directory that can't be used, and a delegate that is not installed.
        (5, ..) => true,
        (7, msg, _) if msg.contains("is not in CNI_PATH") => true,
        (6 | 7, ..) => false,
        other => panic!("{key}: {value}: {other:?}"),
    }
}

fn long(length: usize) -> Value {
    "x".repeat(length).into()
}

/// Returns values for the arguments that a connection must match, among them these valid ones.
fn conditions(valid: &[&str]) -> Vec<Value> {
    let texts = ["", "a b", "a\"b", "a\\b", "a\nb", "a\u{85}b", "a\0b"];
    let comment = |text: Value| json!(["-m", "comment", "--comment", text]);
    let numbers = [32, 33].map(|pairs| json!(["-m", "comment"].repeat(pairs)));
    let mut values: Vec<Value> = texts.map(|text| comment(text.into())).into();
    values.extend([255, 256].map(|length| comment(long(length))));
    values.extend(numbers);
    values.extend([json!(valid), json!([3]), json!([null])]);
    values
}

/// Returns the keys of the schema and values for each, at and beyond every limit.
fn values() -> Vec<(&'static str, Vec<Value>)> {
    let plugin = |name: &str| json!({ "type": name });
    let seconds = [json!(0), json!(-1), json!(0.001), json!(5), json!(600), json!(601)];
    let flags = vec![json!(true), json!(false)];
    let chains = ["", "MESOS", "a/b", "MESOS:1", "_x", "-x", ".x", ":x", "a b", "ä", "a\nb"];
    let reserved = ["ACCEPT", "accept", "Drop", "PORT-MAPPER-MASQ", "port-mapper-guard", "ACCEPT2"];
    let names = ["br0", "veth+", "+", "", ".", "..", "-x", "x-", "a/b", "a b", "a!", "eth0:1"];
    let devices = names.iter().map(|name| json!([name]));
    let wrappers = [
        json!({}),
        json!({"logLevel": "warn"}),
        json!({"logLevel": "WARN"}),
        json!({"logLevel": "loud"}),
        json!({"logLevel": null}),
        json!({"logLevel": 3}),
        json!({"delegateTimeout": 0}),
        json!({"delegateTimeout": 86400}),
        json!({"delegateTimeout": 86401}),
        json!({"delegateTimeout": null}),
        json!({"logFile": null, "resultDir": "/run/results"}),
        json!({"logFile": 3}),
        json!({"logfile": "/run/log"}),
    ];
    vec![
        ("chain", chains.into_iter().chain(reserved).map(Value::from).collect()),
        ("chain", vec![long(28), long(29)]),
        ("excludeDevices", devices.collect()),
        ("excludeDevices", vec![json!([]), json!([long(15)]), json!([long(16)]), json!([3])]),
        ("excludeDevices", vec![json!(vec!["x"; 4096]), json!(vec!["x"; 4097]), json!([null])]),
        (
            "backend",
            ["iptables", "iptables-nft", "nftables", "pf", "NFTABLES", ""].map(Value::from).into(),
        ),
        ("backend", vec!["iptables-legacy".into()]),
        ("conditionsV4", conditions(&["!", "-s", "192.0.2.0/24"])),
        ("conditionsV6", conditions(&["-d", "2001:db8::/32"])),
        ("snat", flags.clone()),
        ("masqAll", flags),
        (
            "stateDir",
            ["/run/x", "run", "", "/run/a b", "/run/x\0", "/run/x\ny"].map(Value::from).into(),
        ),
        ("lockTimeout", seconds.to_vec()),
        ("conflictTimeout", seconds.to_vec()),
        ("delegate", ["x", "", ".", "..", "a/b", "a b", "x\0"].map(plugin).into()),
        ("delegate", vec![json!([]), json!({}), json!([plugin("x")]), json!([null]), json!([{}])]),
        ("delegate", vec![json!({"type": 3}), plugin(&"x".repeat(255)), plugin(&"x".repeat(256))]),
        ("wrapper", wrappers.to_vec()),
    ]
}

fn keys_of_the_table() -> BTreeSet<String> {
    values().into_iter().map(|(key, _)| key.to_owned()).collect()
}

/// Returns the keys of the schema except `type`, which every configuration of the test has, and
/// those that are refused.
fn keys_of_the_schema() -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(include_str!("../../schema.json")).expect("JSON");
    let keys = schema["properties"].as_object().expect("properties").iter();
    let accepted = keys.filter(|(key, value)| *key != "type" && value["x-refused"].is_null());
    accepted.map(|(key, _)| key.clone()).collect()
}

#[test]
fn the_schema_accepts_what_the_program_accepts() {
    let (host, schema) = (Host::new(), Schema::read());
    let others = [Value::Null, json!(3), json!("text"), json!([]), json!({}), json!(true)];
    assert_eq!(keys_of_the_table(), keys_of_the_schema(), "every key has values");
    let mut differences = Vec::new();
    for (key, values) in values() {
        for value in values.iter().chain(&others) {
            let (by_schema, by_program) = (schema.accepts(key, value), accepts(&host, key, value));
            if by_schema != by_program {
                let shown: String = value.to_string().chars().take(60).collect();
                differences.push(format!("{key}: {shown}: the schema: {by_schema}"));
            }
        }
    }
    differences.dedup();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
