//! The client of `bench-caller`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cni_test_kit::Netns;

use super::protocol::{Answer, Call, Completion};
use crate::outcome::Outcome;

/// The priority of the measured processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// Before all other processes: for one call at a time.
    RealTime,
    /// The highest niceness: for concurrent calls, which have to share the processors.
    Nice,
    /// Like other processes: if the machine allows nothing else.
    Ordinary,
}

impl Scheduling {
    /// Returns real time if this machine allows it.
    pub(crate) fn best() -> Self {
        let tried = Command::new("chrt").args(["--rr", "1", "true"]).stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) { Self::RealTime } else { Self::Ordinary }
    }

    /// Returns a command that runs a program with this priority, in this place.
    pub(crate) fn command(self, place: &Netns, program: &Path) -> Command {
        let args: &[&str] = match self {
            Self::RealTime => &["chrt", "--rr", "20"],
            Self::Nice => &["nice", "-n", "-20"],
            Self::Ordinary => &["env"],
        };
        let mut command = place.command(args[0]);
        command.args(&args[1..]).arg(program);
        command
    }
}

/// A running program that answers each line with a line. It ends when this is dropped.
pub(crate) struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Helper {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("cannot start a helper: {error}"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::new(stdout.ok_or("a helper has no output")?);
        Ok(Self { child, stdin, stdout })
    }

    /// Reads the next line that it prints.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err("a helper of the benchmark ended early; see above".to_owned()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(format!("a helper of the benchmark: {error}")),
        }
    }

    /// Sends a line and returns the answer.
    pub(crate) fn ask(&mut self, line: &str) -> Outcome<String> {
        let stdin = self.stdin.as_mut().ok_or("a helper has no input")?;
        writeln!(stdin, "{line}").map_err(|error| format!("a helper of the benchmark: {error}"))?;
        self.line()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The helper ends at the end of its input; an error means that it has ended already.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A running `bench-caller`.
pub(crate) struct Client(Helper);

impl Client {
    pub(crate) fn start(scheduling: Scheduling, place: &Netns, program: &Path) -> Outcome<Self> {
        Helper::start(scheduling.command(place, program)).map(Self)
    }

    /// Starts all calls at the same time and waits for all of them.
    pub(crate) fn all(&mut self, calls: &[Call]) -> Outcome<Answer> {
        let request = serde_json::to_string(calls).map_err(|error| error.to_string())?;
        let answer = self.0.ask(&request)?;
        serde_json::from_str(&answer).map_err(|error| format!("bench-caller: {error}: {answer}"))
    }

    /// Makes one call and waits for it.
    pub(crate) fn one(&mut self, call: Call) -> Outcome<Completion> {
        let answer = self.all(&[call])?;
        answer.completions.into_iter().next().ok_or_else(|| "bench-caller: no answer".to_owned())
    }

    /// Makes one call, which must succeed.
    pub(crate) fn success(&mut self, call: Call) -> Outcome<Completion> {
        let verb = call.environment.get("CNI_COMMAND").cloned().unwrap_or_default();
        let end = self.one(call)?;
        end.problem().map_or(Ok(end), |problem| Err(format!("{verb}: {problem}")))
    }
}

impl Completion {
    /// Returns the problem, if the call failed: the plugin's error object, or its output.
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
