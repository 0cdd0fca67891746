//! Reports with every verdict and hostile text, without running any plugin.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;

use cni_conformance::exchange::Exchange;
use cni_conformance::report::{Document, Exchanges, ReportContext};
use cni_conformance::run::record::{Record, Report};
use cni_conformance::severity::Severity;
use cni_conformance::spec::cases;
use cni_conformance::verdict::Finding;
use cni_conformance::{Profile, Subject, Verdict};
use cni_protocol::SpecVersion;
use serde_json::Map;

/// Output with which a plugin could break out of a report.
pub(crate) const HOSTILE: &str = concat!(
    "<img src=x onerror=\"document.title='owned'\"></script>",
    "<script>document.title='owned'</script><!--",
    " ]]> & \" ' | ` ``` \u{2028}\u{2029}\u{202e}\u{1b}[31m\u{0}\u{fffe}\r\n\ttail"
);

/// Returns the id of the case with this verdict.
pub(crate) fn id(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "del.twice-succeeds",
        Verdict::Fail => "execution.unsupported-field-is-named",
        Verdict::Warn => "execution.stdout-holds-one-document",
        Verdict::Info => "version.gc-and-status-need-1.1.0",
        Verdict::Skip => "check.misses-rules",
        Verdict::Broken => "concurrency.killed-add-is-cleaned",
    }
}

fn exchange(stdout: &str) -> Exchange {
    Exchange {
        call: "ADD with hostile output".to_owned(),
        environment: BTreeMap::from([("CNI_COMMAND".to_owned(), "ADD".to_owned())]),
        stdin: r#"{"cniVersion":"1.0.0","name":"conformance","deep":[1e400,{},{"a":"{,}"}]}"#
            .into(),
        stdout: stdout.to_owned(),
        stderr: HOSTILE.to_owned(),
        exit: Some(1),
        signal: None,
        held_open: false,
        cpu: std::time::Duration::ZERO,
        millis: 12,
    }
}

fn record(verdict: Verdict, version: SpecVersion) -> Record {
    let finding = matches!(verdict, Verdict::Fail | Verdict::Warn | Verdict::Info);
    let note = matches!(verdict, Verdict::Skip | Verdict::Broken);
    Record {
        case: cases::find(id(verdict)).unwrap(),
        version,
        verdict,
        finding: finding
            .then(|| Finding { expected: "exit 0".to_owned(), actual: HOSTILE.to_owned() }),
        note: note.then(|| format!("because {HOSTILE}")),
        exchanges: vec![exchange("{\"a\":1}"), exchange(HOSTILE)],
        millis: 1234,
    }
}

/// Returns a run with one case of each verdict, in two versions.
pub(crate) fn report(name: &str, known: &[Verdict]) -> Report {
    let versions = vec![SpecVersion::V0_4_0, SpecVersion::V1_0_0];
    let mut subject = Subject::new(format!("/opt/{name}"), Profile::Interface, Map::new());
    subject.known = known.iter().map(|one| (id(*one).to_owned(), HOSTILE.to_owned())).collect();
    let pairs = Verdict::ALL.into_iter().flat_map(|verdict| {
        let versions = versions.clone().into_iter();
        versions.map(move |version| record(verdict, version))
    });
    Report {
        subject,
        unusable: vec![(SpecVersion::V1_1_0, HOSTILE.to_owned())],
        records: pairs.collect(),
        left_out: Vec::new(),
        cost: cni_conformance::run::cost::Cost::default(),
        versions,
    }
}

/// Returns the report of a run, as the command would print it.
pub(crate) fn document(report: &Report) -> Document {
    Document::of(
        report,
        &ReportContext {
            command: "cni-conformance run plugin".to_owned(),
            reproduce: &|case| format!("cni-conformance run plugin {} --keep", case.id),
            level: Severity::Must,
            exchanges: Exchanges::Findings,
            about: Some(HOSTILE.to_owned()),
        },
    )
}
