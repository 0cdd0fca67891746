//! A host with Debian's firewalld and a system bus of its own.

use std::process::Child;

use cni_test_kit::{CallBuilder, Container, Host, Neighbour, Server, Traffic};
use serde_json::json;

use crate::common::systemd_unit::Unit;
use crate::common::{HOST, add, example_network, mesos, plugin, tcp, unpacked, wait_until};

/// The backends of the port mapper.
pub(super) const PLACES: [&str; 3] = ["iptables-nft", "iptables-legacy", "nftables"];

const NAME: &str = "org.fedoraproject.FirewallD1";

/// A bus on which only root owns names, as on Debian's system bus.
const BUS: &str = r#"<busconfig>
    <type>system</type>
    <listen>unix:path=/run/dbus/system_bus_socket</listen>
    <auth>EXTERNAL</auth>
    <policy context="default">
        <allow user="*"/>
        <deny own="*"/>
        <deny send_type="method_call"/>
        <allow send_type="signal"/>
        <allow send_requested_reply="true" send_type="method_return"/>
        <allow send_requested_reply="true" send_type="error"/>
        <allow receive_type="method_call"/>
        <allow receive_type="method_return"/>
        <allow receive_type="error"/>
        <allow receive_type="signal"/>
        <allow send_destination="org.freedesktop.DBus"/>
    </policy>
    <includedir>FIREWALLD/usr/share/dbus-1/system.d</includedir>
</busconfig>"#;

