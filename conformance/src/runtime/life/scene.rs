//! Where lives are played: a throw-away host, and the runtime. The runtime keeps nothing but what lies on its disk, so each step
//! is also one after a restart.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use cni_test_kit::Netns;
use cni_wrapper::Environment;
use serde_json::{Map, Value, json};

use super::cast::{Cast, Source, declaring};
use super::steps::{Step, Steps};
use crate::exchange::Exchange;
use crate::profile::Profile;
use crate::runtime::libcni::Cache;
use crate::runtime::mesos::{Handle, Join};
use crate::runtime::{Isolator, Libcni, Network, Parameters, Quirks, Runner, Site};
use crate::stage::{Attachment, NETWORK, Picture, Scratch, Stage, StandIn};

/// Mesos's own default.
const MESOS_ROOT: &str = "/run/mesos/isolators/network/cni";

/// The plugin that makes the interface in a list of a chained one.
const BEFORE: &str = "before";
/// The plugin that fails at the end of a list.
const FAILING: &str = "failing";

/// Where lives are played.
pub struct Scene {
    pub(super) cast: Cast,
    pub(super) stage: Stage,
    runner: Runner,
    cache: Scratch,
    /// The plugins around the one that is played, and their directories.
    around: [(PathBuf, StandIn); 2],
    pub(super) steps: Steps,
}

/// A container that is attached and detached.
pub struct Guest<'s> {
    /// Its id.
    pub id: String,
    pub(super) attachment: Attachment<'s>,
    pub(super) parameters: Parameters,
    pub(super) info: Map<String, Value>,
    pub(super) added: AtomicBool,
}

impl Guest<'_> {
    /// Its container.
    pub fn container(&self) -> &cni_test_kit::Container {
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
        let stage = Stage::with_path(&cast.subject, cast.version, cast.limit, &cast.path);
        let around = [BEFORE, FAILING].map(|name| stage.decoy("around", name));
        // Each ADD has an answer of its own.
        around[0].1.first_runs("ADD", "on=$on.$CNI_CONTAINERID.$CNI_IFNAME\n");
        around[1].1.fails("ADD", 101, "it fails on purpose, last in the list");
        let own =
            [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("LANG", "C.UTF-8")];
        let place: Netns = (*stage.host()).clone();
        let site = Site::Host(place, stage.host().pid());
        let runner = Runner::new(site, Environment::from_iter(own), cast.limit);
        let (cast, cache, steps) = (cast.clone(), stage.directory("cache"), Steps::default());
        Self { cast, stage, runner, cache, around, steps }
    }

    /// Who plays.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// The host.
    pub fn host(&self) -> &cni_test_kit::Host {
        self.stage.host()
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

    /// What is to be seen now.
    pub fn picture(&self) -> Picture {
        self.stage.picture()
    }

    fn path(&self) -> Vec<PathBuf> {
        let own = self.stage.cni_path();
        let own = own.split(':').filter(|directory| !directory.is_empty()).map(PathBuf::from);
        let around = [self.around[0].0.clone()].into_iter();
        around.chain(self.cast.path.iter().cloned()).chain(own).collect()
    }

    pub(super) fn libcni(&self) -> Libcni<'_> {
        Libcni::new(&self.runner, self.path(), Cache::new(self.cache.outside()))
    }

    pub(super) fn isolator(&self) -> Isolator<'_> {
        let handle = Handle::Mounted((*self.stage.host()).clone());
        let path: Vec<_> = self.path().iter().map(|one| one.display().to_string()).collect();
        Isolator::new(&self.runner, path.join(":"), Path::new(MESOS_ROOT), handle)
    }

    /// The subject's object in a configuration.
    fn plugin(&self) -> Map<String, Value> {
        // It is a JSON object: the stage has just printed it.
        serde_json::from_slice(&self.stage.call("ADD").bytes()).unwrap_or_default()
    }

    /// The list for libcni; `failing` puts a plugin at its end that fails.
    pub(super) fn network(&self, failing: bool) -> Network {
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
