//! The calls and cache files that a real libcni made (1.1.2, as Debian 12 has it), against those of the one that is played.
//!
//! `libcni-recorded/scenes.json` holds what was done; `libcni-recorded/record.go` did it, and says how to do it again; each
//! `NAME.txt` there is what came of it. Between that version and the one that is played (1.3.0), three things changed,
//! which are made alike here: an empty `dns` is not printed any more in 1.x, the cache knows the namespace, and the order of
//! the members of a `prevResult` in 1.x. A fourth is the quirk `KeepsOldCache`.

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
use cni_test_kit::TemporaryDir;

#[derive(Deserialize)]
struct Scene {
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

fn scenes() -> Vec<Scene> {
    let text = fs::read_to_string(directory().join("scenes.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn play(scene: &Scene) -> String {
    let directory = TemporaryDir::new();
    let work = &directory.path();
    fs::create_dir_all(work.join("net.d")).unwrap();
    let quirks = Quirks::all().without(Quirk::KeepsOldCache);
    fs::write(work.join("net.d").join(&scene.file), scene.config.to_string()).unwrap();
    let network = Network::named(&work.join("net.d"), "net", &quirks).unwrap();
    let plugins = Scripted::new(scene.results.clone(), &scene.fail);
    let path = ["/plugins", "/nowhere"].map(PathBuf::from).to_vec();
    let libcni = Libcni::new(&plugins, path, Cache::new(work.join("cache"))).with(quirks);
    let parameters = RuntimeConf {
        id: "c1".to_owned(),
        netns: "/run/netns/c1".to_owned(),
        ifname: "eth0".to_owned(),
        args: scene.args.clone(),
        capability_args: scene.capabilities.clone(),
    };
    let mut text = String::new();
    for verb in &scene.verbs {
        text += &format!("# {verb}\n");
        let done = match verb.as_str() {
            "ADD" => {
                libcni.add(&network, &parameters).map(|result| Some(result.document().to_string()))
            }
            "CHECK" => libcni.check(&network, &parameters).map(|()| None),
            _ => libcni.del(&network, &parameters).map(|()| None),
        };
        match done {
            Ok(result) => {
                text += &result.map(|result| format!("result {result}\n")).unwrap_or_default()
            }
            Err(failure) => text += &format!("error {failure}\n"),
        }
        text += &plugins.log();
        let cache = libcni.cache().path("net", &parameters).unwrap();
        if let Ok(cached) = fs::read_to_string(cache) {
            text += &format!("cache {cached}\n");
        }
    }
    text
}

/// What changed between the two versions, made alike.
fn alike(mut value: Value) -> Value {
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
        // The file was written anew from its JSON.
        cache.shift_remove("config");
    }
    value
}

/// Lines that hold JSON are compared by what they say, and by the order of their keys.
fn compare(line: &str, other: &str) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{what}\n  recorded {line}\n  played   {other}"));
    let (Some((word, text)), Some((other_word, other_text))) =
        (line.split_once(' '), other.split_once(' '))
    else {
        return if line == other { Ok(()) } else { differ("another line") };
    };
    let json = ["result", "stdin", "cache"].contains(&word);
    if !json || word != other_word {
        return if line == other { Ok(()) } else { differ("another line") };
    }
    let parse = |text: &str| alike(serde_json::from_str(text).unwrap());
    let (value, other_value) = (parse(text), parse(other_text));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    if value != other_value {
        return differ("another document");
    }
    let new_result =
        word == "result" && value["cniVersion"].as_str().is_some_and(|it| it.starts_with('1'));
    if !new_result && keys(&value) != keys(&other_value) {
        return differ("another order");
    }
    // Byte for byte where nothing changed.
    let touched = text.contains("\"dns\":{}") || text.contains("\"1.0.0\"") || word == "cache";
    if !touched && text != other_text { differ("other bytes") } else { Ok(()) }
}

#[test]
fn all_calls_results_errors_and_cache_files_are_those_of_a_real_libcni() {
    let scenes = scenes();
    assert_eq!(scenes.len(), 7);
    for scene in &scenes {
        let recorded = fs::read_to_string(directory().join(format!("{}.txt", scene.name))).unwrap();
        let played = play(scene);
        let (lines, others): (Vec<_>, Vec<_>) =
            (recorded.lines().collect(), played.lines().collect());
        assert_eq!(
            lines.len(),
            others.len(),
            "{}: other calls\n--- recorded\n{recorded}--- played\n{played}",
            scene.name
        );
        for (line, other) in lines.iter().zip(others) {
            compare(line, other).unwrap_or_else(|problem| panic!("{}: {problem}", scene.name));
        }
    }
}

#[test]
fn a_difference_would_be_seen() {
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
