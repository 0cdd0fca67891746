//! The commands for administrators.

use std::process::Output;

use crate::common::*;
use cni_test_kit::{CallBuilder, Host, Outcome, Traffic};
use serde_json::{Value, json};

use crate::common::own_rules::{NFTABLES, flush_firewall, listing};

fn command(host: &Host, args: &[&str]) -> Output {
    host.command(plugin()).args(args).env_remove("CNI_COMMAND").output().expect("it starts")
}

fn command_output(host: &Host, args: &[&str]) -> String {
    String::from_utf8_lossy(&command(host, args).stdout).into_owned()
}

fn printed(host: &Host, args: &[&str]) -> String {
    let output = command(host, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn json(host: &Host, args: &[&str]) -> Value {
    serde_json::from_str(&printed(host, args)).unwrap_or_else(|why| panic!("{args:?}: {why}"))
}

#[test]
fn list_prints_mapped_ports_and_their_owners() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    assert_eq!(printed(&host, &["list"]), "no host ports are mapped\n");
    add(&fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]));
    add(&fake_container(&host, &dir, &network, "without-ports", &[]));
    let text = printed(&host, &["list"]);
    assert!(
        text.contains("tcp host port 8080 to container port 80") && text.contains("container c1"),
        "{text}"
    );
    assert!(!text.contains("without-ports"), "{text}");
    let list = json(&host, &["list", "--json"]);
    let row = &list["mappings"][0];
    assert_eq!(row["owner"]["containerId"], "c1");
    assert_eq!(row["mapping"]["hostPort"], 8080);
    assert_eq!(row["live"], true);
}

#[test]
fn restore_restores_traffic_after_a_firewall_reload_and_changes_nothing_otherwise() {
    for backend in [BACKENDS[0], BACKENDS[1], NFTABLES] {
        let host = Host::new();
        let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
        let container = host.container("c1");
        let mut network = example_network(&[]);
        network["backend"] = backend.into();
        add(&mesos(&network, &container, &[tcp(8080, 80)]));
        let _server = container.serve(Traffic::Http, 80);
        let before = listing(&host, backend);
        printed(&host, &["restore"]);
        assert_eq!(listing(&host, backend), before, "{backend}: nothing was missing");
        flush_firewall(&host, backend);
        unreached(&outside, HOST, 8080, "the reload removed the rules");
        let restored = json(&host, &["restore", "--json"]);
        assert_eq!(restored["restored"][0]["containerId"], "c1", "{restored}");
        for (place, address) in [(&*outside, HOST), (&*host, "127.0.0.1"), (&*container, HOST)] {
            reached(place, address, 8080, &format!("{backend}: restored"));
        }
    }
}

#[test]
fn gc_removes_only_containers_without_a_namespace_and_restore_skips_them() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let [dead, live] = ["dead", "live"].map(|name| host.container(name));
    let call = |name: &str, port| {
        let netns = format!("/run/netns/{name}");
        fake_container(&host, &dir, &network, name, &[tcp(port, 80)]).netns(&netns)
    };
    add(&call(dead.name(), 8080));
    add(&call(live.name(), 8081));
    dead.delete();
    assert!(printed(&host, &["list"]).contains("gone"));
    host.run("iptables -t nat -F");
    assert_eq!(json(&host, &["restore", "--json"])["restored"].as_array().map(Vec::len), Some(1));
    let removed = json(&host, &["gc", "--json"]);
    assert_eq!(removed["removed"][0]["containerId"], "dead", "{removed}");
    assert_eq!(dnat(&host).len(), 1, "the live one's rule stays");
    assert_eq!(printed(&host, &["gc"]), "nothing to remove\n");
}

