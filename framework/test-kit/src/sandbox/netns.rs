//! The network namespace of a host, a container or a neighbour, and running programs in it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use crate::process::{HELPER_TIMEOUT, RunningProcess};
use crate::sandbox::init::Sandbox;

/// A network namespace of a disposable host: the host's own, a container's or a neighbour's.
///
/// [`Host`](crate::Host), [`Container`](crate::Container) and [`Neighbour`](crate::Neighbour)
/// dereference to it.
#[derive(Debug, Clone)]
pub struct Netns {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) name: Option<String>,
}

/// A process on a disposable host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// The process id inside the host's process namespace.
    pub pid: u32,
    /// The command line, with arguments separated by spaces.
    pub command: String,
}

impl Netns {
    /// Returns `host`, or the name of the container or neighbour.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("host")
    }

    /// Returns a command that runs `program` in this namespace.
    ///
    /// It inherits the test's environment, with the system directories added to PATH. The working
    /// directory is `/`. The child process of the test is `nsenter`: it exits with the program's
    /// exit status or signal, and killing it kills the program with SIGKILL. To send another
    /// signal, run `kill` inside.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.sandbox.command(self.name.as_deref(), program.as_ref())
    }

    /// Starts `program` in this namespace; `prepare` adds arguments, streams and so on.
    ///
    /// Unlike with [`Netns::command`], the process is the program itself without `nsenter`, which
    /// is faster, unless the host is in a user namespace. Wait for the process before the host is
    /// dropped: the drop waits until all processes of the host have been reaped.
    ///
    /// # Errors
    /// If the program can't be started, or the namespace no longer exists.
    pub fn start(
        &self,
        program: impl AsRef<OsStr>,
        prepare: impl FnOnce(&mut Command) + Send,
    ) -> io::Result<Child> {
        self.sandbox.start_inside(self.name.as_deref(), program.as_ref(), prepare)
    }

    /// Runs a command line, split at whitespace (no quoting), and returns its stdout.
    ///
    /// # Panics
    /// If the command fails; the message contains its output.
    pub fn run(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [program, arguments @ ..] = words.as_slice() else { return String::new() };
        self.expect(program, arguments, line)
    }

    /// Runs a script with `sh` and returns its stdout.
    ///
    /// # Panics
    /// If the script fails; the message contains its output.
    pub fn sh(&self, script: &str) -> String {
        self.expect("sh", &["-euc", script], script)
    }

    /// Runs several `ip` commands in one process.
    pub(crate) fn batch(&self, commands: &str) {
        self.sh(&format!("ip -batch - <<'END'\n{commands}END"));
    }

    /// Writes a file as this namespace sees it, including sysctls below `/proc/sys/net`.
    ///
    /// # Panics
    /// If the file can't be written.
    pub fn write(&self, path: &str, text: &str) {
        let write = || fs::write(path, text).map_err(|error| error.to_string());
        let written = match self.sandbox.within(self.name.as_deref(), write) {
            Some(written) => written.unwrap_or_else(|error| Err(error.to_string())),
            None => self.write_by_process(path, text),
        };
        written.unwrap_or_else(|reason| panic!("{}: can't write {path}: {reason}", self.name()));
    }

    fn write_by_process(&self, path: &str, text: &str) -> Result<(), String> {
        let mut command = self.command("sh");
        command.args(["-c", "exec cat >\"$0\"", path]);
        let finished = RunningProcess::start(command, Some(text.into()))
            .ok()
            .and_then(|running| running.finish(HELPER_TIMEOUT))
            .ok_or("could not run a shell")?;
        if finished.status.success() {
            return Ok(());
        }
        Err(finished.stderr)
    }

    /// Reads a file as this namespace sees it, including sysctls below `/proc/sys/net`.
    ///
    /// # Panics
    /// If the file can't be read.
    pub fn read(&self, path: &str) -> String {
        self.expect("cat", &[path], &format!("cat {path}"))
    }

    /// Reports whether a file, directory or anything else exists at a path.
    pub fn exists(&self, path: &str) -> bool {
        match self.sandbox.within(self.name.as_deref(), || Path::new(path).exists()) {
            Some(exists) => exists.unwrap_or(false),
            None => self.output("test", &["-e", path]).status.success(),
        }
    }

    /// Returns all live processes on this host, including those in containers and neighbours,
    /// without the init process.
    pub fn processes(&self) -> Vec<Process> {
        let proc = format!("/proc/{}/root/proc", self.sandbox.pid());
        let entries =
            fs::read_dir(&proc).unwrap_or_else(|error| panic!("can't read {proc}: {error}"));
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = names.filter_map(|name| name.parse().ok()).filter(|pid| *pid != 1);
        pids.filter_map(|pid| live_process(&proc, pid)).collect()
    }

    /// Runs `work` in this namespace, on a thread of this process.
    ///
    /// Returns `None` if only processes can enter the namespace.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        self.sandbox.within(self.name.as_deref(), work)?.ok()
    }

    /// Runs `work` in this network namespace, on a thread of this process and with the machine's
    /// file system.
    ///
    /// Returns `None` if only processes can enter the namespace.
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

/// Reads a process. One that exits meanwhile, or is a zombie, is not alive.
fn live_process(proc: &str, pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("{proc}/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may itself contain parentheses.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    let command = fs::read(format!("{proc}/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " ");
    (!matches!(state, 'Z' | 'X')).then_some(Process { pid, command })
}
