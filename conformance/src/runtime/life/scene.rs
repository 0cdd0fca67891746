//! Where lives are played: a throw-away host, and the runtime. The runtime keeps nothing but what lies on its disk, so each step
//! is also one after a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cni_wrapper::{Environment, SpecVersion};
use cni_wrapper_test::Place;
use serde_json::{Map, Value, json};

use super::cast::{Cast, Source, declaring};
use super::steps::{Step, Steps};
use crate::exchange::Exchange;
use crate::judgement::{Judgement, Stop};
use crate::profile::Profile;
use crate::runtime::libcni::Cache;
use crate::runtime::mesos::join_thread;
use crate::runtime::mesos::{Accepted, Handle, Join};
use crate::runtime::{Failure, Isolator, Kind, Libcni, Network, Parameters, Quirks, Runner, Site};
use crate::stage::{Attachment, NETWORK, Picture, Scratch, Stage, StandIn};

/// Mesos's own default.
const MESOS_ROOT: &str = "/run/mesos/isolators/network/cni";

/// How long the kernel may take to clean up after a namespace.
const PATIENCE: Duration = Duration::from_secs(5);

/// The plugin that makes the interface in a list of a chained one.
const BEFORE: &str = "before";
/// The plugin that fails at the end of a list.
const FAILING: &str = "failing";

/// Where lives are played.
pub struct Scene {
    cast: Cast,
    stage: Stage,
    runner: Runner,
    cache: Scratch,
    /// The plugins around the one that is played, and their directories.
    around: [(PathBuf, StandIn); 2],
    steps: Steps,
    /// Whether a namespace is gone: the kernel takes away what was in it a little later.
    lost: AtomicBool,
}

/// A container that is attached and detached.
pub struct Guest<'s> {
    /// Its id.
    pub id: String,
    attachment: Attachment<'s>,
    parameters: Parameters,
    info: Map<String, Value>,
    added: AtomicBool,
}

impl Guest<'_> {
    /// Its container.
    pub fn container(&self) -> &cni_wrapper_test::Container {
        self.attachment.container()
    }

    /// What the program above the runtime says about it.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

impl Scene {
    /// Makes a scene.
    ///
    /// # Panics
    /// When this machine does not allow it; the message says why.
    pub fn new(cast: &Cast) -> Self {
        let stage = Stage::new(&cast.subject, cast.version, cast.limit);
        let around = [BEFORE, FAILING].map(|name| stage.decoy("around", name));
        // Each ADD has an answer of its own.
        around[0].1.first_runs("ADD", "on=$on.$CNI_CONTAINERID.$CNI_IFNAME\n");
        around[1].1.fails("ADD", 101, "it fails on purpose, last in the list");
        let own =
            [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("LANG", "C.UTF-8")];
        let place: Place = (*stage.host).clone();
        let site = Site::Host(place, stage.host.pid());
        let runner = Runner::new(site, Environment::from_iter(own), cast.limit);
        let (cast, cache, steps) = (cast.clone(), Scratch::new(), Steps::default());
        Self { cast, stage, runner, cache, around, steps, lost: AtomicBool::new(false) }
    }

    /// Who plays.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// The host.
    pub fn host(&self) -> &cni_wrapper_test::Host {
        &self.stage.host
    }

