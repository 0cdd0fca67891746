//! The client of `bench-caller`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cni_test_kit::Netns;

use super::protocol::{Answer, Call, Completion};
use crate::outcome::Outcome;

/// The scheduling priority of the measured processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// Real-time priority, above all ordinary processes: for single calls.
    RealTime,
    /// Niceness -20: for concurrent calls, which have to share the processors.
    Nice,
    /// The default priority: if the machine does not allow real time.
    Ordinary,
}

impl Scheduling {
    /// Returns `RealTime` if this machine allows it, and `Ordinary` if not.
    pub(crate) fn best() -> Self {
        let tried = Command::new("chrt").args(["--rr", "1", "true"]).stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) { Self::RealTime } else { Self::Ordinary }
    }

    /// Returns a command that runs a program with this priority in a network namespace.
    pub(crate) fn command(self, netns: &Netns, program: &Path) -> Command {
        let args: &[&str] = match self {
            Self::RealTime => &["chrt", "--rr", "20"],
            Self::Nice => &["nice", "-n", "-20"],
            Self::Ordinary => &["env"],
        };
        let mut command = netns.command(args[0]);
        command.args(&args[1..]).arg(program);
        command
    }
}

/// A running program that answers each line of input with one line, and exits when this is dropped.
pub(crate) struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Helper {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|error| format!("cannot start a helper of the benchmark: {error}"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::new(stdout.ok_or("a helper of the benchmark has no stdout")?);
        Ok(Self { child, stdin, stdout })
    }

    /// Reads the next line of its output.
    pub(crate) fn read_line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err("a helper of the benchmark ended early; see above".to_owned()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(format!("cannot read from a helper of the benchmark: {error}")),
        }
    }

    /// Sends a line and returns the line that answers it.
    pub(crate) fn ask(&mut self, line: &str) -> Outcome<String> {
        let stdin = self.stdin.as_mut().ok_or("a helper of the benchmark has no stdin")?;
        let sent = writeln!(stdin, "{line}");
        sent.map_err(|error| format!("cannot write to a helper of the benchmark: {error}"))?;
        self.read_line()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The helper exits at the end of its input; an error means that it has already exited.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A running `bench-caller`.
pub(crate) struct Client(Helper);

impl Client {
    pub(crate) fn start(scheduling: Scheduling, netns: &Netns, program: &Path) -> Outcome<Self> {
        Helper::start(scheduling.command(netns, program)).map(Self)
    }

    /// Makes all calls concurrently and waits for all of them.
    pub(crate) fn run_all(&mut self, calls: &[Call]) -> Outcome<Answer> {
        let request = serde_json::to_string(calls).map_err(|error| error.to_string())?;
        let answer = self.0.ask(&request)?;
        serde_json::from_str(&answer).map_err(|error| format!("bench-caller: {error}: {answer}"))
    }

    /// Makes one call and waits for it.
    pub(crate) fn run(&mut self, call: Call) -> Outcome<Completion> {
        let answer = self.run_all(&[call])?;
        answer
            .completions
            .into_iter()
            .next()
            .ok_or_else(|| "bench-caller did not answer".to_owned())
    }

    /// Makes one call, which must succeed.
    pub(crate) fn run_ok(&mut self, call: Call) -> Outcome<Completion> {
        let verb = call.environment.get("CNI_COMMAND").cloned().unwrap_or_default();
        let completion = self.run(call)?;
        completion.problem().map_or(Ok(completion), |problem| Err(format!("{verb}: {problem}")))
    }
}

impl Completion {
    /// Describes the failure of the call: its exit status, and the plugin's error object or output.
    /// Returns `None` if it succeeded.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.status == 0 {
            return None;
        }
        let outputs = [self.stdout.trim(), self.stderr.trim()];
        let output = outputs.into_iter().find(|text| !text.is_empty()).unwrap_or("no output");
        let problem = serde_json::from_str::<serde_json::Value>(output)
            .ok()
            .and_then(|error| Some(format!("code {}, {}", error["code"], error["msg"].as_str()?)))
            .unwrap_or_else(|| output.to_owned());
        Some(format!("exit status {}: {problem}", self.status))
    }
}
