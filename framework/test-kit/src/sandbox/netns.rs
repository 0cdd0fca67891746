//! What a host, a container and a neighbour have in common: a network namespace to run things in.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use crate::process::{PATIENCE, Running};
use crate::sandbox::init::Sandbox;

/// A network namespace on a throw-away host: the host's own, a container's or a neighbour's.
///
/// [`Host`](crate::Host), [`Container`](crate::Container) and [`Neighbour`](crate::Neighbour)
/// all dereference to it.
#[derive(Debug, Clone)]
pub struct Netns {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) name: Option<String>,
}

/// A process that lives on a throw-away host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its id inside the host's process namespace.
    pub pid: u32,
    /// Its command line, arguments separated by a blank.
    pub command: String,
}

impl Netns {
    /// `host`, or the name of the container or neighbour.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("host")
    }

    /// A command that runs `program` here.
    ///
    /// It inherits the environment of the test, with the system's directories added to PATH. The working directory is `/`. The process that the
    /// test sees is `nsenter`: it ends with the program's exit status or signal, and killing it kills
    /// the program with SIGKILL. To send another signal, run `kill` inside.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.sandbox.command(self.name.as_deref(), program.as_ref())
    }

    /// Starts `program` here. `prepare` is given the command that [`Netns::command`] returns, to add arguments, streams and the
    /// like; but the process is the program itself, without `nsenter`, unless the host is in a user namespace. That
    /// is quicker. Wait for it before the host is dropped: the host can't end before its processes are waited for.
    ///
    /// # Errors
    /// When it can't be started, or the netns is gone.
    pub fn start(
        &self,
        program: impl AsRef<OsStr>,
        prepare: impl FnOnce(&mut Command) + Send,
    ) -> io::Result<Child> {
        self.sandbox.start_inside(self.name.as_deref(), program.as_ref(), prepare)
    }

    /// Runs a command line, split at blanks (no quoting), and returns what it printed.
    ///
    /// # Panics
    /// When it fails; the message holds its output.
    pub fn run(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [program, arguments @ ..] = words.as_slice() else { return String::new() };
        self.expect(program, arguments, line)
    }

    /// Runs a script with `sh` and returns what it printed.
    ///
    /// # Panics
    /// When it fails; the message holds its output.
    pub fn sh(&self, script: &str) -> String {
        self.expect("sh", &["-euc", script], script)
    }

    /// Runs commands of `ip` in one process.
    pub(crate) fn batch(&self, commands: &str) {
        self.sh(&format!("ip -batch - <<'END'\n{commands}END"));
    }

    /// Writes a file as seen from here, sysctls below `/proc/sys/net` included.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, path: &str, text: &str) {
        let write = || fs::write(path, text).map_err(|error| error.to_string());
        let written = match self.sandbox.within(self.name.as_deref(), write) {
            Some(written) => written.unwrap_or_else(|error| Err(error.to_string())),
            None => self.write_by_process(path, text),
        };
        written.unwrap_or_else(|words| panic!("{}: can't write {path}: {words}", self.name()));
    }

    fn write_by_process(&self, path: &str, text: &str) -> Result<(), String> {
        let mut command = self.command("sh");
        command.args(["-c", "exec cat >\"$0\"", path]);
        let finished = Running::start(command, Some(text.into()))
            .ok()
            .and_then(|running| running.finish(PATIENCE))
            .ok_or("could not run a shell")?;
        let words = || String::from_utf8_lossy(&finished.stderr).into_owned();
        if finished.status.success() { Ok(()) } else { Err(words()) }
    }

    /// Reads a file as seen from here, sysctls below `/proc/sys/net` included.
    ///
    /// # Panics
    /// When it can't be read.
    pub fn read(&self, path: &str) -> String {
        self.expect("cat", &[path], &format!("cat {path}"))
    }

    /// Whether a file, directory or anything else is there.
    pub fn exists(&self, path: &str) -> bool {
        match self.sandbox.within(self.name.as_deref(), || Path::new(path).exists()) {
            Some(there) => there.unwrap_or(false),
            None => self.output("test", &["-e", path]).status.success(),
        }
    }

    /// All live processes on this host (also those in its containers and neighbours), without the
    /// one that keeps the host alive.
    pub fn processes(&self) -> Vec<Process> {
        let proc = format!("/proc/{}/root/proc", self.sandbox.pid());
        let entries =
            fs::read_dir(&proc).unwrap_or_else(|error| panic!("can't read {proc}: {error}"));
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = names.filter_map(|name| name.parse().ok()).filter(|pid| *pid != 1);
        pids.filter_map(|pid| live_process(&proc, pid)).collect()
    }

    /// Does `work` here, on a thread of this process; `None` where only processes can enter.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        self.sandbox.within(self.name.as_deref(), work)?.ok()
    }

    /// Does `work` in this network namespace, on a thread of this process and with the machine's files;
    /// `None` where only processes can enter.
    pub(crate) fn within_network<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        self.sandbox.within_network(self.name.as_deref(), work)?.ok()
    }

    fn expect(&self, program: &str, arguments: &[&str], what: &str) -> String {
        let output = self.output(program, arguments);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let (name, status) = (self.name(), output.status);
        assert!(status.success(), "{name}: `{what}` failed, {status}\n{stdout}{stderr}");
        stdout.into_owned()
    }

    pub(crate) fn output(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Output {
        let program = program.as_ref();
        let child = self.start(program, |command| {
            command.args(arguments).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        child.and_then(Child::wait_with_output).unwrap_or_else(|error| {
            panic!("{}: can't run {}: {error}", self.name(), program.display())
        })
    }
}

/// A process that ends while it is looked at, or is only waiting to be reaped, is not alive.
fn live_process(proc: &str, pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("{proc}/{pid}/stat")).ok()?;
    // The second field is the name in brackets, which may itself hold brackets.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    let command = fs::read(format!("{proc}/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " ");
    (!matches!(state, 'Z' | 'X')).then_some(Process { pid, command })
}
