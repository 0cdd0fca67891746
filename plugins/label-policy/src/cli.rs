//! The command line: `explain` shows the decision for a container that does not have to exist.

use std::process::ExitCode;

use cni_output::{errln, finish, out};
use cni_wrapper::{About, CniArgs, Request};
use lexopt::{Arg, Parser, ValueExt};
use serde_json::json;

use crate::config::Config;
use crate::decision::decide;
use crate::rules::{Rules, Verdict};

const HELP: &str = "\
Usage: cni-label-policy explain FILE [OPTION]...

Shows how the rules in FILE, a network configuration or list, decide for a container.

  --label KEY=VALUE               a label of the container
  --cni-args 'KEY=VALUE;...'      its CNI_ARGS
  --set POINTER=VALUE             a value in the configuration, by JSON pointer,
                                  as in --set /runtimeConfig/mac=02:00:00:00:00:01
  -h, --help                      print this help
  -V, --version                   print the version

Exit status: 0 allowed, 1 denied, 2 the configuration or the command line is invalid.
";

/// Runs the command line of this process.
pub(crate) fn run(about: About) -> ExitCode {
    let code = match explain(about, Parser::from_env()) {
        Ok((text, code)) => {
            out!("{text}");
            code
        }
        Err(error) => {
            errln!("cni-label-policy: {error}");
            2
        }
    };
    finish("cni-label-policy", code, 2)
}

type Failure = Box<dyn std::error::Error>;

/// Returns what to print, and the exit status.
fn explain(about: About, mut parser: Parser) -> Result<(String, u8), Failure> {
    let (mut positional, mut labels, mut args) = (Vec::new(), Vec::new(), CniArgs::default());
    let mut values = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok((HELP.to_owned(), 0)),
            Arg::Short('V') | Arg::Long("version") => {
                return Ok((format!("{} {}\n", about.name, about.version), 0));
            }
            Arg::Long("label") => {
                let (key, value) = key_value(parser.value()?.string()?)?;
                labels.push(json!({ "key": key, "value": value }));
            }
            Arg::Long("cni-args") => args = CniArgs::parse(&parser.value()?.string()?)?,
            Arg::Long("set") => values.push(key_value(parser.value()?.string()?)?),
            Arg::Value(value) => positional.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let [command, file] = &positional[..] else { return Err(HELP.into()) };
    if command != "explain" {
        return Err(format!("unknown command {command:?}\n\n{HELP}").into());
    }
    let mut request = Request::dry_run(file.as_ref(), about.name)?;
    request.args = args;
    request.set("/args/cni/labels", labels.into())?;
    values.into_iter().try_for_each(|(pointer, value)| request.set(&pointer, value.into()))?;
    explanation(&request)
}

fn key_value(text: String) -> Result<(String, String), Failure> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} has no '='"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn explanation(request: &Request) -> Result<(String, u8), Failure> {
    let rules: Rules = request.read_config()?;
    rules.check(&request.read_config::<Config>()?)?;
    let decision = decide(&rules, request);
    let unmet = decision.unmet.iter();
    let mut text: String =
        unmet.map(|(rule, condition)| format!("{rule} does not apply: {condition}\n")).collect();
    let code = u8::from(matches!(decision.verdict, Verdict::Deny(_)));
    text.push_str(&format!("{} applies: {}\n", decision.rule, decision.verdict));
    Ok((text, code))
}
