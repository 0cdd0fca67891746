//! Requirements: the network configuration (CFG).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Configuration, [
        "config.bad-network-name-is-refused",
        "CFG-01",
        "A network name starts with a letter or digit, followed by letters, digits, `.`, `_` and \
         `-`; anything else is an error with code 7.",
    ])
    .since(V1_0_0),
    convention(Configuration, [
        "config.cni-dev-keys-are-ignored",
        "CFG-02",
        "Unknown keys that begin with `cni.dev/` are ignored.",
    ]),
];
