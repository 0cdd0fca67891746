//! A real runtime: containerd from Debian, on a throw-away host, runs a pod whose host port our plugin maps.
//!
//! The pod is made as a kubelet makes it, over the CRI; containerd calls our plugin for it.

mod grpc;
mod image;
mod pod;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cni_wrapper_test::{Host, Place, plugin_binary};

use grpc::Connection;
use pod::Pod;

const CONFIG: &str = include_str!("containerd.toml");
const SOCKET: &str = "/run/containerd/containerd.sock";
const IMAGE: &str = "localhost/demo:1";
const URL: &str = "http://203.0.113.1:8080/";

/// The JSON below the recipes' heading for containerd.
fn recipe() -> &'static str {
    let page = include_str!("../../../../plugins/RECIPES.md");
    let (_, section) = page.split_once("## containerd").expect("the heading");
    let (_, rest) = section.split_once("```json\n").expect("a block of JSON");
    rest.split_once("```").expect("its end").0
}

/// As the machine has them: all in one, or a directory for each.
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

/// containerd at work on a host, with our plugin beside Debian's.
fn start_containerd(host: &Host) -> (PathBuf, Reaped<'_>) {
    let plugin = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
    host.sh(MOUNT_CGROUPS);
    host.sh("mkdir /run/cni-bin /run/net.d; ln -s /usr/lib/cni/* /run/cni-bin");
    host.run(&format!("ln -s {} /run/cni-bin/", plugin.display()));
    host.write("/run/net.d/10-net.conflist", recipe());
    host.write("/run/containerd.toml", CONFIG);
    let mut containerd = host.command("containerd");
    let log = std::fs::File::create(log()).expect("a log");
    let containerd = containerd
        .args(["--config", "/run/containerd.toml"])
        .stderr(log)
        .spawn()
        .expect("containerd starts");
    until("containerd answers", || {
        let mut ctr = ctr(host);
        ctr.arg("version").output().is_ok_and(|output| output.status.success())
    });
    let socket = format!("/proc/{}/root{SOCKET}", host.pid());
    (socket.into(), Reaped(containerd, host))
}

/// containerd, until dropped; the control groups that it leaves are not the host's but the machine's.
struct Reaped<'h>(std::process::Child, &'h Host);

impl Drop for Reaped<'_> {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        self.1.sh("rmdir /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io 2>/dev/null || :");
    }
}

fn ctr(place: &Place) -> std::process::Command {
    let mut ctr = place.command("ctr");
    ctr.args(["--address", SOCKET, "--namespace", "k8s.io"]);
    ctr
}

fn log() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    target.join("containerd.log")
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        let waited = begun.elapsed() < Duration::from_secs(60);
        assert!(waited, "waited in vain until {what}; see {}", log().display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_pod_of_containerd_is_reached_by_its_host_port_until_it_is_stopped() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let (socket, _containerd) = start_containerd(&host);
    let image = image::build(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("image"), IMAGE);
    let imported = ctr(&host).args(["images", "import"]).arg(&image).output().expect("ctr");
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));

    let connection = Connection::to(&socket);
    let pod = Pod::run(&connection, "demo", 8080, 80);
    pod.start_container(&connection, IMAGE, &["/peer", "serve", "http", "80", "--name", "web"]);
    until("the container serves", || outside.fetch(URL).is_ok());
    let seen = outside.fetch(URL).expect("an answer");
    assert_eq!(seen, "web saw 203.0.113.9", "the client's own address is seen");
    host.fetch("http://127.0.0.1:8080/").expect("from the host itself");
    let list = host.run(&port_mapper("list --json"));
    assert!(list.contains(&pod.id) && list.contains("8080"), "{list}");

    pod.stop_and_remove(&connection);
    outside.fetch(URL).expect_err("after its DEL nothing is mapped");
    assert_eq!(host.run(&port_mapper("list")).trim(), "no host port is mapped");
    assert_eq!(host.sh("ls -A /run/mesos-cni-port-mapper").trim(), "lock");
    let rules = host.run("iptables-save") + &host.run("nft list ruleset");
    assert!(!rules.contains(&pod.id), "a rule is left: {rules}");
    assert_eq!(host.sh("ls /run/netns").trim(), "outside", "containerd's namespace is gone");
}

fn port_mapper(words: &str) -> String {
    format!("/run/cni-bin/mesos-cni-port-mapper {words}")
}
