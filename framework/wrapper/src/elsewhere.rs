//! An ADD of an attachment that exists in another network namespace.
//!
//! A runtime must call DEL before it adds an attachment again. If it does not, most delegates
//! refuse the ADD, since the attachment has its address already, and their DEL would release that.
//! Others succeed, and what this plugin created for the container that lives would lead to another
//! one. So such an ADD is refused before anything is changed.

use std::path::Path;

use cni_protocol::Verb;

use crate::{
    call::Call,
    error::Error,
    kit::{
        liveness::Liveness,
        namespace::{NamespaceId, Place},
    },
};

impl Call {
    /// Returns what identifies the network namespace of the call, for a record of its ADD. Returns
    /// `None` if `CNI_NETNS` leads to none or it can't be seen. It is looked up once.
    pub fn namespace(&self) -> Option<&NamespaceId> {
        let netns = self.netns.as_deref()?;
        self.earlier_add().namespace(|| NamespaceId::of(Path::new(netns)))
    }

    /// Refuses an ADD of an attachment that exists in another network namespace.
    ///
    /// `netns` and `recorded` are those of an earlier ADD that succeeded. The identity decides, and
    /// not the path: a path may lead to another namespace since, and the same namespace may have
    /// several paths. A namespace that can't be seen from here counts as existing.
    ///
    /// Around a delegate, the toolkit keeps such a record and calls this. A plugin that is used in
    /// lists and creates something in `after_add` should call it in
    /// [`is_attached`](crate::Middleware::is_attached). It does nothing for other verbs.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedElsewhere`] (code 4) with both namespaces.
    pub fn refuse_if_attached_elsewhere(
        &self,
        netns: &str,
        recorded: Option<&NamespaceId>,
    ) -> Result<(), Error> {
        let own = self.netns.as_deref().unwrap_or_default();
        if self.verb != Verb::Add || self.is_rollback() || netns.is_empty() {
            return Ok(());
        }
        let own_place = Place::of(Path::new(own));
        if is_same((own, &own_place), netns, recorded) {
            return Ok(());
        }
        let existence = match Liveness::of(netns, recorded) {
            Liveness::Gone => return Ok(()),
            Liveness::Alive => "which exists",
            Liveness::Unseen => "which can't be seen from here and may exist",
        };
        let (ifname, id) = (&self.attachment.ifname, &self.attachment.container_id);
        let first = described(netns, recorded.map(|recorded| recorded.file.inode));
        let second = described(own, own_place.inode());
        Err(Error::AttachedElsewhere {
            why: format!(
                "{ifname} of container {id} is attached in network namespace {first}, {existence}, \
                 and {second} is another one; call DEL before another ADD"
            ),
        })
    }
}

/// Returns whether the namespace of a call is that of a record.
fn is_same((own, place): (&str, &Place), netns: &str, recorded: Option<&NamespaceId>) -> bool {
    match (place, recorded) {
        (Place::Namespace(file), Some(recorded)) => file.is_at_inode_of(&recorded.file),
        (Place::Namespace(file), None) if own != netns => {
            let former = Place::of(Path::new(netns));
            matches!(former, Place::Namespace(former) if file.is_at_inode_of(&former))
        }
        _ => own == netns,
    }
}

/// Returns a path with the text of the link in `/proc/PID/ns`.
fn described(path: &str, inode: Option<u64>) -> String {
    match inode {
        Some(inode) => format!("{path} (net:[{inode}])"),
        None => path.to_owned(),
    }
}
