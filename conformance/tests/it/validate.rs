//! `cni-conformance validate`: the problems that it finds.

use std::fs;
use std::path::Path;

use cni_conformance::validate::validate;
use cni_test_kit::TempDir;
use serde_json::{Value, json};

/// Returns the problems of a configuration, without checking plugins.
fn found(document: &Value) -> Vec<String> {
    validate(document, &[]).iter().map(ToString::to_string).collect()
}

fn port_mapper(keys: Value) -> Value {
    let mut config =
        json!({"name": "mesos", "type": "mesos-cni-port-mapper", "delegate": {"type": "bridge"}});
    for (key, value) in keys.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config
}

/// Checks that each document has a problem that begins with this text.
#[track_caller]
fn expect(table: impl IntoIterator<Item = (Value, &'static str)>) {
    for (document, expected) in table {
        let found = found(&document);
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{document}\nwanted {expected}\nfound {found:#?}"
        );
    }
}

#[test]
fn a_key_that_is_unknown_is_reported_with_one_that_is_known() {
    expect([
        (
            port_mapper(json!({"exclude_devices": []})),
            "warning: exclude_devices: it is not a known key; did you mean excludeDevices?",
        ),
        (
            port_mapper(json!({"wrapper": {"logLevl": "debug"}})),
            "error: wrapper.logLevl: it is not a known key; did you mean logLevel?",
        ),
        (
            port_mapper(json!({"conditions": ["-s", "192.0.2.1"]})),
            "warning: conditions: it is not a known key; did you mean conditionsV4?",
        ),
        (
            port_mapper(json!({"excludeInterfaces": []})),
            "warning: excludeInterfaces: it is not a known key; did you mean excludeDevices?",
        ),
    ]);
}

#[test]
fn a_key_of_another_plugin_is_reported_with_the_plugin_that_reads_it() {
    expect([
        (
            port_mapper(json!({"bridge": "cni0"})),
            "warning: bridge: mesos-cni-port-mapper does not read it; bridge does: move it to its \
             place in `delegate`",
        ),
        (
            port_mapper(json!({"ipam": {"type": "host-local"}})),
            "warning: ipam: mesos-cni-port-mapper does not read it; the plugin that creates the \
             interface does",
        ),
        (
            json!({"name": "n", "plugins": [{"type": "bridge"},
                {"type": "mesos-cni-port-mapper", "capabilities": {"portMappings": true},
                 "subnet": "10.0.0.0/24"}]}),
            "warning: plugins[1].subnet: mesos-cni-port-mapper does not read it; host-local, below \
             `ipam`, does: move it to the object of that plugin",
        ),
    ]);
    let of_bridge = json!({"name": "n", "type": "bridge", "bridge": "cni0", "ipam": {}});
    assert_eq!(found(&of_bridge), Vec::<String>::new());
}

#[test]
fn a_key_of_a_list_with_another_type_is_reported() {
    let list = |version: &str, key: &str, value: Value| {
        let mut list = json!({"name": "n", "cniVersion": version, "plugins": [{"type": "bridge"}]});
        list[key] = value;
        list
    };
    expect([
        (
            list("0.4.0", "disableCheck", json!("yes")),
            "error: disableCheck: it is true or false, not \"yes\"",
        ),
        (list("1.1.0", "disableGC", json!(1)), "error: disableGC: it is true or false, not 1"),
        (
            list("1.0.0", "disableCheck", json!("true")),
            "warning: disableCheck: since 1.0.0 it is a boolean: write true",
        ),
        (
            list("1.1.0", "cniVersions", json!("1.0.0")),
            "error: cniVersions: it is a list of versions, not \"1.0.0\"",
        ),
        (
            json!({"name": "n", "cniVersion": "1.0.0", "type": "bridge"}),
            "warning: plugins: it is missing: since 1.0.0 a network configuration is a list",
        ),
    ]);
    for harmless in [
        list("0.4.0", "disableCheck", json!("true")),
        list("1.1.0", "disableCheck", json!(true)),
        list("1.1.0", "cniVersions", json!(["1.0.0"])),
        json!({"name": "n", "cniVersion": "0.4.0", "type": "bridge"}),
    ] {
        assert_eq!(found(&harmless), Vec::<String>::new(), "{harmless}");
    }
}

#[test]
fn a_key_that_was_renamed_is_reported_with_its_new_name() {
    expect([
        (
            port_mapper(json!({"delegateTimeout": 10})),
            "error: delegateTimeout: this key was renamed to wrapper.delegateTimeout",
        ),
        (
            json!({"name": "n", "type": "cni-trace", "traceFile": "/x", "delegate": {"type": "a"}}),
            "error: traceFile: this key was renamed to recordingFile",
        ),
        (
            json!({"name": "n", "type": "cni-guard", "guard": {"retry": {"tries": 1}},
                "delegate": {"type": "a"}}),
            "error: guard.retry.tries: this key was renamed to guard.retry.maxAttempts",
        ),
    ]);
}

#[test]
fn a_value_that_does_not_fit_is_reported_with_its_key() {
    expect([
        (
            port_mapper(json!({"wrapper": {"logLevel": "loud"}})),
            "error: wrapper.logLevel: the value does not fit: The lowest level that is logged",
        ),
        (
            port_mapper(json!({"chain": "Drop"})),
            "error: chain: the value does not fit: Chain of the nat table",
        ),
        (
            port_mapper(json!({"wrapper": {"delegateTimeout": "10"}})),
            "error: wrapper.delegateTimeout: want null or number, but got string",
        ),
        (
            port_mapper(json!({"wrapper": {"delegateTimeout": 0}})),
            "error: wrapper.delegateTimeout: ",
        ),
        (port_mapper(json!({"wrapper": ["x"]})), "error: wrapper: want object, but got array"),
        (port_mapper(json!({"conditionsV4": [""]})), "error: conditionsV4[0]: "),
        (
            port_mapper(json!({"excludeDevices": "veth0"})),
            "error: excludeDevices: want null or array, but got string",
        ),
        (
            port_mapper(json!({"chain": "a-chain-whose-name-is-much-too-long"})),
            "error: chain: length must be <=28",
        ),
        (port_mapper(json!({"backend": "ipfilter"})), "error: backend: value must be one of"),
        (port_mapper(json!({"lockTimeout": 601})), "error: lockTimeout: must be <=600"),
    ]);
}

#[test]
fn a_key_that_has_no_effect_is_reported_with_why() {
    expect([
        (
            port_mapper(json!({"backend": "nftables", "conditionsV4": ["-s", "192.0.2.1"]})),
            "error: conditionsV4: ",
        ),
        (
            port_mapper(json!({"markMasqBit": 13})),
            "error: markMasqBit: this plugin marks no packets",
        ),
        (
            port_mapper(json!({"externalSetMarkChain": "KUBE-MARK-MASQ"})),
            "error: externalSetMarkChain: this plugin marks no packets",
        ),
        (
            port_mapper(json!({"delegate": {"type": "bridge", "isDefaultGateway": true,
                "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}]}}})),
            "error: delegate.ipam.routes: \"isDefaultGateway\" adds the default route",
        ),
    ]);
}

#[test]
fn a_mistake_in_what_every_plugin_reads_is_reported_with_its_key() {
    expect([
        (port_mapper(json!({"name": "a/b"})), "error: name: "),
        (
            port_mapper(json!({"cniVersion": "3.0"})),
            "error: cniVersion: \"3.0\" is not a version of CNI; the versions are 0.1.0,",
        ),
        (
            port_mapper(json!({"delegate": {"bridge": "cni0"}})),
            "error: delegate.type: it is missing",
        ),
        (
            port_mapper(json!({"delegate": {"type": "/bin/sh"}})),
            "error: delegate.type: \"/bin/sh\" is not a file name",
        ),
        (
            port_mapper(json!({"delegate": null})),
            "error: delegate: it is missing, and no plugin precedes this one",
        ),
        (json!({"type": "bridge"}), "error: name: it is missing"),
    ]);
}

#[test]
fn a_mistake_in_a_list_or_in_rules_is_reported_with_its_key_and_what_to_do() {
    let list = |plugins: Value| json!({"cniVersion": "1.0.0", "name": "net", "plugins": plugins});
    let bridge = json!({"type": "bridge", "bridge": "cni0"});
    expect([
        (list(json!([])), "error: plugins: it must be a list of at least one plugin"),
        (
            list(json!([bridge, {"type": "mesos-cni-port-mapper"}])),
            "error: plugins[1].capabilities: add {\"portMappings\": true}",
        ),
        (
            list(
                json!([{"type": "mesos-cni-port-mapper", "capabilities": {"portMappings": true}}]),
            ),
            "error: plugins[0].delegate: it is missing",
        ),
        (
            list(json!([bridge, {
                "type": "mesos-cni-port-mapper",
                "capabilities": {"portMappings": true, "portmap": true},
            }])),
            "warning: plugins[1].capabilities.portmap: it is not a capability that runtimes know",
        ),
        (
            json!({"name": "n", "type": "cni-label-policy", "delegate": {"type": "bridge"}}),
            "error: the configuration: missing properties 'default'",
        ),
        (
            json!({
                "name": "n", "type": "cni-label-policy", "delegate": {"type": "bridge"},
                "default": {"allow": true}, "rules": [{"when": {"label": {}}, "allow": true}],
            }),
            "error: rules[0].when.label: it is not a known key; did you mean labels?",
        ),
        (
            json!({
                "name": "n", "type": "cni-label-policy", "default": {"use": "a"},
                "delegates": {"a": {"type": "mesos-cni-port-mapper"}},
            }),
            "error: delegates.a.delegate: it is missing",
        ),
    ]);
}

/// A key that is missing in the schema would be reported as a mistake.
#[test]
fn every_key_in_the_table_of_a_readme_is_in_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the top");
    let toolkit = ["allow", "deny", "use", "delegates"];
    for plugin in ["port-mapper", "label-policy", "trace"] {
        let read = |file: &str| {
            fs::read_to_string(root.join("plugins").join(plugin).join(file)).expect("a file")
        };
        let schema: Value = serde_json::from_str(&read("schema.json")).expect("JSON");
        let readme = read("README.md");
        let heading = if plugin == "port-mapper" { "## Configuration" } else { "## Keys" };
        let (_, keys) = readme.split_once(heading).expect("a table of keys");
        let table = keys
            .lines()
            .skip_while(|line| !line.starts_with("| `"))
            .take_while(|line| line.starts_with('|'));
        let cells = table.filter_map(|row| row.split('|').nth(1));
        let keys: Vec<&str> = cells
            .flat_map(|cell| cell.split(", "))
            .map(|key| key.trim_matches([' ', '`']))
            .collect();
        assert!(keys.len() > 3, "{plugin}: {keys:?}");
        for key in keys.iter().filter(|key| !toolkit.contains(key)) {
            assert!(
                schema["properties"].get(key).is_some(),
                "{plugin}: {key} is not in its schema"
            );
        }
    }
}

#[test]
fn the_schemas_of_all_plugins_describe_the_keys_of_the_toolkit_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the top");
    let wrapper = |plugin: &str| {
        let file = root.join("plugins").join(plugin).join("schema.json");
        let schema: Value =
            serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON");
        schema["properties"]["wrapper"].clone()
    };
    assert!(wrapper("port-mapper").is_object());
    for plugin in ["guard", "label-policy", "trace"] {
        assert_eq!(wrapper(plugin), wrapper("port-mapper"), "{plugin}");
    }
}

/// Validates all configurations in the documents.
#[test]
fn the_configurations_in_the_documents_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the top");
    let mut seen = 0;
    for file in [
        "README.md",
        "plugins/RECIPES.md",
        "plugins/port-mapper/docs/from-portmap.md",
        "plugins/port-mapper/README.md",
        "plugins/label-policy/README.md",
        "plugins/guard/README.md",
        "plugins/trace/README.md",
    ] {
        let text = fs::read_to_string(root.join(file)).expect("a document");
        for block in text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let document: Value = serde_json::from_str(block).expect("JSON");
            if document.get("name").is_some() {
                let mut found = found(&document);
                // Many show the object of one plugin, as a runtime sends it.
                found.retain(|line| !line.starts_with("warning: plugins: it is missing"));
                assert!(found.is_empty(), "{file}: {found:#?} in {block}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 7, "only {seen} configurations were found");
}

/// A directory with plugins that report these versions.
struct Plugins(TempDir);

impl Plugins {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn with(self, name: &str, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let file = self.0.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("executable");
        self
    }
}

#[test]
fn plugins_are_found_and_asked_for_their_versions() {
    let speaks = |versions: &str| format!("echo '{{\"supportedVersions\": [{versions}]}}'");
    let plugins = Plugins::new()
        .with("old", &speaks(r#""0.3.1", "0.4.0""#))
        .with("new", &speaks(r#""1.0.0", "1.1.0""#))
        .with("broken", "echo nonsense")
        .with("hanging", "sleep 60; echo nonsense");
    fs::write(plugins.0.path().join("text"), "").expect("written");
    let list = json!({"cniVersion": "1.0.0", "name": "net", "plugins": [
        {"type": "old"}, {"type": "new"}, {"type": "broken"}, {"type": "text"}, {"type": "absent"},
        {"type": "hanging"},
    ]});
    let found: Vec<String> = validate(&list, &[plugins.0.path().to_owned()])
        .iter()
        .map(|finding| finding.to_string().replace(&plugins.0.path().display().to_string(), "DIR"))
        .collect();
    assert_eq!(found.len(), 5, "{found:#?}");
    assert_eq!(
        found[0],
        "error: plugins[0].type: old does not support CNI 1.0.0, in which it would be called; \
         it supports 0.3.1, 0.4.0"
    );
    assert!(
        found[1].starts_with("error: plugins[2].type: DIR/broken did not report its versions"),
        "{found:#?}"
    );
    assert_eq!(found[2], "error: plugins[3].type: DIR/text is not executable");
    assert_eq!(found[3], "error: plugins[4].type: absent is not in DIR");
    assert!(found[4].contains("hanging did not end within"), "{found:#?}");

    // A delegate is called in its own version, one in a chain in 0.4.0 or later.
    let wrapper = |delegate: Value| {
        let (name, version) = ("net", "0.4.0");
        json!({"name": name, "type": "old", "cniVersion": version, "delegate": delegate})
    };
    assert_eq!(
        validate(&wrapper(json!({"type": "new"})), &[plugins.0.path().to_owned()]).len(),
        0,
        "the configuration of other plugins is not checked"
    );
    let with_ipam = |kind: &str| {
        let plugin = json!({"type": "old", "ipam": {"type": kind}});
        let list = json!({"cniVersion": "0.4.0", "name": "net", "plugins": [plugin]});
        validate(&list, &[plugins.0.path().to_owned()])
    };
    let found = with_ipam("there-is-none");
    assert!(
        found.len() == 1
            && found[0].to_string().starts_with("error: plugins[0].ipam.type: there-is"),
        "{found:?}"
    );
    assert!(with_ipam("old").is_empty() && with_ipam("").is_empty(), "an empty name is no plugin");
}

#[test]
fn the_command_reports_problems_and_exits_accordingly() {
    let directory = Plugins::new();
    let write = |name: &str, document: &Value| {
        let file = directory.0.path().join(name);
        fs::write(&file, document.to_string()).expect("written");
        file
    };
    let good = write("good.conf", &port_mapper(json!({"cniVersion": "0.4.0"})));
    let bad = write("bad.conf", &port_mapper(json!({"backend": "none"})));
    let odd = write("odd.conf", &port_mapper(json!({"cniVersion": "0.4.0", "chian": "A"})));
    let run = |files: &[&Path]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
        let output =
            command.args(["validate", "--path", ""]).args(files).output().expect("it starts");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (code, output) = run(&[&good]);
    assert_eq!((code, output.ends_with("no problems found\n")), (Some(0), true), "{output}");
    let (code, output) = run(&[&odd]);
    assert!(
        code == Some(0) && output.contains("did you mean chain?"),
        "a warning is not a failure: {output}"
    );
    let (code, output) = run(&[&good, &bad]);
    assert!(code == Some(1) && output.contains("bad.conf: error: backend: "), "{output}");
    assert_eq!(run(&[&directory.0.path().join("none.conf")]).0, Some(2));
}

#[test]
fn what_the_port_mapper_and_bridge_accept_is_no_problem() {
    let routes = json!([{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}, {"dst": "10.0.0.0/8"}]);
    for keys in [
        json!({"conditionsV4": ["!", "-d", "192.0.2.0/24"], "conditionsV6": null}),
        json!({"backend": "nftables", "conditionsV4": []}),
        json!({"markMasqBit": null, "externalSetMarkChain": null}),
        json!({"wrapper": {"logLevel": "WARN", "delegateTimeout": null, "logFile": "/x"}}),
        json!({"delegate": {"type": "bridge", "isDefaultGateway": true,
            "ipam": {"routes": routes}}}),
        json!({"delegate": {"type": "bridge", "isGateway": true,
            "ipam": {"routes": [{"dst": "0.0.0.0/0"}]}}}),
    ] {
        assert_eq!(found(&port_mapper(keys.clone())), [] as [&str; 0], "{keys}");
    }
}
