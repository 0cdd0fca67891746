//! The verbs as Mesos's isolator executes them: ADD and DEL.

use cni_conformance::runtime::exec::{Exec, Lookup};
use cni_conformance::runtime::failure::Failure;
use cni_conformance::runtime::mesos::config;
use cni_conformance::runtime::mesos::isolator::{Isolator, Join, NetnsHandle};
use serde_json::{Map, Value};

use super::arguments::{Attachment, RuntimeCommand};
use super::context::{Context, failure};

/// Not the directory of a real agent, which would take what it finds there for orphans.
const CACHE: &str = "/run/cni-conformance/mesos";

/// Executes a verb.
pub(super) fn execute(command: &RuntimeCommand, context: &Context) -> Result<(), Failure> {
    match command {
        RuntimeCommand::Add(attachment) => add(attachment, context),
        RuntimeCommand::Del(attachment) => del(attachment, context),
        RuntimeCommand::Check(_) => Err(never("CHECK")),
        RuntimeCommand::Gc(_) => Err(never("GC")),
        RuntimeCommand::Status(_) => Err(never("STATUS")),
    }
}

fn never(verb: &str) -> Failure {
    failure(format!("Mesos never calls {verb}: use --runtime libcni"))
}

fn add(attachment: &Attachment, context: &Context) -> Result<(), Failure> {
    refuse_options(attachment).map_err(failure)?;
    let parameters = attachment.parameters(true).map_err(failure)?;
    let config = config(context).map_err(failure)?;
    let info = attachment.info.as_ref().map(|info| info.object.clone()).unwrap_or_default();
    let (id, netns) = (&parameters.id, &parameters.netns);
    isolator(context, netns).launch(id, netns, &[Join { config, info }])?;
    // The plugin's own output, since Mesos keeps it byte for byte.
    let printed = context.runner.exchanges().last().map(|exchange| exchange.stdout.clone());
    out!("{}", printed.unwrap_or_default());
    Ok(())
}

fn del(attachment: &Attachment, context: &Context) -> Result<(), Failure> {
    refuse_options(attachment).map_err(failure)?;
    let parameters = attachment.parameters(false).map_err(failure)?;
    let isolator = isolator(context, &parameters.netns);
    let id = &parameters.id;
    if !isolator.knows(id) {
        errln!("cni-conformance: no checkpoint of a container {id} exists; nothing to do");
    }
    isolator.destroy(id)
}

fn refuse_options(attachment: &Attachment) -> Result<(), String> {
    let options = [
        (attachment.args.is_some(), "--args: Mesos never sets CNI_ARGS"),
        (attachment.cap.is_some(), "--cap: Mesos supplies no capabilities; use --info"),
        (
            attachment.ifname.is_some(),
            "--ifname: Mesos numbers the interfaces of a container: the first is eth0",
        ),
    ];
    match options.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, problem)) => Err(problem.to_owned()),
        None => Ok(()),
    }
}

fn config(context: &Context) -> Result<Map<String, Value>, String> {
    let directories = context.directories();
    let is_executable =
        |name: &str| context.runner.find(name, &directories, Lookup::Executable).is_ok();
    match context.netconf_file() {
        Some(file) => config::read(file),
        None => config::named(&context.netconf_dir, context.netconf_name(), &is_executable),
    }
}

fn isolator<'c>(context: &'c Context, netns: &str) -> Isolator<'c> {
    let root = context.cache.clone().unwrap_or_else(|| CACHE.into());
    Isolator::new(&context.runner, &context.path, root, NetnsHandle::AsGiven(netns.to_owned()))
}
