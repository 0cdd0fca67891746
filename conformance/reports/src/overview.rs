//! The table in `conformance/reports/README.md`.

use std::fmt::Write;
use std::fs;

use cni_conformance::Subject;
use cni_conformance::verdicts::Verdicts;
use serde_json::Value;

use super::kept::{self, Kept};
use super::{file, scrub::scrub};
use crate::Outcome;

/// Between these lines the README holds what is made here.
const BEGIN: &str = "<!-- made by `cargo xtask conformance --update` -->";
const END: &str = "<!-- end -->";

const SHOWN: [&str; 6] = ["pass", "fail", "warn", "info", "skip", "broken"];

/// Writes the table anew.
pub(crate) fn write() -> Outcome {
    let path = kept::directory().join("README.md");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let written = fs::write(&path, renewed(&text)?);
    written.map_err(|error| format!("{}: {error}", path.display()))
}

fn renewed(readme: &str) -> Outcome<String> {
    let parts =
        readme.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| format!("the README lacks {BEGIN} or {END}"))?;
    Ok(format!("{head}{BEGIN}\n\n{}\n{END}{tail}", overview()?))
}

fn overview() -> Outcome<String> {
    let mut text = format!("| subject | as | cases | {} |\n", SHOWN.join(" | "));
    text.push_str("|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
    let all = kept::all()?;
    for kept in &all {
        text.push_str(&row(kept)?);
    }
    text.push_str("\n## What each deviation is\n");
    for kept in &all {
        text.push_str(&deviations(kept)?);
    }
    Ok(text)
}

fn row(kept: &Kept) -> Outcome<String> {
    let verdicts = Verdicts::read(&kept.verdicts())?;
    let link = format!("[{}]({}/{}.md)", kept.name, kept.place, kept.name);
    if verdicts.untested.is_some() {
        return Ok(format!("| {link} | {} | not judged here | | | | | | |\n", verdicts.profile));
    }
    let count =
        |verdict: &str| match verdicts.cases.values().filter(|c| gravest(c) == verdict).count() {
            0 => String::new(),
            count => count.to_string(),
        };
    let counts = SHOWN.map(count).join(" | ");
    Ok(format!("| {link} | {} | {} | {counts} |\n", verdicts.profile, verdicts.cases.len()))
}

fn gravest(ends: &Value) -> &'static str {
    let order = ["fail", "broken", "warn", "info", "pass", "skip"];
    order.into_iter().find(|verdict| ends.get(verdict).is_some()).unwrap_or("skip")
}

fn deviations(kept: &Kept) -> Outcome<String> {
    let (verdicts, subject) =
        (Verdicts::read(&kept.verdicts())?, Subject::read(&file(&kept.name))?);
    let mut text = String::new();
    if let Some(why) = &verdicts.untested {
        let _ = write!(text, "\n### {}\n\nNot judged: {}\n", kept.name, scrub(why));
        return Ok(text);
    }
    for (id, ends) in &verdicts.cases {
        let verdict = gravest(ends);
        if !matches!(verdict, "fail" | "warn" | "broken") {
            continue;
        }
        if text.is_empty() {
            let _ = write!(text, "\n### {}\n\n", kept.name);
        }
        let reason = subject.reason(id).unwrap_or("not looked into yet");
        let _ = writeln!(text, "- {verdict} `{id}`: {reason}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_reports_as_they_are() {
        let path = kept::directory().join("README.md");
        let text = fs::read_to_string(path).unwrap();
        let fresh = renewed(&text).unwrap();
        assert_eq!(text, fresh, "run `cargo xtask conformance --update`");
    }

    #[test]
    fn every_deviation_is_explained() {
        let text = overview().unwrap();
        assert!(!text.contains("not looked into yet"), "{text}");
    }
}
