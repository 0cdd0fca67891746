//! The scenario of an ADD that is repeated without a DEL, around a real bridge.

use std::path::Path;

use serde_json::Value;

use crate::call::builder::CallBuilder;
use crate::host::{Container, Host};
use crate::snapshot::Snapshot;

/// A container that a plugin has attached around Debian's `bridge` and `host-local`, to repeat the
/// same ADD.
pub struct RepeatedAdd<'h> {
    host: &'h Host,
    program: &'h Path,
    call: &'h dyn Fn(&Container) -> CallBuilder,
    growing: &'h [&'h str],
    /// The attached container `c1`.
    pub container: Container,
    address: String,
}

impl<'h> RepeatedAdd<'h> {
    /// Attaches `c1` with the ADD that `call` returns for a container.
    ///
    /// Lines of snapshots that contain one of `growing`, such as the name of a log, are not
    /// compared.
    ///
    /// # Panics
    /// If the ADD fails.
    #[track_caller]
    pub fn new(
        host: &'h Host,
        program: &'h Path,
        call: &'h dyn Fn(&Container) -> CallBuilder,
        growing: &'h [&'h str],
    ) -> Self {
        let container = host.container("c1");
        let result = call(&container).run(program).expect_success().json();
        Self { host, program, call, growing, container, address: address(&result) }
    }

    /// Repeats the ADD, which must fail with the error of `bridge`, and change nothing.
    ///
    /// # Panics
    /// If it succeeds, if host or container have changed, or if the error does not report that the
    /// attachment was left alone.
    #[track_caller]
    pub fn fails_and_changes_nothing(&self) {
        let before = self.snapshots();
        let (code, msg, details) = (self.call)(&self.container).run(self.program).error();
        before[0].assert_same(&self.snapshots()[0]);
        before[1].assert_same(&self.snapshots()[1]);
        assert_eq!(code, 999, "the code of bridge is kept: {msg}");
        assert!(msg.contains("already exists"), "the message of bridge is kept: {msg}");
        assert!(details.contains("was left alone"), "{details}");
    }

    /// Calls the ADD of `c1` for another network namespace, while the first one exists. It must be
    /// refused, and change nothing.
    ///
    /// # Panics
    /// If it succeeds, if the host or a namespace has changed, or if the error does not name both
    /// namespaces and the DEL that helps.
    #[track_caller]
    pub fn is_refused_in_another_namespace(&self) {
        let other = self.host.container("other");
        let (before, inside) = (self.snapshots(), other.snapshot());
        let call = (self.call)(&other).container_id("c1");
        let (code, msg, _) = call.run(self.program).error();
        before[0].assert_same(&self.snapshots()[0]);
        before[1].assert_same(&self.snapshots()[1]);
        inside.assert_same(&other.snapshot());
        assert_eq!(code, 4, "{msg}");
        for part in ["CNI_NETNS", &self.container.netns(), &other.netns(), "call DEL"] {
            assert!(msg.contains(part), "{part}: {msg}");
        }
        other.delete();
    }

    /// Attaches another container, which must get another address, and removes it.
    ///
    /// # Panics
    /// If it gets the address of `c1`, or a call fails.
    #[track_caller]
    pub fn another_container_gets_another_address(&self, call: &dyn Fn(&Container) -> CallBuilder) {
        let other = self.host.container("c2");
        let add = call(&other);
        let result = add.run(self.program).expect_success().json();
        assert_ne!(address(&result), self.address, "the lease of c1 is given away");
        add.as_verb("DEL").run(self.program).expect_success();
    }

    /// Calls DEL of `c1`, after which neither its interface nor a lease may be left.
    ///
    /// # Panics
    /// If something is left.
    #[track_caller]
    pub fn del_leaves_nothing(self) {
        (self.call)(&self.container).as_verb("DEL").run(self.program).expect_success();
        let links = self.container.run("ip -br link");
        assert_eq!(links.lines().count(), 1, "only the loopback link is left: {links}");
        let leases = self.host.sh("find /var/lib/cni /run -type f -name '[0-9]*.*.*.*[0-9]'");
        assert_eq!(leases.trim(), "", "leases are left");
    }

    fn snapshots(&self) -> [Snapshot; 2] {
        let without = |snapshot: Snapshot| {
            self.growing.iter().fold(snapshot, |snapshot, text| snapshot.without(text))
        };
        [without(self.host.snapshot()), without(self.container.snapshot())]
    }
}

/// Returns the first address of a result of any version, without the prefix length.
fn address(result: &Value) -> String {
    let address = result["ip4"]["ip"].as_str().or(result["ips"][0]["address"].as_str());
    let address = address.expect("a result with an address");
    address.split('/').next().unwrap_or_default().to_owned()
}
