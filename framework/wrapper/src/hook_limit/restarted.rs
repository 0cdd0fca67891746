//! What a restarted program does: it undoes the ADD of a hook that blocked, and reports the hook.

use std::time::Duration;

use cni_protocol::Environment;

use crate::{call::Call, error::Error, rollback::left_alone};

/// The variable with which the program restarts itself.
pub(crate) const VARIABLE: &str = "CNI_WRAPPER_BLOCKED_HOOK";

/// The rollback of an ADD whose hook blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// The verb has none.
    Nothing,
    /// A DEL.
    Del,
    /// None: the attachment existed before.
    LeftAlone,
}

/// Why the program was restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restarted {
    pub(crate) undo: Undo,
    limit: Duration,
    hook: String,
    /// The hook that blocked the rollback.
    second: Option<String>,
}

impl Restarted {
    pub(super) fn new(hook: &str, limit: Duration, undo: Undo) -> Self {
        Self { undo, limit, hook: hook.to_owned(), second: None }
    }

    /// Returns the same, if this hook blocks in a program that was restarted: the first one is
    /// reported, and nothing else is tried.
    pub(super) fn after(self, first: Option<&Self>) -> Self {
        match first {
            Some(first) => Self { undo: Undo::Nothing, second: Some(self.hook), ..first.clone() },
            None => self,
        }
    }

    /// Returns the value of the variable.
    pub(super) fn value(&self) -> String {
        let undo = match self.undo {
            Undo::Nothing => 'n',
            Undo::Del => 'd',
            Undo::LeftAlone => 'l',
        };
        let (milliseconds, hook) = (self.limit.as_millis(), &self.hook);
        let second = self.second.as_deref().unwrap_or_default();
        format!("{undo}:{milliseconds}:{hook}:{second}")
    }

    /// Reads the variable, and returns the environment without it.
    pub(crate) fn take(environment: Environment) -> (Option<Self>, Environment) {
        let Some(restarted) = environment.text(VARIABLE).map(Self::parse) else {
            return (None, environment);
        };
        let variables = environment.variables().iter().filter(|(name, _)| name != VARIABLE);
        (restarted, variables.cloned().collect())
    }

    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split(':');
        let undo = match parts.next()? {
            "n" => Undo::Nothing,
            "d" => Undo::Del,
            "l" => Undo::LeftAlone,
            _ => return None,
        };
        let limit = Duration::from_millis(parts.next()?.parse().ok()?);
        let hook = parts.next()?.to_owned();
        let second = parts.next().filter(|hook| !hook.is_empty()).map(str::to_owned);
        Some(Self { undo, limit, hook, second })
    }

    /// Returns the error of the hook, given how the rollback ended.
    pub(crate) fn error(&self, call: &Call, rollback: Result<(), Error>) -> Error {
        let first = Error::HookTimeout { hook: self.hook.clone(), limit: self.limit };
        let second = self
            .second
            .as_ref()
            .map(|hook| Error::HookTimeout { hook: hook.clone(), limit: self.limit });
        match rollback.err().or(second) {
            Some(error) => {
                let trouble = vec![format!("rollback: DEL failed: {error}")];
                Error::RollbackTrouble { first: Box::new(first), trouble }
            }
            None if self.undo == Undo::LeftAlone => left_alone(call, first),
            None => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_restart_survives_it_and_is_not_passed_on() {
        let limit = Duration::from_millis(1500);
        let first = Restarted::new("after_add", limit, Undo::Del);
        let second = Restarted::new("before_del", limit, Undo::Nothing).after(Some(&first));
        assert_eq!(
            (second.hook.as_str(), second.second.as_deref()),
            ("after_add", Some("before_del"))
        );
        for restarted in [first, second, Restarted::new("gc", limit, Undo::LeftAlone)] {
            let value = restarted.value();
            let environment: Environment =
                [("CNI_COMMAND", "ADD"), (VARIABLE, value.as_str())].into_iter().collect();
            let (read, rest) = Restarted::take(environment);
            assert_eq!(read, Some(restarted));
            assert_eq!(rest.variables().len(), 1);
        }
    }
}
