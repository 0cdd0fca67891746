//! A change of the rules as a value, and its text for iptables-restore.

use std::borrow::Cow;

use crate::backend::iptables::rule::{Rule, quote};
use crate::error::Error;
use crate::problem::Problem;

/// The changes that turn the observed rules into the desired ones.
///
/// Each table is committed as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub(super) raw: TableChange,
    pub(super) nat: TableChange,
    /// Whether the raw table is changed last, because the guard is removed. Otherwise it is changed
    /// first, so that the guard exists before it is needed.
    pub(super) raw_last: bool,
}

/// The change of a table. The fields are in the order of the commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TableChange {
    /// Chains to create, by a command that fails if the chain exists: the alternative flushes an
    /// existing chain, which might have got rules in the meantime.
    pub(super) create: Vec<String>,
    /// Rules to delete, each as many times as it is listed here.
    pub(super) delete: Vec<Rule>,
    /// Rules to insert at the beginning of their chain.
    pub(super) insert: Vec<Rule>,
    /// Rules to append to their chain.
    pub(super) append: Vec<Rule>,
    /// Empty chains to delete.
    pub(super) delete_chains: Vec<String>,
}

impl Plan {
    /// Reports whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.nat.is_empty()
    }

    /// Returns the input of `iptables-restore --noflush`. It is empty if nothing has to change.
    ///
    /// # Errors
    ///
    /// A word contains control characters. None of ours does, but a rule of Mesos's original port
    /// mapper could.
    pub fn text(&self) -> Result<String, Error> {
        let mut tables = [("raw", &self.raw), ("nat", &self.nat)];
        if self.raw_last {
            tables.reverse();
        }
        let mut text = String::new();
        for (name, change) in tables {
            change.write(name, &mut text).map_err(not_expressible)?;
        }
        Ok(text)
    }

    /// Returns the missing and surplus rules, for a CHECK.
    pub fn differences(&self) -> Vec<String> {
        [&self.raw, &self.nat].into_iter().flat_map(TableChange::differences).collect()
    }
}

impl TableChange {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn write(&self, table: &str, text: &mut String) -> Result<(), String> {
        if self.is_empty() {
            return Ok(());
        }
        text.push_str(&format!("*{table}\n"));
        self.create.iter().try_for_each(|chain| write_command("-N", chain, &[], text))?;
        for (command, rules) in [("-D", &self.delete), ("-I", &self.insert), ("-A", &self.append)] {
            rules
                .iter()
                .try_for_each(|rule| write_command(command, &rule.chain, &rule.words, text))?;
        }
        self.delete_chains.iter().try_for_each(|chain| write_command("-X", chain, &[], text))?;
        text.push_str("COMMIT\n");
        Ok(())
    }

    fn differences(&self) -> Vec<String> {
        let describe = |what: &str, rule: &Rule| {
            let mut text = String::new();
            // Only people read it: a rule that can't be expressed may look odd.
            let _ = write_command("-A", &rule.chain, &rule.words, &mut text);
            format!("{what} {}", text.trim_end())
        };
        let missing = self.insert.iter().chain(&self.append).map(|rule| describe("missing:", rule));
        // A surplus jump does no harm: only tagged rules count.
        let is_tagged = |rule: &&Rule| rule.words.iter().any(|word| word == "--comment");
        let surplus = self.delete.iter().filter(is_tagged);
        missing.chain(surplus.map(|rule| describe("unexpected:", rule))).collect()
    }
}

/// Returns the input that fails unless these rules of the nat table exist.
pub(super) fn existence(rules: &[Rule]) -> Result<String, Error> {
    let mut text = "*nat\n".to_owned();
    rules
        .iter()
        .try_for_each(|rule| write_command("-C", &rule.chain, &rule.words, &mut text))
        .map_err(not_expressible)?;
    text.push_str("COMMIT\n");
    Ok(text)
}

/// Writes a command as a line. The error is the word that can't be expressed.
fn write_command(
    command: &str,
    chain: &str,
    words: &[Cow<'static, str>],
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

fn not_expressible(word: String) -> Error {
    let why = format!(
        "{word:?} contains control characters, which can't be passed to iptables-restore; delete \
         its rule manually"
    );
    Error::Config(vec![Problem::new("iptables", why)])
}
