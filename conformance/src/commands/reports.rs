//! `--report KIND=FILE`: the reports that a command writes, and their destinations.

use std::path::{Path, PathBuf};

use super::write::write_atomically;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportKind {
    Text,
    Json,
    Junit,
    Markdown,
    Html,
    Tap,
    Badge,
}

impl ReportKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Tap => "tap",
            Self::Badge => "badge",
        }
    }
}

/// One report to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    kind: ReportKind,
    destination: Destination,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    Stdout,
    File(PathBuf),
}

/// Parses a report of `run`.
pub(super) fn of_run(text: &str) -> Result<Target, String> {
    use ReportKind::{Badge, Html, Json, Junit, Markdown, Tap, Text};
    target(text, &[Text, Json, Junit, Markdown, Html, Tap, Badge])
}

/// Parses a report of `matrix`.
pub(super) fn of_matrix(text: &str) -> Result<Target, String> {
    target(text, &[ReportKind::Text, ReportKind::Markdown, ReportKind::Html])
}

fn target(text: &str, kinds: &[ReportKind]) -> Result<Target, String> {
    let (kind, file) = text.split_once('=').unwrap_or((text, ""));
    let found = kinds.iter().copied().find(|known| known.as_str() == kind);
    let Some(found) = found else {
        let names = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        return Err(format!("expected KIND=FILE, where KIND is one of {names}"));
    };
    let destination = match file {
        "" => return Err(format!("the file is missing: {kind}=FILE, or {kind}=- for stdout")),
        "-" => Destination::Stdout,
        file => Destination::File(file.into()),
    };
    Ok(Target { kind: found, destination })
}

/// Checks the destinations before minutes of work: each is used once, and its directory exists.
pub(super) fn check(targets: &[Target]) -> Result<(), String> {
    for (index, target) in targets.iter().enumerate() {
        if targets[..index].iter().any(|other| other.destination == target.destination) {
            let kind = target.kind.as_str();
            return Err(format!("--report {kind}: another report has the same destination"));
        }
        let Destination::File(path) = &target.destination else { continue };
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            let (path, parent) = (path.display(), parent.display());
            return Err(format!("cannot write {path}: the directory {parent} does not exist"));
        }
    }
    Ok(())
}

/// Returns whether none of the reports goes to stdout.
pub(super) fn leave_stdout(targets: &[Target]) -> bool {
    targets.iter().all(|target| target.destination != Destination::Stdout)
}

/// Writes all reports. If one of them cannot be written, the others still are.
pub(super) fn write(
    targets: &[Target],
    render: &dyn Fn(ReportKind) -> String,
) -> Result<(), String> {
    let mut problems = Vec::new();
    for Target { kind, destination } in targets {
        match destination {
            Destination::Stdout => out!("{}", render(*kind)),
            Destination::File(path) => {
                if let Err(error) = write_atomically(path, &render(*kind)) {
                    problems.push(format!("cannot write the report {}: {error}", path.display()));
                }
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_kind_and_a_destination() {
        let target = |kind, destination| Target { kind, destination };
        let file = |name: &str| Destination::File(name.into());
        assert_eq!(of_run("json=r.json").unwrap(), target(ReportKind::Json, file("r.json")));
        assert_eq!(of_run("junit=a=b.xml").unwrap(), target(ReportKind::Junit, file("a=b.xml")));
        assert_eq!(of_run("md=-").unwrap(), target(ReportKind::Markdown, Destination::Stdout));
    }

    #[test]
    fn an_error_names_the_valid_forms() {
        let problem = |text| of_run(text).unwrap_err();
        assert!(
            problem("pdf=x").ends_with("text, json, junit, md, html, tap, badge"),
            "{}",
            problem("pdf=x")
        );
        assert!(problem("json").contains("json=FILE"));
        let of_matrix = of_matrix("json=x").unwrap_err();
        assert!(of_matrix.ends_with("one of text, md, html"), "{of_matrix}");
    }

    #[test]
    fn two_reports_with_the_same_destination_are_refused() {
        let targets = ["json=-", "md=-"].map(|text| of_run(text).unwrap());
        assert!(check(&targets).unwrap_err().contains("the same destination"));
    }

    #[test]
    fn a_missing_directory_is_reported_before_the_work() {
        let target = of_run("json=/no/such/directory/r.json").unwrap();
        assert!(check(&[target]).unwrap_err().contains("the directory /no/such/directory does"));
    }
}
