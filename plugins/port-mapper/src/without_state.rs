//! DEL and GC where the state directory cannot be used. The rules alone show what is left of an
//! attachment: they carry its tag.

use std::io::ErrorKind;

use cni_wrapper::Attachment;
use rustix::io::Errno;

use crate::backend::{Backend, Backends, Guard, Hints};
use crate::config::Cleanup;
use crate::error::Error;
use crate::host::localhost;
use crate::owner::Owner;
use crate::state::State;

/// Reports whether the directory cannot contain anything of this program: it is not a directory, or
/// it is one that this program refuses to use. No ADD has succeeded with it.
///
/// Any other error, such as a lack of memory or of file descriptors, says nothing about its
/// content.
pub fn is_refused(error: &Error) -> bool {
    let Error::State(error) = error else { return false };
    // Our own refusals, such as that of another user's directory, have no number.
    matches!(Errno::from_io_error(&error.source), None | Some(Errno::NOTDIR | Errno::LOOP))
}

/// Reports whether there is no file of the attachment that would have to be removed, although the
/// directory cannot be changed or created.
pub fn has_no_file(state: Option<&State>, owner: &Attachment, error: &Error) -> bool {
    let Some(state) = state else { return true };
    let Error::State(error) = error else { return false };
    error.source.kind() == ErrorKind::ReadOnlyFilesystem && state.remove(owner).is_ok()
}

/// Removes the rules of an attachment without the state and its lock.
///
/// Each backend changes its rules only if they are still those on which it decided, so this is
/// safe next to other calls. The guard stays where it may be needed.
///
/// # Errors
///
/// Rules may still exist.
pub async fn detach(
    owner: &Attachment,
    cleanup: &Cleanup,
    backends: &Backends,
    why: &Error,
) -> Result<(), Error> {
    log::warn!("{} is removed without its state, by its rules: {why}", Owner::from(owner));
    let guard = match localhost::may_be_enabled() {
        true => Guard::Keep,
        false => Guard::AsRulesRequire,
    };
    let hints = Hints { chain: cleanup.chain.clone(), guard, ..Hints::default() };
    for kind in backends.possible(Some(owner)).await? {
        backends.get(kind)?.remove(owner, None, &hints).await?;
    }
    Ok(())
}
