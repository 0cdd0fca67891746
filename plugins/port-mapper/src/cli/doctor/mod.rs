//! `doctor`: checks whether this host meets the requirements.

mod host;

use std::path::Path;

use cni_wrapper::Environment;
use rustix::fs::{Access, access};
use serde_json::{Value, json};

use super::explain::command_lines::{Remedy, Shown};
use super::explain::step::printable;
use super::inventory::Inventory;
use super::{Options, Report};
use crate::backend::{Backend, Backends, Choice};
use crate::error::Error;
use crate::state::State;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    /// Something does not work, but ports can be mapped.
    Note,
    /// It can't be found out whether other hosts reach containers.
    Unclear,
    Failed,
}

/// The outcome of one check.
struct Finding {
    name: &'static str,
    status: Status,
    message: String,
    remedy: Option<Remedy>,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Unclear => "unclear",
            Self::Failed => "failed",
        }
    }
}

impl Finding {
    fn line(&self, shown: &Shown<'_>) -> String {
        let status = self.status.as_str();
        let mut line = format!("{status:7} {}: {}\n", self.name, printable(&self.message));
        if let Some(remedy) = &self.remedy {
            line += &format!("        remedy: {}\n", printable(&remedy.text));
            for command in &remedy.commands {
                line += &format!("          {}\n", printable(&shown.command(command)));
            }
        }
        line
    }

    fn json(&self, shown: &Shown<'_>) -> Value {
        let status = self.status.as_str();
        let mut object = json!({"name": self.name, "status": status, "message": self.message});
        if let Some(remedy) = &self.remedy {
            object["remedy"] = json!(remedy.text);
            object["commands"] =
                remedy.commands.iter().map(|command| shown.command(command)).collect();
        }
        object
    }
}

/// Runs all checks. It changes nothing.
pub(super) async fn doctor(options: &Options) -> Report {
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let mut findings = backend(options, &backends).await;
    findings.extend(host::checks(&backends).await);
    findings.push(state(options));
    findings.extend(state_files(options));
    let has = |status| findings.iter().any(|finding| finding.status == status);
    let success = !has(Status::Failed);
    let (last, ok) = match (success, has(Status::Unclear)) {
        (false, _) => ("this host does not meet the requirements\n", Some(false)),
        (true, true) => (
            "this host may not meet the requirements: other hosts may not reach containers\n",
            None,
        ),
        (true, false) => ("this host meets the requirements\n", Some(true)),
    };
    let shown = Shown::new(&options.state_dir);
    let lines = findings.iter().map(|finding| finding.line(&shown));
    let text = lines.chain([last.to_owned()]).collect();
    let checks: Vec<Value> = findings.iter().map(|finding| finding.json(&shown)).collect();
    Report { text, json: json!({"ok": ok, "checks": checks}), success }
}

async fn backend(options: &Options, backends: &Backends) -> Vec<Finding> {
    let Choice { kind, why } = backends.choose(options.backend).await;
    let name = kind.as_str();
    let readiness = match backends.get(kind) {
        Ok(backend) => backend.ready().await,
        Err(error) => Err(error),
    };
    // Why the default is another one than an operator expects.
    let mut findings: Vec<_> = why
        .map(|why| finding("backend", Status::Note, format!("{name} is used, since {why}")))
        .into_iter()
        .collect();
    match readiness {
        Err(error) => findings.push(finding(name, Status::Failed, error.to_string())),
        Ok(readiness) => {
            findings.push(finding(name, Status::Ok, readiness.version));
            findings.push(match readiness.ipv6 {
                Ok(()) => finding("IPv6", Status::Ok, "is supported".to_owned()),
                Err(why) => finding("IPv6", Status::Note, why),
            });
            findings.extend(host::extensions(kind));
        }
    }
    findings
}

fn state(options: &Options) -> Finding {
    let path = options.state_dir.display();
    let (status, message) = match State::open_existing(&options.state_dir) {
        Ok(Some(_)) => (Status::Ok, path.to_string()),
        Ok(None) => match first_existing(&options.state_dir) {
            Some(parent) if access(parent, Access::WRITE_OK).is_err() => {
                let parent = parent.display();
                (Status::Failed, format!("{path} cannot be created: {parent} is not writable"))
            }
            _ => (Status::Ok, format!("{path}, which the first ADD creates")),
        },
        Err(error) => (Status::Failed, error.to_string()),
    };
    finding("state directory", status, message)
}

/// Returns a finding for each state file that is damaged or can't be read. The ports in it are not
/// known, and its container's mappings can't be restored.
fn state_files(options: &Options) -> Vec<Finding> {
    // The check of the directory reports why that can't be read.
    let errors = Inventory::of_claims(options).map(|inventory| inventory.errors);
    let note = |error: Error| finding("state file", Status::Note, error.to_string());
    errors.unwrap_or_default().into_iter().map(note).collect()
}

fn first_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.exists())
}

fn finding(name: &'static str, status: Status, message: String) -> Finding {
    Finding { name, status, message, remedy: None }
}
