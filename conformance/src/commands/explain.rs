//! `explain`.

use std::time::Duration;

use clap::Args;
use cni_conformance::fixture::Fixture;
use cni_conformance::run::case::run_case;
use cni_conformance::run::record::Record;
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::spec::cases;
use cni_conformance::spec::requirement::Requirement;
use cni_conformance::{Case, Subject, Verdict, report};
use cni_protocol::SpecVersion;

use super::exit_status::ExitStatus;
use super::keep;
use super::names::{case, matching, unknown};
use super::subject::{NamedSubject, SubjectArguments};
use super::values::{seconds, version};

/// Explain a requirement and its case; with a PLUGIN, show each call that the case makes
#[derive(Args)]
#[command(override_usage = "cni-conformance explain [OPTIONS] <CASE>... [PLUGIN]")]
pub(super) struct Arguments {
    /// Requirements, by the beginning of an id or by a code, and perhaps the plugin to run
    #[arg(required = true, value_name = "CASE|PLUGIN")]
    #[arg(value_parser = case(), hide_possible_values = true)]
    words: Vec<String>,
    #[command(flatten)]
    subject: SubjectArguments,
    /// Run the case in this version of the specification [default: the newest that applies]
    #[arg(long = "spec", value_name = "VERSION", value_parser = version())]
    version: Option<SpecVersion>,
    /// The time limit of one call of the plugin
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    timeout: Duration,
    /// Keep the namespaces as the case left them until the end of stdin, and print how to enter
    /// them
    #[arg(long)]
    keep: bool,
}

/// How to run the cases on a plugin.
struct Execution {
    plugin: NamedSubject,
    version: Option<SpecVersion>,
    limit: Duration,
    keep: bool,
}

/// Prints everything about the cases, for a plugin also the calls that they make of it.
pub(super) fn explain(arguments: Arguments) -> Result<ExitStatus, String> {
    let (cases, execution) = arguments.split()?;
    let (found, unknown) = (matching(&cases), unknown(&cases));
    unknown.iter().for_each(|problem| errln!("cni-conformance: {problem}"));
    let mut verdicts = Vec::new();
    for requirement in &found {
        let case = cases::find(requirement.id);
        out!("{}", report::explain(requirement, case));
        match (&execution, case) {
            (Some(execution), Some(case)) => verdicts.extend(execution.show(case)?),
            _ => out!("{}", without_plugin(requirement)),
        }
        outln!();
    }
    Ok(match () {
        () if !unknown.is_empty() => ExitStatus::NothingMatched,
        () if verdicts.contains(&Verdict::Broken) => ExitStatus::CouldNotTest,
        () => ExitStatus::Success,
    })
}

impl Arguments {
    /// Separates the cases from the plugin: the first word is a case, of the others those that
    /// match one.
    fn split(self) -> Result<(Vec<String>, Option<Execution>), String> {
        let is_case = |(index, word): &(usize, String)| {
            *index == 0 || !matching(std::slice::from_ref(word)).is_empty()
        };
        let (cases, others): (Vec<_>, Vec<_>) =
            self.words.into_iter().enumerate().partition(is_case);
        let words = |indexed: Vec<(usize, String)>| indexed.into_iter().map(|(_, word)| word);
        let (cases, mut others) = (words(cases).collect(), words(others));
        let plugin = if self.subject.subject.is_some() { None } else { others.next() };
        if let Some(word) = others.next() {
            return Err(format!("no case is named {word}"));
        }
        let described = self.subject.config.is_some() || self.subject.profile.is_some();
        if plugin.is_none() && self.subject.subject.is_none() {
            if described || self.version.is_some() || self.keep {
                return Err("these options need a plugin: name it after the case, or a file \
                            with --subject"
                    .to_owned());
            }
            return Ok((cases, None));
        }
        let (version, limit, keep) = (self.version, self.timeout, self.keep);
        let plugin = self.subject.take(plugin.as_deref(), &mut Vec::new())?;
        Ok((cases, Some(Execution { plugin, version, limit, keep })))
    }
}

/// Shows how to make the calls of a case, for a plugin that is not known.
fn without_plugin(requirement: &Requirement) -> String {
    let mut text = String::from("  manually");
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
        "\n  exactly\n    \
         cni-conformance explain {id} PLUGIN --keep   # each complete call; the host is kept\n    \
         cni-conformance run PLUGIN {id} --keep       # the verdict; a failure's host is kept\n"
    )
}

impl Execution {
    /// Runs the case and prints its calls; returns the verdict if the case applies to the plugin.
    fn show(&self, case: &'static Case) -> Result<Option<Verdict>, String> {
        let subject = &self.plugin.subject;
        let Some(version) = self.newest_version(case)? else {
            let profile = subject.profile;
            outln!("  does not apply to a plugin of the profile {profile} in this version");
            return Ok(None);
        };
        // A panic is a verdict (broken) here, and printed as such.
        std::panic::set_hook(Box::new(|_| ()));
        let (record, fixture) = run_case(case, subject, version, self.limit);
        out!("{}", calls(&record, &self.plugin, fixture.as_ref()));
        if let (true, Some(fixture)) = (self.keep, &fixture) {
            keep::until_end_of_input(fixture.host());
        }
        Ok(Some(record.verdict))
    }

    /// Returns the version that was asked for, or the newest one, if the case applies in it.
    fn newest_version(&self, case: &Case) -> Result<Option<SpecVersion>, String> {
        let subject = &self.plugin.subject;
        let (oldest, newest) = match self.version {
            Some(version) => (version, version),
            None => (SpecVersion::ALL[0], Setup::newest_version(subject, self.limit)?),
        };
        let mut versions = SpecVersion::ALL.into_iter().rev();
        Ok(versions.find(|version| {
            (oldest..=newest).contains(version) && case.applies(subject.profile, *version)
        }))
    }
}

fn calls(record: &Record, plugin: &NamedSubject, fixture: Option<&Fixture>) -> String {
    let NamedSubject { subject, arguments } = plugin;
    let (id, version) = (record.case.id, record.version);
    let mut text =
        format!("  reproduce cni-conformance run {arguments} {id} --spec {version} --keep\n");
    text.push_str(&format!("  verdict   {} in {version}\n", record.verdict));
    if let Some(finding) = &record.finding {
        text.push_str(&format!("  expected  {}\n", finding.expected));
        text.push_str(&format!("  actual    {}\n", finding.actual));
    }
    if let Some(note) = &record.note {
        text.push_str(&format!("  note      {note}\n"));
    }
    text.push_str("  manually  on the host, in this order (--keep keeps it)\n");
    text.push_str(&steps(record, subject, fixture));
    text
}

/// The calls of a case, as lines for a shell.
fn steps(record: &Record, subject: &Subject, fixture: Option<&Fixture>) -> String {
    let mut text = String::new();
    if let Some(script) = fixture.and(subject.prepare.as_ref()) {
        text.push_str(&format!("    # already done (`prepare` in the subject file): {script}\n"));
    }
    for exchange in &record.exchanges {
        let line = exchange.command_line(&subject.plugin);
        text.push_str(&format!("    # {}: {}\n    {line}\n", exchange.call, exchange.ending()));
    }
    text
}
