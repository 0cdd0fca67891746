//! The examples as processes: in both positions, with every verb, in every version of CNI.

use std::{fs, path::PathBuf};

use cni_test_kit::{Behaviour, CallBuilder, Fault, Outcome, PluginDir, Script, assert_refused_ids};
use cni_wrapper::{SpecVersion, Verb};
use serde_json::{Value, json};

use crate::common::{self, example};

const EXAMPLES: [&str; 3] = ["nothing", "publish-hosts", "limit-mtu"];
const VERBS: [Verb; 7] =
    [Verb::Status, Verb::Add, Verb::Check, Verb::Gc, Verb::Del, Verb::Del, Verb::Version];

/// Returns a directory with `hosts` and a delegate `inner`, whose result has an address.
fn plugins() -> PluginDir {
    let result = json!({"ips": [{"address": "10.1.2.3/24"}]});
    let dir =
        PluginDir::new().with("inner", &Script::succeed().on("ADD", Behaviour::result(result)));
    fs::create_dir(dir.path().join("hosts")).expect("mkdir");
    dir
}

fn file(dir: &PluginDir) -> PathBuf {
    dir.path().join("hosts/net@c1@eth0")
}

/// Returns a configuration for all three examples, with lists for CHECK and GC.
fn config(dir: &PluginDir, version: SpecVersion) -> Value {
    json!({
        "cniVersion": version.as_str(),
        "hostsDir": dir.path().join("hosts"),
        "maxMtu": 1400,
        "cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}],
    })
}

/// Returns a result of `version` with that address.
fn result(version: SpecVersion) -> Value {
    let name = version.as_str();
    match name {
        "0.1.0" | "0.2.0" => json!({"cniVersion": name, "ip4": {"ip": "10.1.2.3/24"}}),
        "0.3.0" | "0.3.1" | "0.4.0" => {
            json!({"cniVersion": name, "ips": [{"version": "4", "address": "10.1.2.3/24"}]})
        }
        _ => json!({"cniVersion": name, "ips": [{"address": "10.1.2.3/24"}]}),
    }
}

/// Runs the lifecycle of an attachment and checks the answer of each verb. The caller checks the
/// calls of the delegate.
fn live(name: &str, version: SpecVersion, dir: &PluginDir, config: &Value) {
    for verb in VERBS {
        let mut config = config.clone();
        if matches!(verb, Verb::Check | Verb::Del) {
            config["prevResult"] = result(version);
        }
        let call = CallBuilder::add("net").cni_path(dir.path()).config(config);
        let outcome = call.as_verb(verb.as_str()).run(example(name));
        let what = format!("{name} {verb} {version}: {outcome}");
        if version < verb.since() {
            assert_eq!(outcome.error().0, 1, "{what}");
            continue;
        }
        assert_eq!(outcome.code(), Some(0), "{what}");
        match verb {
            Verb::Add => assert_eq!(outcome.json(), result(version), "{what}"),
            Verb::Version => assert_eq!(outcome.json()["cniVersion"], version.as_str(), "{what}"),
            _ => assert_eq!(outcome.stdout, "", "{what}"),
        }
        let published = fs::read_to_string(file(dir)).ok();
        let expected = match verb {
            Verb::Add | Verb::Check | Verb::Gc if name == "publish-hosts" => Some("10.1.2.3 c1\n"),
            _ => None,
        };
        assert_eq!(published.as_deref(), expected, "the hosts file after {what}");
    }
}

#[test]
fn around_a_delegate_every_example_serves_every_verb_in_every_version() {
    for name in EXAMPLES {
        for version in SpecVersion::ALL {
            let dir = plugins();
            let mut config = config(&dir, version);
            config["delegate"] = json!({"type": "inner", "mtu": 9000});
            live(name, version, &dir, &config);
            let expected: Vec<_> = VERBS
                .iter()
                .filter(|verb| version >= verb.since() && **verb != Verb::Version)
                .map(|verb| verb.as_str())
                .collect();
            assert_eq!(common::verbs(&dir), expected, "{name} {version}");
            let mtu = if name == "limit-mtu" { 1400 } else { 9000 };
            for call in dir.calls("inner") {
                let passed = call.config.expect("a configuration");
                assert_eq!(passed["mtu"], mtu, "{name} {version}: the same for every verb");
            }
        }
    }
}

#[test]
fn chained_every_example_serves_every_verb_in_every_version() {
    for name in EXAMPLES {
        for version in SpecVersion::ALL {
            let dir = plugins();
            let mut config = config(&dir, version);
            config["prevResult"] = result(version);
            live(name, version, &dir, &config);
            assert_eq!(common::verbs(&dir), [] as [&str; 0], "{name}: nothing is executed");
        }
    }
}

