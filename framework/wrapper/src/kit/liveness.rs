//! Whether an attachment still exists, judged by its network namespace.

use std::path::Path;

use super::namespace::{self, MountNamespace, NamespaceId, Place};

/// What is known about whether an attachment still exists.
///
/// ```
/// use cni_wrapper::{Liveness, NamespaceId};
///
/// let path = format!("/proc/{}/ns/net", std::os::unix::process::parent_id());
/// // An ADD stores both, and a later call reads them.
/// let recorded = NamespaceId::of(path.as_ref());
/// assert_eq!(Liveness::of(&path, recorded.as_ref()), Liveness::Alive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Its namespace exists.
    Alive,
    /// Its namespace is proven to be gone.
    Gone,
    /// Its namespace can't be seen from here: it may be mounted where only the runtime sees it. It
    /// counts as alive.
    Unseen,
}

/// What this process sees.
#[derive(Clone, Debug)]
struct Seen {
    place: Place,
    boot_id: Option<String>,
    mount_namespace: Option<MountNamespace>,
}

impl Liveness {
    /// Looks for the namespace of an attachment, which was at `netns` when its ADD recorded its
    /// identity. Without an identity, nothing proves its end.
    pub fn of(netns: &str, recorded: Option<&NamespaceId>) -> Self {
        if netns.is_empty() {
            return Self::Unseen;
        }
        let seen = Seen {
            place: Place::of(Path::new(netns)),
            boot_id: namespace::boot_id(),
            mount_namespace: MountNamespace::current(),
        };
        judge(recorded, &seen)
    }

    /// Returns the word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "live",
            Self::Gone => "gone",
            Self::Unseen => "unseen",
        }
    }

    /// Returns the text for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Unseen => "can't be seen",
            other => other.as_str(),
        }
    }
}

/// Decides from what was recorded and what is seen now.
fn judge(recorded: Option<&NamespaceId>, seen: &Seen) -> Liveness {
    let Some(recorded) = recorded else {
        // Records of earlier versions contain the path only, which proves no end.
        return match seen.place {
            Place::Namespace(_) => Liveness::Alive,
            _ => Liveness::Unseen,
        };
    };
    if seen.boot_id.as_ref().is_some_and(|boot_id| *boot_id != recorded.boot_id) {
        return Liveness::Gone;
    }
    let is_same_view = seen.mount_namespace.as_ref() == Some(&recorded.mount_namespace);
    match &seen.place {
        Place::Namespace(file) if file.may_be(&recorded.file) => Liveness::Alive,
        Place::Namespace(file) if is_same_view && file.replaces(&recorded.file) => Liveness::Gone,
        Place::Nothing if is_same_view => Liveness::Gone,
        // Among others: the process has left the namespace, in which others may be; or the path is
        // a link that leads elsewhere now.
        _ => Liveness::Unseen,
    }
}

#[cfg(test)]
mod tests {
    use super::super::namespace::{NamespaceFile, Since};
    use super::*;

    fn file(inode: u64, since: Since) -> NamespaceFile {
        NamespaceFile { device: 4, inode, since }
    }

    fn mounted(inode: u64, created: i64) -> NamespaceFile {
        file(inode, Since::Created(created, 0))
    }

    fn of_process(inode: u64, started: u64) -> NamespaceFile {
        file(inode, Since::Process { id: 7, started })
    }

    fn view(inode: u64) -> MountNamespace {
        MountNamespace { inode, root: Some(1) }
    }

    fn judged(recorded: &NamespaceFile, place: Place, boot: &str, view_now: u64) -> Liveness {
        let recorded = NamespaceId {
            file: recorded.clone(),
            boot_id: "b1".to_owned(),
            mount_namespace: view(1),
        };
        let seen =
            Seen { place, boot_id: Some(boot.to_owned()), mount_namespace: Some(view(view_now)) };
        judge(Some(&recorded), &seen)
    }

    #[test]
    fn a_namespace_that_is_seen_is_alive_from_wherever_it_is_seen() {
        for recorded in [mounted(10, 100), of_process(10, 100)] {
            for view in [1, 2] {
                let place = Place::Namespace(recorded.clone());
                assert_eq!(judged(&recorded, place, "b1", view), Liveness::Alive);
            }
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_proves_the_end_only_where_it_led_to_the_namespace() {
        let recorded = mounted(10, 100);
        assert_eq!(judged(&recorded, Place::Nothing, "b1", 1), Liveness::Gone);
        assert_eq!(judged(&recorded, Place::Nothing, "b1", 2), Liveness::Unseen);
        assert_eq!(judged(&recorded, Place::Unknown, "b1", 1), Liveness::Unseen);
    }

    #[test]
    fn a_path_that_leads_to_another_namespace_proves_the_end_although_the_number_is_the_same() {
        for (recorded, other) in [
            (mounted(10, 100), mounted(10, 200)),
            (mounted(10, 100), mounted(11, 200)),
            (of_process(10, 100), of_process(10, 200)),
            (of_process(10, 100), of_process(11, 200)),
        ] {
            let place = Place::Namespace(other);
            assert_eq!(judged(&recorded, place.clone(), "b1", 1), Liveness::Gone);
            assert_eq!(judged(&recorded, place, "b1", 2), Liveness::Unseen);
        }
    }

    #[test]
    fn a_process_that_left_its_namespace_does_not_prove_its_end() {
        let place = Place::Namespace(of_process(11, 100));
        assert_eq!(judged(&of_process(10, 100), place, "b1", 1), Liveness::Unseen);
    }

    #[test]
    fn a_link_that_leads_to_another_process_does_not_prove_the_end() {
        let other = file(11, Since::Process { id: 8, started: 200 });
        let place = Place::Namespace(other);
        assert_eq!(judged(&of_process(10, 100), place, "b1", 1), Liveness::Unseen);
    }

    #[test]
    fn where_it_is_unknown_which_namespace_it_is_only_a_path_to_nothing_proves_the_end() {
        let kinds =
            |inode| [mounted(inode, 100), of_process(inode, 100), file(inode, Since::Unknown)];
        for recorded in kinds(10) {
            for (now, same) in kinds(11).into_iter().zip(kinds(10)) {
                if now.since == recorded.since && now.since != Since::Unknown {
                    continue;
                }
                assert_eq!(judged(&recorded, Place::Namespace(now), "b1", 1), Liveness::Unseen);
                assert_eq!(judged(&recorded, Place::Namespace(same), "b1", 1), Liveness::Alive);
            }
            assert_eq!(judged(&recorded, Place::Nothing, "b1", 1), Liveness::Gone);
            assert_eq!(judged(&recorded, Place::Nothing, "b1", 2), Liveness::Unseen);
            assert_eq!(judged(&recorded, Place::Nothing, "b2", 2), Liveness::Gone);
        }
    }

    #[test]
    fn no_namespace_outlives_a_boot() {
        let recorded = mounted(10, 100);
        let place = Place::Namespace(recorded.clone());
        assert_eq!(judged(&recorded, place, "b2", 2), Liveness::Gone);
    }

    #[test]
    fn without_an_identity_nothing_proves_the_end() {
        let seen = |place| Seen { place, boot_id: None, mount_namespace: Some(view(1)) };
        assert_eq!(judge(None, &seen(Place::Nothing)), Liveness::Unseen);
        assert_eq!(judge(None, &seen(Place::Namespace(mounted(1, 1)))), Liveness::Alive);
    }
}