/// Makes a variant of iptables the default one, as `update-alternatives` does.
const SWITCH: &str = "
    mkdir /run/alternatives
    cp --no-dereference /etc/alternatives/* /run/alternatives/
    for family in iptables ip6tables; do
        for program in $family $family-save $family-restore; do
            variant=$family-VARIANT${program#$family}
            ln --symbolic --force /usr/sbin/$variant /run/alternatives/$program
        done
    done
    mount --bind /run/alternatives /etc/alternatives";

/// The host. Everything on it ends with it.
pub(super) struct Firewalld {
    pub(super) host: Host,
    pub(super) outside: Neighbour,
    attached: Vec<Attached>,
    running: Vec<Child>,
}

/// A container with a server on a mapped port.
pub(super) struct Attached {
    backend: &'static str,
    host_port: u16,
    pub(super) container: Container,
    pub(super) call: CallBuilder,
    _server: Server,
}

impl Firewalld {
    /// Starts firewalld with this `FirewallBackend` on a host whose `iptables` is this variant.
    pub(super) fn new(backend: &str, variant: &str) -> Self {
        let host = Host::new();
        host.sh(&SWITCH.replace("VARIANT", variant.trim_start_matches("iptables-")));
        host.sh("mkdir /run/dbus /run/firewalld.conf.d");
        host.write(
            "/run/bus.conf",
            &BUS.replace("FIREWALLD", &unpacked("firewalld").display().to_string()),
        );
        let conf = unpacked("firewalld").join("etc/firewalld/firewalld.conf");
        let conf = std::fs::read_to_string(conf).expect("its configuration");
        let conf = conf.replace("FirewallBackend=nftables", &format!("FirewallBackend={backend}"));
        assert!(conf.contains(&format!("\nFirewallBackend={backend}\n")), "{conf}");
        host.write("/run/firewalld.conf.d/firewalld.conf", &conf);
        let outside = host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24");
        let mut this = Self { host, outside, attached: Vec::new(), running: Vec::new() };
        this.spawn("dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile", "dbus");
        wait_until("the bus answers", || this.succeeds("busctl list"));
        this.start();
        this
    }

    /// Starts firewalld, and waits until it has set up its rules.
    pub(super) fn start(&mut self) {
        let tree = unpacked("firewalld").display().to_string();
        // With this capability, a complete reload would unload modules of the machine's kernel.
        self.spawn(
            &format!(
                "setpriv --bounding-set -sys_module \
                 '{tree}/usr/sbin/firewalld' --nofork --nopid --log-target console \
                 --system-config /run/firewalld.conf.d --default-config '{tree}/usr/lib/firewalld'"
            ),
            "firewalld",
        );
        let state =
            format!("busctl get-property {NAME} /org/fedoraproject/FirewallD1 {NAME} state");
        wait_until("firewalld runs", || self.succeeds(&format!("{state} | grep RUNNING")));
    }

    /// Stops firewalld, and waits until it has removed its rules and exited.
    pub(super) fn stop(&self) {
        let pid = |host: &Host| {
            let mut all = host.processes().into_iter();
            Some(all.find(|process| process.command.contains("firewalld --nofork"))?.pid)
        };
        self.host.run(&format!("kill {}", pid(&self.host).expect("firewalld runs")));
        wait_until("firewalld has exited", || pid(&self.host).is_none());
    }

    /// Runs `firewall-cmd`, which returns after the reload.
    pub(super) fn command(&self, option: &str) {
        self.host
            .sh(&format!("'{}/usr/bin/firewall-cmd' {option}", unpacked("firewalld").display()));
    }

    /// Runs what a remedy says, with the programs of this test.
    pub(super) fn type_in(&self, commands: &str) {
        let (tree, plugin) = (unpacked("firewalld"), plugin());
        let directory = plugin.parent().expect("a directory").display();
        let tree = tree.display();
        self.host.sh(&format!("PATH='{tree}/usr/bin:{directory}':$PATH\n{commands}"));
    }

    /// Starts the command of a unit.
    pub(super) fn start_unit(&mut self, unit: &Unit) {
        self.spawn(&unit.command("ExecStart"), "unit");
    }

    /// Adds a container with this backend, on the network `10.88.INDEX.0/24`.
    pub(super) fn add(&mut self, backend: &'static str, ip_masq: bool) {
        let index = u16::try_from(self.attached.len()).expect("a few");
        let container = self.host.container(&format!("c{index}"));
        let mut network = example_network(&[]);
        network["name"] = json!(format!("net{index}"));
        network["backend"] = json!(backend);
        network["delegate"]["ipMasq"] = json!(ip_masq);
        network["delegate"]["bridge"] = json!(format!("cni{index}"));
        network["delegate"]["ipam"]["subnet"] = json!(format!("10.88.{index}.0/24"));
        let host_port = 8080 + index;
        let call = mesos(&network, &container, &[tcp(host_port, 80)]);
        add(&call);
        let server = container.serve(Traffic::Http, 80);
        self.attached.push(Attached { backend, host_port, container, call, _server: server });
    }

    /// Returns the containers in the order in which they were added.
    pub(super) fn attached(&self) -> &[Attached] {
        &self.attached
    }

    /// Returns the backends of the containers that are reached from outside. The others are refused
    /// at once, by the host or by firewalld.
    pub(super) fn reached(&self) -> Vec<&'static str> {
        let is_reached = |one: &&Attached| {
            let url = format!("http://{HOST}:{}/", one.host_port);
            self.outside.peer(&["fetch", &url, "--timeout", "10000"]).is_ok()
        };
        self.attached.iter().filter(is_reached).map(|one| one.backend).collect()
    }

    /// Waits until every container is reached.
    pub(super) fn all_reached(&self, when: &str) {
        let what = format!("all ports are reached {when}");
        wait_until(&what, || self.reached().len() == self.attached.len());
    }

    /// Starts a program in the background. Its output goes to a log on the host.
    fn spawn(&mut self, line: &str, log: &str) {
        let mut sh = self.host.command("sh");
        sh.args(["-c", &format!("{line} >>/run/{log}.log 2>&1")]);
        self.running.push(sh.spawn().expect("a shell"));
    }

    fn succeeds(&self, line: &str) -> bool {
        let output = self.host.command("sh").args(["-c", line]).output();
        output.expect("a shell").status.success()
    }
}

impl Drop for Firewalld {
    #[expect(clippy::print_stderr, reason = "the logs are lost with the host")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.host.sh("tail /run/*.log"));
        }
        for mut child in self.running.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
