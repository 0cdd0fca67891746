//! The mutants of CHECK.

use crate::profile::Profile;
use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("check.succeeds-after-add", "output_mutations.rs", "prints `{}` on CHECK"),
    mutant("check.needs-prev-result", "flow/check.rs", "succeeds without `prevResult`"),
    mutant("check.misses-what-was-removed", "interface.rs", "accepts missing addresses and routes"),
    mutant(
        "check.misses-rules",
        "flow/check.rs, rules.rs",
        "accepts missing rules and reservations",
    )
    .except(&[Profile::Interface]),
    mutant(
        "check.notices-wrong-state",
        "interface.rs, rules.rs",
        "accepts another MAC address and changed rules",
    ),
    mutant(
        "check.accepts-later-changes",
        "flow/check.rs",
        "fails when the interface has a further address",
    ),
    mutant("check.runs-on-delegates", "flow/check.rs", "does not run the delegate's CHECK")
        .also_fails(&["check.hands-on-delegates-error", "delegate.gets-every-verb"]),
    // It compares before and after a CHECK.
    mutant("check.has-no-side-effects", "flow/check.rs", "creates a file on every CHECK")
        .also_fails(&["version.higher-minor-keeps-working"]),
    mutant("check.fails-after-del", "flow/check.rs", "succeeds for attachments that do not exist"),
    mutant(
        "check.hands-on-delegates-error",
        "flow/check.rs",
        "hides the delegate's error on CHECK",
    ),
];
