//! `explain`.

use std::time::Duration;

use cni_conformance::fixture::Fixture;
use cni_conformance::run::case::run_case;
use cni_conformance::run::options::Options;
use cni_conformance::run::record::Record;
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::spec::cases;
use cni_conformance::spec::requirement::Requirement;
use cni_conformance::{Case, Subject, Verdict, report};
use cni_protocol::SpecVersion;
use lexopt::prelude::*;

use super::arguments::{self, Raw};
use super::list::matching;
use super::{CONFORMS, COULD_NOT_TEST, NOTHING_MATCHED, kept};

struct Wanted {
    cases: Vec<String>,
    subject: Option<(Subject, String)>,
    version: Option<SpecVersion>,
    limit: Duration,
    keep: bool,
}

/// Prints all about the cases that are named; for a plugin also the calls that they make of it.
pub(super) fn explain(parser: lexopt::Parser) -> Result<u8, String> {
    let wanted = read(parser)?;
    let found = matching(&wanted.cases);
    let mut verdicts = Vec::new();
    for requirement in &found {
        let case = cases::find(requirement.id);
        print!("{}", report::explain(requirement, case));
        match (&wanted.subject, case) {
            (Some((subject, naming)), Some(case)) => {
                verdicts.extend(with_plugin(case, subject, naming, &wanted)?);
            }
            _ => print!("{}", without_plugin(requirement)),
        }
        println!();
    }
    Ok(match () {
        () if found.is_empty() => NOTHING_MATCHED,
        () if verdicts.contains(&Verdict::Broken) => COULD_NOT_TEST,
        () => CONFORMS,
    })
}

fn read(mut parser: lexopt::Parser) -> Result<Wanted, String> {
    let (mut raw, mut cases) = (Raw::default(), Vec::new());
    let (mut version, mut limit, mut keep) = (None, Options::default().limit, false);
    let words = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(words)? {
        match argument {
            Long("subject") => raw.subject = Some(parser.value().map_err(words)?.into()),
            Long("config") => raw.config = Some(arguments::text(&mut parser)?),
            Long("profile") => raw.profile = Some(arguments::text(&mut parser)?.parse()?),
            Long("spec") => {
                let parsed = arguments::text(&mut parser)?.parse();
                version = Some(parsed.map_err(|error| format!("--spec: {error}"))?);
            }
            Long("timeout") => limit = Duration::from_secs(arguments::number(&mut parser)?),
            Long("keep") => keep = true,
            Value(word) => {
                let word = word.string().map_err(words)?;
                // The first word is a case; of the others, those that name one.
                let is_case = cases.is_empty() || !matching(std::slice::from_ref(&word)).is_empty();
                if is_case { cases.push(word) } else { raw.words.push(word) }
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if cases.is_empty() {
        return Err("explain which case? `cni-conformance list` shows them".to_owned());
    }
    let named = raw.subject.is_some() || !raw.words.is_empty();
    if !named && (raw.config.is_some() || raw.profile.is_some() || version.is_some() || keep) {
        return Err("explain for which plugin? Name one after the case, or --subject".to_owned());
    }
    let subject = if named { Some(arguments::subject(&mut raw)?) } else { None };
    match raw.words.first() {
        Some(word) => Err(format!("no case is named {word}")),
        None => Ok(Wanted { cases, subject, version, limit, keep }),
    }
}

/// The form of a call, for a plugin that is not known.
fn without_plugin(requirement: &Requirement) -> String {
    let mut text = String::from("  by hand");
    for verb in requirement.verbs {
        let verb = verb.to_string();
        let attachment = match verb.as_str() {
            "VERSION" | "GC" | "STATUS" => "",
            _ => " CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0",
        };
        text.push_str(&format!(
            "\n    printf %s 'CONFIGURATION' | env -i CNI_COMMAND={verb}{attachment} \
             CNI_PATH=/opt/cni/bin PATH=/usr/sbin:/usr/bin:/sbin:/bin PLUGIN"
        ));
    }
    let id = requirement.id;
    text + &format!(
        "\n  exactly\n    cni-conformance explain {id} PLUGIN --keep   # each call with all that is in it, on a host that stays\n    \
         cni-conformance run PLUGIN {id} --keep       # the verdict; a failure's host stays\n"
    )
}

/// Runs the case and prints its calls; the verdict, if it is one for this plugin.
fn with_plugin(
    case: &'static Case,
    subject: &Subject,
    naming: &str,
    wanted: &Wanted,
) -> Result<Option<Verdict>, String> {
    let newest = match wanted.version {
        Some(version) => version,
        None => Setup::newest_version(subject, wanted.limit)?,
    };
    let versions = SpecVersion::ALL.into_iter().rev().filter(|version| match wanted.version {
        Some(wanted) => *version == wanted,
        None => *version <= newest,
    });
    let Some(version) =
        versions.into_iter().find(|version| case.applies(subject.profile, *version))
    else {
        println!("  not for a plugin of the profile {} in this version", subject.profile);
        return Ok(None);
    };
    // A panic is a verdict (broken) here, and told.
    std::panic::set_hook(Box::new(|_| ()));
    let (record, fixture) = run_case(case, subject, version, wanted.limit);
    print!("{}", calls(&record, subject, naming, fixture.as_ref()));
    if let (true, Some(fixture)) = (wanted.keep, &fixture) {
        kept::until_the_end_of_input(fixture.host());
    }
    Ok(Some(record.verdict))
}

fn calls(record: &Record, subject: &Subject, naming: &str, fixture: Option<&Fixture>) -> String {
    let (id, version) = (record.case.id, record.version);
    let mut text =
        format!("  again     cni-conformance run {naming} {id} --spec {version} --keep\n");
    text.push_str(&format!("  came to   {} in {version}\n", record.verdict));
    if let Some(finding) = &record.finding {
        text.push_str(&format!(
            "  expected  {}\n  actual    {}\n",
            finding.expected, finding.actual
        ));
    }
    if let Some(note) = &record.note {
        text.push_str(&format!("  note      {note}\n"));
    }
    text.push_str("  by hand   on the host (--keep leaves it and says how to enter it), one after the other\n");
    if let Some(script) = fixture.and(subject.prepare.as_ref()) {
        text.push_str(&format!("    # done already, `prepare` of the subject file: {script}\n"));
    }
    for exchange in &record.exchanges {
        let line = exchange.command_line(&subject.plugin);
        text.push_str(&format!("    # {}: {}\n    {line}\n", exchange.call, exchange.ending()));
    }
    text
}
