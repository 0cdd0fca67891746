//! Rules: those to add, and those that exist.

use crate::nftables::expression::Expression;
use crate::nftables::statement::Statement;
use crate::nftables::table::Family;

/// A rule that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// In which chain.
    pub chain: String,
    /// What it says, in order.
    pub statements: Vec<Statement>,
    /// For people, or to know it again; at most 128 bytes.
    pub comment: Option<String>,
}

impl Rule {
    /// A rule without a comment.
    pub fn new(chain: impl Into<String>, statements: impl Into<Vec<Statement>>) -> Self {
        Self { chain: chain.into(), statements: statements.into(), comment: None }
    }

    /// Adds a comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

/// A rule as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledRule {
    /// In which chain.
    pub chain: String,
    /// What it is deleted by.
    pub handle: u64,
    /// What it does.
    pub expressions: Vec<Expression>,
    /// For people, or to know it again.
    pub comment: Option<String>,
}

impl InstalledRule {
    /// Whether it does the same as `rule` and has the same comment, in a table of this family. Whose chain it is in is
    /// not compared.
    pub fn is_equivalent_to(&self, rule: &Rule, family: Family) -> bool {
        self.comment == rule.comment && self.expressions == rule.expressions(family)
    }
}
