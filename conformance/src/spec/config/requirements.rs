//! The network configuration (CFG).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(Configuration, [
        "config.bad-network-name-is-refused",
        "CFG-01",
        "A network name is not empty, starts with a letter or digit, then come letters, digits, `.`, `_`, `-`; else code 7.",
    ])
    .since(V1_0_0),
    convention(Configuration, [
        "config.cni-dev-keys-are-ignored",
        "CFG-02",
        "Keys that begin with `cni.dev/` and are not known to the plugin are ignored.",
    ]),
];
