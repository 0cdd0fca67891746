//! What belongs to other programs: their chains and jumps, and their directories.

use cni_test_kit::{CallBuilder, TempDir};
use serde_json::json;

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::{add, del, nat, plugin, tcp};
use crate::programs::executable;

on_both_iptables!(
    the_empty_chain_of_docker_and_its_jumps_survive_the_last_del,
    a_chain_of_another_program_keeps_its_rules_and_jumps,
    a_del_of_an_unknown_container_changes_nothing_in_a_chain_of_the_original,
    a_del_of_a_container_of_the_original_leaves_the_chain_of_docker,
    an_add_that_is_refused_leaves_the_empty_chain_of_an_operator,
    the_warning_of_a_chain_that_exists_in_both_families_is_one,
);

on_every_backend!(
    a_directory_of_another_program_is_refused_and_unchanged,
    an_empty_directory_that_others_can_read_is_refused_with_the_command_that_helps,
    list_and_doctor_create_and_change_no_directory,
    no_other_user_can_write_to_a_directory_that_was_created_whatever_the_umask,
);

/// Creates a chain with the jumps that Docker and Mesos's original port mapper create.
pub(super) fn chain_with_jumps(testbed: &RulesTestbed, chain: &str) {
    testbed.tool(&format!("-t nat -N {chain}"));
    testbed.tool(&format!("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j {chain}"));
    let output = "-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL";
    testbed.tool(&format!("{output} -j {chain}"));
}

/// Creates a rule like those of the original.
fn as_the_original(testbed: &RulesTestbed, chain: &str, id: &str) {
    let mapping = "-p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.7.7:80";
    testbed.host.sh(&format!(
        "{} -w -t nat -A {chain} {mapping} -m comment --comment 'container_id: {id}'",
        testbed.backend
    ));
}

fn the_empty_chain_of_docker_and_its_jumps_survive_the_last_del(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    chain_with_jumps(&testbed, "DOCKER");
    let before = nat(&testbed.host, backend);
    let in_docker =
        |id: &str, port| testbed.call(id, &[tcp(port, 80)]).key("chain", json!("DOCKER"));
    let (one, two) = (in_docker("c1", 8080), in_docker("c2", 8081));
    del(&one);
    assert_eq!(nat(&testbed.host, backend), before, "a DEL of nothing changes nothing");
    add(&one);
    add(&two);
    assert!(nat(&testbed.host, backend).contains("-A DOCKER -p tcp"), "the chain is used");
    del(&one);
    del(&two);
    assert_eq!(nat(&testbed.host, backend), before);
}

fn a_chain_of_another_program_keeps_its_rules_and_jumps(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for chain in ["KUBE-HOSTPORTS", "OPERATOR"] {
        chain_with_jumps(&testbed, chain);
        testbed.tool(&format!("-t nat -A {chain} -i eth9 -j RETURN"));
        let before = nat(&testbed.host, backend);
        let call = testbed.call("c1", &[tcp(8080, 80)]).key("chain", json!(chain));
        add(&call);
        del(&call);
        assert_eq!(nat(&testbed.host, backend), before);
    }
}

fn the_warning_of_a_chain_that_exists_in_both_families_is_one(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for program in [backend.to_owned(), backend.replacen("ip", "ip6", 1)] {
        testbed.host.run(&format!("{program} -w -t nat -N OPERATOR"));
        testbed.host.run(&format!("{program} -w -t nat -A OPERATOR -i eth9 -j RETURN"));
    }
    let ips = json!([{"address": "10.0.0.2/24"}, {"address": "fd00::2/64"}]);
    let call = testbed
        .call("c1", &[tcp(8080, 80)])
        .key("chain", json!("OPERATOR"))
        .key("cniVersion", json!("1.0.0"))
        .key("delegate", json!(null))
        .key("prevResult", json!({"cniVersion": "1.0.0", "ips": ips}));
    let stderr = add(&call).stderr;
    assert_eq!(stderr.matches("OPERATOR exists already").count(), 1, "{stderr}");
    assert!(stderr.contains("(IPv4 and IPv6)"), "{stderr}");
}

fn a_del_of_an_unknown_container_changes_nothing_in_a_chain_of_the_original(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for chain in ["DOCKER", "MESOS-TEST-PORT-MAPPER"] {
        testbed.tool(&format!("-t nat -N {chain}"));
        as_the_original(&testbed, chain, "old");
        let before = nat(&testbed.host, backend);
        let call = testbed.call("unknown", &[tcp(8080, 80)]).key("chain", json!(chain));
        del(&call);
        assert_eq!(nat(&testbed.host, backend), before, "{chain}");
    }
}

