//! The mark of an ADD that failed because its attachment existed before, and has undone nothing.
//!
//! A wrapper can be the delegate of another. If only the inner one knows of the attachment, the
//! outer one would send it a DEL after its failed ADD, and so remove what it left alone. So its
//! error object has a member that the specification does not define. The code alone is no proof:
//! any plugin may return it after it has changed something.

use cni_protocol::Object;

use super::{DelegateFailure, Error};

/// The member of the error object.
const MEMBER: &str = "leftAlone";

/// Adds the mark to the other members of an error object.
pub(super) fn report(other: &mut Object) {
    other.insert(MEMBER.to_owned(), true.into());
}

/// Removes the mark from the other members of an error object.
pub(super) fn remove(other: &mut Object) {
    other.shift_remove(MEMBER);
}

/// Returns whether the delegate that failed with this error has left the attachment alone.
pub(crate) fn is_reported_by(error: &Error) -> bool {
    let Error::Delegate(delegate) = error else { return false };
    match &delegate.failure {
        DelegateFailure::Answered(object) => object.other.get(MEMBER) == Some(&true.into()),
        _ => false,
    }
}

/// Removes the mark of a delegate if this ADD has begun more, which a DEL may have to undo.
pub(crate) fn withdraw(error: &mut Error) {
    if let Error::Delegate(delegate) = error
        && let DelegateFailure::Answered(object) = &mut delegate.failure
    {
        remove(&mut object.other);
    }
}

#[cfg(test)]
mod tests {
    use cni_protocol::ErrorObject;

    use super::*;

    #[test]
    fn only_an_error_after_which_nothing_is_to_be_undone_has_the_mark() {
        let elsewhere = || Error::AttachedElsewhere { why: "it is".to_owned() };
        let source = || Box::new(Error::plugin(120, "no"));
        let left = Error::LeftAlone { source: source(), left: "it was".to_owned() };
        let first = Box::new(elsewhere());
        let trouble = Error::RollbackTrouble { first, trouble: vec!["no".to_owned()] };
        let reports = |error: &Error| ErrorObject::from(error).other.contains_key(MEMBER);
        assert!(reports(&elsewhere()) && reports(&left) && !reports(&trouble));
        assert!(!reports(&Error::Environment { problems: vec!["CNI_NETNS".to_owned()] }), "code 4");
    }
}
