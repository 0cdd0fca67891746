//! What is added to the messages of wrong command lines.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// The former names of commands and options, and the present ones.
const RENAMED: [(&str, &str); 2] = [("life", "lifecycle"), ("--lives", "--lifecycles")];

/// Returns the answer to a command line that uses a former name or an unknown command; the answer
/// to others is clap's own.
pub(super) fn message(error: &Error, definition: &Command) -> Option<String> {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => Some(name.as_str()),
        // The most similar name is the last one.
        Some(ContextValue::Strings(names)) => names.last().map(String::as_str),
        _ => None,
    };
    let name = named(ContextKind::InvalidSubcommand).or(named(ContextKind::InvalidArg))?;
    if let Some((former, present)) = RENAMED.into_iter().find(|(former, _)| *former == name) {
        return Some(format!("`{former}` is now called `{present}`"));
    }
    (error.kind() == ErrorKind::InvalidSubcommand).then(|| {
        let commands: Vec<_> = definition.get_subcommands().map(Command::get_name).collect();
        let tip = named(ContextKind::SuggestedSubcommand)
            .map_or(String::new(), |similar| format!(" (did you mean `{similar}`?)"));
        format!("`{name}` is not a command{tip}; the commands are: {}", commands.join(", "))
    })
}
