//! `cargo xtask fuzz`: looks for bytes that break a property of `conformance/fuzz`, with libFuzzer.

use std::fs;
use std::process::Command;

use cni_fuzz::ALL;

use crate::run::{Outcome, line, root};
use crate::setup;

/// What was tried of one property.
struct Tried {
    executions: String,
    coverage: String,
}

/// So many seconds for each of the properties that are named; for all of them when none is.
pub(crate) fn fuzz(words: &[&str]) -> Outcome {
    let (seconds, names) = read(words)?;
    let program = setup::tool("cargo-fuzz")?;
    println!("{:<10} {:>12} {:>10}", "property", "executions", "coverage");
    for name in names {
        let Tried { executions, coverage } = one(&program, name, seconds)?;
        println!("{name:<10} {executions:>12} {coverage:>10}");
    }
    println!("every property held");
    Ok(())
}

fn read(words: &[&str]) -> Outcome<(u32, Vec<&'static str>)> {
    let (seconds, named) = match words {
        ["--seconds", seconds, named @ ..] => (*seconds, named),
        named => ("60", named),
    };
    let seconds = seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?;
    let all = ALL.map(|property| property.name);
    if let Some(other) = named.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no property {other}; there are {}", all.join(", ")));
    }
    let is_wanted = |name: &&'static str| named.is_empty() || named.contains(name);
    Ok((seconds, all.into_iter().filter(is_wanted).collect()))
}

/// What is found goes to `target/fuzz/NAME`; the corpus that is kept is only read.
fn one(program: &str, name: &str, seconds: u32) -> Outcome<Tried> {
    let found = root().join("target/fuzz").join(name);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let mut fuzz = Command::new(program);
    fuzz.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").env("CNI_FUZZ", name);
    fuzz.args(["fuzz", "run", "--fuzz-dir", "conformance/fuzz/libfuzzer", "--sanitizer", "none"]);
    fuzz.arg("--target-dir").arg(root().join("target/libfuzzer"));
    fuzz.arg("property").arg(found).arg(format!("conformance/fuzz/corpus/{name}"));
    fuzz.args(["--", "-print_final_stats=1", "-max_len=8192", "-timeout=10"]);
    fuzz.arg(format!("-max_total_time={seconds}"));
    let output = fuzz.output().map_err(|error| format!("{}: {error}", line(&fuzz)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(tried(&said));
    }
    let is_progress = |line: &&str| line.contains(" cov: ");
    let words: Vec<&str> = said.lines().filter(|line| !is_progress(line)).collect();
    let tail = words[words.len().saturating_sub(40)..].join("\n");
    Err(format!(
        "{name} does not hold, or could not be tried; put the input into conformance/fuzz/corpus/{name}:\n{tail}"
    ))
}

/// What libFuzzer says of it: the coverage in every line of its progress, the executions at the end.
fn tried(said: &str) -> Tried {
    let executions =
        said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let coverage =
        said.lines().rev().find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next());
    let or_unknown = |number: Option<&str>| number.unwrap_or("?").trim().to_owned();
    Tried { executions: or_unknown(executions), coverage: or_unknown(coverage) }
}
