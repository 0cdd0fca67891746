//! The steps of a packet's way, and how they are shown.

use serde_json::{Value, json};

use super::command_lines::{Remedy, Shown};

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Status {
    Ok,
    Failed,
    /// It could not be found out.
    Unknown,
}

/// A step of a packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Step {
    pub(in crate::cli) name: &'static str,
    pub(in crate::cli) status: Status,
    pub(in crate::cli) message: String,
    /// What to do: a text, or a command line.
    pub(in crate::cli) remedy: Option<String>,
    /// The command lines for it, or those that show more.
    pub(in crate::cli) commands: Vec<String>,
}

/// Replaces control characters, which would reach the terminal. Names of processes and comments of
/// rules are the text of anybody.
pub(in crate::cli) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

impl Step {
    pub(in crate::cli) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message.into())
    }

    pub(in crate::cli) fn failed(
        name: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Failed, message.into()).with_remedy(remedy)
    }

    pub(in crate::cli) fn unknown(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Unknown, message.into())
    }

    fn new(name: &'static str, status: Status, message: String) -> Self {
        Self { name, status, message, remedy: None, commands: Vec::new() }
    }

    pub(super) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Returns the step with command lines that can be run as they are.
    pub(super) fn with_commands(
        self,
        commands: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { commands: commands.into_iter().map(Into::into).collect(), ..self }
    }

    /// Returns the remedy, if there is one.
    pub(in crate::cli) fn remedy(&self) -> Option<Remedy> {
        let text = self.remedy.as_deref()?;
        Some(Remedy::new(text, &self.commands))
    }

    pub(super) fn text(&self, shown: &Shown<'_>) -> String {
        let sign = match self.status {
            Status::Ok => '✔',
            Status::Failed => '✘',
            Status::Unknown => '?',
        };
        let mut text = format!("  {sign} {}: {}\n", self.name, printable(&self.message));
        if let Some(remedy) = self.remedy() {
            text += &format!("      remedy: {}\n", printable(&remedy.text));
            for command in &remedy.commands {
                text += &format!("        {}\n", printable(&shown.command(command)));
            }
        }
        text
    }

    pub(super) fn json(&self, shown: &Shown<'_>) -> Value {
        let status = match self.status {
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        };
        let mut object = json!({"step": self.name, "status": status, "message": self.message});
        if let Some(remedy) = self.remedy() {
            object["remedy"] = json!(remedy.text);
            object["commands"] =
                remedy.commands.iter().map(|command| shown.command(command)).collect();
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent_to_the_terminal() {
        let step = Step::failed("host process", "\u{1b}]0;x\u{7} é listens", "stop\n\u{9b}1m it")
            .with_commands(["kill\t1"]);
        let expected = "  ✘ host process: \\u{1b}]0;x\\u{7} é listens\n      \
                        remedy: stop\\n\\u{9b}1m it\n        kill\\t1\n";
        assert_eq!(step.text(&Shown::default()), expected);
    }
}
