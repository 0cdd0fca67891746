//! The keys of the reference plugin `portmap` that are more than a flag.

use serde_json::Value;

use super::Config;
use crate::conditions::{Conditions, check, key};
use crate::family::Family;
use crate::problem::{Problem, unexpected};

/// Reads `conditionsV4` and `conditionsV6`.
pub(super) fn conditions(config: &Config, problems: &mut Vec<Problem>) -> Conditions {
    let mut read = |value: Option<&Value>, family| {
        let arguments = arguments(value, family).and_then(|arguments| {
            let at = |(index, why)| Problem::new(format!("{}[{index}]", key(family)), why);
            check(&arguments, family).map_err(at)?;
            Ok(arguments)
        });
        arguments.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        })
    };
    let v4 = read(config.conditions_v4.as_ref(), Family::V4);
    Conditions::new(v4, read(config.conditions_v6.as_ref(), Family::V6))
}

fn arguments(value: Option<&Value>, family: Family) -> Result<Vec<String>, Problem> {
    let key = key(family);
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => {
            return Err(Problem::new(key, unexpected(other, "a list of arguments of iptables")));
        }
    };
    let argument = |(index, value): (usize, &Value)| match value {
        Value::String(text) => Ok(text.clone()),
        other => {
            let why = unexpected(other, "an argument of iptables; write it as text");
            Err(Problem::new(format!("{key}[{index}]"), why))
        }
    };
    list.iter().enumerate().map(argument).collect()
}

/// Returns a problem for each key that would choose how `portmap` marks packets. To ignore it could
/// mean that another program's rules wait for a mark that never comes.
pub(super) fn refused(config: &Config) -> Vec<Problem> {
    let keys = [
        ("externalSetMarkChain", &config.external_set_mark_chain),
        ("markMasqBit", &config.mark_masq_bit),
    ];
    let problem = |key| {
        let why = "this plugin marks no packets: with \"snat\" it rewrites the source addresses of \
                   the connections that need it in a chain of its own; remove the key";
        Problem::new(key, why)
    };
    let is_set = keys.into_iter().filter(|(_, value)| value.is_some());
    is_set.map(|(key, _)| problem(key)).collect()
}
