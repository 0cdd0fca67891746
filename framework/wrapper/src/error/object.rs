//! From an error to the object on stdout (specification, section 5, "Error").

use cni_protocol::{ErrorObject, Object};

use super::{Error, delegate::DelegateFailure, left_alone};

impl From<&Error> for ErrorObject {
    fn from(error: &Error) -> Self {
        let mut object = Self::new(error.code(), error.to_string());
        object.details = details(error);
        object.other = other_members(error);
        object
    }
}

fn details(error: &Error) -> Option<String> {
    match error {
        Error::Delegate(delegate) => Some(delegate.details()),
        Error::Plugin { details, .. } => details.clone(),
        Error::CleanupFailed { source } | Error::NothingToUndo { source } => details(source),
        Error::Several { each } => join(each.iter().filter_map(details)),
        Error::LeftAlone { source, left } => {
            join(details(source).into_iter().chain([left.clone()]))
        }
        Error::RollbackTrouble { first, trouble } => {
            join(details(first).into_iter().chain(trouble.iter().cloned()))
        }
        _ => None,
    }
}

fn join(parts: impl Iterator<Item = String>) -> Option<String> {
    let text = parts.collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

/// Members of a delegate's error object that the specification does not have are passed on.
fn other_members(error: &Error) -> Object {
    match error {
        Error::Delegate(delegate) => match &delegate.failure {
            DelegateFailure::Answered(object) => object.other.clone(),
            _ => Object::new(),
        },
        // A DEL of an outer wrapper may undo what this one could not.
        Error::RollbackTrouble { first, .. } => changed(other_members(first), left_alone::remove),
        Error::NothingToUndo { source } => other_members(source),
        Error::LeftAlone { source, .. } => changed(other_members(source), left_alone::report),
        Error::AttachedElsewhere { .. } => changed(Object::new(), left_alone::report),
        _ => Object::new(),
    }
}

fn changed(mut members: Object, change: fn(&mut Object)) -> Object {
    change(&mut members);
    members
}
