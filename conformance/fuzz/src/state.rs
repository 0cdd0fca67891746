//! A state file: a claim is the same after it has been written and read again, and its rules are
//! valid commands.

use port_mapper::backend::Guard;
use port_mapper::backend::iptables::observed::{Observed, Tables};
use port_mapper::backend::iptables::plan::{self, KnownChains};
use port_mapper::claim::Claim;
use port_mapper::family::Family;

pub(crate) fn holds(input: &[u8]) {
    let Ok(claim) = serde_json::from_slice::<Claim>(input) else { return };
    let written = serde_json::to_vec(&claim).expect("a claim is JSON");
    assert_eq!(serde_json::from_slice::<Claim>(&written).expect("its own format"), claim);
    if claim.mappings.len() > 1000 {
        return; // slow, and nothing new
    }
    for family in Family::ALL {
        let observed = Observed::parse(family, Tables::Nat, "");
        let decided = plan::install(&observed, &claim, KnownChains::default(), Guard::default());
        let plan = decided.expect("no other claim to be in conflict with").plan;
        let Ok(text) = plan.text() else { continue };
        // Each line is a command or the frame of a table: no value of the claim adds a line.
        let known = |line: &str| {
            ["*", "COMMIT", "-N ", "-A ", "-I ", "-D ", "-X ", ":", "-E ", "-P "]
                .iter()
                .any(|it| line.starts_with(it))
        };
        assert!(text.lines().all(known), "{text}");
    }
}
