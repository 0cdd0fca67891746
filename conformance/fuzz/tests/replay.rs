//! Tries the corpus: interesting inputs that fuzzing found, and hostile ones that were written.

#![allow(clippy::print_stdout, reason = "shows the input for which a property does not hold")]

use std::fs;
use std::path::{Path, PathBuf};

use cni_fuzz::{ALL, Property};
use cni_netlink::message::Messages;
use cni_wrapper::{AddResult, Environment, ErrorObject, Object, Request, SpecVersion, Verb};
use port_mapper::backend::iptables::observed::{Observed, Tables};
use port_mapper::claim::Claim;
use port_mapper::config::{Config, Settings};
use port_mapper::family::Family;

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_property_holds_for_every_input_of_its_corpus() {
    for Property { name, holds } in ALL {
        let files = files(&corpus().join(name));
        assert!(files.len() >= 5, "{name}: only {} inputs", files.len());
        for file in files {
            println!("{}", file.display());
            holds(&fs::read(&file).expect("an input"));
        }
    }
}

/// Returns whether an input gets past the point where its property returns early.
fn is_understood(property: &str, input: &[u8]) -> bool {
    match property {
        "error" => serde_json::from_slice::<Object>(input)
            .is_ok_and(|document| ErrorObject::read(&document).is_some()),
        "iptables" => {
            let text = String::from_utf8_lossy(input);
            !Observed::parse(Family::V4, Tables::Nat, &text).nat.rules.is_empty()
        }
        "netlink" => Messages::new(input).next().is_some_and(|message| message.is_ok()),
        "request" => {
            let environment: Environment =
                [("CNI_CONTAINERID", "c1"), ("CNI_IFNAME", "eth0"), ("CNI_PATH", "/x")]
                    .into_iter()
                    .collect();
            Request::read(Verb::Del, environment, input).is_ok()
        }
        "result" => SpecVersion::ALL.iter().any(|it| AddResult::parse(input, *it).is_ok()),
        "settings" => serde_json::from_slice::<Config>(input)
            .is_ok_and(|config| Settings::from(&config).is_ok()),
        "state" => serde_json::from_slice::<Claim>(input).is_ok(),
        other => panic!("{other} is not covered here"),
    }
}

/// A property that returns early holds for any input, so some inputs of its corpus have to get
/// further.
#[test]
fn every_corpus_has_inputs_that_are_accepted() {
    for Property { name, .. } in ALL {
        let mut inputs = files(&corpus().join(name));
        inputs.retain(|file| is_understood(name, &fs::read(file).expect("an input")));
        assert!(!inputs.is_empty(), "{name}: all inputs are refused");
    }
}

/// Inputs that are too large for files.
#[test]
fn every_property_holds_for_oversized_inputs() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let inputs = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("{{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"x\":{}}}", deep("[", "]")),
        format!("{{\"name\":\"n\",\"x\":{}}}", "9".repeat(100_000)),
        format!("{{\"name\":\"n\",\"x\":1e{}}}", "9".repeat(1000)),
        format!("{{\"name\":\"{}\"}}", "n".repeat(1_000_000)),
        format!("{{{}\"name\":\"n\"}}", "\"name\":\"x\",".repeat(100_000)),
        format!("*nat\n{}COMMIT\n", "-A PREROUTING -j X\n".repeat(100_000)),
        format!("*nat\n-A X {}\n", "\"\\".repeat(100_000)),
    ];
    for Property { name, holds } in ALL {
        for (number, input) in inputs.iter().enumerate() {
            println!("{name}: oversized input {number}");
            holds(input.as_bytes());
        }
    }
}

/// Every input with a flipped bit, truncated or doubled: a simple fuzzer that needs no tool.
#[test]
fn every_property_holds_for_damaged_inputs() {
    for Property { name, holds } in ALL {
        for file in files(&corpus().join(name)) {
            let input = fs::read(&file).expect("an input");
            let step = input.len() / 64 + 1;
            for at in (0..input.len()).step_by(step) {
                holds(&input[..at]);
                let mut flipped = input.clone();
                flipped[at] ^= 1 << (at % 8);
                holds(&flipped);
                holds(&[&input[..at], &input].concat());
            }
        }
    }
}
