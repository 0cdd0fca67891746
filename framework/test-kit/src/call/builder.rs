//! Calls a plugin as a runtime does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::call::mesos;
use crate::call::outcome::Outcome;
use crate::host::Container;
use crate::process::{Running, pipe};
use crate::sandbox::netns::Netns;

/// The call of a plugin. The plugin gets this environment and nothing else.
///
/// A new call has the container id `c1`, the interface `eth0` and the namespace `/run/netns/c1`
/// where its verb asks for them, `PATH`, and an empty `CNI_PATH`.
#[derive(Debug, Clone)]
pub struct CallBuilder {
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    network: String,
    config: Map<String, Value>,
    stdin: Option<Vec<u8>>,
    network_info: Option<Value>,
    netns: Option<Netns>,
    limit: Duration,
}

impl CallBuilder {
    /// ADD to the network of this name.
    pub fn add(network: &str) -> Self {
        Self::verb("ADD", network)
    }

    /// DEL from the network of this name.
    pub fn del(network: &str) -> Self {
        Self::verb("DEL", network)
    }

    /// CHECK in the network of this name.
    pub fn check(network: &str) -> Self {
        Self::verb("CHECK", network)
    }

    /// GC of the network of this name.
    pub fn gc(network: &str) -> Self {
        Self::verb("GC", network)
    }

    /// STATUS of the network of this name.
    pub fn status(network: &str) -> Self {
        Self::verb("STATUS", network)
    }

    /// VERSION.
    pub fn version() -> Self {
        Self::verb("VERSION", "")
    }

    /// Any verb, also one that does not exist.
    pub fn verb(verb: &str, network: &str) -> Self {
        let call = Self {
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            network: network.to_owned(),
            config: Map::new(),
            stdin: None,
            network_info: None,
            netns: None,
            limit: Duration::from_secs(60),
        };
        let call = call.env("CNI_COMMAND", verb).env("PATH", &crate::sandbox::program::path());
        let call = if verb == "VERSION" { call } else { call.env("CNI_PATH", "") };
        match verb {
            "VERSION" | "GC" | "STATUS" => call,
            _ => call.container_id("c1").ifname("eth0").netns("/run/netns/c1"),
        }
    }

    /// No call of a runtime: what a person types behind the plugin's name. There is no verb, and no
    /// input.
    pub fn cli(words: &[&str]) -> Self {
        let arguments = words.iter().map(|word| (*word).to_owned()).collect();
        let call = Self::version().without_env("CNI_COMMAND").stdin("");
        Self { arguments, ..call }
    }

    /// The same call with another verb, such as the DEL that follows an ADD.
    pub fn as_verb(mut self, verb: &str) -> Self {
        verb.clone_into(self.environment.entry("CNI_COMMAND".to_owned()).or_default());
        self
    }

    /// `CNI_CONTAINERID`.
    pub fn container_id(self, id: &str) -> Self {
        self.env("CNI_CONTAINERID", id)
    }

    /// `CNI_IFNAME`.
    pub fn ifname(self, name: &str) -> Self {
        self.env("CNI_IFNAME", name)
    }

    /// `CNI_NETNS`.
    pub fn netns(self, path: &str) -> Self {
        self.env("CNI_NETNS", path)
    }

    /// No `CNI_NETNS`, as in a DEL after a reboot.
    pub fn without_netns(self) -> Self {
        self.without_env("CNI_NETNS")
    }

    /// `CNI_PATH`: a directory, or several with colons between them.
    pub fn cni_path(self, path: impl AsRef<OsStr>) -> Self {
        self.env("CNI_PATH", &path.as_ref().to_string_lossy())
    }

    /// Any variable.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Not this variable.
    pub fn without_env(mut self, key: &str) -> Self {
        self.environment.remove(key);
        self
    }

    /// The network's configuration, an object. `name` (the network) and `type` (the plugin's file
    /// name) are added when they are not there; `cniVersion` is not.
    ///
    /// # Panics
    /// When it is no object.
    pub fn config(mut self, config: Value) -> Self {
        match config {
            Value::Object(config) => self.config = config,
            other => panic!("a configuration is an object, not {other}"),
        }
        self
    }

