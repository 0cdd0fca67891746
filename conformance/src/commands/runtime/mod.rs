//! `add`, `check`, `del`, `gc` and `status`: a small runtime on this machine, as cnitool is.

mod arguments;
mod attachment;
mod context;
mod libcni;
mod mesos;

use cni_conformance::runtime::failure::Failure;
use cni_conformance::runtime::kind::RuntimeKind;

use super::exit_status::ExitStatus;
pub(super) use arguments::RuntimeCommand;
use context::Context;

/// Executes a verb. The result of a plugin, and nothing else, goes to stdout.
pub(super) fn execute(command: &RuntimeCommand) -> Result<ExitStatus, String> {
    let network = command.network();
    let context = Context::of(network);
    let done = match network.options.runtime {
        RuntimeKind::Libcni => libcni::execute(command, &context),
        RuntimeKind::Mesos => mesos::execute(command, &context),
    };
    match done {
        Ok(()) => Ok(ExitStatus::Success),
        Err(Failure { exchange: None, message }) => Err(message),
        Err(failure) => {
            errln!("cni-conformance: {failure}");
            Ok(ExitStatus::Failure)
        }
    }
}
