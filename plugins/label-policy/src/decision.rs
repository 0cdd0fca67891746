//! The decision: from the rules and a request to a verdict and its reason.

use cni_wrapper::Request;

use crate::rules::{Rules, Verdict};

/// A verdict, and how it was reached.
#[derive(Debug)]
pub(crate) struct Decision<'r> {
    pub(crate) verdict: &'r Verdict,
    /// The name of the rule that applies, or `default`.
    pub(crate) rule: String,
    /// The rules before it that do not apply: the name of each, and its first unmet condition.
    pub(crate) unmet: Vec<(String, String)>,
}

/// Returns the verdict of the first rule whose conditions are all met, or else the default.
pub(crate) fn decide<'r>(rules: &'r Rules, request: &Request) -> Decision<'r> {
    let mut unmet = Vec::new();
    for (index, rule) in rules.rules.iter().enumerate() {
        let name = rules.name_of(index);
        match rule.when.unmet(request) {
            None => return Decision { verdict: &rule.verdict, rule: name, unmet },
            Some(condition) => unmet.push((name, condition)),
        }
    }
    Decision { verdict: &rules.default, rule: "default".to_owned(), unmet }
}
