//! Capabilities and arguments of the runtime (CAP).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    convention(Conventions, [
        "capability.port-mappings-are-honoured",
        "CAP-01",
        "A plugin that declares the capability portMappings makes the mappings of `runtimeConfig.portMappings`.",
    ])
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained, Wrapper]),
    convention(Conventions, [
        "capability.bad-values-are-refused",
        "CAP-02",
        "A malformed port mapping is an error; none is left out in silence.",
    ])
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained, Wrapper]),
    convention(Conventions, [
        "capability.absence-is-no-error",
        "CAP-03",
        "When the runtime gives nothing for a capability, or an empty list, ADD succeeds.",
    ])
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Interface, Chained, Wrapper]),
    must(Conventions, [
        "capability.args-win-over-cni-args",
        "CAP-04",
        "A value in `args.cni` wins over the one of the same name in CNI_ARGS; unknown ones are ignored.",
    ])
    .since(V0_2_0)
    .on(&[Add]),
];
