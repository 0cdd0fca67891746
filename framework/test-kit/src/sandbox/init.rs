//! The init process of a sandbox, which keeps its namespaces alive.
//!
//! It is process 1 of a process namespace and waits for the end of its standard input, whose other
//! end is held by the test alone. It therefore exits when the test drops it, panics, or is killed
//! with SIGKILL. The kernel then kills all other processes inside, and removes the mounts, the
//! named network namespaces, the links and the rules with the last of them.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::sandbox::enter::Namespaces;
use crate::sandbox::mounts::Mounts;
use crate::sandbox::program::{find, path};
use crate::sandbox::ruleset_cache::RulesetCache;

const SETUP: &str = include_str!("init.sh");

/// The namespaces of a disposable host, with a running init process.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pid: u32,
    in_user_namespace: bool,
    namespaces: Option<Namespaces>,
    mounts: Mounts,
    pub(crate) rules: RulesetCache,
    running: Mutex<Option<(Child, ChildStdin)>>,
}

impl Sandbox {
    /// Starts a sandbox: directly as root, otherwise in a user namespace.
    pub(crate) fn start(mounts: &Mounts) -> Result<Self, String> {
        let mut refusals = Vec::new();
        let as_root = rustix::process::geteuid().is_root();
        // Root without CAP_SYS_ADMIN (in an ordinary container) may still get a user namespace.
        for in_user_namespace in [false, true].into_iter().filter(|user| as_root || *user) {
            match Self::start_as(in_user_namespace, mounts) {
                Ok(sandbox) => return Ok(sandbox),
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(explain(&refusals))
    }

    /// Starts a sandbox in a user namespace, even if root runs the test.
    pub(crate) fn start_in_user_namespace(mounts: &Mounts) -> Result<Self, String> {
        Self::start_as(true, mounts).map_err(|refusal| explain(&[refusal]))
    }

    fn start_as(in_user_namespace: bool, mounts: &Mounts) -> Result<Self, String> {
        let mut child = init_command(in_user_namespace, mounts)
            .spawn()
            .map_err(|error| format!("can't run `unshare` (of util-linux): {error}"))?;
        let stdin = child.stdin.take();
        let first_line = child.stdout.take().map(first_line).unwrap_or_default();
        let pid = first_line.strip_prefix("ready ").and_then(|pid| pid.trim().parse().ok());
        match (pid, stdin) {
            (Some(pid), Some(stdin)) => {
                let running = Mutex::new(Some((child, stdin)));
                let namespaces = if in_user_namespace { None } else { Namespaces::of(pid) };
                let (mounts, rules) = (mounts.clone(), RulesetCache::default());
                Ok(Self { pid, in_user_namespace, namespaces, mounts, rules, running })
            }
            (_, stdin) => {
                drop(stdin);
                let how = if in_user_namespace { "in a user namespace" } else { "as root" };
                Err(format!("{how}: {}", error_output(child)))
            }
        }
    }

    /// Returns the id of the init process in the test's process namespace.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns what is mounted over the machine's file system.
    pub(crate) fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// Returns a command that runs `program` inside, in the named network namespace if one is
    /// given.
    pub(crate) fn command(&self, netns: Option<&str>, program: &OsStr) -> Command {
        let pid = self.pid;
        let mut command = Command::new("nsenter");
        command.env("PATH", path()).args(["--target", &pid.to_string(), "--mount", "--pid"]);
        match netns {
            // nsenter opens all namespaces before it enters the first one, so the path must be
            // valid outside.
            Some(name) => command.arg(format!("--net=/proc/{pid}/root/run/netns/{name}")),
            None => command.arg("--net"),
        };
        if self.in_user_namespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        // nsenter remains as the parent: killing it must kill the program.
        command.args(["--", "setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Starts `program` inside, with what `prepare` adds to the command.
    ///
    /// Where a thread can enter, the process is the program itself, otherwise `nsenter`.
    pub(crate) fn start_inside(
        &self,
        netns: Option<&str>,
        program: &OsStr,
        prepare: impl FnOnce(&mut Command) + Send,
    ) -> io::Result<Child> {
        let Some(namespaces) = &self.namespaces else {
            let mut command = self.command(netns, program);
            prepare(&mut command);
            return command.spawn();
        };
        namespaces.within(netns, || {
            let mut command = Command::new(find(program));
            command.env("PATH", path());
            prepare(&mut command);
            command.spawn()
        })?
    }

    /// Creates a named network namespace and runs `work` in it.
    ///
    /// Returns `None` if only processes can enter the sandbox.
    pub(crate) fn within_new<T: Send>(
        &self,
        netns: &str,
        work: impl FnOnce() -> T + Send,
    ) -> Option<io::Result<T>> {
        self.namespaces.as_ref().map(|namespaces| namespaces.within_new(netns, work))
    }

    /// Runs `work` in a network namespace of the sandbox, with the machine's file system.
    ///
    /// Returns `None` if only processes can enter the sandbox.
    pub(crate) fn within_network<T: Send>(
        &self,
        netns: Option<&str>,
        work: impl FnOnce() -> T + Send,
    ) -> Option<io::Result<T>> {
        let path = netns.map(|name| format!("/proc/{}/root/run/netns/{name}", self.pid));
        let namespaces = self.namespaces.as_ref()?;
        Some(namespaces.within_network(path.as_deref().map(Path::new), work))
    }

    /// Runs `work` inside. Returns `None` if only processes can enter the sandbox.
    pub(crate) fn within<T: Send>(
        &self,
        netns: Option<&str>,
        work: impl FnOnce() -> T + Send,
    ) -> Option<io::Result<T>> {
        self.namespaces.as_ref().map(|namespaces| namespaces.within(netns, work))
    }

    /// Ends the init process and everything inside. Returns once all processes have exited.
    pub(crate) fn end(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut child, stdin)) = running {
            drop(stdin);
            // `unshare` waits for the init process. An error means that it has already exited.
            let _ = child.wait();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end();
    }
}

fn init_command(in_user_namespace: bool, mounts: &Mounts) -> Command {
    let mut command = Command::new("unshare");
    command.env("PATH", path());
    if in_user_namespace {
        command.args(["--user", "--map-root-user"]);
    }
    if mounts.private_tmp {
        command.env("CNI_TEST_PRIVATE_TMP", "yes");
    }
    command
        .args(["--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"])
        .args(["--", "sh", "-c", SETUP, "init"])
        .args(mounts.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn first_line(stream: impl Read) -> String {
    let mut line = String::new();
    // A line that can't be read counts as empty: the init process did not start.
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

fn error_output(child: Child) -> String {
    match child.wait_with_output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(error) => error.to_string(),
    }
}

fn explain(refusals: &[String]) -> String {
    format!(
        "can't create a disposable host in namespaces on this machine ({}). Needed: the programs \
         unshare, nsenter, setpriv and mount (util-linux) and ip (iproute2), and either root with \
         CAP_SYS_ADMIN, or a kernel that lets this user create user namespaces: sysctl \
         user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 where it exists, and \
         kernel.apparmor_restrict_unprivileged_userns=0 where it exists. Run the tests as root, \
         or, inside a container, start the container privileged.",
        refusals.join(" | ")
    )
}
