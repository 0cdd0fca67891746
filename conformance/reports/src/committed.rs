//! The committed reports: a file of verdicts and a page for each subject.

use std::fs;
use std::path::PathBuf;

use cni_conformance::Subject;
use cni_conformance::run::record::Report;
use cni_conformance::verdicts::Verdicts;

use super::markdown;
use super::outcome::Outcome;
use super::subjects::root;

/// The directories of the reports, by the origin of the plugins.
pub(crate) const ORIGINS: [&str; 2] = ["debian-12", "this-repository"];

/// The committed report of one subject.
pub(crate) struct CommittedReport {
    pub(crate) name: String,
    /// One of [`ORIGINS`].
    pub(crate) origin: &'static str,
}

impl CommittedReport {
    pub(crate) fn of(name: &str, ours: bool) -> Self {
        Self { name: name.to_owned(), origin: ORIGINS[usize::from(ours)] }
    }

    fn path(&self, extension: &str) -> PathBuf {
        directory().join(self.origin).join(&self.name).with_extension(extension)
    }

    /// Returns the path of the verdicts.
    pub(crate) fn verdicts(&self) -> PathBuf {
        self.path("json")
    }

    /// Writes both files.
    pub(crate) fn write(&self, subject: &Subject, report: Result<&Report, &String>) -> Outcome {
        let verdicts = match report {
            Ok(report) => Verdicts::of(report),
            Err(problem) => Verdicts::untested(subject, problem),
        };
        fs::create_dir_all(directory().join(self.origin)).map_err(|error| error.to_string())?;
        verdicts.write(&self.verdicts())?;
        let page = self.path("md");
        let written = fs::write(&page, markdown::page(&self.name, subject, report));
        written.map_err(|error| format!("cannot write {}: {error}", page.display()))
    }
}

/// Returns all reports, by origin and name.
pub(crate) fn all() -> Outcome<Vec<CommittedReport>> {
    let mut committed = Vec::new();
    for origin in ORIGINS {
        let path = directory().join(origin);
        let entries =
            fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let names = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        let mut here: Vec<CommittedReport> =
            names.map(|name| CommittedReport { name, origin }).collect();
        here.sort_by(|one, other| one.name.cmp(&other.name));
        committed.extend(here);
    }
    Ok(committed)
}

/// Returns the path of `conformance/reports`.
pub(crate) fn directory() -> PathBuf {
    root().join("conformance/reports")
}
