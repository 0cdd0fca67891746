//! The rules, as they stand in the configuration.

use cni_wrapper::{Conditions, Error};
use serde::Deserialize;

use crate::config::Config;

/// Rules in order, and what holds where none applies.
#[derive(Debug, Deserialize)]
pub(crate) struct Rules {
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Verdict,
}

/// If all conditions hold, this is the verdict.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Rule {
    /// How messages call it; else by its place in the list.
    pub(crate) name: Option<String>,
    pub(crate) when: Conditions,
    pub(crate) then: Verdict,
}

/// What becomes of the container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) enum Verdict {
    /// Goes on with `delegate`, or with what the plugins before have made.
    Allow,
    /// Is refused, with this message.
    Deny(String),
    /// Goes on with the delegate of this name.
    Use(String),
}

/// A rule or the default, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    when: Option<Conditions>,
    allow: Option<bool>,
    deny: Option<String>,
    r#use: Option<String>,
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, when, allow, deny, r#use } = written;
        let when = when.unwrap_or_default();
        if when.is_empty() {
            return Err("`when` has no condition; what holds for all others is the default".into());
        }
        Ok(Self { name, when, then: verdict(allow, deny, r#use)? })
    }
}

impl TryFrom<Written> for Verdict {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written { name: None, when: None, allow, deny, r#use } => verdict(allow, deny, r#use),
            _ => Err("the default has neither a name nor conditions".into()),
        }
    }
}

fn verdict(
    allow: Option<bool>,
    deny: Option<String>,
    named: Option<String>,
) -> Result<Verdict, String> {
    match (allow, deny, named) {
        (Some(true), None, None) => Ok(Verdict::Allow),
        (None, Some(why), None) => Ok(Verdict::Deny(why)),
        (None, None, Some(name)) => Ok(Verdict::Use(name)),
        _ => Err(
            "exactly one is expected of `allow`: true, `deny`: why, and `use`: which of delegates"
                .into(),
        ),
    }
}

impl Rules {
    /// A rule's name in messages.
    pub(crate) fn name_of(&self, index: usize) -> String {
        match &self.rules[index].name {
            Some(name) => format!("rule {name:?}"),
            None => format!("rules[{index}]"),
        }
    }

    /// Says what is wrong with any verdict before a container meets it.
    ///
    /// # Errors
    ///
    /// Code 7, with the key.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Error> {
        let rules = self.rules.iter().enumerate();
        let mut all = rules.map(|(index, rule)| (format!("rules[{index}]"), &rule.then));
        all.try_for_each(|(at, verdict)| verdict.check(&at, config))?;
        self.default.check("default", config)
    }
}

impl Verdict {
    fn check(&self, at: &str, config: &Config) -> Result<(), Error> {
        match self {
            Self::Use(name) if !config.delegates.contains_key(name) => {
                let known: Vec<&str> = config.delegates.keys().map(String::as_str).collect();
                let why = format!("{name:?} is none of delegates ({})", known.join(", "));
                Err(Error::config(format!("{at}.use"), why))
            }
            Self::Allow if config.delegate.is_none() && !config.delegates.is_empty() => {
                let why = "there is no delegate to go on with; use one of delegates";
                Err(Error::config(format!("{at}.allow"), why))
            }
            _ => Ok(()),
        }
    }
}
