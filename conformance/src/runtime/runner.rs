//! Runs plugins: on this machine, or on a throw-away host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cni_protocol::Environment;
use cni_test_kit::Place;

use super::exec::{Exec, Lookup};
use super::failure::Failure;
use super::invocation::Invocation;
use crate::exchange::Exchange;
use crate::process::{self, Sink, Stdin};

/// Where plugins run.
#[derive(Clone, Debug)]
pub enum Site {
    /// On this machine.
    Here,
    /// On a throw-away host, which this process keeps alive from outside.
    Host(Place, u32),
}

impl Site {
    /// Where this process finds a path of the site.
    pub fn outside(&self, path: &Path) -> PathBuf {
        match self {
            Self::Here => path.to_owned(),
            Self::Host(_, pid) => {
                let root = Path::new("/proc").join(pid.to_string()).join("root");
                root.join(path.strip_prefix("/").unwrap_or(path))
            }
        }
    }

    /// Starts a program, with what `set` sets.
    fn start(&self, program: &Path, set: impl FnOnce(&mut Command) + Send) -> io::Result<Child> {
        match self {
            Self::Here => {
                let mut command = Command::new(program);
                set(&mut command);
                command.spawn()
            }
            Self::Host(place, _) => place.start(program, set),
        }
    }
}

/// Runs plugins and keeps a record of all calls.
#[derive(Debug)]
pub struct Runner {
    site: Site,
    /// The runtime's own environment.
    own: Environment,
    limit: Duration,
    /// Is shown each call when it is over.
    shown: Option<fn(&Exchange)>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Runner {
    /// Runs plugins there, as a runtime with this environment; a call may take `limit`.
    pub fn new(site: Site, own: Environment, limit: Duration) -> Self {
        Self { site, own, limit, shown: None, exchanges: Mutex::default() }
    }

    /// Shows each call when it is over.
    #[must_use]
    pub fn showing(mut self, show: fn(&Exchange)) -> Self {
        self.shown = Some(show);
        self
    }

    /// All calls so far, in the order in which they ended.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it runs them.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The runtime's own PATH.
    pub fn own_path(&self) -> Option<&str> {
        self.own.text("PATH")
    }

    fn is_plugin(&self, path: &Path, wanted: Lookup) -> bool {
        let Ok(found) = fs::metadata(self.site.outside(path)) else { return false };
        match wanted {
            Lookup::RegularFile => found.is_file(),
            // Mesos takes a directory too; that ends in an error when it is started.
            Lookup::Executable => found.permissions().mode() & 0o111 != 0,
        }
    }
}

impl Exec for Runner {
    fn find(&self, name: &str, path: &[PathBuf], wanted: Lookup) -> Result<PathBuf, Failure> {
        let candidates = path.iter().map(|directory| directory.join(name));
        let mut found = candidates.filter(|candidate| self.is_plugin(candidate, wanted));
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
            self.site.start(program, |command| {
                let variables = variables.iter().map(|(key, value)| (key, value));
                streams.into(command.env_clear().envs(variables));
            })
        });
        let cannot = |error| Failure::own(format!("can't run {}: {error}", program.display()));
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