fn a_del_of_a_container_of_the_original_leaves_the_chain_of_docker(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    chain_with_jumps(&testbed, "DOCKER");
    let before = nat(&testbed.host, backend);
    as_the_original(&testbed, "DOCKER", "old");
    del(&testbed.call("old", &[tcp(8080, 80)]).key("chain", json!("DOCKER")));
    assert_eq!(nat(&testbed.host, backend), before, "the rule is removed and nothing else");
}

fn an_add_that_is_refused_leaves_the_empty_chain_of_an_operator(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    chain_with_jumps(&testbed, "OPERATOR");
    let before = nat(&testbed.host, backend);
    let refused = testbed.call("c2", &[tcp(8080, 80)]).key("chain", json!("OPERATOR"));
    assert_eq!(refused.run(plugin()).error().0, 105);
    del(&refused);
    assert_eq!(nat(&testbed.host, backend), before);
}

/// The mode and the content of a directory.
fn directory(testbed: &RulesTestbed, path: &str) -> String {
    testbed.host.sh(&format!("stat -c '%a %u %n' {path}; ls -A {path}"))
}

fn a_directory_of_another_program_is_refused_and_unchanged(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    testbed.host.run("mkdir -m 755 /run/daemon");
    testbed.host.run("touch /run/daemon/socket");
    let before = directory(&testbed, "/run/daemon");
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("stateDir", json!("/run/daemon"));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    for part in ["/run/daemon", "0755", "stateDir"] {
        assert!(msg.contains(part), "{part} is not in: {msg}");
    }
    assert!(!msg.contains("chmod"), "it is not ours to change: {msg}");
    assert_eq!(testbed.own_rules(), "", "no rule was created");
    del(&call);
    let gc = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!([]));
    gc.run(plugin()).expect_success();
    assert_eq!(directory(&testbed, "/run/daemon"), before);

    // The configuration was changed while the container lived: DEL finds its rules by their tags.
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    del(&call);
    assert_eq!(testbed.own_rules(), "", "the rules were removed");
    assert_eq!(files(&testbed.host, STATE), ["lock"], "and so was the claim");
    assert_eq!(directory(&testbed, "/run/daemon"), before);
}

fn an_empty_directory_that_others_can_read_is_refused_with_the_command_that_helps(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    // As RuntimeDirectory= of systemd creates it.
    testbed.host.run(&format!("mkdir -m 755 {STATE}"));
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    let command = format!("chmod 700 {STATE}");
    assert!(msg.contains(&command), "the message has the command: {msg}");
    assert_eq!(directory(&testbed, STATE).trim(), format!("755 0 {STATE}"), "it is unchanged");
    testbed.host.run(&command);
    add(&call);
    del(&call);
}

fn list_and_doctor_create_and_change_no_directory(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let run = |command: &str, path: &str| {
        let args = [command, "--state-dir", path, "--backend", backend];
        CallBuilder::cli(&args).within(&testbed.host).run(plugin())
    };
    testbed.host.run("mkdir -m 755 /run/daemon");
    for command in ["list", "doctor"] {
        let outcome = run(command, "/run/daemon");
        assert_eq!(outcome.code(), Some(1), "{command}: {outcome}");
        let output = outcome.to_string();
        assert!(output.contains("/run/daemon") && output.contains("0755"), "{command}: {output}");
        assert_eq!(directory(&testbed, "/run/daemon").trim(), "755 0 /run/daemon", "{command}");
        let output = run(command, "/run/missing").expect_success().to_string();
        assert!(!output.contains("cannot"), "{command}: {output}");
        assert!(!testbed.host.exists("/run/missing"), "{command} creates nothing");
    }
}

fn no_other_user_can_write_to_a_directory_that_was_created_whatever_the_umask(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let directory = TempDir::new();
    let program = directory.path().join("mesos-cni-port-mapper");
    executable(&program, &format!("umask 0; exec '{}' \"$@\"", plugin().display()));
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("stateDir", json!("/run/above/state"));
    call.run(&program).expect_success();
    let modes = testbed.host.sh("find /run/above -printf '%m %P\\n'");
    let mut modes: Vec<&str> = modes.lines().collect();
    modes.retain(|line| !line.ends_with("lock") && !line.ends_with(".json"));
    assert_eq!(modes[..2], ["755 ", "700 state"]);
    let writable = testbed.host.sh(&format!("find /run/above {STATE} ! -type l -perm /022"));
    assert_eq!(writable, "", "writable for other users");
}
