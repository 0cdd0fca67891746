//! The decision who made a chain, and what is recorded about it.

use cni_wrapper::Attachment;

use crate::backend::interface::{ChainNote, ChainOrigin, ChainRecord, Jump};
use crate::backend::iptables::desired::MASQ;
use crate::backend::iptables::well_known::is_well_known;
use crate::family::Family;

/// What is known about who made chains.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownChains<'a> {
    /// The recorded notes.
    pub notes: &'a [ChainNote],
    /// The record, which knows the claims.
    pub record: Option<&'a dyn ChainRecord>,
}

impl KnownChains<'_> {
    pub(super) fn note(&self, family: Family, chain: &str) -> Option<&ChainOrigin> {
        let mut notes = self.notes.iter();
        let note = notes.find(|note| note.family == family && note.chain == chain)?;
        Some(&note.origin)
    }

    pub(super) fn is_claimed(&self, chain: &str, except: Option<&Attachment>) -> bool {
        self.record.is_some_and(|record| record.is_claimed(chain, except))
    }
}

/// A chain, as it was when it was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChainState {
    /// It does not exist.
    Absent,
    /// It has no rule with a tag.
    Unused,
    /// It has rules with a tag.
    InUse,
}

/// The program that made a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// The port mapper, as far as is known, or Mesos's original.
    PortMapper,
    /// Another program, with the jumps that the chain had before it had rules of ours, if they are
    /// known.
    Other(Option<Vec<Jump>>),
}

/// Decides who made a chain. `existing` are the jumps to it, and `is_claimed` reports whether an
/// attachment whose ADD succeeded has put rules into it: where these are missing, it was flushed.
pub(super) fn maker(
    chain: &str,
    state: ChainState,
    note: Option<&ChainOrigin>,
    existing: &[Jump],
    is_claimed: impl FnOnce() -> bool,
) -> Maker {
    let found_now = || Maker::Other(Some(existing.to_vec()));
    if chain == MASQ {
        return Maker::PortMapper; // whichever program created it
    }
    match (state, note) {
        (ChainState::Absent, _) | (_, Some(ChainOrigin::Kept)) => Maker::PortMapper,
        (ChainState::InUse, Some(ChainOrigin::Announced)) => Maker::PortMapper,
        (ChainState::InUse, Some(ChainOrigin::Found { jumps })) => {
            Maker::Other(Some(jumps.clone()))
        }
        (ChainState::Unused, note) if !is_claimed() => match note {
            // Killed ADDs and DELs leave notes behind, so what is seen now counts.
            Some(ChainOrigin::Announced | ChainOrigin::Found { .. }) | None => found_now(),
            Some(ChainOrigin::Kept) => Maker::PortMapper,
        },
        (_, Some(ChainOrigin::Found { jumps })) => Maker::Other(Some(jumps.clone())),
        // Its program has flushed it, or has deleted ours and created it again.
        (_, Some(ChainOrigin::Announced)) if is_well_known(chain) => found_now(),
        (_, Some(ChainOrigin::Announced)) => Maker::PortMapper,
        // The note was lost, or the original has made the chain.
        (_, None) if is_well_known(chain) => Maker::Other(None),
        (_, None) => Maker::PortMapper,
    }
}

/// Returns what is to be recorded about a chain before it gets its first rule with a tag.
pub(super) fn on_first_use(
    state: ChainState,
    note: Option<&ChainOrigin>,
    maker: Maker,
) -> Option<ChainOrigin> {
    match (state, maker) {
        (ChainState::Absent, _) => Some(ChainOrigin::Announced),
        (_, Maker::Other(Some(jumps))) => Some(ChainOrigin::Found { jumps }),
        _ => note.cloned(),
    }
}

/// Returns what is to be recorded about a chain of ours that is kept without a rule with a tag.
pub(super) fn when_kept(chain: &str, note: Option<&ChainOrigin>) -> Option<ChainOrigin> {
    // One with the name of another program's, which that program uses now, is that program's.
    note.filter(|_| !is_well_known(chain)).map(|_| ChainOrigin::Kept)
}

/// Returns how the note of a chain changes that a killed ADD or DEL may have left behind: the claim
/// to remove has no rule in the chain.
pub(super) fn note_of_killed(
    family: Family,
    known: KnownChains<'_>,
    owner: &Attachment,
    chain: &str,
) -> Option<(String, Option<ChainOrigin>)> {
    match known.note(family, chain)? {
        ChainOrigin::Kept => None,
        _ if known.is_claimed(chain, Some(owner)) => None,
        _ => Some((chain.to_owned(), None)),
    }
}

