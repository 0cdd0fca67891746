//! `doctor`: is this host fit for mapping ports?

use std::fs;

use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::{Options, Report};
use crate::attach::surroundings;
use crate::backend::{Backend, Backends};
use crate::config::BackendKind;
use crate::host::localhost::open_state;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fit,
    /// Something does not work, but mapping does.
    Note,
    Unfit,
}

struct Finding {
    what: &'static str,
    verdict: Verdict,
    text: String,
}

/// Changes nothing but, where it is missing, makes the state directory.
pub(super) async fn doctor(options: &Options) -> Report {
    let mut findings = programs(options).await;
    findings.push(forwarding());
    findings.push(state(options));
    let well = findings.iter().all(|finding| finding.verdict != Verdict::Unfit);
    let last = if well { "this host is fit\n" } else { "this host is not fit\n" };
    let lines = findings.iter().map(|finding| {
        let mark = match finding.verdict {
            Verdict::Fit => "ok  ",
            Verdict::Note => "note",
            Verdict::Unfit => "BAD ",
        };
        format!("{mark}  {}: {}\n", finding.what, finding.text)
    });
    let text = lines.chain([last.to_owned()]).collect();
    Report { text, json: json!({"fit": well, "findings": objects(&findings)}), well }
}

fn objects(findings: &[Finding]) -> Vec<Value> {
    let object = |finding: &Finding| {
        let verdict = match finding.verdict {
            Verdict::Fit => "fit",
            Verdict::Note => "note",
            Verdict::Unfit => "unfit",
        };
        json!({"what": finding.what, "verdict": verdict, "text": finding.text})
    };
    findings.iter().map(object).collect()
}

async fn programs(options: &Options) -> Vec<Finding> {
    let backends = Backends::new(surroundings(&Environment::current()), options.patience);
    let kind = backends.kind(options.backend);
    let what = if kind == BackendKind::Nftables { "nftables" } else { "iptables" };
    let fitness = match backends.get(kind) {
        Ok(backend) => backend.ready().await,
        Err(error) => Err(error),
    };
    match fitness {
        Err(error) => vec![finding(what, Verdict::Unfit, error.to_string())],
        Ok(fitness) => vec![
            finding(what, Verdict::Fit, fitness.version),
            match fitness.ipv6 {
                Ok(()) => finding("IPv6", Verdict::Fit, "can be mapped too".to_owned()),
                Err(why) => finding("IPv6", Verdict::Note, why),
            },
        ],
    }
}

fn forwarding() -> Finding {
    let on =
        fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|text| text.trim() == "1");
    if on {
        return finding("ip_forward", Verdict::Fit, "is on".to_owned());
    }
    let advice = "is off: clients outside won't reach containers; run `sysctl -w net.ipv4.ip_forward=1` \
                  (the bridge plugin does so by itself)";
    finding("ip_forward", Verdict::Note, advice.to_owned())
}

fn state(options: &Options) -> Finding {
    match open_state(&options.state_dir) {
        Ok(_) => finding("state", Verdict::Fit, options.state_dir.display().to_string()),
        Err(error) => finding("state", Verdict::Unfit, error.to_string()),
    }
}

fn finding(what: &'static str, verdict: Verdict, text: String) -> Finding {
    Finding { what, verdict, text }
}
