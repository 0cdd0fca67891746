//! Rules: new ones and installed ones.

use crate::nftables::expression::Expression;
use crate::nftables::statement::Statement;
use crate::nftables::table::Family;

/// A new rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The chain.
    pub chain: String,
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// The comment, for example to identify the rule; at most 128 bytes.
    pub comment: Option<String>,
}

impl Rule {
    /// Returns a rule without a comment.
    pub fn new(chain: impl Into<String>, statements: impl Into<Vec<Statement>>) -> Self {
        Self { chain: chain.into(), statements: statements.into(), comment: None }
    }

    /// Sets the comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

/// An installed rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledRule {
    /// The chain.
    pub chain: String,
    /// The handle, by which it is deleted.
    pub handle: u64,
    /// The expressions that the kernel executes.
    pub expressions: Vec<Expression>,
    /// The comment.
    pub comment: Option<String>,
}

impl InstalledRule {
    /// Reports whether it has the same effect and the same comment as `rule`, in a table of this
    /// family. The chains are not compared.
    pub fn is_equivalent_to(&self, rule: &Rule, family: Family) -> bool {
        self.comment == rule.comment && self.expressions == rule.expressions(family)
    }
}
