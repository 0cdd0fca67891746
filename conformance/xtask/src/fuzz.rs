//! `cargo xtask fuzz`: searches with libFuzzer for input that breaks a property.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use cni_output::outln;

use clap::ArgMatches;

use crate::run::{Outcome, line, root, target_directory};
use crate::setup;

/// Contains a directory of inputs for each property, with its name.
const CORPUS: &str = "conformance/fuzz/corpus";

/// What libFuzzer reports about one property.
struct Statistics {
    executions: String,
    coverage: String,
}

/// Tries each of the named properties, or all of them, for some seconds.
pub(crate) fn fuzz(arguments: &ArgMatches) -> Outcome {
    let seconds = arguments.get_one::<u32>("seconds").copied().unwrap_or(60);
    let named: Vec<&String> = arguments.get_many("properties").into_iter().flatten().collect();
    let names = selected(&named, properties()?)?;
    let program = setup::tool("cargo-fuzz")?;
    let target = target_directory()?;
    outln!("{:<10} {:>12} {:>10}", "property", "executions", "coverage");
    for name in names {
        let Statistics { executions, coverage } = one(&program, &target, &name, seconds)?;
        outln!("{name:<10} {executions:>12} {coverage:>10}");
    }
    outln!("every property held");
    Ok(())
}

fn properties() -> Outcome<BTreeSet<String>> {
    let corpus = root().join(CORPUS);
    let entries =
        fs::read_dir(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Returns the named properties; all if there are no names.
fn selected(named: &[&String], all: BTreeSet<String>) -> Outcome<BTreeSet<String>> {
    if let Some(other) = named.iter().find(|name| !all.contains(**name)) {
        let all: Vec<String> = all.into_iter().collect();
        return Err(format!("`{other}` is not a property; the properties are {}", all.join(", ")));
    }
    let is_selected = |name: &String| named.is_empty() || named.contains(&name);
    Ok(all.into_iter().filter(is_selected).collect())
}

/// New inputs go to `fuzz/NAME` in the target directory; the corpus is only read.
fn one(program: &str, target: &Path, name: &str, seconds: u32) -> Outcome<Statistics> {
    let found = target.join("fuzz").join(name);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let mut fuzz = Command::new(program);
    fuzz.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").env("CNI_FUZZ", name);
    fuzz.args(["fuzz", "run", "--fuzz-dir", "conformance/fuzz/libfuzzer", "--sanitizer", "none"]);
    fuzz.arg("--target-dir").arg(target.join("libfuzzer"));
    fuzz.arg("property").arg(found).arg(format!("{CORPUS}/{name}"));
    fuzz.args(["--", "-print_final_stats=1", "-max_len=8192", "-timeout=10"]);
    fuzz.arg(format!("-max_total_time={seconds}"));
    let output = fuzz.output().map_err(|error| format!("{}: {error}", line(&fuzz)))?;
    let printed = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(statistics(&printed));
    }
    let is_progress = |line: &&str| line.contains(" cov: ");
    let lines: Vec<&str> = printed.lines().filter(|line| !is_progress(line)).collect();
    let tail = lines[lines.len().saturating_sub(40)..].join("\n");
    Err(format!(
        "{name} does not hold, or could not be tried; add the input to {CORPUS}/{name}:\n{tail}"
    ))
}

/// Reads libFuzzer's report: the coverage is in every line of progress, the executions at the end.
fn statistics(printed: &str) -> Statistics {
    let executions =
        printed.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let coverage =
        printed.lines().rev().find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next());
    let or_unknown = |number: Option<&str>| number.unwrap_or("?").trim().to_owned();
    Statistics { executions: or_unknown(executions), coverage: or_unknown(coverage) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_properties_are_the_directories_of_the_corpus() {
        let all = properties().unwrap();
        assert!(all.len() >= 7 && all.contains("netlink"), "{all:?}");
        let netlink = "netlink".to_owned();
        let only = BTreeSet::from([netlink.clone()]);
        assert_eq!(selected(&[&netlink], all.clone()).unwrap(), only);
        assert_eq!(selected(&[], all.clone()).unwrap(), all);
        assert!(selected(&[&"netlnk".to_owned()], all).unwrap_err().contains("netlink"));
    }

    #[test]
    fn executions_and_coverage_are_read_from_the_report_of_libfuzzer() {
        let Statistics { executions, coverage } = statistics(
            "#2 INITED cov: 10 ft: 11\n#9 NEW    cov: 42 ft: 50\nDone\n\
             stat::number_of_executed_units: 1234\n",
        );
        assert_eq!((executions.as_str(), coverage.as_str()), ("1234", "42"));
    }
}
