//! `validate`: is a network configuration as it should be, before a runtime sees it?

use std::fs;
use std::path::PathBuf;

use cni_conformance::validate::{Finding, Gravity, validate};
use lexopt::{Arg, Parser, ValueExt};
use serde_json::json;

use super::{CONFORMS, COULD_NOT_TEST, FAILED};

struct Typed {
    files: Vec<PathBuf>,
    path: Vec<PathBuf>,
    json: bool,
}

pub(super) fn validate_files(words: Parser) -> Result<u8, String> {
    let typed = read(words)?;
    let mut code = CONFORMS;
    let mut all = Vec::new();
    for file in &typed.files {
        let findings = fs::read(file)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()))
            .map(|document| validate(&document, &typed.path));
        match findings {
            Ok(findings) => {
                if findings.iter().any(|finding| finding.gravity == Gravity::Error) {
                    code = code.max(FAILED);
                }
                if !typed.json {
                    say(&file.display().to_string(), &findings);
                }
                all.push(json!({ "file": file, "findings": findings }));
            }
            Err(why) => {
                code = COULD_NOT_TEST;
                eprintln!("cni-conformance: {}: {why}", file.display());
            }
        }
    }
    if typed.json {
        println!("{}", json!(all));
    }
    Ok(code)
}

fn say(file: &str, findings: &[Finding]) {
    if findings.is_empty() {
        println!("{file}: nothing is wrong");
    }
    for finding in findings {
        println!("{file}: {finding}");
    }
}

fn read(mut words: Parser) -> Result<Typed, String> {
    let mut typed = Typed { files: Vec::new(), path: Vec::new(), json: false };
    let text = |error: lexopt::Error| error.to_string();
    let mut given = None;
    while let Some(word) = words.next().map_err(text)? {
        match word {
            Arg::Long("path") => given = Some(words.value().map_err(text)?),
            Arg::Long("json") => typed.json = true,
            Arg::Value(file) => typed.files.push(file.into()),
            other => return Err(text(other.unexpected())),
        }
    }
    let path = given.or_else(|| std::env::var_os("CNI_PATH"));
    let path = path.unwrap_or_else(|| "/opt/cni/bin:/usr/lib/cni".into()).string().map_err(text)?;
    typed.path = path.split(':').filter(|part| !part.is_empty()).map(PathBuf::from).collect();
    if typed.files.is_empty() {
        return Err("which configuration? See cni-conformance validate --help".to_owned());
    }
    Ok(typed)
}
