//! Whole processes with inputs and delegates that nobody wants: one document comes out, valid, in time, and within 32 MiB of memory.
//! `cargo xtask faults` (PORT_MAPPER_FAULTS=all) tries more of them.
#![allow(clippy::print_stdout, reason = "the seed, when something does not hold")]

use std::path::PathBuf;
use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, Host, Outcome, PluginDir, Script, Stream};
use cni_wrapper::{AddResult, SpecVersion};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::common::*;
use crate::programs::executable;

/// The plugin, which gets no more memory than this; the kernel refuses it the rest.
fn bounded(dir: &PluginDir) -> PathBuf {
    let limited = format!("exec prlimit --data={}:unlimited '{}'", 32 << 20, plugin().display());
    // The delegate is not what is tested, and gets as much as it likes.
    let inner = dir.program("inner");
    script(dir, "free", &format!("exec prlimit --data=unlimited '{}'", inner.display()));
    script(dir, "bounded", &limited)
}

fn script(dir: &PluginDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    executable(&path, text);
    path
}

/// What must hold of any answer.
fn judge(outcome: &Outcome, verb: &str, what: &str) {
    assert!(!outcome.stderr.contains("panicked at"), "{what}: {outcome}");
    match outcome.code() {
        Some(0) if verb == "ADD" => {
            let result = AddResult::parse(outcome.stdout.as_bytes(), SpecVersion::NEWEST);
            assert!(result.is_ok(), "{what}: no result: {result:?}: {outcome}");
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

/// Values that are seldom what was expected.
fn odd(rng: &mut Rng) -> Value {
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

/// Changes something somewhere: a value to an odd one, a key gone, an entry twice.
fn disturb(value: &mut Value, rng: &mut Rng) {
    let deeper = rng.usize(..4) > 0;
    match value {
        Value::Object(object) if deeper && !object.is_empty() => disturb_object(object, rng),
        Value::Array(array) if deeper && !array.is_empty() => {
            let at = rng.usize(..array.len());
            match rng.usize(..4) {
                0 => array.push(array[at].clone()),
                _ => disturb(&mut array[at], rng),
            }
        }
        other => *other = odd(rng),
    }
}

fn disturb_object(object: &mut Map<String, Value>, rng: &mut Rng) {
    let at = rng.usize(..object.len());
    let key = object.keys().nth(at).cloned().unwrap_or_default();
    match rng.usize(..6) {
        0 => drop(object.shift_remove(&key)),
        1 => drop(object.insert(format!("{key}x"), odd(rng))),
        _ => disturb(&mut object[&key], rng),
    }
}

fn disturbed(value: &Value, rng: &mut Rng) -> Value {
    let mut value = value.clone();
    (0..rng.usize(1..4)).for_each(|_| disturb(&mut value, rng));
    value
}

fn configuration() -> Value {
    json!({
        "cniVersion": "1.0.0", "name": "mesos", "type": "mesos-cni-port-mapper", "chain": CHAIN,
        "backend": "nftables", "excludeDevices": ["br0", "veth+"], "snat": true, "masqAll": false,
        "lockTimeout": PATIENCE, "wrapper": {"delegateTimeout": PATIENCE},
        "delegate": {"type": "free", "ipam": {"type": "x"}},
        "runtimeConfig": {"portMappings": [
            {"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "", "range": 2},
        ]},
        "args": {"org.apache.mesos": {"network_info": {"port_mappings": [tcp(8090, 90)], "labels": {}}}},
    })
}

fn result() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "br0", "mac": "00:11:22:33:44:55"}, {"name": "eth0", "sandbox": "/run/netns/c1"}],
        "ips": [{"address": "10.0.0.2/24", "gateway": "10.0.0.1", "interface": 1}, {"address": "fd00::2/64"}],
        "routes": [{"dst": "0.0.0.0/0", "mtu": 1400}], "dns": {"nameservers": ["192.0.2.1"]}, "own": [1.10],
    })
}

