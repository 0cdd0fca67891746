//! Runs plugins: on this machine, or on a disposable host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cni_protocol::Environment;
use cni_test_kit::Netns;

use super::exec::{Exec, Lookup};
use super::failure::Failure;
use super::invocation::Invocation;
use crate::exchange::Exchange;
use cni_test_kit::process::{self, Sink, Stdin};

/// The place where plugins run.
#[derive(Clone, Debug)]
pub enum Site {
    /// This machine.
    Here,
    /// A disposable host, with the id of the process that keeps it alive.
    Host(Netns, u32),
}

impl Site {
    /// Returns the path by which this process reaches a path of the site.
    pub fn outside(&self, path: &Path) -> PathBuf {
        match self {
            Self::Here => path.to_owned(),
            Self::Host(_, pid) => {
                let root = Path::new("/proc").join(pid.to_string()).join("root");
                root.join(path.strip_prefix("/").unwrap_or(path))
            }
        }
    }

    /// Starts a program after `set` has configured the command.
    fn start(&self, program: &Path, set: impl FnOnce(&mut Command) + Send) -> io::Result<Child> {
        match self {
            Self::Here => {
                let mut command = Command::new(program);
                set(&mut command);
                command.spawn()
            }
            Self::Host(netns, _) => netns.start(program, set),
        }
    }
}

/// Runs plugins and keeps a record of all calls.
#[derive(Debug)]
pub struct Runner {
    site: Site,
    /// The environment of the runtime.
    own: Environment,
    limit: Duration,
    /// Called with each call when it has ended.
    shown: Option<fn(&Exchange)>,
    started: AtomicUsize,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Runner {
    /// Returns a runner for a site, with the environment of the runtime and the limit of a call.
    pub fn new(site: Site, own: Environment, limit: Duration) -> Self {
        let started = AtomicUsize::new(0);
        Self { site, own, limit, shown: None, started, exchanges: Mutex::default() }
    }

    /// Calls `show` with each call when it has ended.
    #[must_use]
    pub fn showing(mut self, show: fn(&Exchange)) -> Self {
        self.shown = Some(show);
        self
    }

    /// Returns all calls so far, in the order in which they ended.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of calls whose process has started, including those that still run.
    pub fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// Returns the site.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Returns the PATH of the runtime.
    pub fn own_path(&self) -> Option<&str> {
        self.own.text("PATH")
    }

    fn is_plugin(&self, path: &Path, lookup: Lookup) -> bool {
        let Ok(found) = fs::metadata(self.site.outside(path)) else { return false };
        match lookup {
            Lookup::RegularFile => found.is_file(),
            // Mesos accepts a directory as well, and fails when it starts it.
            Lookup::Executable => found.permissions().mode() & 0o111 != 0,
        }
    }
}

impl Exec for Runner {
    fn find(&self, name: &str, path: &[PathBuf], lookup: Lookup) -> Result<PathBuf, Failure> {
        let candidates = path.iter().map(|directory| directory.join(name));
        let mut found = candidates.filter(|candidate| self.is_plugin(candidate, lookup));
        found.next().ok_or_else(|| {
            let path: Vec<_> = path.iter().map(|one| one.display().to_string()).collect();
            Failure::own(format!("failed to find plugin {name:?} in path [{}]", path.join(" ")))
        })
    }

    fn execute(&self, program: &Path, invocation: &Invocation) -> Result<Exchange, Failure> {
        let environment = invocation.environment(&self.own);
        let variables = environment.variables();
        let stdin = match &invocation.from_file {
            Some(file) => Stdin::File(self.site.outside(file)),
            None => Stdin::Bytes(invocation.stdin.clone().into_bytes()),
        };
        let ended = process::run(&stdin, [Sink::Kept; 2], self.limit, |streams| {
            // `env` sets what a process inherits, and replaces itself by the plugin.
            let env = Path::new("/usr/bin/env");
            let started = if invocation.ignores_sigpipe { env } else { program };
            let child = self.site.start(started, |command| {
                if invocation.ignores_sigpipe {
                    command.arg("--ignore-signal=PIPE").arg(program);
                }
                let variables = variables.iter().map(|(key, value)| (key, value));
                streams.into(command.env_clear().envs(variables));
            })?;
            self.started.fetch_add(1, Ordering::Relaxed);
            Ok(child)
        });
        let cannot = |error| Failure::own(format!("cannot run {}: {error}", program.display()));
        let ended = ended.map_err(cannot)?;
        let text = |text: &std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment: BTreeMap<_, _> =
            variables.iter().map(|(key, value)| (text(key), text(value))).collect();
        let label = format!("{} {}", invocation.plugin, invocation.verb);
        let exchange = Exchange::new(label, environment, invocation.stdin.as_bytes(), &ended);
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange.clone());
        if let Some(show) = self.shown {
            show(&exchange);
        }
        Ok(exchange)
    }
}