#[test]
fn limit_mtu_only_limits() {
    let cases = [
        (json!({"type": "inner"}), 1400),
        (json!({"type": "inner", "mtu": 0}), 1400),
        (json!({"type": "inner", "mtu": 1300}), 1300),
        (json!({"type": "inner", "mtu": 9000}), 1400),
    ];
    for (delegate, mtu) in cases {
        let dir = plugins();
        let call = common::add(&dir, delegate.clone()).key("maxMtu", json!(1400));
        call.run(example("limit-mtu")).expect_success();
        let passed = dir.calls("inner")[0].config.clone().expect("a configuration");
        assert_eq!(passed["mtu"], mtu, "{delegate}");
    }
    let dir = plugins();
    let call = common::add(&dir, json!({"type": "inner", "mtu": "big"})).key("maxMtu", json!(1400));
    let (code, msg, _) = call.run(example("limit-mtu")).error();
    assert_eq!((code, msg.starts_with("delegate.mtu: ")), (7, true), "{msg}");
    let outcome = call.as_verb("DEL").run(example("limit-mtu")).expect_success();
    assert!(outcome.stderr.contains("delegate.mtu: \"big\" is not an MTU"), "{outcome}");
    let passed = dir.calls("inner")[0].config.clone().expect("a configuration");
    assert_eq!(passed["mtu"], "big", "a DEL passes it on unchanged");
}

#[test]
fn publish_hosts_that_can_t_write_undoes_the_attachment() {
    let dir = plugins();
    let call = common::add(&dir, json!({"type": "inner"})).key("hostsDir", json!("/nonexistent"));
    let (code, msg, _) = call.run(example("publish-hosts")).error();
    assert_eq!((code, msg.contains("/nonexistent/net@c1@eth0")), (5, true), "{msg}");
    assert_eq!(common::verbs(&dir), ["ADD", "DEL"]);
}

#[test]
fn fallback_uses_the_next_delegate_and_sends_del_to_the_one_that_served() {
    let full = Script::succeed().on("ADD", Behaviour::error(11, "the pool is empty"));
    let dir = PluginDir::new().with("inner", &full).with("second", &Script::succeed());
    let call = common::add(&dir, json!({"type": "inner"}))
        .key("fallbacks", json!([{"type": "second"}]))
        .key("stateDir", json!(dir.path().join("selections")));
    call.run(example("fallback")).expect_success();
    // An operator has removed the fallback in the meantime, and made a mistake.
    call.clone()
        .key("fallbacks", json!("none"))
        .as_verb("DEL")
        .run(example("fallback"))
        .expect_success();
    let verbs = |name: &str| dir.calls(name).into_iter().map(|call| call.verb).collect::<Vec<_>>();
    assert_eq!(
        (verbs("inner"), verbs("second")),
        (strings(&["ADD", "DEL"]), strings(&["ADD", "DEL"]))
    );
    let other = call.key("codes", json!([102])).run(example("fallback"));
    assert_eq!(other.error().0, 11, "a code that is not listed");
    assert_eq!(verbs("second").len(), 2);
}

