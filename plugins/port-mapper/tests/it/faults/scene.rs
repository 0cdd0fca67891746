//! A host on which something is to go wrong.

use std::time::Duration;

use cni_test_kit::{CallBuilder, Fault, Faulted, Host, Outcome, PluginDir, Snapshot};
use serde_json::{Value, json};

use crate::common::traces::{NFTABLES, empty_the_firewall};
use crate::common::{
    PATIENCE, PLUGINS, del, nothing_of_ours_is_left, plugin, scripted, seed, take_precedence,
};

/// With this variable set to `all` every place is tried.
const VARIABLE: &str = "PORT_MAPPER_FAULTS";

/// What is done with a fault in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Add,
    Del,
    /// The command, after the firewall was emptied.
    Restore,
}

/// `cargo xtask test` tries every n-th place: about the same number of places with each backend.
/// With iptables there are three times as many system calls, most of them its loader's.
#[derive(Clone, Copy)]
struct OneOf {
    nftables: usize,
    iptables: usize,
}

/// The same for faults that count the plugin's own system calls only.
const ONE_OF_ITS_OWN: usize = 9;

/// An ADD and a DEL have been there, so that what stays behind on purpose is.
pub(crate) struct Scene {
    backend: &'static str,
    /// ADD of a container with two host ports.
    pub(crate) call: CallBuilder,
    one_of: OneOf,
    before: Snapshot,
    _plugins: Option<PluginDir>,
    // Last: all others live on it.
    host: Host,
}

impl Scene {
    /// Around a delegate that answers at once.
    pub(crate) fn new(backend: &'static str) -> Self {
        let (plugins, mut network) = scripted("10.0.0.2/24");
        // Without a version of its own the delegate is told of every verb.
        network["cniVersion"] = json!("1.1.0");
        network["delegate"] = json!({"type": "inner"});
        // What waits in vain ends by it.
        network["wrapper"] = json!({"delegateTimeout": 10});
        Self::of(backend, Some(plugins), network, OneOf { nftables: 9, iptables: 21 })
    }

    /// Around Debian's bridge, with its IPAM plugin: many more calls.
    pub(crate) fn on_a_bridge(backend: &'static str, ip_masq: bool) -> Self {
        let mut network = seed(&[]);
        network["delegate"]["ipMasq"] = json!(ip_masq);
        network["wrapper"] = json!({"delegateTimeout": 60});
        Self::of(backend, None, network, OneOf { nftables: 150, iptables: 190 })
    }

    fn of(
        backend: &'static str,
        plugins: Option<PluginDir>,
        network: Value,
        one_of: OneOf,
    ) -> Self {
        take_precedence();
        let host = Host::new();
        let container = host.container("c1");
        let call = CallBuilder::add("mesos")
            .config(network)
            .key("backend", json!(backend))
            .limit(Duration::from_secs(5 * PATIENCE))
            .key("lockTimeout", json!(PATIENCE))
            .key(
                "runtimeConfig",
                json!({"portMappings": [
                    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                    {"hostPort": 8081, "containerPort": 81, "protocol": "udp"},
                ]}),
            )
            .container(&container)
            .cni_path(plugins.as_ref().map_or(PLUGINS.as_ref(), PluginDir::path));
        call.run(plugin()).expect_success();
        del(&call);
        nothing_of_ours_is_left(&host);
        let before = picture(&host);
        Self { backend, call, one_of, before, _plugins: plugins, host }
    }

    /// Does it with a fault at every place in turn; of several faults each at every place where all is asked for, else one
    /// after the other. `judge` gets the place and what became of it, and cleans up; then nothing may be left.
    /// Says how many places there were.
    pub(crate) fn everywhere(
        &self,
        deed: Deed,
        faults: &[Fault],
        mut judge: impl FnMut(&str, &Outcome),
    ) -> usize {
        let all = std::env::var_os(VARIABLE).is_some_and(|value| value == "all");
        if !all {
            return self.along(deed, faults, self.step(faults), &mut judge);
        }
        let each = faults.chunks(1);
        each.map(|fault| self.along(deed, fault, 1, &mut judge)).sum()
    }

    fn step(&self, faults: &[Fault]) -> usize {
        match (faults, self.backend) {
            ([Fault::Fail(_), ..], _) => ONE_OF_ITS_OWN,
            (_, NFTABLES) => self.one_of.nftables,
            _ => self.one_of.iptables,
        }
    }

    fn along(
        &self,
        deed: Deed,
        faults: &[Fault],
        step: usize,
        judge: &mut impl FnMut(&str, &Outcome),
    ) -> usize {
        let mut tried = 0;
        for (number, fault) in (1..).step_by(step).zip(faults.iter().cycle()) {
            let faulted = self.with_fault(deed, number, *fault);
            let Some(at) = &faulted.at else {
                faulted.outcome.expect_success();
                self.clean_up(deed);
                break;
            };
            judge(at, &faulted.outcome);
            self.assert_clean(&format!("{at}: {}", faulted.outcome));
            tried += 1;
        }
        assert!(tried > 5, "{tried} places");
        tried
    }

    fn with_fault(&self, deed: Deed, number: u64, fault: Fault) -> Faulted {
        let call = match deed {
            Deed::Add => self.call.clone(),
            Deed::Del => self.call.clone().as_verb("DEL"),
            Deed::Restore => CallBuilder::by_hand(&["restore"]).within(&self.host),
        };
        if deed != Deed::Add {
            self.call.run(plugin()).expect_success();
        }
        if deed == Deed::Restore {
            empty_the_firewall(&self.host, self.backend);
        }
        call.run_with_fault(plugin(), number, fault)
    }

    /// What a deed leaves behind that nothing happened to.
    fn clean_up(&self, deed: Deed) {
        if deed != Deed::Del {
            del(&self.call);
        }
    }

    /// `restore`, which must succeed, and then a CHECK against this result.
    pub(crate) fn restore_and_check(&self, at: &str, result: &Value) {
        let restore = CallBuilder::by_hand(&["restore"]).within(&self.host).run(plugin());
        assert_eq!(restore.code(), Some(0), "{at}: the next restore: {restore}");
        self.check(at, result);
    }

    /// All that ADD promised is there.
    pub(crate) fn check(&self, at: &str, result: &Value) {
        let check = self.call.clone().key("prevResult", result.clone()).as_verb("CHECK");
        let check = check.run(plugin());
        assert_eq!(check.code(), Some(0), "{at}: not all is in place: {check}");
    }

    /// Nothing is left: no rule, file, lock, link or process.
    #[track_caller]
    fn assert_clean(&self, after: &str) {
        let processes = self.host.processes();
        assert!(processes.is_empty(), "{after}: still there: {processes:?}");
        // The directory stays, and the lock, since somebody may be waiting for it.
        let left = self
            .host
            .sh("if cd /run/mesos-cni-port-mapper 2>/dev/null; then ls -A; rm -r $PWD; fi");
        assert!(matches!(left.trim(), "" | "lock"), "{after}: files are left: {left}");
        let difference = self.before.difference(&picture(&self.host));
        assert!(difference.is_empty(), "{after}: the host is not as it was:\n{difference}");
    }
}

/// Without what host-local remembers of the last address that it gave.
fn picture(host: &Host) -> Snapshot {
    host.snapshot().without("last_reserved_ip")
}
