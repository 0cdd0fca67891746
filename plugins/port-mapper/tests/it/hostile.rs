//! Whole processes with hostile input and delegates: they print one valid document, in time, with
//! at most 32 MiB of memory. `cargo xtask faults` (PORT_MAPPER_FAULTS=all) tries more of them.
#![allow(clippy::print_stdout, reason = "the seed of a failed test")]

use std::path::PathBuf;
use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, Host, Outcome, PluginDir, Script, Stream};
use cni_wrapper::{AddResult, SpecVersion};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::common::*;
use crate::programs::executable;

/// Returns a program that runs the plugin with a memory limit of 32 MiB.
fn bounded(dir: &PluginDir) -> PathBuf {
    let limited = format!("exec prlimit --data={}:unlimited '{}'", 32 << 20, plugin().display());
    // The delegate is not tested here, and has no limit.
    let inner = dir.program("inner");
    script(dir, "unlimited", &format!("exec prlimit --data=unlimited '{}'", inner.display()));
    script(dir, "bounded", &limited)
}

fn script(dir: &PluginDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    executable(&path, text);
    path
}

/// Checks the properties of every answer.
fn assert_valid(outcome: &Outcome, verb: &str, what: &str) {
    assert!(!outcome.stderr.contains("panicked at"), "{what}: {outcome}");
    match outcome.code() {
        Some(0) if verb == "ADD" => {
            let result = AddResult::parse(outcome.stdout.as_bytes(), SpecVersion::NEWEST);
            assert!(result.is_ok(), "{what}: not a result: {result:?}: {outcome}");
            assert!(outcome.json()["cniVersion"].is_string(), "{what}: {outcome}");
        }
        Some(0) => assert_eq!(outcome.stdout, "", "{what}"),
        Some(1) => {
            let (code, msg, _) = outcome.error();
            assert!(code > 0 && code != 999 && !msg.is_empty(), "{what}: {outcome}");
            assert!(outcome.json()["cniVersion"].is_string(), "{what}: {outcome}");
        }
        _ => panic!("{what}: {outcome}"),
    }
}

/// Returns a value that is probably not of the expected type.
fn random_value(rng: &mut Rng) -> Value {
    let deep = (0..100).fold(json!(0), |inner, _| json!([inner]));
    let all = [
        json!(null),
        json!(true),
        json!(-1),
        json!(65536),
        json!(1.5),
        serde_json::from_str("123456789012345678901234567890").expect("a number"),
        serde_json::from_str("1e999").expect("a number"),
        json!(""),
        json!("x".repeat(10_000)),
        json!("a\u{0}b\n\"'\\$(x)"),
        json!("0.4.0"),
        json!("10.0.0.300/99"),
        json!("fd00::2/64"),
        json!([]),
        json!({}),
        json!([{}]),
        deep,
    ];
    all[rng.usize(..all.len())].clone()
}

/// Replaces a value, removes or adds a key, or duplicates an element, at a random position.
fn mutate(value: &mut Value, rng: &mut Rng) {
    let deeper = rng.usize(..4) > 0;
    match value {
        Value::Object(object) if deeper && !object.is_empty() => mutate_object(object, rng),
        Value::Array(array) if deeper && !array.is_empty() => {
            let at = rng.usize(..array.len());
            match rng.usize(..4) {
                0 => array.push(array[at].clone()),
                _ => mutate(&mut array[at], rng),
            }
        }
        other => *other = random_value(rng),
    }
}

fn mutate_object(object: &mut Map<String, Value>, rng: &mut Rng) {
    let at = rng.usize(..object.len());
    let key = object.keys().nth(at).cloned().unwrap_or_default();
    match rng.usize(..6) {
        0 => drop(object.shift_remove(&key)),
        1 => drop(object.insert(format!("{key}x"), random_value(rng))),
        _ => mutate(&mut object[&key], rng),
    }
}

fn mutated(value: &Value, rng: &mut Rng) -> Value {
    let mut value = value.clone();
    (0..rng.usize(1..4)).for_each(|_| mutate(&mut value, rng));
    value
}

fn configuration() -> Value {
    json!({
        "cniVersion": "1.0.0", "name": "mesos", "type": "mesos-cni-port-mapper", "chain": CHAIN,
        "backend": "nftables", "excludeDevices": ["br0", "veth+"], "snat": true, "masqAll": false,
        "lockTimeout": TIMEOUT, "wrapper": {"delegateTimeout": TIMEOUT},
        "delegate": {"type": "unlimited", "ipam": {"type": "x"}},
        "runtimeConfig": {"portMappings": [
            {"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "", "range": 2},
        ]},
        "args": {"org.apache.mesos": {
            "network_info": {"port_mappings": [tcp(8090, 90)], "labels": {}},
        }},
    })
}

fn result() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [
            {"name": "br0", "mac": "00:11:22:33:44:55"},
            {"name": "eth0", "sandbox": "/run/netns/c1"},
        ],
        "ips": [
            {"address": "10.0.0.2/24", "gateway": "10.0.0.1", "interface": 1},
            {"address": "fd00::2/64"},
        ],
        "routes": [{"dst": "0.0.0.0/0", "mtu": 1400}],
        "dns": {"nameservers": ["192.0.2.1"]},
        "own": [1.10],
    })
}

