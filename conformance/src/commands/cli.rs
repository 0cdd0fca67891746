//! The definition of the whole command line: parsing, help, completions and manual pages.

use clap::{Parser, Subcommand};

use super::runtime::RuntimeCommand;
use super::{completions, diff, explain, lifecycle, list, man, matrix, replay, run, validate};

const EXIT_STATUS: &str = "\
Exit status: 0 the plugin conforms, 1 a requirement is broken, 2 could not test, 3 nothing matched.
`cni-conformance help COMMAND` describes a command and its options.";

/// Judges any CNI plugin binary, in any language, against the specification
#[derive(Parser)]
#[command(name = "cni-conformance", version, after_help = EXIT_STATUS)]
#[command(args_override_self = true, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    Run(run::Arguments),
    List(list::Arguments),
    Explain(explain::Arguments),
    Matrix(matrix::Arguments),
    Diff(diff::Arguments),
    Validate(validate::Arguments),
    Lifecycle(lifecycle::Arguments),
    Replay(replay::Arguments),
    #[command(flatten)]
    Runtime(RuntimeCommand),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
