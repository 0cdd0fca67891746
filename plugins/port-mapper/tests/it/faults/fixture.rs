//! A host for operations in which a process is killed or a system call fails.

use std::time::Duration;

use cni_test_kit::{CallBuilder, Fault, FaultedCall, Host, Outcome, PluginDir, Snapshot};
use serde_json::{Value, json};

use crate::common::own_rules::{NFTABLES, flush_firewall};
use crate::common::{
    PLUGINS, TIMEOUT, assert_nothing_is_left, del, example_network, nat, plugin, scripted,
    take_precedence,
};

/// If this variable is `all`, every system call is calls.
const VARIABLE: &str = "PORT_MAPPER_FAULTS";

/// The chain of another program.
const OTHERS_CHAIN: &str = "OPERATOR";

/// An operation into which a fault is injected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Del,
    /// The command `restore`, after the firewall was flushed.
    Restore,
}

/// `cargo xtask test` tries every n-th system call, about the same number with each backend:
/// iptables makes three times as many calls as nftables, most of them in its loader.
#[derive(Clone, Copy)]
struct OneOf {
    nftables: usize,
    iptables: usize,
}

/// The same for faults that count only the system calls of the plugin itself.
const ONE_OF_PLUGIN_CALLS: usize = 9;

/// A host on which an ADD and a DEL have run, so that what remains intentionally exists.
pub(crate) struct Fixture {
    backend: &'static str,
    /// ADD of a container with two host ports.
    pub(crate) call: CallBuilder,
    one_of: OneOf,
    before: Snapshot,
    _plugins: Option<PluginDir>,
    // Last, since the others are on it.
    host: Host,
}

impl Fixture {
    /// Returns a host with a delegate that returns at once.
    pub(crate) fn new(backend: &'static str) -> Self {
        let (plugins, mut network) = scripted("10.0.0.2/24");
        // Without `cniVersion` in its object, the delegate is called for every verb.
        network["cniVersion"] = json!("1.1.0");
        network["delegate"] = json!({"type": "inner"});
        // Ends a delegate that hangs.
        network["wrapper"] = json!({"delegateTimeout": 10});
        Self::of(Host::new(), backend, Some(plugins), network, OneOf { nftables: 9, iptables: 21 })
    }

    /// Returns the same with a chain that another program has made.
    pub(crate) fn in_a_chain_of_another_program(backend: &'static str) -> Self {
        let (plugins, mut network) = scripted("10.0.0.2/24");
        network["chain"] = json!(OTHERS_CHAIN);
        let host = Host::new();
        host.run(&format!("{backend} -w -t nat -N {OTHERS_CHAIN}"));
        let jump = format!("-m addrtype --dst-type LOCAL -j {OTHERS_CHAIN}");
        host.run(&format!("{backend} -w -t nat -A PREROUTING {jump}"));
        let one_of = OneOf { nftables: 9, iptables: 31 };
        let fixture = Self::of(host, backend, Some(plugins), network, one_of);
        let nat = nat(&fixture.host, backend);
        assert_eq!(nat.matches(OTHERS_CHAIN).count(), 2, "its chain and its jump exist: {nat}");
        fixture
    }

    /// Returns a host with Debian's bridge and its IPAM plugin, which make many more system calls.
    pub(crate) fn on_a_bridge(backend: &'static str, ip_masq: bool) -> Self {
        let mut network = example_network(&[]);
        network["delegate"]["ipMasq"] = json!(ip_masq);
        network["wrapper"] = json!({"delegateTimeout": 60});
        Self::of(Host::new(), backend, None, network, OneOf { nftables: 40, iptables: 60 })
    }

    fn of(
        host: Host,
        backend: &'static str,
        plugins: Option<PluginDir>,
        network: Value,
        one_of: OneOf,
    ) -> Self {
        take_precedence();
        let container = host.container("c1");
        let call = CallBuilder::add("mesos")
            .config(network)
            .key("backend", json!(backend))
            .limit(Duration::from_secs(5 * TIMEOUT))
            .key("lockTimeout", json!(TIMEOUT))
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
        assert_nothing_is_left(&host);
        let before = snapshot(&host);
        Self { backend, call, one_of, before, _plugins: plugins, host }
    }

