//! The command line.

use std::net::IpAddr;
use std::time::Duration;

/// The options of all commands.
pub(crate) struct Options {
    pub(crate) bind: Option<IpAddr>,
    pub(crate) name: String,
    pub(crate) until_eof: bool,
    pub(crate) from: Option<String>,
    pub(crate) timeout: Duration,
}

/// Separates the positional arguments from the options.
pub(crate) fn split(arguments: &[String]) -> Result<(Vec<String>, Options), String> {
    let mut positional = Vec::new();
    let mut options = Options {
        bind: None,
        name: "peer".to_owned(),
        until_eof: false,
        from: None,
        timeout: Duration::from_secs(2),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{argument} requires a value"));
        match argument.as_str() {
            "--bind" => options.bind = Some(parse(value()?, "address")?),
            "--name" => options.name.clone_from(value()?),
            "--from" => options.from = Some(value()?.clone()),
            "--timeout" => {
                options.timeout = Duration::from_millis(parse(value()?, "number of milliseconds")?);
            }
            "--until-eof" => options.until_eof = true,
            option if option.starts_with("--") => {
                return Err(format!("unknown option {option}"));
            }
            _ => positional.push(argument.clone()),
        }
    }
    Ok((positional, options))
}

pub(crate) fn number(port: &str) -> Result<u16, String> {
    parse(port, "port")
}

pub(crate) fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a valid {what}"))
}
