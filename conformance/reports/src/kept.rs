//! The reports that are committed: a file of verdicts and a page for people for each subject.

use std::fs;
use std::path::PathBuf;

use cni_conformance::Subject;
use cni_conformance::run::record::Report;
use cni_conformance::verdicts::Verdicts;

use super::markdown;
use crate::{Outcome, root};

/// Where the reports are, by where the plugins are from.
pub(crate) const PLACES: [&str; 2] = ["debian-12", "this-repository"];

/// The committed report of one subject.
pub(crate) struct Kept {
    pub(crate) name: String,
    /// One of [`PLACES`].
    pub(crate) place: &'static str,
}

impl Kept {
    pub(crate) fn of(name: &str, ours: bool) -> Self {
        Self { name: name.to_owned(), place: PLACES[usize::from(ours)] }
    }

    fn path(&self, extension: &str) -> PathBuf {
        directory().join(self.place).join(&self.name).with_extension(extension)
    }

    /// The file of verdicts.
    pub(crate) fn verdicts(&self) -> PathBuf {
        self.path("json")
    }

    /// Writes both files anew.
    pub(crate) fn write(&self, subject: &Subject, report: Result<&Report, &String>) -> Outcome {
        let verdicts = match report {
            Ok(report) => Verdicts::of(report),
            Err(problem) => Verdicts::untested(subject, problem),
        };
        fs::create_dir_all(directory().join(self.place)).map_err(|error| error.to_string())?;
        verdicts.write(&self.verdicts())?;
        let page = self.path("md");
        let written = fs::write(&page, markdown::page(&self.name, subject, report));
        written.map_err(|error| format!("can't write {}: {error}", page.display()))
    }
}

/// All reports that are there, by place and name.
pub(crate) fn all() -> Outcome<Vec<Kept>> {
    let mut kept = Vec::new();
    for place in PLACES {
        let path = directory().join(place);
        let entries =
            fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let names = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        let mut here: Vec<Kept> = names.map(|name| Kept { name, place }).collect();
        here.sort_by(|one, other| one.name.cmp(&other.name));
        kept.extend(here);
    }
    Ok(kept)
}

/// `conformance/reports`.
pub(crate) fn directory() -> PathBuf {
    root().join("conformance/reports")
}
