//! Requirements: capabilities and arguments from the runtime (CAP).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    convention(
        Conventions,
        [
            "capability.port-mappings-are-honoured",
            "CAP-01",
            "A plugin that declares the capability portMappings creates the mappings in \
         `runtimeConfig.portMappings`.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained, Wrapper]),
    convention(
        Conventions,
        [
            "capability.bad-values-are-refused",
            "CAP-02",
            "A malformed port mapping is an error; it is not silently skipped.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained, Wrapper]),
    convention(
        Conventions,
        [
            "capability.absence-is-no-error",
            "CAP-03",
            "ADD succeeds when the runtime supplies nothing, or an empty list, for a capability.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Interface, Chained, Wrapper]),
    convention(
        Conventions,
        [
            "capability.args-win-over-cni-args",
            "CAP-04",
            "A key in `args.cni` takes precedence over the same key in CNI_ARGS.",
        ],
    )
    .since(V0_2_0)
    .on(&[Add])
    .untestable(
        "which of the two a plugin uses is visible only for keys that it understands, and no key \
         is common to all plugins",
    ),
    convention(
        Conventions,
        [
            "capability.unknown-args-are-ignored",
            "CAP-05",
            "Unknown keys in `args.cni` are ignored, also next to the same key in CNI_ARGS.",
        ],
    )
    .since(V0_2_0)
    .on(&[Add]),
];
