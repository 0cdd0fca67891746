//! The decision: rules and what is known of a container → a verdict, and why.

use cni_wrapper::Request;
use serde_json::Value;

use crate::pattern::Pattern;
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
    let labels = request.labels();
    let label = |key: &str| {
        let of_key = labels.iter().filter(|(name, _)| name == key);
        of_key.map(|(_, value)| value.clone()).collect::<Vec<String>>()
    };
    let arg = |key: &str| request.args.get(key).map(str::to_owned).into_iter().collect();
    let value = |pointer: &str| texts(at(request, pointer));
    let unmet_label = first_unmet("label", &when.labels, label);
    unmet_label
        .or_else(|| first_unmet("CNI_ARGS", &when.cni_args, arg))
        .or_else(|| first_unmet("value", &when.values, value))
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

/// The value at a JSON pointer of the configuration, which begins with a slash.
fn at<'r>(request: &'r Request, pointer: &str) -> Option<&'r Value> {
    let (first, _) = pointer.strip_prefix('/')?.split_once('/').unwrap_or((&pointer[1..], ""));
    let below = request.config.get(&first.replace("~1", "/").replace("~0", "~"))?;
    below.pointer(&pointer[1 + first.len()..])
}

/// A value as text; a list has those of its members, an object is there and no more.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list.iter().flat_map(|value| texts(Some(value))).collect(),
        Some(other) => vec![other.to_string()],
    }
}
