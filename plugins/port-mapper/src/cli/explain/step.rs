//! The steps of a packet's way, and how they are shown.

use serde_json::{Value, json};

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
    /// What to type.
    pub(in crate::cli) remedy: Option<String>,
}

/// Replaces control characters, which would reach the terminal. Names of processes and comments of
/// rules are the text of anybody.
pub(super) fn printable(text: &str) -> String {
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
        Self { name, status: Status::Ok, message: message.into(), remedy: None }
    }

    pub(in crate::cli) fn failed(
        name: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (message, remedy) = (message.into(), Some(remedy.into()));
        Self { name, status: Status::Failed, message, remedy }
    }

    pub(in crate::cli) fn unknown(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Unknown, message: message.into(), remedy: None }
    }

    pub(super) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    pub(super) fn text(&self) -> String {
        let sign = match self.status {
            Status::Ok => '✔',
            Status::Failed => '✘',
            Status::Unknown => '?',
        };
        let line = |remedy| format!("      remedy: {}\n", printable(remedy));
        let remedy = self.remedy.as_deref().map(line).unwrap_or_default();
        format!("  {sign} {}: {}\n{remedy}", self.name, printable(&self.message))
    }

    pub(super) fn json(&self) -> Value {
        let status = match self.status {
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        };
        let mut object = json!({"step": self.name, "status": status, "message": self.message});
        if let Some(remedy) = &self.remedy {
            object["remedy"] = json!(remedy);
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent_to_the_terminal() {
        let step = Step::failed("host process", "\u{1b}]0;x\u{7} é listens", "kill\n\u{9b}1m");
        let expected = "  ✘ host process: \\u{1b}]0;x\\u{7} é listens\n      \
                        remedy: kill\\n\\u{9b}1m\n";
        assert_eq!(step.text(), expected);
    }
}