#[test]
fn any_configuration_and_any_delegates_answer_give_one_valid_document() {
    let rounds = if std::env::var_os("PORT_MAPPER_FAULTS").is_some() { 5000 } else { 150 };
    let host = Host::new();
    let container = host.container("c1");
    let dir = PluginDir::new().with("inner", &Script::obey());
    let program = bounded(&dir);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let mut succeeded = 0;
    for round in 0..rounds {
        let config =
            if rng.bool() { configuration() } else { disturbed(&configuration(), &mut rng) };
        let answer = if rng.bool() { result() } else { disturbed(&result(), &mut rng) };
        dir.script("inner", &Script::obey().on("ADD", Behaviour::raw(&answer.to_string())));
        let call = CallBuilder::add("mesos")
            .stdin(config.to_string())
            .container(&container)
            .cni_path(&dir)
            .limit(Duration::from_secs(PATIENCE + 60));
        for verb in ["ADD", "CHECK", "DEL"] {
            let outcome = call.clone().as_verb(verb).run(&program);
            judge(&outcome, verb, &format!("round {round}: {verb} {config}, answered {answer}"));
            succeeded += usize::from(verb == "ADD" && outcome.code() == Some(0));
        }
    }
    println!(
        "{rounds} configurations and answers: {succeeded} ADDs succeeded, the others said why not"
    );
    assert!(succeeded > rounds / 10 && succeeded < rounds, "{succeeded} of {rounds}");
}

/// Texts that are no configuration of anybody, and a delegate's answers that are none.
#[test]
fn monsters_are_refused_in_time_and_within_their_memory() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let around = |text: &str| {
        format!("{{\"cniVersion\":\"1.0.0\",\"name\":\"mesos\",\"type\":\"t\",\"x\":{text}}}")
    };
    let monsters: [(&str, Vec<u8>); 8] = [
        ("100 MiB of blanks", vec![b' '; 100 << 20]),
        ("100 MiB in a string", around(&format!("\"{}\"", "x".repeat(100 << 20))).into()),
        ("100,000 nested arrays", around(&deep("[", "]")).into()),
        ("100,000 nested objects", around(&deep("{\"a\":", "}")).into()),
        ("4 MiB of small arrays", around(&format!("[{}[]]", "[],".repeat(1 << 20))).into()),
        ("a number of 100,000 digits", around(&"9".repeat(100_000)).into()),
        ("no UTF-8", b"{\"name\":\"\xff\xfe\",\"cniVersion\":\"1.0.0\"}".to_vec()),
        (
            "keys twice",
            br#"{"name":"mesos","name":"x","delegate":{"type":"inner","type":"y"}}"#.to_vec(),
        ),
    ];
    let host = Host::new();
    let container = host.container("c1");
    let dir = PluginDir::new().with("inner", &Script::obey());
    let program = bounded(&dir);
    let call = CallBuilder::add("mesos").container(&container).cni_path(&dir);
    let call = call.limit(Duration::from_secs(PATIENCE + 60));
    for (what, bytes) in &monsters {
        for verb in ["ADD", "DEL"] {
            let outcome = call.clone().stdin(bytes.clone()).as_verb(verb).run(&program);
            judge(&outcome, verb, what);
        }
        // Enough: the plugin reads at most 4 MiB of an answer.
        let answer = String::from_utf8_lossy(&bytes[..bytes.len().min(8 << 20)]);
        dir.script("inner", &Script::obey().on("ADD", Behaviour::raw(&answer)));
        let outcome = call.clone().stdin(configuration().to_string()).run(&program);
        judge(&outcome, "ADD", &format!("the delegate answers with {what}"));
        assert_eq!(outcome.code(), Some(1), "{what} is no result: {outcome}");
    }
    for stream in [Stream::Stdout, Stream::Stderr] {
        dir.script("inner", &Script::obey().on("ADD", Behaviour::flood(stream, Some(100 << 20))));
        let outcome = call.clone().stdin(configuration().to_string()).run(&program);
        judge(&outcome, "ADD", &format!("100 MiB of {stream:?}"));
    }
}
