//! Plugins that run other plugins (DLG).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    should(Delegation, [
        "delegate.is-found-on-cni-path",
        "DLG-01",
        "A delegate is looked for in the directories of CNI_PATH, in their order, not in PATH; a name with a separator is refused.",
    ])
    .only(&[Interface, Wrapper]),
    must(Delegation, [
        "delegate.gets-the-environment",
        "DLG-02",
        "A delegate gets the whole environment of the plugin; only CNI_COMMAND may differ.",
    ])
    .only(&[Interface, Wrapper]),
    must(Delegation, [
        "delegate.gets-the-configuration",
        "DLG-03",
        "An IPAM plugin gets the complete configuration; the plugin in `delegate` its object with name, cniVersion and the keys of the runtime.",
    ])
    .only(&[Interface, Wrapper]),
    should(Delegation, [
        "delegate.stderr-is-handed-on",
        "DLG-04",
        "What a delegate prints on stderr appears on the plugin's, also when the delegate fails.",
    ])
    .only(&[Interface, Wrapper]),
    must(Delegation, [
        "delegate.gets-every-verb",
        "DLG-05",
        "CHECK, DEL, GC and STATUS are handed on to the delegate.",
    ])
    .only(&[Interface, Wrapper]),
    should(Delegation, [
        "delegate.error-is-handed-on",
        "DLG-06",
        "A delegate's error becomes the plugin's: code and message survive.",
    ])
    .only(&[Interface, Wrapper]),
    should(Delegation, [
        "delegate.failed-add-is-deleted",
        "DLG-07",
        "When the delegate's ADD fails, DEL is sent to it.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    must(Results, [
        "delegate.result-is-converted",
        "DLG-08",
        "A delegate's result in another version, or in none, is answered in the version of the request.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.may-misbehave",
        "DLG-09",
        "A delegate that is missing, dies of a signal, prints garbage, nothing, or an error with exit status 0 is an error.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.is-undone-after-own-failure",
        "DLG-10",
        "When the plugin's own part of ADD fails after the delegate's, DEL is sent to the delegate.",
    ])
    .on(&[Add])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.is-deleted-last",
        "DLG-11",
        "DEL removes what is the plugin's own before the delegate gives the address back.",
    ])
    .on(&[Del])
    .only(&[Interface, Wrapper]),
    stricter(Practice, [
        "delegate.may-hang",
        "DLG-12",
        "A delegate that hangs is ended, with its children, after a bounded time.",
    ])
    .only(&[Wrapper]),
];
