//! The mutants of the shape of results.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "result.shape-0.1-0.2",
        "output_mutations.rs",
        "adds `interfaces` to results of 0.1.0 and 0.2.0",
    ),
    mutant(
        "result.shape-0.3-0.4",
        "output_mutations.rs",
        "leaves `version` out of the addresses of 0.3.0 to 0.4.0",
    ),
    mutant("result.addresses-stand-in-ips", "output_mutations.rs", "returns addresses under `ip`"),
    mutant("result.shape-1.0", "output_mutations.rs", "adds `version` to the addresses of 1.0.0"),
    mutant(
        "result.newer-keys-stay-out",
        "output_mutations.rs",
        "adds `mtu` to routes, before 1.1.0 as well, and as a string in 1.1.0",
    ),
    mutant(
        "result.addresses-are-well-formed",
        "output_mutations.rs",
        "returns a name server that is not an address",
    ),
    mutant(
        "result.interface-indexes-are-in-range",
        "output_mutations.rs",
        "returns addresses whose `interface` is 7",
    ),
    mutant(
        "result.ipam-has-no-interfaces",
        "output_mutations.rs",
        "adds an empty list of interfaces",
    ),
    mutant(
        "result.empty-members-are-tolerated",
        "chained.rs, delegate.rs",
        "fails on `\"routes\": null` in a result that it reads",
    ),
];
