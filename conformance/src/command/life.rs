//! `life`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::lifecycle::catalogue::all;
use cni_conformance::runtime::lifecycle::definition::Lifecycle;
use cni_conformance::runtime::lifecycle::run::{LifecycleResult, run_lifecycle};
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::verdict::Finding;
use cni_conformance::{Profile, Subject, Verdict};

use super::kept;
use super::runtime_arguments::{self, Words};
use super::{CONFORMS, COULD_NOT_TEST, FAILED, NOTHING_MATCHED};

const OPTIONS: [&str; 11] = [
    "runtime", "lives", "subject", "config", "profile", "spec", "timeout", "cap", "info", "path",
    "keep",
];
/// Sixteen plugins at once wait long for each other on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays lives and says how they went.
pub(super) fn life(parser: lexopt::Parser) -> Result<u8, String> {
    let words = runtime_arguments::read(parser, &OPTIONS)?;
    if words.lives.as_deref() == Some("help") {
        all().for_each(|life| println!("{:<22} {}", life.name, life.does));
        return Ok(CONFORMS);
    }
    let lives = match chosen(words.lives.as_deref()) {
        Ok(lives) => lives,
        Err(problem) => {
            println!("{problem}");
            return Ok(NOTHING_MATCHED);
        }
    };
    let (cast, naming) = cast(&words)?;
    let cast = cast.with_path(words.path.as_deref().unwrap_or_default());
    // A panic is a verdict (broken) here, and told.
    std::panic::set_hook(Box::new(|_| ()));
    let (version, runtime) = (env!("CARGO_PKG_VERSION"), cast.kind());
    println!("cni-conformance {version} · {naming} · {runtime} · spec {}", cast.version());
    let mut verdicts = Vec::new();
    for life in &lives {
        let (lived, scene) = run_lifecycle(life, &cast);
        print!("{}", told(life, &lived, &format!("{naming}{}", words.written), runtime));
        verdicts.push(lived.verdict);
        if let (true, Verdict::Fail, Some(scene)) = (words.keep, lived.verdict, scene) {
            kept::until_the_end_of_input(scene.host());
            break;
        }
    }
    let word = if verdicts.len() == 1 { "life" } else { "lives" };
    println!("\n{} {word}: {}", verdicts.len(), sums(&verdicts));
    Ok(exit_status(&verdicts))
}

/// The lives of these names.
fn chosen(names: Option<&str>) -> Result<Vec<&'static Lifecycle>, String> {
    let Some(names) = names else { return Ok(all().collect()) };
    let find = |name: &str| {
        let found = all().find(|life| life.name == name);
        found.ok_or_else(|| format!("no life is called {name:?}; `--lives help` lists them"))
    };
    names.split(',').map(find).collect()
}

/// Who plays, and the words that name them.
fn cast(words: &Words) -> Result<(Setup, String), String> {
    let (kind, limit) = (words.kind(), words.timeout.unwrap_or(PATIENCE));
    let subject = match (&words.subject, words.words.as_slice()) {
        (Some(path), []) => Subject::read(path)?.found()?,
        (None, [word]) if is_netconf(word) => {
            words.refuse(&["config", "profile", "spec"], "a network's file says this itself")?;
            let (cap, info) = (words.cap.clone(), words.info.clone());
            let (cap, info) = (cap.unwrap_or_default(), info.unwrap_or_default());
            let cast = Setup::of_file(kind, Path::new(word), cap, info, limit)?;
            return Ok((cast, word.clone()));
        }
        (None, [word]) => {
            let profile = words.profile.unwrap_or(Profile::Interface);
            let config = words.config.clone().unwrap_or_default();
            let mut subject = Subject::new(PathBuf::from(word), profile, config).found()?;
            subject.runtime_config = words.cap.clone().unwrap_or_default();
            subject
        }
        (None, []) => {
            return Err("whose life? Name a plugin, a network's file, or --subject".to_owned());
        }
        _ => return Err("one plugin, network's file or --subject at a time".to_owned()),
    };
    words.refuse(&["info"], "only with a network's file: a subject has `runtimeConfig`")?;
    let version = match (words.spec, kind) {
        (Some(_), RuntimeKind::Mesos) => return Err("--spec: Mesos says no version".to_owned()),
        (Some(version), RuntimeKind::Libcni) => version,
        (None, RuntimeKind::Libcni) => Setup::newest_version(&subject, limit)?,
        (None, RuntimeKind::Mesos) => cni_protocol::SpecVersion::default(),
    };
    let naming =
        words.words.first().cloned().unwrap_or_else(|| subject.plugin.display().to_string());
    Ok((Setup::of_subject(kind, subject, version, limit)?, naming))
}

