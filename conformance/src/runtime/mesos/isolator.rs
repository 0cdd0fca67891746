//! The isolator: start and end of containers, and recovery after a restart of the agent.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use cni_protocol::Verb;
use cni_test_kit::Netns;
use serde_json::{Map, Value};

use super::accepted::Accepted;
use super::invocation::{self, CallContext};
use super::state_dir::StateDir;
use crate::exchange::Exchange;
use crate::runtime::exec::{Exec, Lookup};
use crate::runtime::failure::Failure;
use crate::runtime::runner::Runner;
use crate::threads::join;

/// The time from the terminal status of a task to its DEL, as recorded with Mesos 1.11.
///
/// The status frees the resources of the task, its host ports included, so another task may get
/// them at once; but the executor exits about a second later, and only then its container is
/// destroyed.
pub const DEL_DELAY: RangeInclusive<Duration> =
    Duration::from_millis(1000)..=Duration::from_millis(1700);

/// Notes that an interface was detached from a network.
type Note<'n> = &'n (dyn Fn(&str, &str) -> Result<(), Failure> + Sync);

/// A network that a container joins.
#[derive(Clone, Debug)]
pub struct Join {
    /// The configuration by the operator.
    pub config: Map<String, Value>,
    /// The `NetworkInfo` by the framework, such as port mappings and labels.
    pub info: Map<String, Value>,
}

impl Join {
    fn network(&self) -> &str {
        self.config.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

/// How a container's network namespace is passed to plugins.
#[derive(Clone, Debug)]
pub enum NetnsHandle {
    /// As Mesos does: as a bind mount in the directory of the isolator, on this host.
    Mounted(Netns),
    /// By its original path, without a mount.
    AsGiven(String),
}

/// An emulation of the isolator. Its only state is its directory.
pub struct Isolator<'r> {
    runner: &'r Runner,
    /// `--network_cni_plugins_dir`.
    plugins_dir: String,
    state: StateDir,
    handle: NetnsHandle,
}

impl<'r> Isolator<'r> {
    /// Returns an isolator with its checkpoints below `root`.
    pub fn new(
        runner: &'r Runner,
        plugins_dir: impl Into<String>,
        root: impl Into<PathBuf>,
        handle: NetnsHandle,
    ) -> Self {
        let state = StateDir::new(root, runner.site().clone());
        Self { runner, plugins_dir: plugins_dir.into(), state, handle }
    }

    /// Starts a container, which joins all networks concurrently, as `eth0`, `eth1` … in order. If
    /// one of them fails, the container is destroyed.
    ///
    /// # Errors
    /// The first failure, followed by a failure of the cleanup.
    pub fn launch(&self, id: &str, netns: &str, joins: &[Join]) -> Result<Vec<Accepted>, Failure> {
        let failure = match self.isolate(id, netns, joins) {
            Ok(accepted) => return Ok(accepted),
            Err(failure) => failure,
        };
        match self.destroy(id) {
            Ok(()) => Err(failure),
            Err(more) => {
                let message = format!("{}; cleanup: {}", failure.message, more.message);
                Err(Failure { message, ..failure })
            }
        }
    }

    /// Attaches a container to all networks, without cleanup on failure.
    ///
    /// # Errors
    /// The first failure, after all ADDs have ended.
    pub fn isolate(&self, id: &str, netns: &str, joins: &[Join]) -> Result<Vec<Accepted>, Failure> {
        for (index, join) in joins.iter().enumerate() {
            let network = join.network();
            if joins[..index].iter().any(|other| other.network() == network) {
                return Err(Failure::own(format!(
                    "Attempted to join CNI network '{network}' multiple times"
                )));
            }
        }
        self.mount(id, netns)?;
        let attach = |(index, join)| self.attach(id, &format!("eth{index}"), join);
        thread::scope(|scope| {
            let attach = &attach;
            let running: Vec<_> =
                joins.iter().enumerate().map(|one| scope.spawn(move || attach(one))).collect();
            // All ADDs end before the first failure is returned.
            let ended: Vec<_> = running.into_iter().map(join).collect();
            ended.into_iter().collect()
        })
    }

