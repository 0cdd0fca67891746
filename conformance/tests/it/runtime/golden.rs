//! The invocations of whole lifecycles as text, a file each below `golden`. `UPDATE_GOLDEN=1`
//! rewrites the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cni_conformance::runtime::libcni::Libcni;
use cni_conformance::runtime::libcni::cache::Cache;
use cni_conformance::runtime::libcni::network::Network;
use cni_conformance::runtime::libcni::quirk::Quirks;
use cni_conformance::runtime::mesos::invocation::{CallContext, checkpoint, invocation};
use cni_conformance::runtime::runtime_conf::RuntimeConf;
use cni_protocol::Verb;
use serde_json::{Map, Value, json};

use super::scripted::Scripted;
use cni_test_kit::TempDir;

fn expect_golden(name: &str, text: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/runtime/golden");
    let file = directory.join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(text == expected, "{name}\n--- expected\n{expected}--- actual\n{text}");
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Returns a list of two plugins, of which the second declares capabilities.
fn list(more: Value) -> Network {
    let mut list = json!({
        "cniVersion": "1.1.0", "name": "net",
        "plugins": [
            {
                "type": "bridge", "isGateway": true, "mtu": 1400.0,
                "ipam": { "type": "host-local", "subnet": "10.88.0.0/24" },
            },
            {
                "type": "portmap", "capabilities": { "portMappings": true, "mac": false },
                "snat": true,
            },
        ],
    });
    list.as_object_mut().unwrap().extend(object(more));
    Network::parse_list(list.to_string().as_bytes(), &Quirks::all()).unwrap()
}

fn plugins(fail: &str) -> Scripted {
    let interface = |more: Value| {
        let mut result = json!({
            "cniVersion": "1.1.0",
            "interfaces": [{ "name": "eth0", "sandbox": "/run/netns/c1", "mtu": 1400 }],
            "ips": [{ "address": "10.88.0.2/24", "interface": 0, "gateway": "10.88.0.1" }],
            "routes": [{ "dst": "0.0.0.0/0", "priority": 7 }],
        });
        result.as_object_mut().unwrap().extend(object(more));
        result
    };
    let second = interface(json!({ "dns": { "nameservers": ["10.88.0.1"] } }));
    let results = [("bridge", interface(json!({}))), ("portmap", second)];
    let results: BTreeMap<_, _> = results.map(|(name, result)| (name.to_owned(), result)).into();
    Scripted::new(results, fail)
}

fn attachment(id: &str) -> RuntimeConf {
    RuntimeConf {
        id: id.to_owned(),
        netns: format!("/run/netns/{id}"),
        ifname: "eth0".to_owned(),
        args: vec![
            ("IgnoreUnknown".to_owned(), "1".to_owned()),
            ("K8S_POD_NAME".to_owned(), "p".to_owned()),
        ],
        capability_args: object(json!({
            "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }],
            "mac": "02:00:00:00:00:01", "bandwidth": { "ingressRate": 1 },
        })),
    }
}

/// Runs a scenario with libcni and an empty cache, and compares the invocations.
fn expect_invocations(
    name: &str,
    fail: &str,
    scenario: impl Fn(&Libcni, &mut dyn FnMut(&str, Result<(), String>)),
) {
    let directory = TempDir::new();
    let plugins = plugins(fail);
    let path = ["/opt/cni/bin", "/usr/lib/cni"].map(PathBuf::from).to_vec();
    let libcni = Libcni::new(&plugins, path, Cache::new(directory.path()));
    let mut text = String::new();
    let mut step = |what: &str, done: Result<(), String>| {
        let end = done.err().map(|problem| format!("error {problem}\n")).unwrap_or_default();
        text += &format!("# {what}\n{}{end}", plugins.log());
    };
    scenario(&libcni, &mut step);
    expect_golden(name, &text);
}

fn done<T>(result: Result<T, cni_conformance::runtime::failure::Failure>) -> Result<(), String> {
    result.map(drop).map_err(|failure| failure.message)
}

#[test]
fn a_whole_lifecycle_in_libcni() {
    expect_invocations("libcni-lifecycle", "", |libcni, step| {
        let (network, one) = (list(json!({})), attachment("c1"));
        step("STATUS", done(libcni.status(&network)));
        step("ADD", done(libcni.add(&network, &one)));
        step("CHECK", done(libcni.check(&network, &one)));
        step("DEL", done(libcni.del(&network, &one)));
        step("DEL again, from an empty cache", done(libcni.del(&network, &one)));
        step("CHECK after DEL", done(libcni.check(&network, &one)));
    });
}

#[test]
fn gc_deletes_cached_attachments_with_the_parameters_of_add_and_then_runs_gc() {
    expect_invocations("libcni-gc", "", |libcni, step| {
        let (network, [one, two]) = (list(json!({})), ["c1", "c2"].map(attachment));
        step("ADD c1", done(libcni.add(&network, &one)));
        step("ADD c2", done(libcni.add(&network, &two)));
        let keep = [("c2".to_owned(), "eth0".to_owned())];
        step("GC, c2 is valid", done(libcni.gc(&network, Some(&keep))));
        step("GC, none is", done(libcni.gc(&network, Some(&[]))));
        step("GC without a list", done(libcni.gc(&network, None)));
    });
}

#[test]
fn add_and_del_stop_at_the_first_error_and_gc_continues() {
    expect_invocations("libcni-failed-add", "ADD bridge", |libcni, step| {
        step("ADD", done(libcni.add(&list(json!({})), &attachment("c1"))));
    });
    expect_invocations("libcni-failed-del", "DEL portmap", |libcni, step| {
        let (network, one) = (list(json!({})), attachment("c1"));
        step("ADD", done(libcni.add(&network, &one)));
        step("DEL", done(libcni.del(&network, &one)));
    });
    expect_invocations("libcni-failed-gc", "GC bridge", |libcni, step| {
        let (network, one) = (list(json!({})), attachment("c1"));
        step("ADD", done(libcni.add(&network, &one)));
        step("GC", done(libcni.gc(&network, Some(&[]))));
    });
}

#[test]
fn disabled_verbs_are_not_run() {
    expect_invocations("libcni-disabled", "", |libcni, step| {
        let network = list(json!({ "disableCheck": "true", "disableGC": true }));
        step("ADD", done(libcni.add(&network, &attachment("c1"))));
        step("CHECK", done(libcni.check(&network, &attachment("c1"))));
        step("GC", done(libcni.gc(&network, None)));
    });
}

#[test]
fn old_versions_have_no_cached_result_no_check_and_no_gc() {
    expect_invocations("libcni-old", "", |libcni, step| {
        let network = list(json!({ "cniVersion": "0.3.1" }));
        step("STATUS", done(libcni.status(&network)));
        step("ADD", done(libcni.add(&network, &attachment("c1"))));
        step("CHECK", done(libcni.check(&network, &attachment("c1"))));
        step("DEL", done(libcni.del(&network, &attachment("c1"))));
        step("GC", done(libcni.gc(&network, Some(&[]))));
    });
}

#[test]
fn names_are_validated_before_add_runs_a_plugin() {
    for (id, ifname, part) in [("a b", "eth0", "a b"), ("", "eth0", "empty"), ("c1", "a/b", "a/b")]
    {
        let directory = TempDir::new();
        let plugins = plugins("");
        let libcni = Libcni::new(&plugins, vec!["/p".into()], Cache::new(directory.path()));
        let one = RuntimeConf { id: id.to_owned(), ifname: ifname.to_owned(), ..attachment("c1") };
        let failure = libcni.add(&list(json!({})), &one).unwrap_err();
        assert!(failure.message.contains(part), "{failure}");
        assert_eq!(plugins.log(), "");
    }
}

#[test]
fn a_whole_lifecycle_in_mesos() {
    let config = object(json!({
        "name": "net", "type": "mesos-cni-port-mapper", "chain": "C",
        "args": { "org.example": { "b": 1, "a": 2 } },
        "delegate": { "type": "bridge", "bridge": "mesos-cni0", "ipam": { "type": "host-local" } },
    }));
    let info = object(json!({
        "port_mappings": [
            { "host_port": 8080, "container_port": 80 },
            { "host_port": 53, "container_port": 53, "protocol": "udp" },
        ],
        "labels": { "labels": [{ "key": "app", "value": "web" }] },
    }));
    let text = checkpoint(&config, info).unwrap();
    let handle = "/run/mesos/isolators/network/cni/5b1c/ns";
    let about = |ifname, netns, path| CallContext {
        id: "5b1c",
        ifname,
        netns,
        plugins_dir: "/opt/cni/bin:/usr/libexec/mesos",
        path,
        checkpoint: "/run/mesos/isolators/network/cni/5b1c/net/network.conf".into(),
    };
    let mut all = String::new();
    for (what, verb, about) in [
        ("ADD", Verb::Add, about("eth0", Some(handle), Some("/usr/sbin:/usr/bin"))),
        (
            "ADD as the second network, by an agent without PATH",
            Verb::Add,
            about("eth1", Some(handle), None),
        ),
        ("DEL", Verb::Del, about("eth0", Some(handle), Some("/usr/sbin:/usr/bin"))),
        ("DEL after a reboot", Verb::Del, about("eth0", None, Some("/usr/sbin:/usr/bin"))),
    ] {
        let invoked = invocation(verb, &text, "net", &about).unwrap();
        assert!(!invoked.inherits && invoked.from_file.is_some());
        all += &format!("# {what}\n{invoked}");
    }
    expect_golden("mesos-lifecycle", &all);
    let other = invocation(Verb::Del, &text, "other", &about("eth0", None, None)).unwrap_err();
    assert!(other.contains("does not match the network name"), "{other}");
}
