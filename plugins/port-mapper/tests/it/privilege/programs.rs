//! All programs that are executed and all files that are opened for writing, as strace observes
//! them.

use std::collections::BTreeSet;
use std::fs;

use cni_test_kit::{CallBuilder, Host, PluginDir};
use serde_json::json;

use super::{IPTABLES, hostile_call};
use crate::common::{assert_nothing_is_left, dnat, example_network, plugin, scripted};
use crate::programs::executable;

/// Runs a call under strace. Returns the system calls of the port mapper and all its children.
fn traced(dir: &PluginDir, call: &CallBuilder) -> Vec<String> {
    let (script, log) = (dir.path().join("traced"), dir.path().join("trace"));
    let calls = "execve,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,\
                 link,symlink,linkat,symlinkat,mknod,mknodat";
    let text = format!(
        "exec strace -qq -f -v -s 100000 -e signal=none -e trace={calls} -o '{}' '{}'",
        log.display(),
        plugin().display()
    );
    executable(&script, &text);
    let outcome = call.run(&script).expect_success();
    assert_eq!(outcome.stderr, "", "no warning");
    let trace = fs::read_to_string(log).expect("a trace");
    // An execve is logged as unfinished if another call interrupts the line; its arguments are
    // there.
    let is_whole = |line: &str| !line.contains("<unfinished") || line.contains(" execve(");
    let done = |line: &&str| !line.contains(" = -1 ") && is_whole(line);
    trace.lines().filter(done).map(str::to_owned).collect()
}

/// Traces ADD and DEL of a hostile call.
fn lifecycle(backend: &str) -> (Vec<String>, PluginDir) {
    let host = Host::new();
    // A route to the container, so that 127.0.0.1 is served, too.
    host.sh("ip link add br0 type bridge; ip address add 10.0.0.1/24 dev br0; ip link set br0 up");
    let container = host.container("c1");
    let (dir, mut network) = scripted("10.0.0.2/24");
    network["backend"] = json!(backend);
    network["lockTimeout"] = json!(null);
    let call = hostile_call::call(&dir, &network, &container);
    let mut lines = traced(&dir, &call);
    lines.extend(traced(&dir, &call.as_verb("DEL")));
    assert!(!host.exists("/tmp/pwned"), "hostile text was executed");
    assert_nothing_is_left(&host);
    (lines, dir)
}

/// Returns program, arguments and environment of each execve, as strace prints them.
fn executed(lines: &[String]) -> Vec<(String, String, String)> {
    let parsed = |line: &str| {
        let (_, call) = line.split_once("execve(\"")?;
        let (program, rest) = call.split_once("\", [")?;
        let (args, rest) = rest.split_once("], [")?;
        let (environment, _) = rest.rsplit_once(']')?;
        Some((program.to_owned(), args.to_owned(), environment.to_owned()))
    };
    let calls = lines.iter().filter(|line| line.contains("execve("));
    calls.map(|line| parsed(line).unwrap_or_else(|| panic!("not an execve: {line}"))).collect()
}

#[test]
fn only_the_delegate_and_iptables_are_run_with_arguments_that_no_user_controls() {
    for backend in IPTABLES {
        let (lines, dir) = lifecycle(backend);
        let all = executed(&lines);
        let inner = dir.program("inner").display().to_string();
        let helpers: Vec<_> = all
            .iter()
            .filter(|(program, ..)| *program != inner && *program != plugin().display().to_string())
            .collect();
        assert!(helpers.len() >= 4, "{backend}: {all:#?}");
        for (program, args, environment) in helpers {
            let name = program.strip_prefix("/usr/sbin/").unwrap_or(program);
            assert!(
                name.strip_prefix(backend).is_some_and(|end| ["-save", "-restore"].contains(&end)),
                "{backend}: runs {program}"
            );
            for arg in args.split(", ") {
                let arg = arg.trim_matches('"');
                let is_known = arg.starts_with("/usr/sbin/iptables-")
                    || ["-w", "5", "--noflush", "-t", "nat", "raw"].contains(&arg);
                assert!(is_known, "{backend}: {program} gets the argument {arg}");
            }
            let variables: BTreeSet<&str> = environment
                .split("\", \"")
                .filter_map(|variable| variable.trim_matches('"').split('=').next())
                .collect();
            assert_eq!(variables, BTreeSet::from(["LC_ALL", "PATH"]), "{backend}: {program}");
        }
    }
}

#[test]
fn the_nftables_backend_runs_only_the_delegate() {
    let (lines, dir) = lifecycle("nftables");
    let programs: BTreeSet<String> =
        executed(&lines).into_iter().map(|(program, ..)| program).collect();
    let expected = [dir.program("inner"), plugin()].map(|path| path.display().to_string());
    assert_eq!(programs, BTreeSet::from(expected));
}

#[test]
fn no_file_is_created_or_written_except_its_own_and_the_kernels() {
    for backend in [IPTABLES[0], IPTABLES[1], "nftables"] {
        let (lines, dir) = lifecycle(backend);
        let own = |line: &&String| {
            let files = ["\"/run/xtables.lock\"", "\"/dev/null\"", "\"/proc/"];
            ["/run/mesos-cni-port-mapper", "/run/cni-wrapper"]
                .iter()
                .chain(&files)
                .any(|known| line.contains(known))
                // A plain name, relative to the open state directory.
                || (line.contains("at(")
                    && !["AT_FDCWD", "\"/", ".."].iter().any(|part| line.contains(part)))
                // The scripted delegate records its calls.
                || line.contains(&dir.path().display().to_string())
        };
        let writes = |line: &&String| {
            ["O_WRONLY", "O_RDWR", "O_CREAT", "mkdir", "rename", "link", "mknod"]
                .iter()
                .any(|word| line.contains(word))
                && !line.contains("execve(")
                // The end of a call whose arguments are in an earlier line.
                && !line.contains(" resumed>")
        };
        let unexpected: Vec<_> = lines.iter().filter(writes).filter(|line| !own(line)).collect();
        assert!(unexpected.is_empty(), "{backend}: {unexpected:#?}");
        assert!(
            lines.iter().any(|line| line.contains("c1~")),
            "{backend}: the trace contains the state file"
        );
    }
}

#[test]
fn around_a_real_bridge_a_hostile_call_is_data_from_end_to_end() {
    let host = Host::new();
    let container = host.container("c1");
    let dir = PluginDir::new();
    let call = hostile_call::call(&dir, &example_network(&[]), &container)
        .cni_path(crate::common::PLUGINS);
    // A delegate gets the runtime's whole environment, and bridge passes it to its iptables.
    let call = call.without_env("XTABLES_LIBDIR");
    call.run(plugin()).expect_success();
    assert_eq!(dnat(&host).len(), 1);
    // The hostile text contains a rule of the chain INPUT.
    let all = host.run("iptables-save");
    assert!(!all.contains("-A INPUT"), "{all}");
    call.as_verb("DEL").run(plugin()).expect_success();
    assert!(!host.exists("/tmp/pwned"));
}