/// The states that a mapping has in `list --json`; `unseen` is tested in [`behaviour`].
///
/// [`behaviour`]: crate::behaviour
#[test]
fn list_prints_one_word_for_each_state_in_json_and_what_people_read_otherwise() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call = |id: &str, port| fake_container(&host, &dir, &network, id, &[tcp(port, 80)]);
    let gone = host.container("gone");
    add(&call("gone", 8081).netns(&gone.netns()));
    gone.delete();
    add(&call("lost", 8082));
    host.sh("rm /run/mesos-cni-port-mapper/*.json");
    let gone = host.container("gone");
    add(&call("gone", 8081).netns(&gone.netns()));
    gone.delete();
    add(&call("live", 8080));
    add(&call("live", 8080).ifname("eth1"));
    let list = json(&host, &["list", "--json"]);
    let state = |object: &Value| {
        let id = object["owner"]["containerId"].as_str().unwrap().to_owned();
        (id, object["state"].as_str().unwrap().to_owned(), object["stateDir"].clone())
    };
    let mut states: Vec<_> = list["mappings"].as_array().unwrap().iter().map(state).collect();
    states.sort_by_key(|(id, state, _)| (id.clone(), state.clone()));
    let directory = Value::from(STATE);
    let expected = [
        ("gone", "gone", &directory),
        ("live", "live", &directory),
        ("live", "standby", &directory),
        ("lost", "unrecorded", &Value::Null),
    ];
    let expected = expected.map(|(id, state, dir)| (id.to_owned(), state.to_owned(), dir.clone()));
    assert_eq!(states, expected);
    let text = printed(&host, &["list"]);
    for words in [" gone\n", " live\n", " on standby\n", " no record\n"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

const STATE: &str = "/run/mesos-cni-port-mapper";

/// Rows with a record, on standby, of rules only, and of the original's rules.
#[test]
fn every_row_of_list_has_the_same_keys_and_null_for_what_is_unknown() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call = |id: &str, mappings| {
        fake_container(&host, &dir, &network, id, &[])
            .key("runtimeConfig", json!({ "portMappings": mappings }))
    };
    let at = |address: &str| json!([{"hostIP": address, "hostPort": 8080, "containerPort": 80}]);
    let any = |port: u16| json!([{"hostPort": port, "containerPort": 80}]);
    add(&call("lost", json!([{"hostPort": 8082, "containerPort": 8082, "range": 2}])));
    add(&call("lost-too", at("203.0.113.1")));
    host.sh(&format!("rm {STATE}/*.json"));
    add(&call("live", any(8081)));
    add(&call("live", any(8081)).ifname("eth1"));
    add(&call("one-family", json!([{"hostIP": "0.0.0.0", "hostPort": 1, "containerPort": 1}])));
    host.sh(&format!(
        "iptables -t nat -A {CHAIN} -p tcp -m tcp --dport 9000 -m comment \
         --comment 'container_id: old' -j DNAT --to-destination 10.0.0.9:80"
    ));
    let list = json(&host, &["list", "--json"]);
    let rows = list["mappings"].as_array().unwrap();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    for row in rows {
        assert_eq!(keys(row), keys(&rows[0]), "{row}");
        for key in ["mapping", "owner"] {
            assert_eq!(keys(&row[key]), keys(&rows[0][key]), "{row}");
        }
        assert!(!row.to_string().contains("\"\""), "{row}");
    }
    let of = |id: &str| rows.iter().find(|row| row["owner"]["containerId"] == id).unwrap();
    let mapping = |id: &str| {
        let mapping = &of(id)["mapping"];
        let keys = ["hostIP", "hostPort", "containerPort", "range"];
        json!(keys.map(|key| mapping[key].clone()))
    };
    assert_eq!(mapping("live"), json!([null, 8081, 80, 1]));
    assert_eq!(mapping("lost"), json!([null, 8082, 8082, 2]));
    assert_eq!(mapping("lost-too"), json!(["203.0.113.1", 8080, 80, 1]));
    assert_eq!(mapping("one-family"), json!(["0.0.0.0", 1, 1, 1]));
    assert_eq!(mapping("old"), json!([null, 9000, 80, 1]));
    assert_eq!(of("live")["addresses"], json!(["10.0.0.2"]));
    assert_eq!(of("old")["addresses"], json!(["10.0.0.9"]));
    assert_eq!(of("old")["owner"]["network"], Value::Null);
    assert_eq!((&of("old")["netns"], &of("old")["stateDir"]), (&Value::Null, &Value::Null));
    assert_eq!(of("live")["stateDir"], STATE);
}

