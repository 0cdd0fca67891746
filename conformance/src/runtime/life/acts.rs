//! What is done on a scene, each a step with its verdict.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use cni_wrapper::SpecVersion;

use super::scene::{Guest, Scene};
use crate::judgement::{Judgement, Stop};
use crate::profile::Profile;
use crate::runtime::mesos::{Accepted, join_thread};
use crate::runtime::{Failure, Isolator, Kind};
use crate::stage::Picture;

/// How long the kernel may take to clean up after a namespace.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace and the link into it, by which the end of that is seen.
const PROBE: &str = "probe";

impl Scene {
    /// An ADD and a DEL before the life begins.
    pub(super) fn warm(&self) -> Result<(), Failure> {
        let guest = self.guest("warm");
        self.try_add(&guest).map(drop)?;
        self.try_del(&guest)
    }

    /// The step that looks whether all is as it was.
    pub(super) fn nothing_is_left(&self, before: &Picture) -> Judgement {
        self.looks_as(before, "nothing is left behind")
    }

    /// The step that looks whether all is as in this picture.
    pub(super) fn looks_as(&self, picture: &Picture, what: &str) -> Judgement {
        let judged = picture.is_still_true(&self.stage, what);
        self.steps.shows(what, judged)
    }

    /// ADD, which has to succeed.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn add(&self, guest: &Guest) -> Judgement {
        self.steps.succeeds_with(&format!("ADD of {}", guest.id), self.try_add(guest))
    }

    /// DEL, which has to succeed.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn del(&self, guest: &Guest, when: &str) -> Judgement {
        self.steps.succeeds(&format!("DEL of {}{when}", guest.id), self.try_del(guest))
    }

    /// CHECK, which has to succeed; no step at all where the version or the runtime does not know it.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn check(&self, guest: &Guest) -> Judgement {
        match self.knows_check() {
            true => self.steps.succeeds(&format!("CHECK of {}", guest.id), self.try_check(guest)),
            false => Ok(()),
        }
    }

    /// CHECK, which has to fail.
    pub(super) fn check_fails(&self, guest: &Guest, when: &str) -> Judgement {
        self.steps.fails(&format!("CHECK of {}{when}", guest.id), self.try_check(guest))
    }

    pub(super) fn knows_check(&self) -> bool {
        self.cast.kind() == Kind::Libcni && self.cast.version >= SpecVersion::V0_4_0
    }

    /// An ADD that can't succeed, although the plugin is not to blame: later in its list another one fails, or its delegate does,
    /// or there is no namespace.
    pub(super) fn failing_add(&self, guest: &Guest) -> Judgement {
        let what = format!("ADD of {}, which can't succeed", guest.id);
        match self.cast.kind() {
            Kind::Libcni => {
                let network = self.network(true);
                self.steps.fails(&what, self.libcni().add(&network, &guest.parameters))
            }
            Kind::Mesos if self.cast.subject.profile == Profile::Ipam => {
                Err(Stop::skip("nothing makes the ADD of an IPAM plugin fail"))
            }
            Kind::Mesos => {
                let mut netns = guest.parameters.netns.as_str();
                match self.stage.stand_in() {
                    Ok(delegate) if self.cast.subject.profile == Profile::Wrapper => {
                        delegate.fails("ADD", 101, "the delegate fails on purpose");
                    }
                    _ => netns = "/dev/null",
                }
                let joins = [self.join(guest)];
                self.steps.fails(&what, self.isolator().isolate(&guest.id, netns, &joins))
            }
        }
    }

    /// DEL of a list whose last plugin had failed.
    pub(super) fn del_after_failure(&self, guest: &Guest) -> Judgement {
        let what = format!("DEL of {}, whose ADD failed", guest.id);
        let done = match self.cast.kind() {
            Kind::Libcni => self.libcni().del(&self.network(true), &guest.parameters),
            Kind::Mesos => self.isolator().destroy(&guest.id),
        };
        self.steps.succeeds(&what, done)
    }

    /// The runtime's cache of an attachment is lost.
    pub(super) fn lose_cache(&self, guest: &Guest) -> Judgement {
        let network = self.network(false).name;
        let path = self.libcni().cache().path(&network, &guest.parameters);
        let lost = path.and_then(|path| fs::remove_file(path).map_err(|error| error.to_string()));
        let what = format!("the cache of {} is lost", guest.id);
        self.steps.succeeds(&what, lost.map_err(Failure::own))
    }

    /// The container is gone, as after a crash or a reboot.
    pub(super) fn lose_container(&self, guest: &Guest) {
        if self.cast.kind() == Kind::Mesos {
            self.isolator().unmount(&guest.id);
        }
        guest.attachment.delete_netns();
        self.wait_for_the_kernel();
        self.steps.right(&format!("the namespace of {} is gone", guest.id), None);
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
    pub(super) fn gc(&self, valid: &[&Guest]) -> Judgement {
        let ids: Vec<&str> = valid.iter().map(|guest| guest.id.as_str()).collect();
        let what = format!(
            "GC, valid are: {}",
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        );
        let pair = |guest: &&Guest| (guest.id.clone(), guest.parameters.ifname.clone());
        let valid: Vec<_> = valid.iter().map(pair).collect();
        self.steps.succeeds(&what, self.libcni().gc(&self.network(false), Some(&valid)))
    }

    /// A step of the agent of Mesos.
    pub(super) fn agent<T>(
        &self,
        what: &str,
        does: impl FnOnce(&Isolator) -> Result<T, Failure>,
    ) -> Judgement<T> {
        self.steps.succeeds(what, does(&self.isolator()))
    }

    /// Does the same with all of them at once; the first of those that fail is told.
    pub(super) fn at_once(
        &self,
        what: &str,
        guests: &[Guest],
        work: impl Fn(&Guest) -> Result<(), Failure> + Sync,
    ) -> Judgement {
        let ended: Vec<Result<(), Failure>> = thread::scope(|scope| {
            let work = &work;
            let running: Vec<_> =
                guests.iter().map(|guest| scope.spawn(move || work(guest))).collect();
            running.into_iter().map(join_thread).collect()
        });
        let failed = ended.iter().filter(|ended| ended.is_err()).count();
        let first = ended.into_iter().zip(guests).find_map(|(ended, guest)| {
            let failure = ended.err()?;
            Some(failure.within(&format!(
                "{failed} of {} failed, {} first",
                guests.len(),
                guest.id
            )))
        });
        self.steps.succeeds(what, first.map_or(Ok(()), Err))
    }

    pub(super) fn try_add(&self, guest: &Guest) -> Result<Option<String>, Failure> {
        if guest.added.swap(true, Ordering::Relaxed) {
            // The plugin before it makes its interface anew.
            self.stage.renew(&guest.attachment);
        }
        match self.cast.kind() {
            Kind::Libcni => {
                self.libcni().add(&self.network(false), &guest.parameters)?;
                Ok(None)
            }
            Kind::Mesos => {
                let joins = [self.join(guest)];
                let accepted =
                    self.isolator().isolate(&guest.id, &guest.parameters.netns, &joins)?;
                let unread = |one: &Accepted| one.ip4.is_none() && one.ip6.is_none();
                let note = "Mesos reads no address in the result".to_owned();
                Ok(accepted.iter().all(unread).then_some(note))
            }
        }
    }

    pub(super) fn try_del(&self, guest: &Guest) -> Result<(), Failure> {
        match self.cast.kind() {
            Kind::Libcni => self.libcni().del(&self.network(false), &guest.parameters),
            Kind::Mesos => self.isolator().destroy(&guest.id),
        }
    }

    fn try_check(&self, guest: &Guest) -> Result<(), Failure> {
        self.libcni().check(&self.network(false), &guest.parameters)
    }
}
