//! The decision: rules and what is known of a container → a verdict, and why.

use cni_wrapper::{Pattern, Request};

use crate::rules::{Conditions, Rules, Verdict};

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
        match unmet(&rule.when, request) {
            None => return Decision { verdict: &rule.then, by, passed },
            Some(condition) => passed.push((by, condition)),
        }
    }
    Decision { verdict: &rules.default, by: "default".to_owned(), passed }
}

/// The first condition that does not hold, in words.
fn unmet(when: &Conditions, request: &Request) -> Option<String> {
    let arg = |key: &str| request.args.get(key).map(str::to_owned).into_iter().collect();
    first_unmet("label", &when.labels, |key| request.label(key))
        .or_else(|| first_unmet("CNI_ARGS", &when.cni_args, arg))
        .or_else(|| first_unmet("value", &when.values, |pointer| request.value(pointer)))
}

fn first_unmet<'p>(
    kind: &str,
    conditions: impl IntoIterator<Item = (&'p String, &'p Pattern)>,
    values: impl Fn(&str) -> Vec<String>,
) -> Option<String> {
    conditions.into_iter().find_map(|(key, pattern)| {
        let values = values(key);
        let is = if values.is_empty() { "absent".to_owned() } else { values.join(", ") };
        (!pattern.fits(&values)).then(|| format!("{kind} {key} is {is}"))
    })
}
