//! `doctor`: checks whether this host meets the requirements.

use std::fs;
use std::path::Path;

use cni_wrapper::Environment;
use rustix::fs::{Access, access};
use serde_json::{Value, json};

use super::{Options, Report};
use crate::backend::{Backend, Backends, Choice};
use crate::config::BackendKind;
use crate::state::State;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    /// Something does not work, but ports can be mapped.
    Note,
    Failed,
}

/// The outcome of one check.
struct Finding {
    name: &'static str,
    status: Status,
    message: String,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Failed => "failed",
        }
    }
}

impl Finding {
    fn line(&self) -> String {
        format!("{:6}  {}: {}\n", self.status.as_str(), self.name, self.message)
    }

    fn json(&self) -> Value {
        json!({"name": self.name, "status": self.status.as_str(), "message": self.message})
    }
}

/// Runs all checks. It changes nothing.
pub(super) async fn doctor(options: &Options) -> Report {
    let mut findings = backend(options).await;
    findings.push(forwarding());
    findings.push(state(options));
    let healthy = findings.iter().all(|finding| finding.status != Status::Failed);
    let last = if healthy {
        "this host meets the requirements\n"
    } else {
        "this host does not meet the requirements\n"
    };
    let text = findings.iter().map(Finding::line).chain([last.to_owned()]).collect();
    let checks: Vec<Value> = findings.iter().map(Finding::json).collect();
    Report { text, json: json!({"ok": healthy, "checks": checks}), success: healthy }
}

async fn backend(options: &Options) -> Vec<Finding> {
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let Choice { kind, why } = backends.choose(options.backend).await;
    let name = name(kind);
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
        Ok(readiness) => findings.extend([
            finding(name, Status::Ok, readiness.version),
            match readiness.ipv6 {
                Ok(()) => finding("IPv6", Status::Ok, "is supported".to_owned()),
                Err(why) => finding("IPv6", Status::Note, why),
            },
        ]),
    }
    findings
}

/// Returns a backend's name.
pub(super) fn name(kind: BackendKind) -> &'static str {
    match kind {
        BackendKind::Nftables => "nftables",
        BackendKind::Iptables => "iptables",
        BackendKind::IptablesNft => "iptables-nft",
        BackendKind::IptablesLegacy => "iptables-legacy",
    }
}

fn forwarding() -> Finding {
    let on =
        fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|text| text.trim() == "1");
    if on {
        return finding("ip_forward", Status::Ok, "is on".to_owned());
    }
    let advice = "is off, so other hosts cannot reach containers; \
                  run `sysctl -w net.ipv4.ip_forward=1` (the bridge plugin does this itself)";
    finding("ip_forward", Status::Note, advice.to_owned())
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

fn first_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.exists())
}

fn finding(name: &'static str, status: Status, message: String) -> Finding {
    Finding { name, status, message }
}
