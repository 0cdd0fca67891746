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
        let remedy = self.remedy.as_ref().map(|remedy| format!("      remedy: {remedy}\n"));
        format!("  {sign} {}: {}\n{}", self.name, self.message, remedy.unwrap_or_default())
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
