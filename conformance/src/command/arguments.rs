//! Reads the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_conformance::report::Exchanges;
use cni_conformance::run::options::Options;
use cni_conformance::run::versions::Versions;
use cni_conformance::severity::Severity;
use cni_conformance::{Profile, Subject};
use lexopt::prelude::*;
use serde_json::{Map, Value};

use super::targets::{Kind, Targets};
use cni_conformance::exchange::quoted;

/// What `run` was asked for.
pub(super) struct Arguments {
    pub(super) subject: Subject,
    pub(super) options: Options,
    /// From this weight on a deviation counts as a failure.
    pub(super) level: Severity,
    /// The reports that are wanted.
    pub(super) targets: Targets,
    /// Which calls they hold.
    pub(super) exchanges: Exchanges,
    pub(super) keep: bool,
    /// The words that name the subject, to repeat the command.
    pub(super) naming: String,
    /// The other words that decide what is judged.
    pub(super) choice: String,
}

/// The words that name a subject, and others.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) words: Vec<String>,
    pub(super) subject: Option<PathBuf>,
    pub(super) config: Option<String>,
    pub(super) profile: Option<Profile>,
}

/// Reads the words after `run`.
pub(super) fn read(mut parser: lexopt::Parser) -> Result<Arguments, String> {
    let (mut raw, mut options) = (Raw::default(), Options::default());
    let (mut level, mut keep, mut exchanges) = (Severity::Must, false, Exchanges::default());
    let mut targets = Targets::new(&Kind::ALL);
    let (mut versions, mut quick) = (Vec::new(), false);
    let words = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(words)? {
        match argument {
            Long("subject") => raw.subject = Some(parser.value().map_err(words)?.into()),
            Long("config") => raw.config = Some(text(&mut parser)?),
            Long("profile") => raw.profile = Some(text(&mut parser)?.parse()?),
            Long("spec") => {
                let version = text(&mut parser)?.parse();
                versions.push(version.map_err(|error| format!("--spec: {error}"))?);
            }
            Long("quick") => quick = true,
            Long("level") => level = severity(&text(&mut parser)?)?,
            Long("skip") => options.skip.push(text(&mut parser)?),
            Long("fail-fast") => options.fail_fast = true,
            Long("timeout") => options.limit = Duration::from_secs(number(&mut parser)?),
            Long("jobs") => options.jobs = number(&mut parser)?.try_into().unwrap_or(1),
            Long("report") => targets.add(&text(&mut parser)?)?,
            Long("exchanges") => {
                let which = text(&mut parser)?.parse();
                exchanges = which.map_err(|error| format!("--exchanges: {error}"))?;
            }
            Long("keep") => keep = true,
            Value(word) => raw.words.push(word.string().map_err(words)?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let (subject, naming) = subject(&mut raw)?;
    options.only = raw.words;
    options.versions = match (quick, versions.is_empty()) {
        (true, true) => Versions::Newest,
        (true, false) => {
            return Err(
                "--quick judges the newest version that the plugin claims and --spec names \
                        versions: give one of the two"
                    .to_owned(),
            );
        }
        (false, true) => Versions::Claimed,
        (false, false) => Versions::These(versions),
    };
    let choice = choice(&options, level);
    Ok(Arguments { subject, options, level, targets, exchanges, keep, naming, choice })
}

/// What `matrix` was asked for.
pub(super) struct MatrixArguments {
    pub(super) files: Vec<PathBuf>,
    pub(super) targets: Targets,
}

/// Reads the words after `matrix`.
pub(super) fn read_matrix(mut parser: lexopt::Parser) -> Result<MatrixArguments, String> {
    let mut targets = Targets::new(&[Kind::Text, Kind::Markdown, Kind::Html]);
    let mut files = Vec::new();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("report") => targets.add(&text(&mut parser)?)?,
            Value(word) => files.push(word.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if files.is_empty() {
        return Err("matrix of what? Name JSON reports of `run --report json=FILE`".to_owned());
    }
    Ok(MatrixArguments { files, targets })
}

/// Reads words that name files and nothing else.
pub(super) fn read_files(mut parser: lexopt::Parser) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Value(word) => files.push(word.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(files)
}

/// The words that decide which cases are judged in which versions, and at which level.
fn choice(options: &Options, level: Severity) -> String {
    let only = options.only.iter().map(|word| format!(" {}", quoted(word)));
    let skip = options.skip.iter().map(|word| format!(" --skip {}", quoted(word)));
    let versions = match &options.versions {
        Versions::These(these) => these.iter().map(|one| format!(" --spec {one}")).collect(),
        Versions::Newest => vec![" --quick".to_owned()],
        Versions::Claimed | Versions::EachFormat => Vec::new(),
    };
    let level = Some(level).filter(|level| *level != Severity::Must);
    let level = level.map(|level| format!(" --level {level}"));
    only.chain(skip).chain(versions).chain(level).collect()
}

/// Reads words that name cases and nothing else.
pub(super) fn read_cases(mut parser: lexopt::Parser) -> Result<Vec<String>, String> {
    let mut cases = Vec::new();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Value(word) => cases.push(word.string().map_err(|error| error.to_string())?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(cases)
}

pub(super) fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(ValueExt::string).map_err(|error| error.to_string())
}

pub(super) fn number(parser: &mut lexopt::Parser) -> Result<u64, String> {
    let number = parser.value().and_then(|value| value.parse());
    number.map_err(|error| error.to_string())
}

fn severity(word: &str) -> Result<Severity, String> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str() == word)
        .ok_or_else(|| format!("--level: must, should, convention or stricter, not {word}"))
}

/// The subject, and the words that name it.
pub(super) fn subject(raw: &mut Raw) -> Result<(Subject, String), String> {
    if let Some(path) = &raw.subject {
        let subject = Subject::read(path)?.found()?;
        return Ok((subject, format!("--subject {}", quoted(&path.display().to_string()))));
    }
    if raw.words.is_empty() {
        return Err("run what? Name a plugin, or a file with --subject".to_owned());
    }
    let plugin = raw.words.remove(0);
    let profile = raw.profile.unwrap_or(Profile::Interface);
    let mut naming = format!("{} --profile {profile}", quoted(&plugin));
    let config = match &raw.config {
        Some(config) => {
            naming.push_str(&format!(" --config {}", quoted(config)));
            object(config)?
        }
        None => Map::new(),
    };
    Ok((Subject::new(plugin, profile, config).found()?, naming))
}

/// A JSON object, given as such or as the path of a file.
fn object(text: &str) -> Result<Map<String, Value>, String> {
    let text = match text.trim_start().starts_with('{') {
        true => text.to_owned(),
        false => {
            let read = fs::read_to_string(Path::new(text));
            read.map_err(|error| format!("--config: can't read {text}: {error}"))?
        }
    };
    serde_json::from_str(&text).map_err(|error| format!("--config: no JSON object: {error}"))
}