#[test]
fn any_configuration_and_any_output_of_the_delegate_result_in_one_valid_document() {
    let rounds = if std::env::var_os("PORT_MAPPER_FAULTS").is_some() { 5000 } else { 150 };
    let host = Host::new();
    let container = host.container("c1");
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let program = bounded(&dir);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let mut succeeded = 0;
    for round in 0..rounds {
        let config = if rng.bool() { configuration() } else { mutated(&configuration(), &mut rng) };
        let answer = if rng.bool() { result() } else { mutated(&result(), &mut rng) };
        dir.script("inner", &Script::succeed().on("ADD", Behaviour::raw(&answer.to_string())));
        let call = CallBuilder::add("mesos")
            .stdin(config.to_string())
            .container(&container)
            .cni_path(&dir)
            .limit(Duration::from_secs(TIMEOUT + 60));
        for verb in ["ADD", "CHECK", "DEL"] {
            let outcome = call.clone().as_verb(verb).run(&program);
            assert_valid(
                &outcome,
                verb,
                &format!("round {round}: {verb} {config}, answered {answer}"),
            );
            succeeded += usize::from(verb == "ADD" && outcome.code() == Some(0));
        }
    }
    println!(
        "{rounds} configurations and answers: {succeeded} ADDs succeeded, \
         the others reported an error"
    );
    assert!(succeeded > rounds / 10 && succeeded < rounds, "{succeeded} of {rounds}");
}

/// The inputs are passed as the configuration, and as the output of the delegate.
#[test]
fn oversized_and_malformed_inputs_are_refused_in_time_and_with_limited_memory() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let around = |text: &str| {
        format!("{{\"cniVersion\":\"1.0.0\",\"name\":\"mesos\",\"type\":\"t\",\"x\":{text}}}")
    };
    let inputs: [(&str, Vec<u8>); 8] = [
        ("100 MiB of spaces", vec![b' '; 100 << 20]),
        ("100 MiB in a string", around(&format!("\"{}\"", "x".repeat(100 << 20))).into()),
        ("100,000 nested arrays", around(&deep("[", "]")).into()),
        ("100,000 nested objects", around(&deep("{\"a\":", "}")).into()),
        ("4 MiB of small arrays", around(&format!("[{}[]]", "[],".repeat(1 << 20))).into()),
        ("a number of 100,000 digits", around(&"9".repeat(100_000)).into()),
        ("invalid UTF-8", b"{\"name\":\"\xff\xfe\",\"cniVersion\":\"1.0.0\"}".to_vec()),
        (
            "duplicate keys",
            br#"{"name":"mesos","name":"x","delegate":{"type":"inner","type":"y"}}"#.to_vec(),
        ),
    ];
    let host = Host::new();
    let container = host.container("c1");
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let program = bounded(&dir);
    let call = CallBuilder::add("mesos").container(&container).cni_path(&dir);
    let call = call.limit(Duration::from_secs(TIMEOUT + 60));
    for (what, bytes) in &inputs {
        for verb in ["ADD", "DEL"] {
            let outcome = call.clone().stdin(bytes.clone()).as_verb(verb).run(&program);
            assert_valid(&outcome, verb, what);
            assert!(verb == "DEL" || outcome.code() == Some(1), "{what}: {outcome}");
        }
        // The plugin reads at most 4 MiB of the output.
        let answer = String::from_utf8_lossy(&bytes[..bytes.len().min(8 << 20)]);
        dir.script("inner", &Script::succeed().on("ADD", Behaviour::raw(&answer)));
        let outcome = call.clone().stdin(configuration().to_string()).run(&program);
        assert_valid(&outcome, "ADD", &format!("the delegate prints {what}"));
        assert_eq!(outcome.code(), Some(1), "{what} is not a result: {outcome}");
    }
    for stream in [Stream::Stdout, Stream::Stderr] {
        dir.script(
            "inner",
            &Script::succeed().on("ADD", Behaviour::flood(stream, Some(100 << 20))),
        );
        let outcome = call.clone().stdin(configuration().to_string()).run(&program);
        assert_valid(&outcome, "ADD", &format!("100 MiB of {stream:?}"));
    }
}