    fn attach(&self, id: &str, ifname: &str, join: &Join) -> Result<Accepted, Failure> {
        let network = join.network();
        let text = self.prepare(id, ifname, join)?;
        let exchange = self.invoke(Verb::Add, id, ifname, network, &text)?;
        let what = format!("attach container {id} to");
        let exchange = self.succeeded(exchange, &what, network)?;
        let accepted = Accepted::read(&exchange.stdout);
        let accepted = accepted.and_then(|accepted| accepted.address4().map(|_| accepted));
        let accepted = accepted.map_err(|problem| {
            let message = format!("Failed to parse the output of the CNI plugin: {problem}");
            Failure::of(exchange.clone(), message)
        })?;
        let info = self.state.interface(id, network, ifname).join("network.info");
        self.state.write(&info, &exchange.stdout).map_err(|error| on_disk(&info, &error))?;
        Ok(accepted)
    }

    /// Writes the checkpoint of an ADD without calling the plugin. Since it exists before the
    /// plugin runs, a DEL follows in any case.
    ///
    /// # Errors
    /// If the configuration cannot be used or written.
    pub fn prepare(&self, id: &str, ifname: &str, join: &Join) -> Result<String, Failure> {
        let network = join.network();
        let directory = self.state.interface(id, network, ifname);
        self.state.create(&directory).map_err(|error| on_disk(&directory, &error))?;
        if let NetnsHandle::Mounted(_) = self.handle {
            // The namespace is mounted on it before any plugin runs.
            let handle = self.state.handle(id);
            if !self.state.exists(&handle) {
                self.state.write(&handle, "").map_err(|error| on_disk(&handle, &error))?;
            }
        }
        let text = invocation::checkpoint(&join.config, join.info.clone()).map_err(Failure::own)?;
        let file = self.state.config(id, network);
        self.state.write_private(&file, &text).map_err(|error| on_disk(&file, &error))?;
        Ok(text)
    }

    /// Whether there is state of a container.
    pub fn knows(&self, id: &str) -> bool {
        self.state.containers().iter().any(|known| known == id)
    }

    /// Runs DEL on all networks of a container concurrently, and removes its state if all succeed.
    ///
    /// # Errors
    /// All failures; then the state remains until the agent is restarted.
    pub fn destroy(&self, id: &str) -> Result<(), Failure> {
        self.detach_all(id, &|network, ifname| {
            let directory = self.state.interface(id, network, ifname);
            self.state.remove(&directory).map_err(|error| on_disk(&directory, &error))
        })?;
        self.forget(id)
    }

    /// Runs the DELs of [`Isolator::destroy`], as if the agent died before it noted that they
    /// succeeded.
    ///
    /// # Errors
    /// As [`Isolator::destroy`].
    pub fn detach(&self, id: &str) -> Result<(), Failure> {
        self.detach_all(id, &|_, _| Ok(()))
    }

    /// Runs DEL on all networks, and `note` after each that succeeded. Without the handle of the
    /// namespace no plugin is called.
    fn detach_all(&self, id: &str, note: Note) -> Result<(), Failure> {
        let has_handle = matches!(self.handle, NetnsHandle::Mounted(_));
        if has_handle && !self.state.exists(&self.state.handle(id)) {
            return Ok(());
        }
        let networks = self.state.directories(&self.state.container(id));
        let ended: Vec<Result<(), Failure>> = thread::scope(|scope| {
            let running: Vec<_> = networks
                .iter()
                .map(|network| scope.spawn(|| self.detach_one(id, network, note)))
                .collect();
            running.into_iter().map(join).collect()
        });
        let failures: Vec<Failure> = ended.into_iter().filter_map(Result::err).collect();
        let messages: Vec<&str> = failures.iter().map(|failure| failure.message.as_str()).collect();
        let message = messages.join("\n");
        match failures.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(Failure { message, ..first }),
        }
    }

    fn detach_one(&self, id: &str, network: &str, note: Note) -> Result<(), Failure> {
        // Without a checkpoint no plugin has run.
        let Ok(text) = self.state.read(&self.state.config(id, network)) else { return Ok(()) };
        // Those that were detached before are gone.
        let interfaces = self.state.directories(&self.state.container(id).join(network));
        let Some(ifname) = interfaces.first() else { return Ok(()) };
        let exchange = self.invoke(Verb::Del, id, ifname, network, &text)?;
        self.succeeded(exchange, &format!("detach container {id} from"), network)?;
        note(network, ifname)
    }