/// What is to be recorded about the chains of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteChanges {
    /// Notes to record before the rules are changed.
    pub before: Vec<ChainNote>,
    /// Chains of which a note is to be changed or removed after the rules were changed.
    pub after: Vec<(String, Option<ChainOrigin>)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChainOrigin::{Announced, Found, Kept};
    use ChainState::{Absent, InUse, Unused};
    use Maker::{Other, PortMapper};

    /// The jumps that exist, and those that were noted.
    const NOW: [Jump; 1] = [Jump::Output];
    const THEN: [Jump; 1] = [Jump::Prerouting];

    fn found() -> ChainOrigin {
        Found { jumps: THEN.to_vec() }
    }

    fn who(chain: &str, state: ChainState, note: Option<&ChainOrigin>, claimed: bool) -> Maker {
        maker(chain, state, note, &NOW, || claimed)
    }

    #[test]
    fn a_chain_that_does_not_exist_will_be_ours_whatever_was_noted() {
        for note in [None, Some(&Announced), Some(&Kept), Some(&found())] {
            for chain in ["MESOS", "DOCKER"] {
                assert_eq!(who(chain, Absent, note, true), PortMapper, "{chain} {note:?}");
                let noted = on_first_use(Absent, note, PortMapper);
                assert_eq!(noted, Some(Announced), "{chain} {note:?}");
            }
        }
    }

    #[test]
    fn while_a_chain_has_rules_of_ours_its_note_counts() {
        for chain in ["MESOS", "DOCKER"] {
            assert_eq!(who(chain, InUse, Some(&Announced), true), PortMapper, "{chain}");
            assert_eq!(who(chain, InUse, Some(&Kept), true), PortMapper, "{chain}");
            let other = Other(Some(THEN.to_vec()));
            assert_eq!(who(chain, InUse, Some(&found()), true), other, "{chain}");
        }
    }

    #[test]
    fn without_a_note_only_a_well_known_name_makes_a_used_chain_another_programs() {
        assert_eq!(who("MESOS", InUse, None, true), PortMapper);
        assert_eq!(who("DOCKER", InUse, None, true), Other(None));
        assert_eq!(who("MESOS", Unused, None, true), PortMapper, "it was flushed");
        assert_eq!(who("DOCKER", Unused, None, true), Other(None), "it was flushed");
    }

    #[test]
    fn an_unused_chain_without_claims_is_found_even_if_an_add_announced_it() {
        let other = Other(Some(NOW.to_vec()));
        for note in [None, Some(&Announced), Some(&found())] {
            assert_eq!(who("OPERATOR", Unused, note, false), other, "{note:?}");
            let noted = on_first_use(Unused, note, other.clone());
            assert_eq!(noted, Some(Found { jumps: NOW.to_vec() }), "{note:?}");
        }
    }

    #[test]
    fn a_chain_of_ours_that_was_flushed_or_kept_for_an_operators_rules_is_still_ours() {
        assert_eq!(who("MESOS", Unused, Some(&Announced), true), PortMapper);
        for claimed in [false, true] {
            assert_eq!(who("MESOS", Unused, Some(&Kept), claimed), PortMapper);
        }
        assert_eq!(on_first_use(Unused, Some(&Kept), PortMapper), Some(Kept));
        assert_eq!(when_kept("MESOS", Some(&Announced)), Some(Kept));
        assert_eq!(when_kept("MESOS", None), None, "its maker is unknown");
    }

    #[test]
    fn a_found_chain_that_was_flushed_keeps_the_jumps_that_were_noted() {
        let other = Other(Some(THEN.to_vec()));
        assert_eq!(who("OPERATOR", Unused, Some(&found()), true), other);
    }

    #[test]
    fn a_chain_with_a_well_known_name_is_ours_only_while_it_has_rules_of_ours() {
        let other = Other(Some(NOW.to_vec()));
        assert_eq!(who("DOCKER", Unused, Some(&Announced), true), other);
        assert_eq!(when_kept("DOCKER", Some(&Announced)), None);
    }

    #[test]
    fn the_chain_that_all_networks_share_is_ours() {
        for state in [Absent, Unused, InUse] {
            assert_eq!(who(MASQ, state, None, false), PortMapper, "{state:?}");
        }
    }

    #[test]
    fn claims_are_read_only_for_an_existing_chain_without_rules_of_ours() {
        for (state, note) in
            [(Absent, None), (InUse, None), (InUse, Some(&Announced)), (Unused, Some(&Kept))]
        {
            maker("MESOS", state, note, &NOW, || unreachable!("{state:?} {note:?}"));
        }
    }
}
