//! The rules in the configuration.

use std::fmt;

use cni_wrapper::{Conditions, Error};
use serde::Deserialize;

use crate::config::Config;

/// The rules in order, and the default if none applies.
#[derive(Debug, Deserialize)]
pub(crate) struct Rules {
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Verdict,
}

/// A verdict that applies if all conditions are met.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawRule")]
pub(crate) struct Rule {
    /// The name in messages, which otherwise use the index.
    pub(crate) name: Option<String>,
    pub(crate) when: Conditions,
    pub(crate) verdict: Verdict,
}

/// What happens to a container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawRule")]
pub(crate) enum Verdict {
    /// It gets its network from `delegate`, or from the previous plugins in a list.
    Allow,
    /// Its ADD fails with this message.
    Deny(String),
    /// It gets its network from the delegate with this name.
    Use(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allowed"),
            Self::Use(name) => write!(f, "allowed, with delegate {name:?}"),
            Self::Deny(why) => write!(f, "denied: {why}"),
        }
    }
}

/// A rule or the default as in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Option<String>,
    when: Option<Conditions>,
    allow: Option<bool>,
    deny: Option<String>,
    r#use: Option<String>,
}

impl TryFrom<RawRule> for Rule {
    type Error = String;

    fn try_from(raw: RawRule) -> Result<Self, String> {
        let RawRule { name, when, allow, deny, r#use } = raw;
        let when = when.unwrap_or_default();
        if when.is_empty() {
            let why = "`when` has no condition; use `default` for what applies to all others";
            return Err(why.to_owned());
        }
        Ok(Self { name, when, verdict: verdict(allow, deny, r#use)? })
    }
}

impl TryFrom<RawRule> for Verdict {
    type Error = String;

    fn try_from(raw: RawRule) -> Result<Self, String> {
        match raw {
            RawRule { name: None, when: None, allow, deny, r#use } => verdict(allow, deny, r#use),
            _ => Err("the default can have neither a name nor conditions".to_owned()),
        }
    }
}

fn verdict(
    allow: Option<bool>,
    deny: Option<String>,
    delegate: Option<String>,
) -> Result<Verdict, String> {
    match (allow, deny, delegate) {
        (Some(true), None, None) => Ok(Verdict::Allow),
        (None, Some(why), None) => Ok(Verdict::Deny(why)),
        (None, None, Some(name)) => Ok(Verdict::Use(name)),
        _ => Err("exactly one is expected of `allow` (true), `deny` (a message) and `use` (the \
                  name of a delegate)"
            .to_owned()),
    }
}

impl Rules {
    /// Returns a rule's name for messages.
    pub(crate) fn name_of(&self, index: usize) -> String {
        match &self.rules[index].name {
            Some(name) => format!("rule {name:?}"),
            None => format!("rules[{index}]"),
        }
    }

    /// Checks all verdicts, so that a mistake is found before a rule with it applies.
    ///
    /// # Errors
    ///
    /// Code 7, with the key.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Error> {
        for (index, rule) in self.rules.iter().enumerate() {
            rule.verdict.check(&format!("rules[{index}]"), config)?;
        }
        self.default.check("default", config)
    }
}

impl Verdict {
    fn check(&self, key: &str, config: &Config) -> Result<(), Error> {
        match self {
            Self::Use(name) if !config.delegates.contains_key(name) => {
                let names: Vec<&str> = config.delegates.keys().map(String::as_str).collect();
                let why = format!("{name:?} is not one of `delegates` ({})", names.join(", "));
                Err(Error::config(format!("{key}.use"), why))
            }
            Self::Allow if config.delegate.is_none() && !config.delegates.is_empty() => {
                let why = "`delegate` is missing; set it, or use one of `delegates`";
                Err(Error::config(format!("{key}.allow"), why))
            }
            _ => Ok(()),
        }
    }
}
