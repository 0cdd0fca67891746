//! The commands of `cni-conformance`, a file for each. [`cli`] defines the command line.

mod cli;
mod completions;
mod diff;
mod exchange;
mod exit_status;
mod explain;
mod keep;
mod lifecycle;
mod list;
mod man;
mod matrix;
mod names;
mod progress;
mod replay;
mod reports;
mod run;
mod runtime;
mod subject;
mod usage;
mod user_namespace;
mod validate;
mod values;
mod write;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
pub(crate) use exit_status::ExitStatus;

/// Executes the command line of this process.
pub(crate) fn execute() -> Result<ExitStatus, String> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match usage::message(&error, &Cli::command()) {
            Some(message) => return Err(message),
            None => error.exit(),
        },
    };
    match cli.command {
        Some(command) => dispatch(command),
        None => {
            out!("{}", Cli::command().render_help());
            Ok(ExitStatus::Success)
        }
    }
}

fn dispatch(command: Command) -> Result<ExitStatus, String> {
    if makes_hosts(&command) {
        user_namespace::enter();
    }
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::List(arguments) => Ok(list::list(&arguments)),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Matrix(arguments) => matrix::matrix(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Validate(arguments) => Ok(validate::validate_files(&arguments)),
        Command::Lifecycle(arguments) => lifecycle::lifecycle(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Runtime(command) => runtime::execute(&command),
        Command::Completions(arguments) => Ok(completions::print(&arguments, Cli::command())),
        Command::Man(arguments) => man::write(&arguments, Cli::command()),
    }
}

/// Returns whether the command makes disposable hosts.
fn makes_hosts(command: &Command) -> bool {
    use Command::{Explain, Lifecycle, Replay, Run};
    matches!(command, Run(_) | Explain(_) | Lifecycle(_) | Replay(_))
}