    /// Runs the operation once for every system call, with a fault at that call. If everything is
    /// calls, each of several faults is injected at every call, otherwise they alternate.
    ///
    /// `verify` gets the call and the outcome, and cleans up. After that nothing may be left.
    /// Returns the number of calls.
    pub(crate) fn at_every_call(
        &self,
        operation: Operation,
        faults: &[Fault],
        mut verify: impl FnMut(&str, &Outcome),
    ) -> usize {
        let all = std::env::var_os(VARIABLE).is_some_and(|value| value == "all");
        if !all {
            return self.at_calls(operation, faults, self.step(faults), &mut verify);
        }
        let each = faults.chunks(1);
        each.map(|fault| self.at_calls(operation, fault, 1, &mut verify)).sum()
    }

    fn step(&self, faults: &[Fault]) -> usize {
        match (faults, self.backend) {
            ([Fault::Fail(_), ..], _) => ONE_OF_PLUGIN_CALLS,
            (_, NFTABLES) => self.one_of.nftables,
            _ => self.one_of.iptables,
        }
    }

    fn at_calls(
        &self,
        operation: Operation,
        faults: &[Fault],
        step: usize,
        verify: &mut impl FnMut(&str, &Outcome),
    ) -> usize {
        let mut calls = 0;
        for (number, fault) in (1..).step_by(step).zip(faults.iter().cycle()) {
            let faulted = self.with_fault(operation, number, *fault);
            let Some(at) = &faulted.at else {
                faulted.outcome.expect_success();
                self.clean_up(operation);
                break;
            };
            verify(at, &faulted.outcome);
            self.assert_clean(&format!("{at}: {}", faulted.outcome));
            calls += 1;
        }
        assert!(calls > 5, "{calls} system calls");
        calls
    }

    fn with_fault(&self, operation: Operation, number: u64, fault: Fault) -> FaultedCall {
        let call = match operation {
            Operation::Add => self.call.clone(),
            Operation::Del => self.call.clone().as_verb("DEL"),
            Operation::Restore => CallBuilder::cli(&["restore"]).within(&self.host),
        };
        if operation != Operation::Add {
            self.call.run(plugin()).expect_success();
        }
        if operation == Operation::Restore {
            flush_firewall(&self.host, self.backend);
        }
        call.run_with_fault(plugin(), number, fault)
    }

    /// Cleans up after an operation without a fault.
    fn clean_up(&self, operation: Operation) {
        if operation != Operation::Del {
            del(&self.call);
        }
    }

    /// Runs `restore`, which must succeed, and then CHECK with this result.
    pub(crate) fn restore_and_check(&self, at: &str, result: &Value) {
        let restore = CallBuilder::cli(&["restore"]).within(&self.host).run(plugin());
        assert_eq!(restore.code(), Some(0), "{at}: the next restore: {restore}");
        self.check(at, result);
    }

    /// Checks that everything of the ADD is in place.
    pub(crate) fn check(&self, at: &str, result: &Value) {
        let check = self.call.clone().key("prevResult", result.clone()).as_verb("CHECK");
        let check = check.run(plugin());
        assert_eq!(check.code(), Some(0), "{at}: not all is in place: {check}");
    }

    /// Checks that no rule, file, lock, link or process is left.
    #[track_caller]
    fn assert_clean(&self, after: &str) {
        let processes = self.host.processes();
        assert!(processes.is_empty(), "{after}: processes are left: {processes:?}");
        // The directory and the lock remain, since another process may be waiting for the lock.
        let left = self
            .host
            .sh("if cd /run/mesos-cni-port-mapper 2>/dev/null; then ls -A; rm -r $PWD; fi");
        assert!(matches!(left.trim(), "" | "lock"), "{after}: files are left: {left}");
        let difference = self.before.difference(&snapshot(&self.host));
        assert!(difference.is_empty(), "{after}: the host is not as it was:\n{difference}");
    }
}

/// Returns a snapshot without the file in which host-local records the last address.
fn snapshot(host: &Host) -> Snapshot {
    host.snapshot().without("last_reserved_ip")
}
