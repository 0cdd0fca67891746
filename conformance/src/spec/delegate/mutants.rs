//! The mutants of plugins that run other plugins.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("delegate.is-found-on-cni-path", "delegate.rs", "searches PATH before CNI_PATH"),
    mutant(
        "delegate.gets-the-environment",
        "delegate.rs",
        "removes CONFORMANCE_MARK from the delegate's environment",
    ),
    mutant(
        "delegate.gets-the-configuration",
        "delegate.rs",
        "does not pass `args` to the delegate",
    ),
    mutant(
        "delegate.stderr-is-handed-on",
        "delegate.rs",
        "drops the stderr of a delegate that fails",
    ),
    mutant("delegate.gets-every-verb", "flow/check.rs", "does not run the delegate on CHECK")
        .also_fails(&["check.runs-on-delegates", "check.hands-on-delegates-error"]),
    mutant(
        "delegate.error-is-handed-on",
        "delegate.rs",
        "replaces the code of the delegate's error by 100",
    ),
    mutant(
        "delegate.failed-add-is-deleted",
        "flow/add.rs",
        "runs no DEL after the delegate's ADD failed",
    ),
    mutant(
        "delegate.result-is-converted",
        "delegate.rs",
        "fails when the delegate answers in another version",
    ),
    mutant(
        "delegate.may-misbehave",
        "delegate.rs",
        "takes the empty output of a delegate for an empty result",
    ),
    mutant(
        "delegate.is-undone-after-own-failure",
        "flow/add.rs",
        "runs no DEL on the delegate after it failed itself",
    ),
    // An error of the delegate, which runs first, stops the plugin's own cleanup.
    mutant("delegate.is-deleted-last", "flow/del.rs", "runs the delegate's DEL before its own")
        .also_fails(&["del.cleans-although-delegate-fails"]),
    mutant("delegate.may-hang", "delegate.rs", "waits for its delegate without a limit"),
];