#[test]
fn a_command_that_fails_prints_one_json_object_with_the_code_and_the_message() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    add(&fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]));
    host.sh("mkdir -m 755 /run/open && touch /run/file
         ip link add link0 type bridge; ip link set link0 up
         ip address add 10.1.0.1/16 brd + dev link0");
    let failed = |args: &[&str]| {
        let output = command(&host, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: Value = serde_json::from_str(&text)
            .unwrap_or_else(|why| panic!("{args:?} prints {text:?}: {why}"));
        assert_eq!(json["errors"].as_array().map(Vec::len), Some(1), "{json}");
        json
    };
    for (args, code, part) in [
        (["list", "--json", "--state-dir", "/run/open"].as_slice(), 5, "has mode 0755"),
        (&["gc", "--state-dir", "/run/file", "--json"], 5, "/run/file"),
        (&["restore", "--json", "--state-dir", "/run/open"], 5, "has mode 0755"),
        (&["list", "--json", "--foo"], 4, "--foo"),
        (&["doctor", "--backend", "pf", "--json"], 4, "\"pf\" is not a backend"),
        (&["lst", "--json"], 4, "\"lst\" is not a command"),
        (&["gc", "--json", "--force", "c9"], 3, "no container \"c9\""),
        (&["gc", "--json", "--force", "c1"], 4, "still exists"),
        (&["gc", "--force", "--json"], 4, "--force has no value"),
        (&["explain", "8080", "--json", "--from", "203.0.113.9%no"], 4, "no interface \"no\""),
        (&["explain", "8080", "--json", "--from", "0.0.0.0"], 4, "unspecified"),
        (&["explain", "8080", "--json", "--from", "10.1.255.255"], 4, "broadcast"),
        (&["explain", "8080", "--json", "--state-dir", "/run/open"], 5, "has mode 0755"),
    ] {
        let json = failed(args);
        let error = &json["errors"][0];
        let msg = error["msg"].as_str().unwrap();
        assert!(!msg.contains("Usage"), "the usage is not part of the message: {msg}");
        let keys: &[&str] = match args[0] {
            "list" => &["mappings", "waiting"],
            "restore" => &["restored"],
            "gc" => &["removed", "kept"],
            "doctor" => &["ok", "checks"],
            "explain" => &["ok", "port", "protocol", "paths"],
            _ => &[],
        };
        for key in keys {
            assert!(json.get(key).is_some(), "{args:?}: {key} is a key as on success: {json}");
        }
        assert_eq!(error["code"], code, "{args:?}: {error}");
        assert!(error["msg"].as_str().unwrap().contains(part), "{args:?}: {error}");
    }
    assert_eq!(failed(&["gc", "--json", "--force", "c1"])["errors"][0]["owner"]["ifname"], "eth0");
    host.sh(&format!("cd {STATE}; for i in *.json; do echo {{ >$i; done"));
    let list = failed(&["list", "--json"]);
    assert_eq!(list["errors"][0]["code"], 6, "{list}");
    assert_eq!(list["mappings"][0]["state"], "unrecorded", "{list}");
    for command in [["explain", "8080", "--json"].as_slice(), &["doctor", "--json"]] {
        let output = command_output(&host, command);
        assert!(output.contains("is damaged"), "{command:?}: {output}");
    }
    // And one that does not fail has the key, too.
    let gc = json(&host, &["gc", "--json", "--force", "c1", "--state-dir", "/run/new"]);
    assert_eq!(gc["errors"], json!([]));
    assert_eq!(json(&host, &["doctor", "--json"])["errors"], json!([]));
}

#[test]
fn a_closed_stdout_is_no_error_and_a_full_one_is() {
    let host = Host::new();
    let (program, all) =
        (format!("'{}'", plugin().display()), "list restore gc doctor --help --version");
    // The reader has closed the pipe before the program starts.
    host.sh(&format!(
        "unset CNI_COMMAND; for i in {all}; do
            rm -f /run/closed /run/ok
            {{
                until [ -e /run/closed ]; do sleep 0.01; done
                {program} $i 2>/run/errors && touch /run/ok
            }} | {{ exec <&-; touch /run/closed; }}
            cat /run/errors; ! test -s /run/errors && test -e /run/ok || exit 1
            ! {program} $i >/dev/full 2>/run/errors || exit 2
            grep -q 'stdout can.t be written' /run/errors || exit 3
         done"
    ));
}

/// Holds the lock of the host while a command starts, and changes something as soon as the command
/// waits for it.
fn changed_under_the_lock(host: &Host, args: &[&str], change: impl FnOnce()) -> Outcome {
    let lock = format!("{STATE}/lock");
    let mut holder = host.command("flock");
    let mut holder = holder.args(["--no-fork", &lock, "sleep", "600"]).spawn().expect("flock");
    wait_until("the lock is held", || is_locked(host, &lock));
    let command = CallBuilder::cli(args).within(host).start(plugin());
    wait_until("the command waits", || is_waiting_for_a_lock(host));
    change();
    holder.kill().expect("kill");
    holder.wait().expect("wait");
    command.finish()
}

#[test]
fn gc_keeps_a_container_that_was_started_again_while_the_command_waited_for_the_lock() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let [old, new] = ["old", "new"].map(|name| host.container(name));
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    // What an ADD writes that has the lock before `gc`.
    add(&call.clone().netns(&new.netns()));
    host.sh(&format!("mkdir /run/new && cp {STATE}/*.json /run/new"));
    // It lives, so an ADD for another namespace would be refused.
    del(&call);
    add(&call.clone().netns(&old.netns()));
    old.delete();
    let again = || drop(host.sh(&format!("cp /run/new/*.json {STATE}")));
    let gc = changed_under_the_lock(&host, &["gc"], again).expect_success();
    assert_eq!(gc.stdout, "nothing to remove\n");
    assert_eq!(dnat(&host).len(), 1, "the rule of the new one stays");
    assert!(printed(&host, &["list"]).contains(" live\n"));
    del(&call.clone().netns(&new.netns()));

    // By its rules alone.
    add(&call.clone().netns(&new.netns()));
    host.sh(&format!("rm {STATE}/*.json"));
    let forced = changed_under_the_lock(&host, &["gc", "--force", "c1"], again);
    assert!(!forced.status.success(), "{}", forced.stdout);
    assert!(forced.stdout.contains("has changed"), "{}", forced.stdout);
    assert_eq!(dnat(&host).len(), 1, "the rule of the new one stays");
}

