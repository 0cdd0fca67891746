//! The actions on a testbed, each of which is recorded as a step.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use cni_protocol::SpecVersion;

use super::testbed::{Container, Testbed};
use crate::fixture::snapshot::HostSnapshot;
use crate::profile::Profile;
use crate::runtime::failure::Failure;
use crate::runtime::kind::RuntimeKind;
use crate::runtime::mesos::accepted::Accepted;
use crate::runtime::mesos::isolator::Isolator;
use crate::threads::join;
use crate::verdict::{CaseResult, Stop};
use crate::wait::holds_within;

/// How long the kernel may take to remove the links of a namespace.
const CLEANUP_LIMIT: Duration = Duration::from_secs(60);

/// The name of a namespace and of a link into it, whose removal is observed.
const PROBE: &str = "probe";

impl Testbed {
    /// Runs ADD and DEL before the lifecycle begins.
    pub(super) fn warm_up(&self) -> Result<(), Failure> {
        let container = self.container("warm");
        self.try_add(&container).map(drop)?;
        self.try_del(&container)
    }

    /// Expects everything to be as before.
    pub(super) fn expect_nothing_left(&self, before: &HostSnapshot) -> CaseResult {
        self.expect_state(before, "nothing is left behind")
    }

    /// Expects the state of a snapshot.
    pub(super) fn expect_state(&self, snapshot: &HostSnapshot, what: &str) -> CaseResult {
        let result = snapshot.expect_unchanged(&self.fixture, what);
        self.steps.expects(what, result)
    }

    /// Runs ADD and expects it to succeed.
    ///
    /// # Errors
    /// The finding that it failed.
    pub fn add(&self, container: &Container) -> CaseResult {
        self.steps.succeeds_with(&format!("ADD of {}", container.id), self.try_add(container))
    }

    /// Runs DEL and expects it to succeed.
    ///
    /// # Errors
    /// The finding that it failed.
    pub fn del(&self, container: &Container, when: &str) -> CaseResult {
        self.steps.succeeds(&format!("DEL of {}{when}", container.id), self.try_del(container))
    }

    /// Runs CHECK and expects it to succeed. Does nothing if the version or the runtime has no
    /// CHECK.
    ///
    /// # Errors
    /// The finding that it failed.
    pub fn check(&self, container: &Container) -> CaseResult {
        match self.has_check() {
            true => self
                .steps
                .succeeds(&format!("CHECK of {}", container.id), self.try_check(container)),
            false => Ok(()),
        }
    }

    /// Runs CHECK and expects it to fail.
    pub(super) fn check_fails(&self, container: &Container, when: &str) -> CaseResult {
        self.steps.fails(&format!("CHECK of {}{when}", container.id), self.try_check(container))
    }

    pub(super) fn has_check(&self) -> bool {
        self.setup.kind() == RuntimeKind::Libcni && self.setup.version >= SpecVersion::V0_4_0
    }

    /// Runs an ADD that fails for a reason outside the plugin: a later plugin in its list or its
    /// delegate fails, or the namespace does not exist.
    pub(super) fn failing_add(&self, container: &Container) -> CaseResult {
        let what = format!("ADD of {}, which must fail", container.id);
        match self.setup.kind() {
            RuntimeKind::Libcni => {
                let network = self.network(true);
                self.steps.fails(&what, self.libcni().add(&network, &container.conf))
            }
            RuntimeKind::Mesos if self.setup.subject.profile == Profile::Ipam => {
                Err(Stop::skip("there is no way to make ADD of an IPAM plugin fail"))
            }
            RuntimeKind::Mesos => {
                let mut netns = container.conf.netns.as_str();
                match self.fixture.fake_delegate() {
                    Ok(delegate) if self.setup.subject.profile == Profile::Wrapper => {
                        delegate.fails("ADD", 101, "the delegate fails on purpose");
                    }
                    _ => netns = "/dev/null",
                }
                let joins = [self.join(container)];
                self.steps.fails(&what, self.isolator().isolate(&container.id, netns, &joins))
            }
        }
    }

    /// Runs DEL after [`Self::failing_add`].
    pub(super) fn del_after_failure(&self, container: &Container) -> CaseResult {
        let what = format!("DEL of {}, whose ADD failed", container.id);
        let done = match self.setup.kind() {
            RuntimeKind::Libcni => self.libcni().del(&self.network(true), &container.conf),
            RuntimeKind::Mesos => self.isolator().destroy(&container.id),
        };
        self.steps.succeeds(&what, done)
    }

