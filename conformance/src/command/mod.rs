//! The command line.

mod arguments;
mod by_hand;
mod diff;
mod explain;
mod help;
mod kept;
mod life;
mod list;
mod matrix;
mod progress;
mod replay;
mod run;
mod runtime_arguments;
mod targets;
mod user_namespace;
mod validate;
mod write;

use std::process::ExitCode;

/// The plugin does what it must.
const CONFORMS: u8 = 0;
/// It breaks a requirement that counts.
const FAILED: u8 = 1;
/// It could not be tested.
pub(crate) const COULD_NOT_TEST: u8 = 2;
/// No case has this name, or none is for this plugin.
const NOTHING_MATCHED: u8 = 3;

/// Does what the command line says.
pub(crate) fn dispatch() -> Result<ExitCode, String> {
    if let Some(text) = help::asked(std::env::args_os().skip(1)) {
        print!("{text}");
        return Ok(ExitCode::from(CONFORMS));
    }
    let mut words = lexopt::Parser::from_env();
    let verb = words.next().map_err(|error| error.to_string())?;
    let code = match verb {
        Some(lexopt::Arg::Value(verb)) => match verb.to_str() {
            Some("run") => {
                user_namespace::enter();
                run::run(&arguments::read(words)?)?
            }
            Some("list") => list::list(&arguments::read_cases(words)?),
            Some("life") => {
                user_namespace::enter();
                life::life(words)?
            }
            Some("replay") => {
                user_namespace::enter();
                replay::replay(words)?
            }
            Some(verb) if by_hand::knows(verb) => by_hand::by_hand(verb, words)?,
            Some("explain") => {
                user_namespace::enter();
                explain::explain(words)?
            }
            Some("validate") => validate::validate_files(words)?,
            Some("matrix") => matrix::matrix(&arguments::read_matrix(words)?)?,
            Some("diff") => diff::diff(&arguments::read_files(words)?)?,
            _ => return Err(help::no_such_command(&verb)),
        },
        None => return Err("what is to be done? See cni-conformance --help".to_owned()),
        Some(lexopt::Arg::Short('V') | lexopt::Arg::Long("version")) => {
            println!("cni-conformance {}", env!("CARGO_PKG_VERSION"));
            CONFORMS
        }
        Some(other) => return Err(other.unexpected().to_string()),
    };
    Ok(ExitCode::from(code))
}