#[test]
fn gc_removes_by_force_the_rules_of_a_container_whose_file_is_damaged() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    add(&fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]));
    host.sh(&format!("cd {STATE}; for i in *.json; do echo {{ >$i; done"));
    let output = command(&host, &["gc", "--force", "c1"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("removed container c1 ") && text.contains("is damaged"), "{text}");
    assert_eq!(dnat(&host).len(), 0);
    assert_eq!(printed(&host, &["gc"]), "nothing to remove\n", "the file is removed as well");
}

#[test]
fn gc_removes_by_force_only_what_it_has_listed() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    // A path to nothing is a namespace that can't be seen.
    let unseen = |number: u16| {
        fake_container(&host, &dir, &network, "c1", &[tcp(8080 + number, 80)])
            .netns(&format!("/run/netns/unseen{number}"))
    };
    add(&unseen(2));
    host.sh(&format!("mkdir /run/new && cp {STATE}/*.json /run/new"));
    del(&unseen(2));
    add(&unseen(1));
    let again = || drop(host.sh(&format!("cp /run/new/*.json {STATE}")));
    let forced = changed_under_the_lock(&host, &["gc", "--force", "c1"], again);
    assert!(!forced.status.success(), "{}", forced.stdout);
    assert!(forced.stdout.contains("has changed"), "{}", forced.stdout);
    assert_eq!(dnat(&host).len(), 1, "its rule stays");
    // A repeated ADD with another port was killed: there are two claims, and both are listed.
    host.sh(&format!("cd {STATE}; umask 077; for i in *.json; do sed s/8082/8083/ $i >.$i; done"));
    assert!(printed(&host, &["gc", "--force", "c1"]).contains("removed container c1 "));
    assert_eq!(dnat(&host).len(), 0);
}

#[test]
fn doctor_succeeds_or_reports_what_is_missing() {
    let host = Host::new();
    for backend in ["iptables-nft", "iptables-legacy", "nftables"] {
        let report = json(&host, &["doctor", "--json", "--backend", backend]);
        assert_eq!(report["ok"], true, "{report}");
    }
    let (failed, text) = doctor_without_programs(&host, "--backend iptables");
    assert!(failed && text.contains("failed") && text.contains("install iptables"), "{text}");
    let (failed, text) = doctor_without_programs(&host, "");
    assert!(!failed && text.contains("nf_tables of Linux"), "the default needs none: {text}");
}

fn doctor_without_programs(host: &Host, args: &str) -> (bool, String) {
    let script = format!("mkdir -p /run/nothing; PATH=/run/nothing; exec \"$0\" doctor {args}");
    let output =
        host.command("sh").args(["-c", &script]).arg(plugin()).output().expect("it starts");
    (output.status.code() == Some(1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn doctor_reports_what_the_kernel_refuses() {
    let host = Host::new();
    let args = "--bounding-set=-net_admin --inh-caps=-net_admin";
    let script = format!("exec setpriv {args} \"$0\" doctor --backend nftables");
    let output =
        host.command("sh").args(["-c", &script]).arg(plugin()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("failed  nftables:") && text.contains("CAP_NET_ADMIN"), "{text}");
}

#[test]
fn doctor_reports_that_the_comment_match_is_missing() {
    let host = Host::new();
    let library = host.sh("dirname $(find /usr/lib -name libxt_comment.so | head -n 1)");
    let library = library.trim();
    host.sh(&format!(
        "mkdir /run/x && cp -r {library}/. /run/x && rm /run/x/libxt_comment.so &&
         mount --bind /run/x {library}"
    ));
    let output = command(&host, &["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("xt_comment"), "{text}");
}

#[test]
fn a_mistyped_command_is_reported_and_fails() {
    let host = Host::new();
    for (args, part) in [
        (["lst"].as_slice(), "\"lst\" is not a command"),
        (&["list", "--foo"], "--foo"),
        (&["doctor", "--backend", "pf"], "\"pf\" is not a backend"),
    ] {
        let output = command(&host, args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr.contains(part) && stderr.contains("Usage:"), "{stderr}");
    }
    assert!(printed(&host, &["--help"]).starts_with("Usage:"));
    assert!(printed(&host, &["--version"]).starts_with("mesos-cni-port-mapper "));
}