#[test]
fn bandwidth_from_labels_passes_the_limit_of_the_label_to_capable_delegates() {
    let label = |value: &str| json!({"cni": {"labels": [{"key": "bandwidth", "value": value}]}});
    let limits = |rate: u64, burst: u64| {
        json!({
            "ingressRate": rate, "ingressBurst": burst, "egressRate": rate, "egressBurst": burst,
        })
    };
    let capable = json!({"type": "inner", "capabilities": {"bandwidth": true}});
    let runtime = json!({"bandwidth": {"ingressRate": 1, "ingressBurst": 1}});
    for (delegate, args, passed) in [
        (&capable, label("10M"), limits(10_000_000, 10_000_000)),
        (&capable, label("9G"), limits(9_000_000_000, u32::MAX.into())),
        (&capable, json!({}), runtime["bandwidth"].clone()),
        (&json!({"type": "inner"}), label("10M"), runtime["bandwidth"].clone()),
    ] {
        let dir = plugins();
        let call = common::add(&dir, delegate.clone()).key("args", args.clone());
        call.key("runtimeConfig", runtime.clone())
            .run(example("bandwidth-from-labels"))
            .expect_success();
        let config = dir.calls("inner")[0].config.clone().expect("a configuration");
        assert_eq!(config["runtimeConfig"]["bandwidth"], passed, "{delegate} {args}");
    }
    for wrong in ["fast", "0", "10MM", "-1", "M"] {
        let dir = plugins();
        let call = common::add(&dir, capable.clone()).key("args", label(wrong));
        let (code, msg, _) = call.run(example("bandwidth-from-labels")).error();
        assert_eq!((code, msg.starts_with("label bandwidth: ")), (7, true), "{wrong}: {msg}");
        call.as_verb("DEL").run(example("bandwidth-from-labels")).expect_success();
        assert_eq!(common::verbs(&dir), ["DEL"]);
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns the answers of calls in which a library panicked. One system call fails in each of them.
fn answers_after_panics(dir: &PluginDir, config: &Value) -> Vec<Outcome> {
    const EIO: i32 = 5;
    let call = CallBuilder::add("net").cni_path(dir.path()).config(config.clone());
    let mut all = Vec::new();
    for number in 1.. {
        let faulted = call.run_with_fault(example("nothing"), number, Fault::Fail(EIO));
        if faulted.at.is_none() {
            break;
        }
        let outcome = faulted.outcome;
        assert_ne!(outcome.code(), Some(101), "the panic is not reported: {outcome}");
        // A failure before `main` aborts the process.
        if outcome.stderr.contains("panicked at") && !outcome.stdout.is_empty() {
            all.push(outcome);
        }
    }
    all
}

#[test]
fn a_panic_in_a_library_is_answered_with_999() {
    let dir = plugins();
    let mut config = config(&dir, SpecVersion::V1_0_0);
    config["delegate"] = json!({"type": "inner"});
    let outcomes = answers_after_panics(&dir, &config);
    let codes: Vec<Value> = outcomes.iter().map(|outcome| outcome.json()["code"].clone()).collect();
    assert!(codes.contains(&json!(999)), "{outcomes:#?}");
}

/// Runs a test of this program as a plugin, in the chained position.
fn as_plugin(variable: &str, test: &str) -> (String, String) {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let previous = r#"{"cniVersion":"1.0.0","x":"kept"}"#;
    let script = format!(
        "echo '{{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"prevResult\":{previous}}}' | \
         {variable}=1 CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/c1 \
         CNI_PATH=/nowhere \"$0\" --exact {test} --nocapture"
    );
    let output = std::process::Command::new("sh").args(["-c", &script, &program]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A middleware that panics when the call is over.
struct PanicsAtTheEnd;

impl cni_wrapper::Middleware for PanicsAtTheEnd {
    type Config = serde::de::IgnoredAny;
}

impl Drop for PanicsAtTheEnd {
    fn drop(&mut self) {
        panic!("after the answer");
    }
}

/// It runs itself as a plugin, since `run` reads the environment and stdin of its process.
#[test]
fn a_panic_after_the_answer_adds_no_second_one() {
    const AS_PLUGIN: &str = "TEST_AS_PLUGIN";
    if std::env::var_os(AS_PLUGIN).is_some() {
        let _ = cni_wrapper::run(cni_wrapper::about!(), PanicsAtTheEnd);
        return;
    }
    let name = "examples::a_panic_after_the_answer_adds_no_second_one";
    let (stdout, stderr) = as_plugin(AS_PLUGIN, name);
    assert!(stderr.contains("after the answer"), "it panicked: {stdout}{stderr}");
    assert_eq!(stdout.matches('{').count(), 1, "{stdout}");
}

/// A middleware that prints in each way that a hook or a library can.
struct Prints;

impl cni_wrapper::Middleware for Prints {
    type Config = serde::de::IgnoredAny;

    #[allow(clippy::print_stdout, reason = "what it must survive")]
    async fn before_add(
        &self,
        _: &cni_wrapper::Call,
        _: &Self::Config,
    ) -> Result<(), cni_wrapper::Error> {
        println!("from println");
        print!("no newline");
        rustix::io::write(rustix::stdio::stdout(), b"from a C library\n").expect("written");
        let status = std::process::Command::new("echo").arg("from a child").status();
        assert!(status.expect("echo").success());
        Ok(())
    }
}

/// It runs itself as a plugin, as the test above.
#[test]
fn what_a_hook_prints_on_stdout_is_on_stderr_and_the_answer_is_one_document() {
    const AS_PLUGIN: &str = "TEST_AS_PLUGIN_THAT_PRINTS";
    if std::env::var_os(AS_PLUGIN).is_some() {
        let _ = cni_wrapper::run(cni_wrapper::about!(), Prints);
        return;
    }
    let name = "examples::what_a_hook_prints_on_stdout_is_on_stderr_and_the_answer_is_one_document";
    let (stdout, stderr) = as_plugin(AS_PLUGIN, name);
    // The test harness prints lines, too, which no plugin has.
    let documents: Vec<_> = stdout.matches('{').collect();
    assert_eq!(documents.len(), 1, "{stdout}{stderr}");
    assert!(stdout.contains(r#"{"cniVersion":"1.0.0","x":"kept"}"#), "{stdout}");
    for printed in ["from println", "no newline", "from a C library", "from a child"] {
        let is_moved = stderr.contains(printed) && !stdout.contains(printed);
        assert!(is_moved, "{printed}: {stdout}{stderr}");
    }
}

#[test]
fn an_add_with_an_id_that_only_mesos_allows_is_refused_and_its_del_cleans_up() {
    for name in EXAMPLES {
        let dir = plugins();
        let mut config = config(&dir, SpecVersion::V1_0_0);
        config["delegate"] = json!({"type": "inner"});
        let call = CallBuilder::add("net").cni_path(&dir).config(config);
        assert_refused_ids(&call, &example(name), &dir);
    }
}
