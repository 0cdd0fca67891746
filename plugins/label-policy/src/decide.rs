//! The decision: rules and what is known of a container → a verdict, and why.

use cni_wrapper::Request;

use crate::rules::{Rules, Verdict};

/// A verdict, and who gave it.
#[derive(Debug)]
pub(crate) struct Decision<'r> {
    pub(crate) verdict: &'r Verdict,
    /// The rule's name, or `default`.
    pub(crate) by: String,
    /// Of each rule that was passed over, its name and the condition that did not hold.
    pub(crate) passed: Vec<(String, String)>,
}

/// The first rule whose conditions all hold decides, else the default.
pub(crate) fn decide<'r>(rules: &'r Rules, request: &Request) -> Decision<'r> {
    let mut passed = Vec::new();
    for (index, rule) in rules.rules.iter().enumerate() {
        let by = rules.name_of(index);
        match rule.when.unmet(request) {
            None => return Decision { verdict: &rule.then, by, passed },
            Some(condition) => passed.push((by, condition)),
        }
    }
    Decision { verdict: &rules.default, by: "default".to_owned(), passed }
}