    /// Removes the runtime's cache of an attachment.
    pub(super) fn lose_cache(&self, container: &Container) -> CaseResult {
        let network = self.network(false).name;
        let path = self.libcni().cache().path(&network, &container.conf);
        let lost = path.and_then(|path| fs::remove_file(path).map_err(|error| error.to_string()));
        let what = format!("the cache of {} is lost", container.id);
        self.steps.succeeds(&what, lost.map_err(Failure::own))
    }

    /// Removes the network namespace of a container, as a crash or a reboot does.
    pub(super) fn lose_container(&self, container: &Container) {
        if self.setup.kind() == RuntimeKind::Mesos {
            self.isolator().unmount(&container.id);
        }
        container.attachment.remove_netns();
        self.wait_for_the_kernel();
        self.steps.passed(&format!("the namespace of {} is removed", container.id), None);
    }

    /// Waits until the kernel has removed the links of deleted namespaces, which it does later and
    /// in order: when the link into a namespace that is created and deleted now is removed, so are
    /// those into all earlier ones.
    fn wait_for_the_kernel(&self) {
        let host = self.host();
        let probe = host.container(PROBE);
        host.run(&format!("ip link add {PROBE} type veth peer name {PROBE} netns {PROBE}"));
        probe.delete();
        let link = format!("/sys/class/net/{PROBE}");
        let is_removed = holds_within(CLEANUP_LIMIT, || !host.exists(&link));
        assert!(is_removed, "the kernel does not remove the links of a namespace");
    }

    /// Runs GC with these attachments as valid.
    pub(super) fn gc(&self, valid: &[&Container]) -> CaseResult {
        let ids: Vec<&str> = valid.iter().map(|container| container.id.as_str()).collect();
        let what = format!(
            "GC, valid: {}",
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        );
        let pair = |container: &&Container| (container.id.clone(), container.conf.ifname.clone());
        let valid: Vec<_> = valid.iter().map(pair).collect();
        self.steps.succeeds(&what, self.libcni().gc(&self.network(false), Some(&valid)))
    }

    /// Runs a step of the Mesos agent and expects it to succeed.
    pub(super) fn agent<T>(
        &self,
        what: &str,
        step: impl FnOnce(&Isolator) -> Result<T, Failure>,
    ) -> CaseResult<T> {
        self.steps.succeeds(what, step(&self.isolator()))
    }

    /// Calls `work` with all containers concurrently, and reports the first failure.
    pub(super) fn concurrently(
        &self,
        what: &str,
        containers: &[Container],
        work: impl Fn(&Container) -> Result<(), Failure> + Sync,
    ) -> CaseResult {
        let ended: Vec<Result<(), Failure>> = thread::scope(|scope| {
            let work = &work;
            let running: Vec<_> =
                containers.iter().map(|container| scope.spawn(move || work(container))).collect();
            running.into_iter().map(join).collect()
        });
        let failed = ended.iter().filter(|ended| ended.is_err()).count();
        let first = ended.into_iter().zip(containers).find_map(|(ended, container)| {
            let failure = ended.err()?;
            Some(failure.within(&format!(
                "{failed} of {} failed, first {}",
                containers.len(),
                container.id
            )))
        });
        self.steps.succeeds(what, first.map_or(Ok(()), Err))
    }

    pub(super) fn try_add(&self, container: &Container) -> Result<Option<String>, Failure> {
        if container.added.swap(true, Ordering::Relaxed) {
            // The plugin before it creates its interface again.
            self.fixture.recreate_interface(&container.attachment);
        }
        match self.setup.kind() {
            RuntimeKind::Libcni => {
                self.libcni().add(&self.network(false), &container.conf)?;
                Ok(None)
            }
            RuntimeKind::Mesos => {
                let joins = [self.join(container)];
                let accepted =
                    self.isolator().isolate(&container.id, &container.conf.netns, &joins)?;
                let unread = |one: &Accepted| one.ip4.is_none() && one.ip6.is_none();
                let note = "Mesos reads no address in the result".to_owned();
                Ok(accepted.iter().all(unread).then_some(note))
            }
        }
    }

    pub(super) fn try_del(&self, container: &Container) -> Result<(), Failure> {
        match self.setup.kind() {
            RuntimeKind::Libcni => self.libcni().del(&self.network(false), &container.conf),
            RuntimeKind::Mesos => self.isolator().destroy(&container.id),
        }
    }

    fn try_check(&self, container: &Container) -> Result<(), Failure> {
        self.libcni().check(&self.network(false), &container.conf)
    }
}
