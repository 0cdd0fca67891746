//! Requirements: plugins that run other plugins (DLG).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Delegation, [
        "delegate.is-found-on-cni-path",
        "DLG-01",
        "A delegate is searched for in the directories of CNI_PATH, in order, not in PATH; a name \
         with a path separator is refused.",
    ])
    .only(&[Interface, Wrapper]),
    stated(Delegation, [
        "delegate.gets-the-environment",
        "DLG-02",
        "A delegate gets the whole environment of the plugin; only CNI_COMMAND may differ.",
    ])
    .only(&[Interface, Wrapper]),
    stated(Delegation, [
        "delegate.gets-the-configuration",
        "DLG-03",
        "An IPAM plugin gets the complete configuration; the plugin in `delegate` gets that \
         object, with `name`, `cniVersion` and the keys that the runtime sets.",
    ])
    .only(&[Interface, Wrapper]),
    stated(Delegation, [
        "delegate.stderr-is-handed-on",
        "DLG-04",
        "The stderr of a delegate appears on the plugin's stderr, even when the delegate fails.",
    ])
    .only(&[Interface, Wrapper]),
    stated(Delegation, [
        "delegate.gets-every-verb",
        "DLG-05",
        "CHECK, DEL, GC and STATUS also run the delegate, with the same verb.",
    ])
    .only(&[Interface, Wrapper]),
    stated(Delegation, [
        "delegate.error-is-handed-on",
        "DLG-06",
        "The plugin returns a delegate's error with its code and message.",
    ])
    .only(&[Interface, Wrapper]),
    stated(Delegation, [
        "delegate.failed-add-is-deleted",
        "DLG-07",
        "When the delegate's ADD fails, the plugin runs the delegate's DEL.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stated(Results, [
        "delegate.result-is-converted",
        "DLG-08",
        "A delegate's result in another version, or without `cniVersion`, is converted to the \
         version of the request.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.may-misbehave",
        "DLG-09",
        "ADD fails with an error when the delegate is missing, is killed by a signal, or prints \
         garbage, nothing, or an error with exit status 0.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.is-undone-after-own-failure",
        "DLG-10",
        "When the plugin's own part of ADD fails after the delegate's ADD succeeded, the \
         plugin runs the delegate's DEL.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.is-deleted-last",
        "DLG-11",
        "DEL removes what the plugin itself created before the delegate releases the address.",
    ])
    .on(&[Del])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.may-hang",
        "DLG-12",
        "A delegate that hangs is killed, together with its children, after a bounded time.",
    ])
    .only(&[Wrapper]),
];
