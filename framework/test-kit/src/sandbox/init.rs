//! The process that keeps a throw-away host alive.
//!
//! It is process 1 of a process namespace and waits for the end of its standard input, whose other
//! end only the test holds. So it ends when the test drops it, panics, or is killed with SIGKILL,
//! and the kernel then ends all other processes inside; with the last one go the mounts, the named
//! network namespaces, the links and the rules.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::sandbox::bind_mounts::{BindMounts, Item, TMP};
use crate::sandbox::enter::Door;
use crate::sandbox::ruleset_cache::RulesetCache;

const SETUP: &str = include_str!("init.sh");

/// Directories that an ordinary user's PATH often lacks, and where `ip` and `iptables` live.
const SYSTEM_DIRECTORIES: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/// What a host has of the machine's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Whether `/tmp` is the host's own.
    pub(crate) own_tmp: bool,
    pub(crate) visible: BindMounts,
}

impl View {
    /// The directories whose files are the host's own.
    pub(crate) fn own_directories(&self) -> Vec<&'static str> {
        let tmp = Some(TMP).filter(|_| self.own_tmp);
        ["/run", "/var/lib/cni"].into_iter().chain(tmp).collect()
    }

    /// What has to be shown, since its place is hidden.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Item> {
        self.visible.items.iter().filter(|item| self.own_tmp || !item.path().starts_with(TMP))
    }

    /// The same as arguments of the holder's script, three for each.
    fn arguments(&self) -> Vec<OsString> {
        let argument = |item: &Item| match item {
            Item::Directory(path) => ["directory".into(), path.into(), "".into()],
            Item::File(path) => ["file".into(), path.into(), "".into()],
            Item::Link { at, to } => ["link".into(), at.into(), to.into()],
        };
        self.shown().flat_map(argument).collect()
    }
}

/// A running holder process.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pid: u32,
    in_user_namespace: bool,
    door: Option<Door>,
    view: View,
    /// The firewall rules as they were last seen.
    pub(crate) rules: RulesetCache,
    running: Mutex<Option<(Child, ChildStdin)>>,
}

