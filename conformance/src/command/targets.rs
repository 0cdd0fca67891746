//! `--report KIND=FILE`: which reports are wanted, and where.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::write::write_whole;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    Junit,
    Markdown,
    Html,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Text, Self::Json, Self::Junit, Self::Markdown, Self::Html];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}

/// The reports that are wanted.
#[derive(Debug)]
pub(super) struct Targets {
    /// What the command can make.
    kinds: &'static [Kind],
    wanted: Vec<(Kind, Place)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Stdout,
    File(PathBuf),
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Stdout } else { Self::File(text.into()) })
    }
}

impl Targets {
    /// None yet, of these kinds.
    pub(super) fn new(kinds: &'static [Kind]) -> Self {
        Self { kinds, wanted: Vec::new() }
    }

    /// Adds what one `--report` says: `json=r.json,md=r.md`.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        for word in text.split(',') {
            let (kind, place) = word.split_once('=').unwrap_or((word, ""));
            let kind = self.kinds.iter().copied().find(|known| known.as_str() == kind);
            let names = self.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
            let kind = kind.ok_or_else(|| {
                format!("--report {word}: KIND=FILE, where KIND is one of {names}")
            })?;
            if place.is_empty() {
                let kind = kind.as_str();
                return Err(format!("--report {word}: to which file? {kind}=FILE, - for stdout"));
            }
            let Ok(place) = place.parse();
            if self.wanted.iter().any(|(_, taken)| *taken == place) {
                return Err(format!("--report {word}: another report goes there already"));
            }
            self.wanted.push((kind, place));
        }
        Ok(())
    }

    /// Says early, before minutes of work, that a file's directory is missing.
    pub(super) fn check(&self) -> Result<(), String> {
        for (_, place) in &self.wanted {
            let Place::File(path) = place else { continue };
            let parent = path.parent().filter(|parent| *parent != Path::new(""));
            if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
                let (path, parent) = (path.display(), parent.display());
                return Err(format!("can't write {path}: there is no directory {parent}"));
            }
        }
        Ok(())
    }

    /// Whether no report is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether stdout is left for people.
    pub(super) fn leaves_stdout(&self) -> bool {
        self.wanted.iter().all(|(_, place)| *place != Place::Stdout)
    }

    /// Writes all of them; one that can't be written does not keep the others from it.
    pub(super) fn write(&self, render: &dyn Fn(Kind) -> String) -> Result<(), String> {
        let mut problems = Vec::new();
        for (kind, place) in &self.wanted {
            match place {
                Place::Stdout => print!("{}", render(*kind)),
                Place::File(path) => {
                    let written = write_whole(path, &render(*kind));
                    problems.extend(
                        written
                            .err()
                            .map(|why| format!("can't write the report {}: {why}", path.display())),
                    );
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_kinds_go_to_several_places() {
        let mut targets = Targets::new(&Kind::ALL);
        targets.add("json=r.json,md=-").unwrap();
        targets.add("junit=a=b.xml").unwrap();
        let file = |name: &str| Place::File(name.into());
        let wanted = [
            (Kind::Json, file("r.json")),
            (Kind::Markdown, Place::Stdout),
            (Kind::Junit, file("a=b.xml")),
        ];
        assert_eq!(targets.wanted, wanted);
    }

    #[test]
    fn mistakes_are_told_with_what_would_be_right() {
        let problem = |text| Targets::new(&Kind::ALL).add(text).unwrap_err();
        assert!(problem("pdf=x").ends_with("text, json, junit, md, html"), "{}", problem("pdf=x"));
        assert!(problem("json").contains("json=FILE"));
        assert!(problem("json=-,md=-").contains("another report"));
        let only = Targets::new(&[Kind::Html]).add("json=x").unwrap_err();
        assert!(only.ends_with("one of html"), "{only}");
    }

    #[test]
    fn a_directory_that_is_missing_is_said_before_the_work() {
        let mut targets = Targets::new(&Kind::ALL);
        targets.add("json=/no/such/directory/r.json").unwrap();
        assert!(targets.check().unwrap_err().contains("no directory /no/such/directory"));
    }
}
