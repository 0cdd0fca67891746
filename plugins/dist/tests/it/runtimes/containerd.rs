//! Debian's containerd runs a pod from an image in a registry. The pod is created over the CRI, as
//! by a kubelet.

mod grpc;
mod pod;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cni_test_kit::{Host, Netns};

use super::image;
use super::site::{self, port_mapper, until};
use grpc::Connection;
use pod::Pod;

const CONFIG: &str = include_str!("containerd/containerd.toml");
/// Unpacked by `cargo xtask`.
const PROGRAM: &str = "docker-registry/usr/bin/docker-registry";
const REGISTRY: &str = include_str!("containerd/registry.yml");
const SOCKET: &str = "/run/containerd/containerd.sock";
/// An image in the registry of the host itself, which is used without encryption.
const IMAGE: &str = "localhost:5000/demo:1";
/// Fills the directories that `ctr` uses, which have no option.
const DEFAULT_DIRECTORIES: &str = "
    mkdir -p /run/etc/upper /run/etc/work
    mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
    mkdir -p /etc/cni/net.d
    mount --bind /run/net.d /etc/cni/net.d
    mount -t tmpfs opt /opt
    mkdir -p /opt/cni/bin
    mount --bind /run/cni-bin /opt/cni/bin";
const URL: &str = "http://203.0.113.1:8080/";

/// Starts containerd on a host, with the port mapper next to Debian's plugins.
fn start_containerd(host: &Host) -> (PathBuf, Reaped<'_>) {
    site::prepare(host);
    host.write("/run/containerd.toml", CONFIG);
    let mut containerd = host.command("containerd");
    containerd.args(["--config", "/run/containerd.toml"]).stderr(site::log("containerd"));
    let containerd = containerd.spawn().expect("containerd starts");
    until("containerd answers", || ctr(host, &["version"]).status.success());
    let socket = format!("/proc/{}/root{SOCKET}", host.pid());
    (socket.into(), Reaped(containerd, host))
}

/// A running containerd. Dropping it stops containerd and removes its control groups, which are
/// shared by the whole machine.
struct Reaped<'h>(Child, &'h Host);

impl Drop for Reaped<'_> {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        site::remove_control_groups(self.1, "k8s.io");
    }
}

fn ctr(place: &Netns, args: &[&str]) -> Output {
    let mut ctr: Command = place.command("ctr");
    ctr.args(["--address", SOCKET, "--namespace", "k8s.io"]).args(args).output().expect("ctr")
}

#[track_caller]
fn succeed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Builds an image and pushes it to a registry, from which containerd has to pull it.
fn publish(host: &Host) -> Child {
    host.write("/run/registry.yml", REGISTRY);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join(PROGRAM);
    assert!(program.exists(), "{PROGRAM} is missing; `cargo xtask containerd` unpacks it");
    let mut registry = host.command(program.display().to_string());
    registry.args(["serve", "/run/registry.yml"]).stderr(site::log("registry"));
    let registry = registry.stdout(Stdio::null()).spawn().expect("a registry starts");
    let archive = image::build("containerd", IMAGE).display().to_string();
    succeed(&ctr(host, &["images", "import", &archive]));
    let push = ["images", "push", "--plain-http", IMAGE];
    until("the registry has the image", || ctr(host, &push).status.success());
    succeed(&ctr(host, &["images", "rm", "--sync", IMAGE]));
    assert!(
        !succeed(&ctr(host, &["images", "list"])).contains(IMAGE),
        "only the registry has the image"
    );
    registry
}

/// Runs a container with `ctr run --cni`, and checks what the recipe says about it.
fn assert_ctr_maps_no_ports(host: &Host) {
    const ID: &str = "of-ctr";
    host.sh(DEFAULT_DIRECTORIES);
    let mut ctr = host.command("ctr");
    ctr.args(["--address", SOCKET, "--namespace", "k8s.io", "run", "--cni", "--rm"]);
    ctr.args(["--label", "cni.portMappings=[{\"hostPort\":8081,\"containerPort\":80}]"]);
    ctr.args(["--snapshotter", "native", IMAGE, ID, "/peer", "serve", "http", "80", "--until-eof"]);
    let mut ctr = ctr.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("ctr");
    // It is attached before it runs.
    until("its container runs", || is_running(host, ID));
    assert_ne!(site::addresses(host, ID), "", "it is attached");
    let list = host.run(&port_mapper("list"));
    assert!(list.contains("8080") && !list.contains("8081"), "{list}");
    drop(ctr.stdin.take());
    assert!(ctr.wait().expect("ctr").success());
    assert_eq!(site::addresses(host, ID), "", "it is detached");
}

fn is_running(host: &Host, id: &str) -> bool {
    let tasks = succeed(&ctr(host, &["tasks", "list"]));
    tasks.lines().any(|line| line.starts_with(id) && line.contains("RUNNING"))
}

#[test]
fn a_pod_of_containerd_is_reachable_through_its_host_port_until_it_is_stopped() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let (socket, _containerd) = start_containerd(&host);
    let mut registry = publish(&host);

    let connection = Connection::to(&socket);
    pod::pull(&connection, IMAGE);
    assert!(succeed(&ctr(&host, &["images", "list"])).contains(IMAGE), "the image was pulled");
    registry.kill().and_then(|()| registry.wait()).expect("the registry was running until now");
    let pod = Pod::run(&connection, "demo", 8080, 80);
    pod.start_container(&connection, IMAGE, &["/peer", "serve", "http", "80", "--name", "web"]);
    until("the container serves", || outside.fetch(URL).is_ok());
    let seen = outside.fetch(URL).expect("an answer");
    assert_eq!(seen, "web saw 203.0.113.9", "the client's own address is seen");
    host.fetch("http://127.0.0.1:8080/").expect("from the host itself");
    let list = host.run(&port_mapper("list --json"));
    assert!(list.contains(&pod.id) && list.contains("8080"), "{list}");
    assert_ne!(site::addresses(&host, &pod.id), "", "its address is allocated");

    assert_ctr_maps_no_ports(&host);

    pod.stop_and_remove(&connection);
    outside.fetch(URL).expect_err("nothing is mapped after its DEL");
    site::nothing_is_left(&host, &pod.id);
    assert_eq!(
        host.sh("ls /run/netns").trim(),
        "outside",
        "containerd's namespace no longer exists"
    );
}