    /// Recovers after a restart of the agent: destroys the containers that have state and are not
    /// in `known`, and returns their ids.
    ///
    /// # Errors
    /// All failures; the agent itself only logs them.
    pub fn recover(&self, known: &[&str]) -> Result<Vec<String>, Failure> {
        let mut orphans = self.state.containers();
        orphans.retain(|id| !known.contains(&id.as_str()));
        orphans.iter().try_for_each(|id| self.destroy(id))?;
        Ok(orphans)
    }

    fn forget(&self, id: &str) -> Result<(), Failure> {
        self.unmount(id);
        let directory = self.state.container(id);
        self.state.remove(&directory).map_err(|error| on_disk(&directory, &error))
    }

    fn mount(&self, id: &str, netns: &str) -> Result<(), Failure> {
        let directory = self.state.container(id);
        self.state.create(&directory).map_err(|error| on_disk(&directory, &error))?;
        if let NetnsHandle::Mounted(host) = &self.handle {
            let handle = self.state.handle(id).display().to_string();
            let mut command = host.command("sh");
            let command =
                command.args(["-euc", "touch \"$1\"; mount --bind \"$0\" \"$1\"", netns, &handle]);
            let done = command.status().is_ok_and(|status| status.success());
            return match done {
                true => Ok(()),
                false => Err(Failure::own(format!(
                    "Failed to mount the network namespace {netns} at {handle}"
                ))),
            };
        }
        Ok(())
    }

    /// Removes the handle of a namespace, as a reboot does.
    pub fn unmount(&self, id: &str) {
        let handle = self.state.handle(id);
        if let NetnsHandle::Mounted(host) = &self.handle {
            // May fail if it is no longer mounted. If it stays mounted, its directory cannot be
            // removed, which is reported.
            let _ = host.command("umount").arg(&handle).stderr(Stdio::null()).status();
        }
    }

    fn netns(&self, id: &str) -> String {
        match &self.handle {
            NetnsHandle::Mounted(_) => self.state.handle(id).display().to_string(),
            NetnsHandle::AsGiven(netns) => netns.clone(),
        }
    }

    fn invoke(
        &self,
        verb: Verb,
        id: &str,
        ifname: &str,
        network: &str,
        checkpoint: &str,
    ) -> Result<(PathBuf, Exchange), Failure> {
        let netns = self.netns(id);
        let has_netns = verb == Verb::Add || self.state.is_namespace(Path::new(&netns));
        let about = CallContext {
            id,
            ifname,
            netns: has_netns.then_some(netns.as_str()),
            plugins_dir: &self.plugins_dir,
            path: self.runner.own_path(),
            checkpoint: self.state.config(id, network),
        };
        let invocation =
            invocation::invocation(verb, checkpoint, network, &about).map_err(Failure::own)?;
        let path: Vec<PathBuf> = self.plugins_dir.split(':').map(PathBuf::from).collect();
        let program = self.runner.find(&invocation.plugin, &path, Lookup::Executable)?;
        let exchange = self.runner.execute(&program, &invocation)?;
        Ok((program, exchange))
    }

    /// Expects a call to have succeeded. `what` is for the message: `attach container c1 to`.
    fn succeeded(
        &self,
        (program, exchange): (PathBuf, Exchange),
        what: &str,
        network: &str,
    ) -> Result<Exchange, Failure> {
        let (stdout, stderr) = (&exchange.stdout, &exchange.stderr);
        match (exchange.exit, exchange.held_open) {
            (Some(0), false) => Ok(exchange),
            (Some(0), true) => Err(Failure::of(
                exchange,
                "it left a process behind that keeps its output open, for which Mesos waits",
            )),
            _ => {
                let message = format!(
                    "The CNI plugin '{}' failed to {what} CNI network '{network}': \
                     stdout='{stdout}', stderr='{stderr}'",
                    program.display()
                );
                Err(Failure::of(exchange, message))
            }
        }
    }
}

fn on_disk(path: &Path, error: &std::io::Error) -> Failure {
    Failure::own(format!("{}: {error}", path.display()))
}