fn is_netconf(word: &str) -> bool {
    let ending = Path::new(word).extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("conf" | "conflist" | "json"))
}

/// A life with its steps; and when it went wrong, all that is needed to look into it.
fn told(life: &Lifecycle, lived: &LifecycleResult, naming: &str, runtime: RuntimeKind) -> String {
    let mut text = format!("{} {}: {}\n", sign(lived.verdict), life.name, life.does);
    for step in &lived.steps {
        let sign = if step.passed { '✔' } else { '✘' };
        let note = step.note.as_deref().map(|note| format!("  ({note})")).unwrap_or_default();
        text.push_str(&format!("    {sign} {}{note}\n", step.what));
    }
    if let Some(note) = &lived.note {
        text.push_str(&format!("    {}: {note}\n", lived.verdict));
    }
    if let Some(finding) = &lived.finding {
        text.push_str(&details(finding, lived.exchange.as_ref()));
        let name = if naming.contains("--subject") {
            naming.split_once(' ').map_or("", |(_, rest)| rest)
        } else {
            naming
        };
        text.push_str(&format!(
            "    again     cni-conformance life --runtime {runtime} --lives {} {name}\n",
            life.name
        ));
    }
    text
}

fn details(finding: &Finding, exchange: Option<&Exchange>) -> String {
    let lines = |text: &str| text.trim_end().replace('\n', "\n              ");
    let mut text = format!(
        "    expected  {}\n    actual    {}\n",
        lines(&finding.expected),
        lines(&finding.actual)
    );
    if let Some(exchange) = exchange {
        text.push_str(&format!("    call      {}\n", exchange.call));
        text.push_str(&shown(exchange, "              "));
        let program = program(exchange);
        text.push_str(&format!("    by hand   {}\n", exchange.command_line(&program)));
    }
    text
}

/// The program of a call: the first of its name on CNI_PATH.
fn program(exchange: &Exchange) -> PathBuf {
    let name = exchange.call.split(' ').next().unwrap_or_default();
    let path = exchange.environment.get("CNI_PATH").map_or("", String::as_str);
    let candidates = path.split(':').map(|directory| Path::new(directory).join(name));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}

/// A call, a line for each part of it.
pub(super) fn shown(exchange: &Exchange, indent: &str) -> String {
    let mut text = String::new();
    for (key, value) in exchange.environment.iter().filter(|(key, _)| key.starts_with("CNI_")) {
        text.push_str(&format!("{indent}{key}={value}\n"));
    }
    let outputs =
        [("stdin", &exchange.stdin), ("stdout", &exchange.stdout), ("stderr", &exchange.stderr)];
    for (name, said) in outputs {
        let said = said.trim_end().replace('\n', &format!("\n{indent}       "));
        text.push_str(&format!("{indent}{name:<6} {said}\n"));
    }
    let how = match (exchange.exit, exchange.signal) {
        (Some(status), _) => format!("exit {status}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "no end within its time".to_owned(),
    };
    text + &format!("{indent}{how} after {} ms\n", exchange.millis)
}

fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✔',
        Verdict::Fail => '✘',
        Verdict::Warn => '!',
        Verdict::Info => 'i',
        Verdict::Skip => '–',
        Verdict::Broken => '?',
    }
}

fn sums(verdicts: &[Verdict]) -> String {
    let count = |one: Verdict| verdicts.iter().filter(|verdict| **verdict == one).count();
    let words: Vec<String> = [Verdict::Pass, Verdict::Fail, Verdict::Skip, Verdict::Broken]
        .into_iter()
        .map(|verdict| format!("{} {verdict}", count(verdict)))
        .collect();
    words.join(", ")
}

fn exit_status(verdicts: &[Verdict]) -> u8 {
    let any = |one: Verdict| verdicts.contains(&one);
    match () {
        () if any(Verdict::Fail) => FAILED,
        () if any(Verdict::Broken) => COULD_NOT_TEST,
        () if verdicts.iter().all(|verdict| *verdict == Verdict::Skip) => NOTHING_MATCHED,
        () => CONFORMS,
    }
}
