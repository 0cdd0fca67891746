//! What a case works on: a host of its own, containers, the plugin under test, and what it depends on.
//!
//! All is gone when the stage is dropped: processes, links, rules, files. A step of the stage itself that fails
//! panics, and the case is then broken, never the plugin's fault.

mod answer;
mod attachment;
mod call;
mod given;
mod hosts;
mod picture;
mod scratch;
mod stand_in;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cni_test_kit::{Container, Host, ReusableContainer};
use cni_wrapper::SpecVersion;
use serde_json::{Map, Value, json};

pub use answer::Answer;
pub use attachment::Attachment;
pub use call::Call;
pub use given::{Given, bare};
pub use hosts::Hosts;
pub(crate) use hosts::visible;
pub use picture::Picture;
pub use stand_in::{Recorded, StandIn};

use crate::exchange::Exchange;
use crate::judgement::{Judgement, Stop};
use crate::process::{self, Stdin};
use crate::profile::Profile;
use crate::subject::Subject;
use hosts::Prepared;
pub(crate) use scratch::Scratch;

/// The PATH that the plugin gets.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The name of the network that cases work on.
pub const NETWORK: &str = "conformance";

/// What a case works on.
pub struct Stage {
    prepared: Prepared,
    /// Containers of the host that were used before.
    spare: Mutex<Vec<ReusableContainer>>,
    /// The plugin under test.
    pub subject: Subject,
    /// The version that it is asked in.
    pub version: SpecVersion,
    /// How long one call may take.
    pub limit: Duration,
    scratch: Scratch,
    stand_in: OnceLock<StandIn>,
    containers: Mutex<Vec<Arc<ReusableContainer>>>,
    /// Containers whose network namespaces a case has removed.
    lost: Mutex<BTreeSet<String>>,
    exchanges: Mutex<Vec<Exchange>>,
    next: AtomicU8,
}

impl Stage {
    /// Makes a stage on a new host.
    ///
    /// # Panics
    /// When this machine does not allow it, or the subject's `prepare` fails; the message says why.
    pub fn new(subject: &Subject, version: SpecVersion, limit: Duration) -> Self {
        Self::with_path(subject, version, limit, &[])
    }

    /// The same with more directories that plugins are in.
    ///
    /// # Panics
    /// As [`Stage::new`]; also if one of the directories can't be shown on the host.
    pub(crate) fn with_path(
        subject: &Subject,
        version: SpecVersion,
        limit: Duration,
        path: &[PathBuf],
    ) -> Self {
        Self::with(Prepared::new(subject, path), subject, version, limit)
    }

    /// Makes a stage on one of these hosts.
    ///
    /// # Panics
    /// As [`Stage::new`].
    pub(crate) fn on(
        hosts: &Hosts,
        subject: &Subject,
        version: SpecVersion,
        limit: Duration,
    ) -> Self {
        Self::with(hosts.take(subject), subject, version, limit)
    }

    fn with(
        prepared: Result<Prepared, String>,
        subject: &Subject,
        version: SpecVersion,
        limit: Duration,
    ) -> Self {
        let mut prepared = prepared.unwrap_or_else(|problem| panic!("{problem}"));
        let spare = Mutex::new(std::mem::take(&mut prepared.spare));
        let stage = Self {
            scratch: Scratch::new(&prepared.host),
            prepared,
            spare,
            subject: subject.clone(),
            version,
            limit,
            stand_in: OnceLock::new(),
            containers: Mutex::default(),
            lost: Mutex::default(),
            exchanges: Mutex::default(),
            next: AtomicU8::new(2),
        };
        if subject.profile == Profile::Wrapper {
            stage.install_stand_in();
        }
        stage
    }

    /// Returns its host to the hosts that it was taken from, if it can be used again.
    pub(crate) fn give_back(self, hosts: &Hosts) {
        let containers = self.containers.into_inner().unwrap_or_else(PoisonError::into_inner);
        let spare = self.spare.into_inner().unwrap_or_else(PoisonError::into_inner);
        let used = containers.into_iter().filter_map(Arc::into_inner);
        self.prepared.give_back(hosts, used.chain(spare).collect());
    }

