//! The mutants of the environment variables of a call.

use crate::profile::Profile;
use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "environment.add-needs-its-variables",
        "call.rs",
        "uses eth0 on ADD when CNI_IFNAME is not set",
    ),
    mutant(
        "environment.del-needs-its-variables",
        "call.rs, flow/del.rs",
        "accepts DEL without CNI_CONTAINERID",
    ),
    mutant(
        "environment.check-needs-its-variables",
        "call.rs, flow/check.rs",
        "accepts CHECK without CNI_NETNS and CNI_IFNAME",
    ),
    mutant("environment.path-is-optional", "call.rs", "fails when CNI_PATH is not set")
        .except(&[Profile::Interface]),
    mutant(
        "environment.gc-needs-only-path",
        "call.rs",
        "fails on GC when CNI_CONTAINERID is set and empty",
    ),
    mutant(
        "environment.status-needs-nothing",
        "call.rs",
        "fails on STATUS when CNI_CONTAINERID is set and empty",
    ),
    mutant(
        "environment.version-needs-only-command",
        "flow/mod.rs",
        "fails on VERSION when CNI_NETNS is a dummy",
    ),
    mutant("environment.unknown-command-is-refused", "call.rs", "takes CNI_COMMAND=add for ADD"),
    mutant(
        "environment.no-command-does-nothing",
        "call.rs",
        "takes a call without CNI_COMMAND for ADD",
    ),
    mutant(
        "environment.bad-container-id-is-refused",
        "call.rs, flow/add.rs",
        "accepts the container id `a b`",
    ),
    mutant(
        "environment.long-ids-do-not-collide",
        "call.rs",
        "uses the first 64 characters of the container id",
    ),
    mutant(
        "environment.bad-ifname-is-refused",
        "call.rs, flow/add.rs",
        "truncates interface names to 15 characters",
    ),
    mutant(
        "environment.unknown-args-are-tolerated",
        "call.rs",
        "fails on an unknown key in CNI_ARGS despite IgnoreUnknown=1",
    ),
    // They make ADD fail with such a namespace.
    mutant(
        "environment.bad-netns-is-refused",
        "flow/add.rs",
        "succeeds when CNI_NETNS does not exist",
    )
    .also_fails(&[
        "add.failure-then-del-leaves-nothing",
        "add.failure-leaves-nothing",
        "del.after-failed-add-succeeds",
    ]),
    mutant(
        "environment.own-netns-is-refused",
        "interface.rs",
        "attaches to the plugin's own network namespace",
    ),
    mutant("environment.tracing-is-handed-on", "call.rs", "fails when TRACEPARENT is set"),
];
