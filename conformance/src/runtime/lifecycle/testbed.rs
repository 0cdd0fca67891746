//! The testbed of a lifecycle: a disposable host and the runtime. All state of the runtime is on
//! disk, so each step is also one after a restart.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use cni_protocol::Environment;
use cni_test_kit::Netns;
use serde_json::{Map, Value, json};

use super::setup::{Setup, Source, declaring};
use super::steps::{Step, Steps};
use crate::exchange::Exchange;
use crate::fixture::attachment::Attachment;
use crate::fixture::fake_delegate::FakeDelegate;
use crate::fixture::scratch::ScratchDir;
use crate::fixture::snapshot::HostSnapshot;
use crate::fixture::{Fixture, NETWORK};
use crate::profile::Profile;
use crate::runtime::libcni::Libcni;
use crate::runtime::libcni::cache::Cache;
use crate::runtime::libcni::network::Network;
use crate::runtime::libcni::quirk::Quirks;
use crate::runtime::mesos::isolator::{Isolator, Join, NetnsHandle};
use crate::runtime::runner::{Runner, Site};
use crate::runtime::runtime_conf::RuntimeConf;

/// The default of Mesos.
const MESOS_ROOT: &str = "/run/mesos/isolators/network/cni";

/// The plugin that creates the interface before a chained one.
const BEFORE: &str = "before";
/// A plugin at the end of a list that fails.
const FAILING: &str = "failing";

/// A disposable host and the runtime on it.
pub struct Testbed {
    pub(super) setup: Setup,
    pub(super) fixture: Fixture,
    runner: Runner,
    cache: ScratchDir,
    /// The plugins before and after the subject in a list, and their directories.
    around: [(PathBuf, FakeDelegate); 2],
    pub(super) steps: Steps,
}

/// A container that is added and deleted.
pub struct Container<'s> {
    /// The container id.
    pub id: String,
    pub(super) attachment: Attachment<'s>,
    pub(super) conf: RuntimeConf,
    pub(super) info: Map<String, Value>,
    pub(super) added: AtomicBool,
}

impl Container<'_> {
    /// Returns its network namespace.
    pub fn namespace(&self) -> &cni_test_kit::Container {
        self.attachment.container()
    }

    /// Returns the parameters of its calls.
    pub fn conf(&self) -> &RuntimeConf {
        &self.conf
    }
}

impl Testbed {
    /// Creates a testbed.
    ///
    /// # Panics
    /// If the machine does not allow it, with the reason.
    pub fn new(setup: &Setup) -> Self {
        let fixture = Fixture::with_path(&setup.subject, setup.version, setup.limit, &setup.path);
        let around = [BEFORE, FAILING].map(|name| fixture.decoy("around", name));
        // Each attachment has its own response to ADD.
        around[0].1.runs_first("ADD", "on=$on.$CNI_CONTAINERID.$CNI_IFNAME\n");
        around[1].1.fails("ADD", 101, "the last plugin fails on purpose");
        let own =
            [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("LANG", "C.UTF-8")];
        let netns: Netns = (*fixture.host()).clone();
        let site = Site::Host(netns, fixture.host().pid());
        let runner = Runner::new(site, Environment::from_iter(own), setup.limit);
        let (setup, cache, steps) = (setup.clone(), fixture.directory("cache"), Steps::new());
        Self { setup, fixture, runner, cache, around, steps }
    }

    /// Returns the setup.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Returns the host.
    pub fn host(&self) -> &cni_test_kit::Host {
        self.fixture.host()
    }

    /// Returns the steps so far.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.all()
    }

    /// Returns the call that failed, or else the last one.
    pub(super) fn relevant_call(&self) -> Option<Exchange> {
        self.steps.exchange().or_else(|| self.runner.exchanges().pop())
    }

    /// Returns the number of calls that have started so far.
    pub(super) fn calls_started(&self) -> usize {
        self.runner.started()
    }

    /// Creates a container with this id.
    pub fn container(&self, id: &str) -> Container<'_> {
        let attachment = self.fixture.attachment(id);
        let input = attachment.input();
        if self.setup.subject.profile == Profile::Chained {
            let result = input.result(self.setup.version).to_string();
            self.around[0].1.prints(&format!("ADD.{id}.eth0"), &result);
        }
        let conf = RuntimeConf {
            id: id.to_owned(),
            netns: attachment.container().netns(),
            ifname: attachment.ifname().to_owned(),
            args: Vec::new(),
            capability_args: self.setup.supplied_for(input.number),
        };
        let info = self.setup.info_for(input.number);
        let added = AtomicBool::new(false);
        Container { id: id.to_owned(), conf, info, attachment, added }
    }

    /// Creates a container with this id that gets the host ports of another one.
    pub(super) fn successor(&self, id: &str, predecessor: &Container) -> Container<'_> {
        let mut container = self.container(id);
        container.info.clone_from(&predecessor.info);
        container.conf.capability_args.clone_from(&predecessor.conf.capability_args);
        container
    }

    /// Returns a snapshot of the current state.
    pub fn snapshot(&self) -> HostSnapshot {
        self.fixture.snapshot()
    }

    fn path(&self) -> Vec<PathBuf> {
        let own = self.fixture.cni_path();
        let own = own.split(':').filter(|directory| !directory.is_empty()).map(PathBuf::from);
        let around = [self.around[0].0.clone()].into_iter();
        around.chain(self.setup.path.iter().cloned()).chain(own).collect()
    }

    pub(super) fn libcni(&self) -> Libcni<'_> {
        Libcni::new(&self.runner, self.path(), Cache::new(self.cache.outside()))
    }

    pub(super) fn isolator(&self) -> Isolator<'_> {
        let handle = NetnsHandle::Mounted((*self.fixture.host()).clone());
        let path: Vec<_> = self.path().iter().map(|one| one.display().to_string()).collect();
        Isolator::new(&self.runner, path.join(":"), Path::new(MESOS_ROOT), handle)
    }

    /// Returns the subject's object in a configuration.
    fn plugin(&self) -> Map<String, Value> {
        // The fixture prints a JSON object.
        serde_json::from_slice(&self.fixture.call("ADD").bytes()).unwrap_or_default()
    }

    /// Returns the list for libcni; with `failing`, a plugin that fails is at its end.
    pub(super) fn network(&self, failing: bool) -> Network {
        let mut network = match &self.setup.source {
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
        let mut plugin = declaring(self.plugin(), &self.setup.supplied);
        plugin.retain(|key, _| key != "name" && key != "cniVersion");
        let mut plugins = vec![Value::Object(plugin)];
        if self.setup.subject.profile == Profile::Chained {
            plugins.insert(0, json!({ "type": BEFORE }));
        }
        let list = json!({
            "cniVersion": self.setup.version.as_str(), "name": NETWORK, "plugins": plugins,
        });
        let network = Network::parse_list(list.to_string().as_bytes(), &Quirks::all());
        network.unwrap_or_else(|problem| panic!("the subject's configuration: {problem}"))
    }

    /// Returns the network for Mesos, with the `NetworkInfo` of the framework.
    pub(super) fn join(&self, container: &Container) -> Join {
        let config = match &self.setup.source {
            Source::Single(config) => config.clone(),
            _ => {
                let mut config = self.plugin();
                if !self.setup.subject.config.contains_key("cniVersion") {
                    config.shift_remove("cniVersion");
                }
                config
            }
        };
        Join { config, info: container.info.clone() }
    }
}