    /// The host: everything that the plugin does happens inside.
    pub fn host(&self) -> &Host {
        &self.prepared.host
    }

    /// An attachment of a new container with this id, as `eth0`, to the network that cases work on. Where the plugin
    /// knows one interface name only, it has that one.
    pub fn attachment(&self, id: &str) -> Attachment<'_> {
        self.attachment_of([NETWORK, id, "eth0"])
    }

    /// An attachment to another network, or as another interface: network, container id, interface name.
    pub fn attachment_of(&self, names: [&str; 3]) -> Attachment<'_> {
        let [network, id, ifname] = names;
        let ifname = self.subject.ifname.clone().unwrap_or_else(|| ifname.to_owned());
        self.attachment_in(self.container(), [network, id, &ifname])
    }

    /// A call that concerns a network, not an attachment: GC, STATUS, VERSION.
    pub fn call(&self, verb: &str) -> Call<'_> {
        self.call_on(NETWORK, verb)
    }

    /// The same for another network.
    pub fn call_on(&self, network: &str, verb: &str) -> Call<'_> {
        let mut call = Call::new(self, verb);
        call.config = self.config(network);
        call
    }

    /// The plugin that stands in for the delegate, or the IPAM plugin, of the plugin under test.
    ///
    /// # Errors
    /// Skip, when the plugin runs none.
    pub fn stand_in(&self) -> Judgement<&StandIn> {
        match self.subject.delegate_key() {
            Some(_) => Ok(self.install_stand_in()),
            None => Err(Stop::skip("the configuration names no other plugin to run")),
        }
    }

    /// Another stand-in, `name`, in another directory, which is returned with it: a decoy.
    pub fn decoy(&self, directory: &str, name: &str) -> (PathBuf, StandIn) {
        let directory = self.scratch.directory(directory);
        let stand_in = StandIn::install(&directory, name);
        (directory.inside().to_owned(), stand_in)
    }

    /// A directory on the host for the harness's own files, which are in no picture.
    pub(crate) fn directory(&self, name: &str) -> Scratch {
        self.scratch.directory(name)
    }

    /// What is to be seen now.
    pub fn picture(&self) -> Picture {
        Picture::take(self)
    }

    /// An ADD and a DEL of another attachment, so that what all attachments share (a bridge, a chain, a directory)
    /// is there and no difference later on.
    ///
    /// # Errors
    /// The finding that one of them failed.
    pub fn warm(&self) -> Judgement {
        let attachment = self.attachment("warm");
        attachment.add()?;
        attachment.del()?;
        Ok(())
    }

    /// Waits until no process is left on the host, such as the children of a plugin that was killed.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let left = self.host().processes();
            match left.first() {
                None => return,
                Some(one) => assert!(Instant::now() < deadline, "does not end: {}", one.command),
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// `CNI_PATH`: the stand-ins, the plugin's own directory, and where plugins usually are.
    pub fn cni_path(&self) -> String {
        let own = self.subject.plugin.parent().map(|path| path.display().to_string());
        let usual = ["/opt/cni/bin", "/usr/lib/cni"].map(str::to_owned);
        let scratch = self.scratch.inside().display().to_string();
        let all: Vec<String> = [scratch].into_iter().chain(own).chain(usual).collect();
        all.join(":")
    }

    /// All calls so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.exchanges).clone()
    }

    fn config(&self, network: &str) -> Map<String, Value> {
        let mut config = self.subject.config.clone();
        config.insert("cniVersion".to_owned(), self.version.as_str().into());
        config.insert("name".to_owned(), network.into());
        config.entry("type").or_insert_with(|| self.subject.name().into());
        if self.stand_in.get().is_some()
            && let Some(key) = self.subject.delegate_key()
        {
            let own = (key == "delegate").then(|| config.get(key).cloned()).flatten();
            let mut delegate = own.unwrap_or_else(|| json!({}));
            delegate["type"] = StandIn::NAME.into();
            config.insert(key.to_owned(), delegate);
        }
        config
    }

    fn install_stand_in(&self) -> &StandIn {
        self.stand_in.get_or_init(|| {
            let stand_in = StandIn::install(&self.scratch, StandIn::NAME);
            let versions: Vec<_> =
                SpecVersion::ALL.iter().map(|version| version.as_str()).collect();
            let versions = json!({ "cniVersion": "1.1.0", "supportedVersions": versions });
            stand_in.prints("VERSION", &versions.to_string());
            stand_in
        })
    }

    /// The next container: `ns1`, `ns2` and so on, whether it was used before or not.
    fn container(&self) -> Arc<ReusableContainer> {
        let mut containers = lock(&self.containers);
        let name = format!("ns{}", containers.len() + 1);
        let mut spare = lock(&self.spare);
        let used = spare.iter().position(|one| one.name() == name);
        let container = match used {
            Some(at) => spare.swap_remove(at),
            None => self.new_container(&name),
        };
        let container = Arc::new(container);
        containers.push(container.clone());
        container
    }

    fn new_container(&self, name: &str) -> ReusableContainer {
        let container = self.host().container(name);
        if let Some(script) = &self.subject.prepare_container {
            container.sh(script);
        }
        ReusableContainer::new(container, self.prepared.baseline())
    }

    fn containers(&self) -> Vec<Arc<ReusableContainer>> {
        lock(&self.containers).clone()
    }

    /// Whether a case has removed the network namespace of this container.
    fn has_lost(&self, container: &str) -> bool {
        lock(&self.lost).contains(container)
    }

    fn attachment_in(&self, container: Arc<ReusableContainer>, names: [&str; 3]) -> Attachment<'_> {
        let [network, id, ifname] = names.map(str::to_owned);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let given = Given { ifname: ifname.clone(), netns: container.netns(), number };
        self.make(&given, &container);
        if let (Some(key), Some(stand_in)) = (self.subject.delegate_key(), self.stand_in.get()) {
            let result = match key {
                "delegate" => given.result(self.version),
                _ => given.ipam_result(self.version),
            };
            stand_in.on_add(&id, &ifname, &result);
        }
        Attachment {
            stage: self,
            network,
            id,
            ifname,
            container,
            given,
            version: self.version,
            result: Arc::default(),
        }
    }

    /// Makes what the plugins around the one under test make.
    fn make(&self, given: &Given, container: &Container) {
        if matches!(self.subject.profile, Profile::Chained | Profile::Wrapper) {
            self.host().connect(container, &given.cable());
        }
    }

    /// Makes it again.
    pub(crate) fn renew(&self, attachment: &Attachment) {
        let host_ifname = attachment.given.host_ifname();
        self.host().sh(&format!("ip link del {host_ifname} 2>/dev/null || true"));
        self.make(&attachment.given, attachment.container());
    }

    /// Calls the plugin and keeps the record.
    fn exchange(&self, call: &Call) -> Answer {
        let stdin = call.stdin();
        let ended = process::run(&stdin, call.sinks, call.limit, |streams| {
            self.host().start(&self.subject.plugin, |command| {
                streams.into(command.env_clear().envs(&call.environment));
            })
        });
        let plugin = self.subject.plugin.display();
        let ended = ended.unwrap_or_else(|error| panic!("can't run {plugin}: {error}"));
        let input = match &stdin {
            Stdin::Bytes(bytes) | Stdin::Pieces(bytes, _) => bytes.as_slice(),
            Stdin::File(_) | Stdin::Unreadable => &[],
        };
        let (label, environment) = (call.label.clone(), call.environment.clone());
        let exchange = Exchange::new(label, environment, input, &ended);
        lock(&self.exchanges).push(exchange.clone());
        Answer { exchange }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
