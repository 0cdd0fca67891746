//! A change of the rules, as a value: what iptables-restore is to be told.

use super::rules::Line;
use super::words::quote;
use crate::error::Error;
use crate::problem::Problem;

/// Changes of the two tables. Each table is one commit: all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub(super) raw: Change,
    pub(super) nat: Change,
    /// Whether the guard in the raw table comes down, which is then done last; else it is put up first.
    pub(super) raw_last: bool,
}

/// A change of one table, in the order in which it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Chains to make. Told in a form that fails when one exists: flushing it could lose rules of others.
    pub(super) create: Vec<String>,
    /// Rules to delete, each once for every copy.
    pub(super) delete: Vec<Line>,
    /// Rules to put first in their chain.
    pub(super) insert: Vec<Line>,
    /// Rules to put last in their chain.
    pub(super) append: Vec<Line>,
    /// Empty chains to remove.
    pub(super) drop: Vec<String>,
}

impl Plan {
    /// Whether all is as it should be.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.nat.is_empty()
    }

    /// The input of `iptables-restore --noflush`; empty when there is nothing to do.
    ///
    /// # Errors
    ///
    /// A text that would be told has control characters in it. None that we make has; a rule of the original could.
    pub fn text(&self) -> Result<String, Error> {
        let mut tables = [("raw", &self.raw), ("nat", &self.nat)];
        if self.raw_last {
            tables.reverse();
        }
        let mut text = String::new();
        for (name, change) in tables {
            change.tell(name, &mut text).map_err(unspeakable)?;
        }
        Ok(text)
    }

    /// What is missing or too much, from the view of somebody who expected nothing to do.
    pub fn differences(&self) -> Vec<String> {
        [&self.raw, &self.nat].into_iter().flat_map(Change::differences).collect()
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn tell(&self, table: &str, text: &mut String) -> Result<(), String> {
        if self.is_empty() {
            return Ok(());
        }
        text.push_str(&format!("*{table}\n"));
        self.create.iter().try_for_each(|chain| tell("-N", chain, &[], text))?;
        for (command, lines) in [("-D", &self.delete), ("-I", &self.insert), ("-A", &self.append)] {
            lines.iter().try_for_each(|line| tell(command, &line.chain, &line.words, text))?;
        }
        self.drop.iter().try_for_each(|chain| tell("-X", chain, &[], text))?;
        text.push_str("COMMIT\n");
        Ok(())
    }

    fn differences(&self) -> Vec<String> {
        let rule = |verb: &str, line: &Line| {
            let mut text = String::new();
            // Only for people: an unspeakable rule may look odd.
            let _ = tell("-A", &line.chain, &line.words, &mut text);
            format!("{verb} {}", text.trim_end())
        };
        let missing = self.insert.iter().chain(&self.append).map(|line| rule("missing:", line));
        // A surplus jump does no harm: only tagged rules count.
        let tagged = |line: &&Line| line.words.iter().any(|word| word == "--comment");
        let surplus = self.delete.iter().filter(tagged).map(|line| rule("too much:", line));
        missing.chain(surplus).collect()
    }
}

fn tell(
    command: &str,
    chain: &str,
    words: &[std::borrow::Cow<'static, str>],
    text: &mut String,
) -> Result<(), String> {
    text.push_str(command);
    for word in std::iter::once(chain).chain(words.iter().map(AsRef::as_ref)) {
        text.push(' ');
        if !quote(word, text) {
            return Err(word.to_owned());
        }
    }
    text.push('\n');
    Ok(())
}

fn unspeakable(word: String) -> Error {
    let why = format!(
        "{word:?} has control characters, which iptables-restore can't be told; remove its rule by hand"
    );
    Error::Config(vec![Problem::new("iptables", why)])
}
