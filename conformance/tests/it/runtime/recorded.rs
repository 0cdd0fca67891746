//! The emulated libcni makes the same calls and cache files as a real one (1.1.2, of Debian 12).
//!
//! `libcni-recorded/scenarios.json` contains the scenarios, `libcni-recorded/record.go` runs them
//! with the real libcni and describes how, and `NAME.txt` is the recording of each. Three things
//! changed between that version and the emulated one (1.3.0) and are normalized here: an empty
//! `dns` is no longer printed in 1.x, the cache contains the namespace, and the order of the
//! members of a `prevResult` in 1.x. A fourth is the quirk `KeepsOldCache`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cni_conformance::runtime::libcni::Libcni;
use cni_conformance::runtime::libcni::cache::Cache;
use cni_conformance::runtime::libcni::network::Network;
use cni_conformance::runtime::libcni::quirk::{Quirk, Quirks};
use cni_conformance::runtime::runtime_conf::RuntimeConf;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::scripted::Scripted;
use cni_test_kit::TempDir;

#[derive(Deserialize)]
struct Scenario {
    name: String,
    config: Value,
    file: String,
    results: BTreeMap<String, Value>,
    #[serde(default)]
    args: Vec<(String, String)>,
    #[serde(default)]
    capabilities: Map<String, Value>,
    verbs: Vec<String>,
    #[serde(default)]
    fail: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/runtime/libcni-recorded")
}

fn scenarios() -> Vec<Scenario> {
    let text = fs::read_to_string(directory().join("scenarios.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn run(scenario: &Scenario) -> String {
    let directory = TempDir::new();
    let work = &directory.path();
    fs::create_dir_all(work.join("net.d")).unwrap();
    let quirks = Quirks::all().without(Quirk::KeepsOldCache);
    fs::write(work.join("net.d").join(&scenario.file), scenario.config.to_string()).unwrap();
    let network = Network::named(&work.join("net.d"), "net", &quirks).unwrap();
    let plugins = Scripted::new(scenario.results.clone(), &scenario.fail);
    let path = ["/plugins", "/nowhere"].map(PathBuf::from).to_vec();
    let libcni = Libcni::new(&plugins, path, Cache::new(work.join("cache"))).with(quirks);
    let conf = RuntimeConf {
        id: "c1".to_owned(),
        netns: "/run/netns/c1".to_owned(),
        ifname: "eth0".to_owned(),
        args: scenario.args.clone(),
        capability_args: scenario.capabilities.clone(),
    };
    let mut text = String::new();
    for verb in &scenario.verbs {
        text += &format!("# {verb}\n");
        let done = match verb.as_str() {
            "ADD" => libcni.add(&network, &conf).map(|result| Some(result.document().to_string())),
            "CHECK" => libcni.check(&network, &conf).map(|()| None),
            _ => libcni.del(&network, &conf).map(|()| None),
        };
        match done {
            Ok(result) => {
                text += &result.map(|result| format!("result {result}\n")).unwrap_or_default()
            }
            Err(failure) => text += &format!("error {failure}\n"),
        }
        text += &plugins.log();
        let cache = libcni.cache().path("net", &conf).unwrap();
        if let Ok(cached) = fs::read_to_string(cache) {
            text += &format!("cache {cached}\n");
        }
    }
    text
}

/// Normalizes what changed between the two versions.
fn normalized(mut value: Value) -> Value {
    fn strip(result: &mut Value) {
        let new = result["cniVersion"].as_str().is_some_and(|version| version.starts_with('1'));
        if let (true, Some(result)) =
            (new && result["dns"] == Value::Object(Map::new()), result.as_object_mut())
        {
            result.shift_remove("dns");
        }
    }
    strip(&mut value);
    for key in ["prevResult", "result"] {
        if let Some(result) = value.get_mut(key) {
            strip(result);
        }
    }
    if let (true, Some(cache)) = (value.get("kind").is_some(), value.as_object_mut()) {
        cache.shift_remove("netns");
        // The file was rewritten from its JSON.
        cache.shift_remove("config");
    }
    value
}

/// Compares two lines; JSON by its value and the order of its keys.
fn compare(line: &str, other: &str) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{what}\n  recorded {line}\n  emulated {other}"));
    let (Some((word, text)), Some((other_word, other_text))) =
        (line.split_once(' '), other.split_once(' '))
    else {
        return if line == other { Ok(()) } else { differ("different lines") };
    };
    let json = ["result", "stdin", "cache"].contains(&word);
    if !json || word != other_word {
        return if line == other { Ok(()) } else { differ("different lines") };
    }
    let parse = |text: &str| normalized(serde_json::from_str(text).unwrap());
    let (value, other_value) = (parse(text), parse(other_text));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    if value != other_value {
        return differ("different documents");
    }
    let new_result =
        word == "result" && value["cniVersion"].as_str().is_some_and(|it| it.starts_with('1'));
    if !new_result && keys(&value) != keys(&other_value) {
        return differ("different order of keys");
    }
    // Byte for byte if nothing was normalized.
    let is_normalized =
        text.contains("\"dns\":{}") || text.contains("\"1.0.0\"") || word == "cache";
    if !is_normalized && text != other_text { differ("different bytes") } else { Ok(()) }
}

#[test]
fn all_calls_results_errors_and_cache_files_are_those_of_a_real_libcni() {
    let scenarios = scenarios();
    assert_eq!(scenarios.len(), 7);
    for scenario in &scenarios {
        let recorded =
            fs::read_to_string(directory().join(format!("{}.txt", scenario.name))).unwrap();
        let emulated = run(scenario);
        let (lines, others): (Vec<_>, Vec<_>) =
            (recorded.lines().collect(), emulated.lines().collect());
        assert_eq!(
            lines.len(),
            others.len(),
            "{}: different calls\n--- recorded\n{recorded}--- emulated\n{emulated}",
            scenario.name
        );
        for (line, other) in lines.iter().zip(others) {
            compare(line, other).unwrap_or_else(|problem| panic!("{}: {problem}", scenario.name));
        }
    }
}

#[test]
fn a_difference_is_detected() {
    let line = r#"stdin {"cniVersion":"0.4.0","name":"n","type":"t"}"#;
    compare(line, line).unwrap();
    for other in [
        r#"stdin {"cniVersion":"0.4.0","name":"n","type":"u"}"#,
        r#"stdin {"name":"n","cniVersion":"0.4.0","type":"t"}"#,
        r#"stdin {"cniVersion":"0.4.0", "name":"n","type":"t"}"#,
        "CNI_NETNS=/run/netns/c1",
    ] {
        compare(line, other).unwrap_err();
    }
    compare("CNI_ARGS=", "CNI_ARGS=K=v").unwrap_err();
}
