//! What is done on a testbed, each a step with its verdict.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use cni_protocol::SpecVersion;

use super::testbed::{Container, Testbed};
use crate::fixture::snapshot::HostSnapshot;
use crate::profile::Profile;
use crate::runtime::failure::Failure;
use crate::runtime::kind::RuntimeKind;
use crate::runtime::mesos::accepted::Accepted;
use crate::runtime::mesos::isolator::{Isolator, join_thread};
use crate::verdict::{CaseResult, Stop};

/// How long the kernel may take to clean up after a namespace.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace and the link into it, by which the end of that is seen.
const PROBE: &str = "probe";

impl Testbed {
    /// An ADD and a DEL before the lifecycle begins.
    pub(super) fn warm_up(&self) -> Result<(), Failure> {
        let container = self.container("warm");
        self.try_add(&container).map(drop)?;
        self.try_del(&container)
    }

    /// The step that looks whether all is as it was.
    pub(super) fn nothing_is_left(&self, before: &HostSnapshot) -> CaseResult {
        self.looks_as(before, "nothing is left behind")
    }

    /// The step that looks whether all is as in this snapshot.
    pub(super) fn looks_as(&self, snapshot: &HostSnapshot, what: &str) -> CaseResult {
        let judged = snapshot.expect_unchanged(&self.fixture, what);
        self.steps.shows(what, judged)
    }

    /// ADD, which has to succeed.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn add(&self, container: &Container) -> CaseResult {
        self.steps.succeeds_with(&format!("ADD of {}", container.id), self.try_add(container))
    }

    /// DEL, which has to succeed.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn del(&self, container: &Container, when: &str) -> CaseResult {
        self.steps.succeeds(&format!("DEL of {}{when}", container.id), self.try_del(container))
    }

    /// CHECK, which has to succeed; no step at all where the version or the runtime does not know it.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn check(&self, container: &Container) -> CaseResult {
        match self.knows_check() {
            true => self
                .steps
                .succeeds(&format!("CHECK of {}", container.id), self.try_check(container)),
            false => Ok(()),
        }
    }

    /// CHECK, which has to fail.
    pub(super) fn check_fails(&self, container: &Container, when: &str) -> CaseResult {
        self.steps.fails(&format!("CHECK of {}{when}", container.id), self.try_check(container))
    }

    pub(super) fn knows_check(&self) -> bool {
        self.setup.kind() == RuntimeKind::Libcni && self.setup.version >= SpecVersion::V0_4_0
    }

    /// An ADD that can't succeed, although the plugin is not to blame: later in its list another one fails, or its delegate does,
    /// or there is no namespace.
    pub(super) fn failing_add(&self, container: &Container) -> CaseResult {
        let what = format!("ADD of {}, which can't succeed", container.id);
        match self.setup.kind() {
            RuntimeKind::Libcni => {
                let network = self.network(true);
                self.steps.fails(&what, self.libcni().add(&network, &container.conf))
            }
            RuntimeKind::Mesos if self.setup.subject.profile == Profile::Ipam => {
                Err(Stop::skip("nothing makes the ADD of an IPAM plugin fail"))
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

    /// DEL of a list whose last plugin had failed.
    pub(super) fn del_after_failure(&self, container: &Container) -> CaseResult {
        let what = format!("DEL of {}, whose ADD failed", container.id);
        let done = match self.setup.kind() {
            RuntimeKind::Libcni => self.libcni().del(&self.network(true), &container.conf),
            RuntimeKind::Mesos => self.isolator().destroy(&container.id),
        };
        self.steps.succeeds(&what, done)
    }

    /// The runtime's cache of an attachment is lost.
    pub(super) fn lose_cache(&self, container: &Container) -> CaseResult {
        let network = self.network(false).name;
        let path = self.libcni().cache().path(&network, &container.conf);
        let lost = path.and_then(|path| fs::remove_file(path).map_err(|error| error.to_string()));
        let what = format!("the cache of {} is lost", container.id);
        self.steps.succeeds(&what, lost.map_err(Failure::own))
    }

    /// The container is gone, as after a crash or a reboot.
    pub(super) fn lose_container(&self, container: &Container) {
        if self.setup.kind() == RuntimeKind::Mesos {
            self.isolator().unmount(&container.id);
        }
        container.attachment.remove_netns();
        self.wait_for_the_kernel();
        self.steps.right(&format!("the namespace of {} is gone", container.id), None);
    }

    /// The kernel takes away what was in a namespace a little later, one namespace after the other: when the link into a
    /// namespace that was made and deleted now is gone, so are those into all before it.
    fn wait_for_the_kernel(&self) {
        let host = self.host();
        let probe = host.container(PROBE);
        host.run(&format!("ip link add {PROBE} type veth peer name {PROBE} netns {PROBE}"));
        probe.delete();
        let deadline = Instant::now() + PATIENCE;
        while host.exists(&format!("/sys/class/net/{PROBE}")) {
            assert!(Instant::now() < deadline, "the kernel does not clean up after a namespace");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// GC with these attachments as valid.
    pub(super) fn gc(&self, valid: &[&Container]) -> CaseResult {
        let ids: Vec<&str> = valid.iter().map(|container| container.id.as_str()).collect();
        let what = format!(
            "GC, valid are: {}",
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        );
        let pair = |container: &&Container| (container.id.clone(), container.conf.ifname.clone());
        let valid: Vec<_> = valid.iter().map(pair).collect();
        self.steps.succeeds(&what, self.libcni().gc(&self.network(false), Some(&valid)))
    }

    /// A step of the agent of Mesos.
    pub(super) fn agent<T>(
        &self,
        what: &str,
        does: impl FnOnce(&Isolator) -> Result<T, Failure>,
    ) -> CaseResult<T> {
        self.steps.succeeds(what, does(&self.isolator()))
    }

    /// Does the same with all of them at once; the first of those that fail is invocation.
    pub(super) fn at_once(
        &self,
        what: &str,
        containers: &[Container],
        work: impl Fn(&Container) -> Result<(), Failure> + Sync,
    ) -> CaseResult {
        let ended: Vec<Result<(), Failure>> = thread::scope(|scope| {
            let work = &work;
            let running: Vec<_> =
                containers.iter().map(|container| scope.spawn(move || work(container))).collect();
            running.into_iter().map(join_thread).collect()
        });
        let failed = ended.iter().filter(|ended| ended.is_err()).count();
        let first = ended.into_iter().zip(containers).find_map(|(ended, container)| {
            let failure = ended.err()?;
            Some(failure.within(&format!(
                "{failed} of {} failed, {} first",
                containers.len(),
                container.id
            )))
        });
        self.steps.succeeds(what, first.map_or(Ok(()), Err))
    }

    pub(super) fn try_add(&self, container: &Container) -> Result<Option<String>, Failure> {
        if container.added.swap(true, Ordering::Relaxed) {
            // The plugin before it makes its interface anew.
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
