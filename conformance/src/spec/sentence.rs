//! The sentences of the specification's texts that requirements come from.
//!
//! `sentences.tsv` is the table of them: for each requirement and version the line of the sentence
//! in that version's text, its verb, the beginning of its SHA-256 and its first words. The severity
//! of a requirement follows from the verb. `cargo xtask sentences --texts DIR` compares the table
//! with the texts.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use cni_protocol::SpecVersion;

use crate::severity::Severity;

/// The table, as it is committed.
pub const TABLE: &str = include_str!("sentences.tsv");

/// What a sentence demands of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It says MUST, SHALL or REQUIRED.
    Must,
    /// It says SHOULD or RECOMMENDED.
    Should,
    /// It says MAY or OPTIONAL: a plugin that does otherwise is only less useful.
    May,
    /// It describes what is so, without such a word; others depend on it.
    Fact,
    /// The requirement follows from a sentence with another demand, or with one on the runtime.
    Inferred,
}

impl Demand {
    /// All demands.
    pub const ALL: [Self; 5] = [Self::Must, Self::Should, Self::May, Self::Fact, Self::Inferred];

    /// Returns its name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
            Self::Fact => "fact",
            Self::Inferred => "inferred",
        }
    }

    /// Returns the severity of a requirement with such a sentence.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Must => Severity::Must,
            Self::Should => Severity::Should,
            Self::Fact => Severity::Convention,
            Self::May | Self::Inferred => Severity::Stricter,
        }
    }

    /// Whether a sentence contains a word for it. A fact must not say MUST, and what is inferred
    /// may follow from any sentence.
    pub fn is_in(self, sentence: &str) -> bool {
        let sentence = sentence.to_ascii_lowercase();
        let has = |words: &[&str]| {
            let mut found = sentence.split(|c: char| !c.is_ascii_alphabetic());
            found.any(|word| words.contains(&word))
        };
        let must: &[&str] = &["must", "shall", "required"];
        match self {
            Self::Must => has(must),
            Self::Should => has(&["should", "recommended"]),
            Self::May => has(&["may", "optional"]),
            Self::Fact => !has(must),
            Self::Inferred => true,
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Demand {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|demand| demand.as_str() == name);
        found.ok_or_else(|| format!("`{name}` is no demand"))
    }
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The code of the requirement.
    pub code: String,
    /// The version of the text; `head` is the one after the newest version.
    pub text: String,
    /// The number of the line in which the sentence begins.
    pub line: usize,
    /// What it demands of a plugin.
    pub demand: Demand,
    /// The first twelve hexadecimal digits of its SHA-256, with single blanks between words.
    pub hash: String,
    /// Its first words, which tell where it is when the text changes.
    pub begins: String,
}

impl Sentence {
    /// Returns the link to the sentence.
    pub fn link(&self) -> String {
        let tag = if self.text == "head" { "main" } else { &format!("spec-v{}", self.text) };
        let line = self.line;
        format!("https://github.com/containernetworking/cni/blob/{tag}/SPEC.md?plain=1#L{line}")
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, text, line, demand, hash, begins } = self;
        write!(f, "{code}\t{text}\t{line}\t{demand}\t{hash}\t{begins}")
    }
}

impl FromStr for Sentence {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [code, text, number, demand, hash, begins] = fields[..] else {
            return Err(format!("not six fields: {line}"));
        };
        Ok(Self {
            code: code.to_owned(),
            text: text.to_owned(),
            line: number.parse().map_err(|_| format!("no line number: {line}"))?,
            demand: demand.parse()?,
            hash: hash.to_owned(),
            begins: begins.to_owned(),
        })
    }
}

/// Returns the sentences of a table.
///
/// # Errors
/// If a line is malformed.
pub fn read(table: &str) -> Result<Vec<Sentence>, String> {
    table.lines().map(str::parse).collect()
}

static SENTENCES: LazyLock<Vec<Sentence>> =
    LazyLock::new(|| read(TABLE).expect("a test reads the table"));

/// Returns the sentence of a requirement in a version; `None` if that text has none.
pub fn of(code: &str, version: SpecVersion) -> Option<&'static Sentence> {
    SENTENCES.iter().find(|one| one.code == code && one.text == version.as_str())
}

/// Returns all sentences, in the order of the requirements and versions.
pub fn all() -> &'static [Sentence] {
    &SENTENCES
}