    /// One key of the configuration, such as `prevResult`.
    pub fn key(mut self, key: &str, value: Value) -> Self {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// The plugin's input byte for byte, in netns of a configuration.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Calls as Mesos's isolator does: the configuration gets
    /// `args."org.apache.mesos".network_info` with the network's `name`, keys are sorted, and the
    /// input is a regular file. Its environment is CNI_COMMAND, CNI_CONTAINERID, CNI_PATH,
    /// CNI_IFNAME, CNI_NETNS and PATH, as here by default.
    ///
    /// # Panics
    /// When `network_info` is no object.
    pub fn mesos(mut self, network_info: Value) -> Self {
        assert!(network_info.is_object(), "network_info is an object, not {network_info}");
        self.network_info = Some(network_info);
        self
    }

    /// Attaches this container: its name as the id, its namespace, and the call is made on its
    /// host.
    pub fn container(self, container: &Container) -> Self {
        self.container_id(container.name()).netns(&container.netns()).within(container)
    }

    /// Makes the call on this host (with a container or neighbour: on the host that it is on).
    pub fn within(mut self, netns: &Netns) -> Self {
        self.netns = Some(Netns { sandbox: netns.sandbox.clone(), name: None });
        self
    }

    /// How long the plugin may take, 60 seconds by default.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What `program` will read.
    pub fn input(&self, program: impl AsRef<Path>) -> Vec<u8> {
        if let Some(stdin) = &self.stdin {
            return stdin.clone();
        }
        let mut config = self.config.clone();
        if !self.network.is_empty() {
            config.entry("name").or_insert_with(|| self.network.clone().into());
        }
        let name = program.as_ref().file_name().unwrap_or_default().to_string_lossy();
        config.entry("type").or_insert_with(|| name.into());
        match &self.network_info {
            Some(info) => mesos::config(config, info.clone(), &self.network).to_string().into(),
            None => Value::Object(config).to_string().into(),
        }
    }

    /// Starts `program`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(&self, program: impl AsRef<Path>) -> RunningCall {
        let program = program.as_ref();
        let mut command = match &self.netns {
            Some(netns) => netns.command(program),
            None => Command::new(program),
        };
        let input = self.prepare(&mut command, program);
        self.running(program, Running::start(command, input))
    }

    /// Calls `program` and waits for its answer.
    ///
    /// # Panics
    /// When it can't be started, or does not end (with both outputs closed) within the limit.
    #[track_caller]
    pub fn run(&self, program: impl AsRef<Path>) -> Outcome {
        self.begin(program.as_ref()).finish()
    }

    /// Calls `program` and kills it with SIGKILL after that time, as a runtime does that dies or
    /// waits no longer. A program that is quicker just ends.
    ///
    /// # Panics
    /// As [`CallBuilder::run`].
    #[track_caller]
    pub fn run_or_kill(&self, program: impl AsRef<Path>, after: Duration) -> Outcome {
        let mut running = self.begin(program.as_ref());
        thread::sleep(after);
        running.kill();
        running.finish()
    }

    /// Within a host the process is the program itself, where [`CallBuilder::start`] has one around
    /// it.
    fn begin(&self, program: &Path) -> RunningCall {
        match &self.netns {
            Some(netns) => {
                let (started, mut stdin) = (Instant::now(), None);
                let child = netns.start(program, |command| {
                    stdin = self.prepare(command, program);
                    pipe(command, stdin.is_some());
                });
                self.running(program, child.map(|child| Running::of(child, stdin, started)))
            }
            None => self.start(program),
        }
    }

    /// Environment and input. What is returned is to be written into a pipe.
    fn prepare(&self, command: &mut Command, program: &Path) -> Option<Vec<u8>> {
        command.args(&self.arguments).env_clear().envs(&self.environment);
        let input = self.input(program);
        if self.network_info.is_some() {
            command.stdin(mesos::regular_file(&input));
            return None;
        }
        Some(input)
    }

    fn running(&self, program: &Path, running: std::io::Result<Running>) -> RunningCall {
        let verb = self.environment.get("CNI_COMMAND");
        let verb = verb.cloned().unwrap_or_else(|| self.arguments.join(" "));
        let what = format!("{} {verb}", program.display());
        let running = running.unwrap_or_else(|error| panic!("can't start {what}: {error}"));
        RunningCall { running, what, limit: self.limit }
    }
}

/// A call that is under way. Dropping it kills the plugin.
pub struct RunningCall {
    running: Running,
    what: String,
    limit: Duration,
}

impl RunningCall {
    /// The id of the plugin's process (within a host: that of its `nsenter`).
    pub fn pid(&self) -> u32 {
        self.running.id()
    }

    /// Kills the plugin with SIGKILL, as a dying runtime does.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Waits until the plugin has ended and both of its outputs are closed, as runtimes do.
    ///
    /// # Panics
    /// When that takes longer than the call's limit.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let Self { running, what, limit } = self;
        let Some(finished) = running.finish(limit) else {
            panic!("{what}: still running, or its outputs still open, after {limit:?}");
        };
        Outcome {
            status: finished.status,
            stdout: String::from_utf8_lossy(&finished.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&finished.stderr).into_owned(),
            took: finished.took,
        }
    }
}
