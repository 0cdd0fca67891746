//! `explain`: what the rules make of a container, without one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

use std::process::ExitCode;

use cni_wrapper::{About, CniArgs, Request};
use lexopt::{Arg, Parser, ValueExt};
use serde_json::json;

use crate::config::Config;
use crate::decide::decide;
use crate::rules::{Rules, Verdict};

const HELP: &str = "\
Usage: cni-label-policy explain FILE [--label KEY=VALUE]... [--cni-args 'KEY=VALUE;...'] [--set POINTER=VALUE]...

What the rules of a network configuration (or list) make of a container with these labels, arguments and values, as in
--set /runtimeConfig/mac=02:00:00:00:00:01. Exit status: 0 allowed, 1 denied, 2 the configuration can't be used.
";

/// Runs the command on this process's command line.
pub(crate) fn run(about: About) -> ExitCode {
    match explain(about, Parser::from_env()) {
        Ok((text, code)) => {
            print!("{text}");
            code.into()
        }
        Err(error) => {
            eprintln!("cni-label-policy: {error}");
            2.into()
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn explain(about: About, mut words: Parser) -> Result<(String, u8), Failure> {
    let (mut typed, mut labels, mut args) = (Vec::new(), Vec::new(), CniArgs::default());
    let mut values = Vec::new();
    while let Some(word) = words.next()? {
        match word {
            Arg::Short('h') | Arg::Long("help") => return Ok((HELP.to_owned(), 0)),
            Arg::Short('V') | Arg::Long("version") => {
                return Ok((format!("{} {}\n", about.name, about.version), 0));
            }
            Arg::Long("label") => {
                let (key, value) = pair(words.value()?.string()?)?;
                labels.push(json!({ "key": key, "value": value }));
            }
            Arg::Long("cni-args") => args = CniArgs::parse(&words.value()?.string()?)?,
            Arg::Long("set") => values.push(pair(words.value()?.string()?)?),
            Arg::Value(word) => typed.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let [command, file] = &typed[..] else { return Err(HELP.into()) };
    if command != "explain" {
        return Err(format!("there is no command {command:?}\n\n{HELP}").into());
    }
    let mut request = Request::dry_run(file.as_ref(), about.name)?;
    request.args = args;
    request.set("/args/cni/labels", labels.into())?;
    values.into_iter().try_for_each(|(pointer, value)| request.set(&pointer, value.into()))?;
    decision(&request)
}

fn pair(text: String) -> Result<(String, String), Failure> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} has no '='"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn decision(request: &Request) -> Result<(String, u8), Failure> {
    let rules: Rules = request.read_config()?;
    rules.check(&request.read_config::<Config>()?)?;
    let decision = decide(&rules, request);
    let passed = decision.passed.iter();
    let mut text: String =
        passed.map(|(rule, why)| format!("{rule} does not apply: {why}\n")).collect();
    let (verdict, code) = match decision.verdict {
        Verdict::Allow => ("allowed".to_owned(), 0),
        Verdict::Use(name) => (format!("allowed, by delegate {name:?}"), 0),
        Verdict::Deny(why) => (format!("denied: {why}"), 1),
    };
    text.push_str(&format!("{} decides: {verdict}\n", decision.by));
    Ok((text, code))
}
