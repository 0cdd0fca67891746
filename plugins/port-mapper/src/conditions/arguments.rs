//! Reads the arguments one by one.

use super::{Addresses, Device, Matches, subnet};
use crate::config::check_device;
use crate::family::Family;

/// The maximum number of arguments, and of bytes in each. Old versions of iptables-restore have
/// buffers of 10 and 1 KiB for a line and an argument.
const MAX_ARGUMENTS: usize = 64;
const MAX_LENGTH: usize = 255;

/// The long options of iptables itself. It accepts every beginning of them, too. Those of
/// [`Flag`] are read before.
const RESERVED: [&str; 37] = [
    "--append",
    "--check",
    "--delete",
    "--delete-chain",
    "--destination",
    "--dst",
    "--exact",
    "--flush",
    "--fragments",
    "--goto",
    "--help",
    "--in-interface",
    "--insert",
    "--ipv4",
    "--ipv6",
    "--jump",
    "--line-numbers",
    "--list",
    "--list-rules",
    "--match",
    "--modprobe",
    "--new-chain",
    "--numeric",
    "--out-interface",
    "--policy",
    "--protocol",
    "--rename-chain",
    "--replace",
    "--set-counters",
    "--source",
    "--src",
    "--table",
    "--verbose",
    "--version",
    "--wait",
    "--wait-interval",
    "--zero",
];

/// Options of matches that are the beginning of one of iptables's own: of `policy` and `recent`.
const OF_MATCHES: [&str; 2] = ["--pol", "--set"];

type Refusal = (usize, String);

/// What was read so far.
pub(super) struct Reader {
    family: Family,
    matches: Matches,
    /// The index of a `!` whose option follows.
    negation: Option<usize>,
}

impl Reader {
    pub(super) fn new(family: Family) -> Self {
        Self { family, matches: Matches::default(), negation: None }
    }

    pub(super) fn read(mut self, arguments: &[String]) -> Result<Matches, Refusal> {
        if arguments.len() > MAX_ARGUMENTS {
            let why =
                format!("the list has {} arguments, more than {MAX_ARGUMENTS}", arguments.len());
            return Err((MAX_ARGUMENTS, why));
        }
        for (index, argument) in arguments.iter().enumerate() {
            check_text(argument).map_err(|why| (index, why))?;
        }
        let mut next = 0;
        while let Some(argument) = arguments.get(next) {
            next += self.argument(argument, next, arguments.get(next + 1))?;
        }
        match self.negation {
            Some(index) => Err((index, "\"!\" must be followed by an option".to_owned())),
            None => Ok(self.matches),
        }
    }

    /// Reads an argument, and the next one if that is its value. Returns how many were read.
    fn argument(
        &mut self,
        argument: &str,
        index: usize,
        next: Option<&String>,
    ) -> Result<usize, Refusal> {
        let is_negated = self.negation.take().is_some();
        if argument == "!" && !is_negated {
            self.negation = Some(index);
            return Ok(1);
        }
        if is_negated && !argument.starts_with('-') {
            let why = format!("{argument:?} follows \"!\", which must be followed by an option");
            return Err((index, why));
        }
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (argument, None),
        };
        let Some(flag) = Flag::named(name) else {
            self.extension(argument, name, is_negated).map_err(|why| (index, why))?;
            return Ok(1);
        };
        let Some(value) = inline.or(next.map(String::as_str)) else {
            return Err((index, format!("{argument:?} has no value; add it as the next item")));
        };
        let read = 1 + usize::from(inline.is_none());
        self.option(flag, is_negated, value).map_err(|why| (index + read - 1, why))?;
        Ok(read)
    }

    /// Reads an option of a match, or a value.
    fn extension(&mut self, argument: &str, name: &str, is_negated: bool) -> Result<(), String> {
        if let Some(why) = unusable(name) {
            return Err(format!("{argument:?} {why}"));
        }
        self.matches.extensions.extend(is_negated.then(|| "!".to_owned()));
        self.matches.extensions.push(argument.to_owned());
        Ok(())
    }

    fn option(&mut self, flag: Flag, is_negated: bool, value: &str) -> Result<(), String> {
        let again = |is_set: bool| match is_set {
            true => Err(format!("the option of {value:?} is set twice; use it once")),
            false => Ok(()),
        };
        match flag {
            Flag::Source => {
                again(self.matches.sources.is_some())?;
                self.matches.sources = Some(addresses(value, is_negated, self.family)?);
            }
            Flag::Destination => {
                again(self.matches.destinations.is_some())?;
                self.matches.destinations = Some(addresses(value, is_negated, self.family)?);
            }
            Flag::Device => {
                again(self.matches.device.is_some())?;
                check_device(value)?;
                self.matches.device = Some(Device { is_negated, name: value.to_owned() });
            }
            Flag::Match => {
                check_match(value, is_negated)?;
                self.matches.extensions.extend(["-m".to_owned(), value.to_owned()]);
            }
        }
        Ok(())
    }
}

/// An option of iptables itself that only matches packets.
#[derive(Clone, Copy)]
enum Flag {
    Source,
    Destination,
    Device,
    Match,
}

impl Flag {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "-s" | "--source" | "--src" => Self::Source,
            "-d" | "--destination" | "--dst" => Self::Destination,
            "-i" | "--in-interface" => Self::Device,
            "-m" | "--match" => Self::Match,
            _ => return None,
        })
    }
}

/// Returns why an argument is neither a value nor an option of a match.
fn unusable(name: &str) -> Option<&'static str> {
    if !name.starts_with('-') {
        return None;
    }
    let is_reserved = RESERVED.iter().any(|reserved| reserved.starts_with(name));
    if name.starts_with("--") && (OF_MATCHES.contains(&name) || !is_reserved) {
        return None;
    }
    if name.contains(' ') {
        return Some("contains a blank; write each argument as an item of its own: \"-s\", \"…\"");
    }
    Some(
        "is not an option that only matches packets; use -s, -d, -i, -m and the options of \
         matches, written in full",
    )
}

fn check_text(argument: &str) -> Result<(), String> {
    if argument.is_empty() {
        return Err("\"\" is not an argument; remove it from the list".to_owned());
    }
    if argument.len() > MAX_LENGTH {
        return Err(format!("it has {} bytes, more than {MAX_LENGTH}", argument.len()));
    }
    match argument.chars().find(|c| c.is_control() || matches!(c, '"' | '\\')) {
        Some(bad) => {
            Err(format!("{argument:?} contains {bad:?}, which iptables-restore can't be passed"))
        }
        None => Ok(()),
    }
}

/// A name becomes part of a path below iptables's own directory.
fn check_match(name: &str, is_negated: bool) -> Result<(), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if is_negated {
        return Err("\"!\" can't precede -m; write it before an option of the match".to_owned());
    }
    if name.starts_with('-') || !name.chars().all(is_name) {
        return Err(format!("{name:?} is not the name of a match, such as conntrack or set"));
    }
    Ok(())
}

fn addresses(value: &str, is_negated: bool, family: Family) -> Result<Addresses, String> {
    let any_of: Result<Vec<_>, String> = value
        .split(',')
        .map(|text| {
            subnet(text, family)
                .ok_or_else(|| format!("{text:?} is not an {family} address or subnet"))
        })
        .collect();
    let any_of = any_of?;
    if is_negated && any_of.len() > 1 {
        return Err(format!(
            "{value:?}: \"!\" can't be used with several addresses; use a match such as set"
        ));
    }
    Ok(Addresses { is_negated, any_of })
}