    /// The steps so far.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.all()
    }

    /// The call that went wrong, or the last one when something else did.
    pub(super) fn wrong(&self) -> Option<Exchange> {
        self.steps.exchange().or_else(|| self.runner.exchanges().pop())
    }

    /// A new container with this id.
    pub fn guest(&self, id: &str) -> Guest<'_> {
        let attachment = self.stage.attachment(id);
        let given = attachment.given();
        if self.cast.subject.profile == Profile::Chained {
            let result = given.result(self.cast.version).to_string();
            self.around[0].1.prints(&format!("ADD.{id}.eth0"), &result);
        }
        let parameters = Parameters {
            id: id.to_owned(),
            netns: attachment.container().netns(),
            ifname: attachment.ifname().to_owned(),
            args: Vec::new(),
            capability_args: self.cast.supplied_for(given.number),
        };
        let info = self.cast.info_for(given.number);
        let added = AtomicBool::new(false);
        Guest { id: id.to_owned(), parameters, info, attachment, added }
    }

    /// An ADD and a DEL before the life begins.
    pub(super) fn warm(&self) -> Result<(), Failure> {
        let guest = self.guest("warm");
        self.try_add(&guest).map(drop)?;
        self.try_del(&guest)
    }

    /// What is to be seen now.
    pub fn picture(&self) -> Picture {
        self.stage.picture()
    }

    /// The step that looks whether all is as it was.
    pub(super) fn nothing_is_left(&self, before: &Picture) -> Judgement {
        self.looks_as(before, "nothing is left behind")
    }

    /// The step that looks whether all is as in this picture.
    pub(super) fn looks_as(&self, picture: &Picture, what: &str) -> Judgement {
        let deadline = Instant::now() + PATIENCE;
        let mut judged = picture.is_still_true(&self.stage, what);
        while judged.is_err() && self.lost.load(Ordering::Relaxed) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
            judged = picture.is_still_true(&self.stage, what);
        }
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
        guest.container().delete();
        self.lost.store(true, Ordering::Relaxed);
        self.steps.right(&format!("the namespace of {} is gone", guest.id), None);
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

    fn path(&self) -> Vec<PathBuf> {
        let own = self.stage.cni_path();
        let own = own.split(':').filter(|directory| !directory.is_empty()).map(PathBuf::from);
        let around = [self.around[0].0.clone()].into_iter();
        around.chain(self.cast.path.iter().cloned()).chain(own).collect()
    }

    fn libcni(&self) -> Libcni<'_> {
        Libcni::new(&self.runner, self.path(), Cache::new(self.cache.path()))
    }

    fn isolator(&self) -> Isolator<'_> {
        let handle = Handle::Mounted((*self.stage.host).clone());
        let path: Vec<_> = self.path().iter().map(|one| one.display().to_string()).collect();
        Isolator::new(&self.runner, path.join(":"), Path::new(MESOS_ROOT), handle)
    }

    /// The subject's object in a configuration.
    fn plugin(&self) -> Map<String, Value> {
        // It is a JSON object: the stage has just printed it.
        serde_json::from_slice(&self.stage.call("ADD").bytes()).unwrap_or_default()
    }

    /// The list for libcni; `failing` puts a plugin at its end that fails.
    fn network(&self, failing: bool) -> Network {
        let mut network = match &self.cast.source {
            Source::List(network) => network.clone(),
            _ => self.network_of_subject(),
        };
        if failing {
            let last = json!({ "type": FAILING });
            network.plugins.extend(last.as_object().cloned());
        }
        network
    }

    fn network_of_subject(&self) -> Network {
        let mut plugin = declaring(self.plugin(), &self.cast.supplied);
        plugin.retain(|key, _| key != "name" && key != "cniVersion");
        let mut plugins = vec![Value::Object(plugin)];
        if self.cast.subject.profile == Profile::Chained {
            plugins.insert(0, json!({ "type": BEFORE }));
        }
        let list = json!({
            "cniVersion": self.cast.version.as_str(), "name": NETWORK, "plugins": plugins,
        });
        let network = Network::parse_list(list.to_string().as_bytes(), &Quirks::all());
        network.unwrap_or_else(|problem| panic!("the subject's configuration: {problem}"))
    }

    /// The network for Mesos, with what the framework says.
    pub(super) fn join(&self, guest: &Guest) -> Join {
        let config = match &self.cast.source {
            Source::Single(config) => config.clone(),
            _ => {
                let mut config = self.plugin();
                if !self.cast.subject.config.contains_key("cniVersion") {
                    config.shift_remove("cniVersion");
                }
                config
            }
        };
        Join { config, info: guest.info.clone() }
    }
}
