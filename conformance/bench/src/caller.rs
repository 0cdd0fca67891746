//! Our end of `bench-caller`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cni_test_kit::Netns;

use super::protocol::{Answer, Call, End};
use crate::Outcome;

/// How what is measured competes with the rest of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// Ahead of everything else: for one call at a time.
    RealTime,
    /// As far ahead as niceness goes: for many at once, which must share with each other.
    Nice,
    /// As everything else: where the machine allows nothing better.
    Ordinary,
}

impl Scheduling {
    /// Real time, where this machine allows it.
    pub(crate) fn best() -> Self {
        let tried = Command::new("chrt").args(["--rr", "1", "true"]).stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) { Self::RealTime } else { Self::Ordinary }
    }

    /// A command that runs the program so, in this place.
    pub(crate) fn command(self, place: &Netns, program: &Path) -> Command {
        let words: &[&str] = match self {
            Self::RealTime => &["chrt", "--rr", "20"],
            Self::Nice => &["nice", "-n", "-20"],
            Self::Ordinary => &["env"],
        };
        let mut command = place.command(words[0]);
        command.args(&words[1..]).arg(program);
        command
    }
}

/// A running helper, or any program that answers a line with a line. It ends when this is dropped.
pub(crate) struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Helper {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("can't start a helper: {error}"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = BufReader::new(stdout.ok_or("a helper has no output")?);
        Ok(Self { child, stdin, stdout })
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err("a helper of the bench ended before its time; see above".to_owned()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(format!("a helper of the bench: {error}")),
        }
    }

    /// Its answer to a line.
    pub(crate) fn ask(&mut self, line: &str) -> Outcome<String> {
        let stdin = self.stdin.as_mut().ok_or("a helper has no input")?;
        writeln!(stdin, "{line}").map_err(|error| format!("a helper of the bench: {error}"))?;
        self.line()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It ends at the end of its input; an error means that it is gone already.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A running `bench-caller`.
pub(crate) struct Caller(Helper);

impl Caller {
    pub(crate) fn start(scheduling: Scheduling, place: &Netns, program: &Path) -> Outcome<Self> {
        Helper::start(scheduling.command(place, program)).map(Self)
    }

    /// Starts all of them at once and waits for all.
    pub(crate) fn all(&mut self, calls: &[Call]) -> Outcome<Answer> {
        let request = serde_json::to_string(calls).map_err(|error| error.to_string())?;
        let answer = self.0.ask(&request)?;
        serde_json::from_str(&answer).map_err(|error| format!("bench-caller: {error}: {answer}"))
    }

    /// Starts one and waits for it.
    pub(crate) fn one(&mut self, call: Call) -> Outcome<End> {
        let answer = self.all(&[call])?;
        answer.ends.into_iter().next().ok_or_else(|| "bench-caller: no answer".to_owned())
    }

    /// The same, and it must succeed.
    pub(crate) fn well(&mut self, call: Call) -> Outcome<End> {
        let verb = call.environment.get("CNI_COMMAND").cloned().unwrap_or_default();
        let end = self.one(call)?;
        end.complaint().map_or(Ok(end), |problem| Err(format!("{verb}: {problem}")))
    }
}

impl End {
    /// What went wrong: the plugin's own error object, or what else there is to see.
    pub(crate) fn complaint(&self) -> Option<String> {
        if self.status == 0 {
            return None;
        }
        let said = [self.stdout.trim(), self.stderr.trim()];
        let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or("without a word");
        let said = serde_json::from_str::<serde_json::Value>(said)
            .ok()
            .and_then(|error| Some(format!("code {}, {}", error["code"], error["msg"].as_str()?)))
            .unwrap_or_else(|| said.to_owned());
        Some(format!("exit status {}: {said}", self.status))
    }
}