impl Sandbox {
    /// Starts a holder: as root directly, else by way of a user namespace.
    pub(crate) fn start(view: &View) -> Result<Self, String> {
        let mut refusals = Vec::new();
        let as_root = rustix::process::geteuid().is_root();
        // Root without the capability (root of an ordinary container) may still get a user namespace.
        for in_user_namespace in [false, true].into_iter().filter(|user| as_root || *user) {
            match Self::start_as(in_user_namespace, view) {
                Ok(holder) => return Ok(holder),
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(explain(&refusals))
    }

    /// Starts a holder in a user namespace, also when root runs the test.
    pub(crate) fn start_in_user_namespace(view: &View) -> Result<Self, String> {
        Self::start_as(true, view).map_err(|refusal| explain(&[refusal]))
    }

    fn start_as(in_user_namespace: bool, view: &View) -> Result<Self, String> {
        let mut child = holder_command(in_user_namespace, view)
            .spawn()
            .map_err(|error| format!("can't run `unshare` (of util-linux): {error}"))?;
        let stdin = child.stdin.take();
        let first_line = child.stdout.take().map(first_line).unwrap_or_default();
        let pid = first_line.strip_prefix("ready ").and_then(|pid| pid.trim().parse().ok());
        match (pid, stdin) {
            (Some(pid), Some(stdin)) => {
                let running = Mutex::new(Some((child, stdin)));
                let door = if in_user_namespace { None } else { Door::to(pid) };
                let view = view.clone();
                Ok(Self {
                    pid,
                    in_user_namespace,
                    door,
                    view,
                    rules: RulesetCache::default(),
                    running,
                })
            }
            (_, stdin) => {
                drop(stdin);
                let how = if in_user_namespace { "in a user namespace" } else { "as root" };
                Err(format!("{how}: {}", last_words(child)))
            }
        }
    }

    /// The process id, as seen from outside.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has of the machine's files.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// A command that runs `program` inside, in the named network namespace if one is given.
    pub(crate) fn command(&self, netns: Option<&str>, program: &OsStr) -> Command {
        let pid = self.pid;
        let mut command = Command::new("nsenter");
        command.env("PATH", path()).args(["--target", &pid.to_string(), "--mount", "--pid"]);
        match netns {
            // nsenter opens all namespaces before it enters the first: a path inside needs this way.
            Some(name) => command.arg(format!("--net=/proc/{pid}/root/run/netns/{name}")),
            None => command.arg("--net"),
        };
        if self.in_user_namespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        // nsenter stays as the parent: killing it must kill the program.
        command.args(["--", "setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Starts `program` inside after `prepare` has said how, where there is a door, without a process between.
    pub(crate) fn start_inside(
        &self,
        netns: Option<&str>,
        program: &OsStr,
        prepare: impl FnOnce(&mut Command) + Send,
    ) -> io::Result<Child> {
        let Some(door) = &self.door else {
            let mut command = self.command(netns, program);
            prepare(&mut command);
            return command.spawn();
        };
        door.within(netns, || {
            let mut command = Command::new(find(program));
            command.env("PATH", path());
            prepare(&mut command);
            command.spawn()
        })?
    }

    /// Makes a named network namespace and does `work` in it; `None` where there is no door.
    pub(crate) fn within_new<T: Send>(
        &self,
        netns: &str,
        work: impl FnOnce() -> T + Send,
    ) -> Option<io::Result<T>> {
        self.door.as_ref().map(|door| door.within_new(netns, work))
    }

    /// Does `work` in the network namespace inside, with the machine's files; `None` where there is no
    /// door.
    pub(crate) fn within_network<T: Send>(
        &self,
        netns: Option<&str>,
        work: impl FnOnce() -> T + Send,
    ) -> Option<io::Result<T>> {
        let path = netns.map(|name| format!("/proc/{}/root/run/netns/{name}", self.pid));
        let door = self.door.as_ref()?;
        Some(door.within_network(path.as_deref().map(Path::new), work))
    }

    /// Does `work` inside; `None` where there is no door.
    pub(crate) fn within<T: Send>(
        &self,
        netns: Option<&str>,
        work: impl FnOnce() -> T + Send,
    ) -> Option<io::Result<T>> {
        self.door.as_ref().map(|door| door.within(netns, work))
    }

    /// Ends the holder and with it everything inside. Returns when all processes have ended.
    pub(crate) fn end(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut child, stdin)) = running {
            drop(stdin);
            // Its exit is awaited by `unshare`, which ends after it. An error means: ended already.
            let _ = child.wait();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end();
    }
}

fn holder_command(in_user_namespace: bool, view: &View) -> Command {
    let mut command = Command::new("unshare");
    command.env("PATH", path());
    if in_user_namespace {
        command.args(["--user", "--map-root-user"]);
    }
    if view.own_tmp {
        command.env("CNI_TEST_OWN_TMP", "yes");
    }
    command
        .args(["--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"])
        .args(["--", "sh", "-c", SETUP, "holder"])
        .args(view.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn first_line(stream: impl Read) -> String {
    let mut line = String::new();
    // An unreadable line is an empty one: no holder.
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

fn last_words(child: Child) -> String {
    match child.wait_with_output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(error) => error.to_string(),
    }
}

/// The test's PATH, then the system's directories.
pub(crate) fn path() -> String {
    match std::env::var_os("PATH").and_then(|path| path.into_string().ok()) {
        Some(path) if !path.is_empty() => format!("{path}:{SYSTEM_DIRECTORIES}"),
        _ => SYSTEM_DIRECTORIES.to_owned(),
    }
}

/// The program of this name: with a path for a name the standard library need not fork this process, which is dear.
fn find(program: &OsStr) -> PathBuf {
    let (named, path) = (Path::new(program), path());
    let mut all = std::env::split_paths(&path).map(|directory| directory.join(program));
    let found =
        if named.components().count() == 1 { all.find(|path| path.is_file()) } else { None };
    found.unwrap_or_else(|| named.to_owned())
}

fn explain(refusals: &[String]) -> String {
    format!(
        "can't make a throw-away host in namespaces on this machine ({}). Needed: the programs \
         unshare, nsenter, setpriv and mount (util-linux) and ip (iproute2), and either root with \
         CAP_SYS_ADMIN, or a kernel that lets this user make user namespaces: sysctl \
         user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 where it exists, and \
         kernel.apparmor_restrict_unprivileged_userns=0 where it exists. Inside a container: start \
         it privileged. Or run the tests as root.",
        refusals.join(" | ")
    )
}
