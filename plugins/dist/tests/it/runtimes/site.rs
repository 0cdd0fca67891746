//! Prepares a host for a runtime: control groups, plugins, a network of the recipes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cni_test_kit::{Host, plugin_binary};

/// Mounts control groups like those of the machine: version 2, or a directory for each controller.
const MOUNT_CGROUPS: &str = "
    if grep -qv '^0::' /proc/self/cgroup; then
        mount -t tmpfs cgroup /sys/fs/cgroup
        for names in $(cut -d: -f2 /proc/self/cgroup | grep .); do
            mkdir -p /sys/fs/cgroup/${names#name=}
            options=$names; case $names in name=*) options=none,$names;; esac
            mount -t cgroup -o $options cgroup /sys/fs/cgroup/${names#name=}
        done
    else
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi";

/// Mounts control groups, and puts plugins into `/run/cni-bin` and the network of the recipes into
/// `/run/net.d`.
pub(crate) fn prepare(host: &Host) {
    let plugin = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
    host.sh(MOUNT_CGROUPS);
    host.sh("mkdir /run/cni-bin /run/net.d; ln -s /usr/lib/cni/* /run/cni-bin");
    host.sh(&format!("ln -s '{}' /run/cni-bin/", plugin.display()));
    host.write("/run/net.d/10-net.conflist", list());
}

/// Returns the network configuration list of the recipes for containerd and Podman.
fn list() -> &'static str {
    let page = include_str!("../../../../RECIPES.md");
    let (_, section) = page.split_once("## containerd").expect("the heading");
    let (_, rest) = section.split_once("```json\n").expect("a block of JSON");
    rest.split_once("```").expect("the end of the block").0
}

/// Removes the control groups that a runtime has left. They are shared by the whole machine.
pub(crate) fn remove_control_groups(host: &Host, name: &str) {
    host.sh(&format!(
        "for top in $(find /sys/fs/cgroup -maxdepth 2 -type d -name {name}); do \
             find $top -depth -type d -exec rmdir {{}} + 2>/dev/null || :; done"
    ));
}

/// Returns a command line of the port mapper.
pub(crate) fn port_mapper(args: &str) -> String {
    format!("/run/cni-bin/mesos-cni-port-mapper {args}")
}

/// Returns host-local's files that allocate an address to a container.
pub(crate) fn addresses(host: &Host, container: &str) -> String {
    host.sh(&format!(
        "grep --recursive --files-with-matches {container} /var/lib/cni/networks || :"
    ))
}

/// Checks that there is no mapping, state file, rule or address.
#[track_caller]
pub(crate) fn nothing_is_left(host: &Host, container: &str) {
    assert_eq!(host.run(&port_mapper("list")).trim(), "no host ports are mapped");
    assert_eq!(host.sh("ls -A /run/mesos-cni-port-mapper").trim(), "lock");
    let rules = host.run("iptables-save") + &host.run("nft list ruleset");
    assert!(!rules.contains(container), "a rule is left: {rules}");
    assert_eq!(addresses(host, container), "", "an address is still allocated");
}

/// Creates the log file for a program's stderr.
pub(crate) fn log(program: &str) -> File {
    File::create(directory().join(format!("{program}.log"))).expect("a log")
}

fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtimes");
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        let waited = started.elapsed() < Duration::from_secs(60);
        assert!(
            waited,
            "timed out waiting until {what}; see the logs in {}",
            directory().display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
