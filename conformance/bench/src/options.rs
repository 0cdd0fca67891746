//! The command line of `cargo xtask bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

/// The numbers of existing mappings for which there are thresholds.
const EXISTING: [usize; 4] = [0, 100, 1000, 10_000];
const QUICK: [usize; 2] = [0, 1000];
/// The host ports of existing mappings begin at 20000.
const MOST_EXISTING: usize = 20_000;

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [OPTIONS]

Measures ADD, DEL and new connections, and compares with other port mappers.

All measurements of a run are interleaved, each on a separate host in network namespaces. Compare
only figures of the same run, as ratios: they depend on the machine and its load.

Options:

  --quick                         about a minute: 0 and 1000 existing mappings, fewer calls
  --existing N,N,…                numbers of existing mappings [default: 0,100,1000,10000]
  --calls N                       the most ADDs and DELs for each number [default: 30, quick: 8]
  --peer NAME=PATH[,CONFIG.json]  another chained port mapper, and keys for its configuration
  --port-mapper PATH              measure this mesos-cni-port-mapper instead of this checkout's
  --json FILE                     write all figures as JSON
  --svg FILE                      draw a chart of ADD and DEL by the number of existing mappings
  --unoptimised                   measure debug builds, only to test the benchmark itself
  --help

It needs root for namespaces, large netlink batches and real-time scheduling.
Exit status: 0 every measured threshold is met, 1 a threshold is missed, 2 could not measure.
";

/// A port mapper from outside this workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) help: bool,
    pub(crate) quick: bool,
    pub(crate) existing: Vec<usize>,
    pub(crate) calls: usize,
    pub(crate) peers: Vec<Peer>,
    pub(crate) port_mapper: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) unoptimised: bool,
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Options, lexopt::Error> {
    let mut parser = Parser::from_args(args);
    let (mut existing, mut calls) = (None, None);
    let mut options = Options {
        help: false,
        quick: false,
        existing: Vec::new(),
        calls: 0,
        peers: Vec::new(),
        port_mapper: None,
        json: None,
        svg: None,
        unoptimised: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => options.help = true,
            Arg::Long("quick") => options.quick = true,
            Arg::Long("existing") => existing = Some(parser.value()?.parse_with(numbers)?),
            Arg::Long("calls") => calls = Some(parser.value()?.parse_with(positive)?),
            Arg::Long("peer") => options.peers.push(parser.value()?.parse_with(peer)?),
            Arg::Long("port-mapper") => options.port_mapper = Some(parser.value()?.into()),
            Arg::Long("json") => options.json = Some(parser.value()?.into()),
            Arg::Long("svg") => options.svg = Some(parser.value()?.into()),
            Arg::Long("unoptimised") => options.unoptimised = true,
            other => return Err(other.unexpected()),
        }
    }
    let usual = if options.quick { QUICK.to_vec() } else { EXISTING.to_vec() };
    options.existing = existing.unwrap_or(usual);
    options.calls = calls.unwrap_or(if options.quick { 8 } else { 30 });
    Ok(options)
}

/// Parses numbers; sorted and without duplicates, for the axis of the chart.
fn numbers(text: &str) -> Result<Vec<usize>, String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    let mut numbers =
        numbers.map_err(|_| "--existing takes numbers, separated by commas".to_owned())?;
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.last() {
        Some(most) if *most > MOST_EXISTING => {
            Err(format!("--existing takes numbers up to {MOST_EXISTING}"))
        }
        _ => Ok(numbers),
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "--calls takes a positive number".to_owned())
}

fn peer(text: &str) -> Result<Peer, String> {
    let (name, rest) = text.split_once('=').ok_or("--peer takes NAME=PATH[,CONFIG.json]")?;
    let (program, config) = match rest.split_once(',') {
        Some((program, config)) => (program, Some(PathBuf::from(config))),
        None => (rest, None),
    };
    let program = std::fs::canonicalize(program).map_err(|error| format!("{program}: {error}"))?;
    Ok(Peer { name: name.to_owned(), program, config })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Options, String> {
        parse(args.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn all_numbers_are_measured_thirty_times_by_default() {
        let options = parsed(&[]).unwrap();
        assert_eq!((options.existing, options.calls), (vec![0, 100, 1000, 10_000], 30));
    }

    #[test]
    fn quick_has_fewer_numbers_and_calls_unless_they_are_given() {
        let options = parsed(&["--quick"]).unwrap();
        assert_eq!((options.existing, options.calls), (vec![0, 1000], 8));
        let options = parsed(&["--existing=1000,0,0", "--calls", "2", "--quick"]).unwrap();
        assert_eq!((options.existing, options.calls), (vec![0, 1000], 2));
    }

    #[test]
    fn a_peer_has_a_name_a_program_and_an_optional_configuration() {
        let options = parsed(&["--peer", "go=/bin/sh,go.json", "--peer", "x=/bin/sh"]).unwrap();
        assert_eq!(options.peers[0].name, "go");
        assert_eq!(options.peers[0].config, Some(PathBuf::from("go.json")));
        assert_eq!(options.peers[1].config, None);
        assert!(parsed(&["--peer", "x=/nowhere/at/all"]).unwrap_err().contains("/nowhere/at/all"));
    }

    #[test]
    fn invalid_options_are_refused() {
        for args in [["--calls", "0"], ["--existing", "many"], ["--existing", "20001"]] {
            assert!(parsed(&args).is_err(), "{args:?}");
        }
        assert!(parsed(&["--fast"]).unwrap_err().contains("--fast"));
    }
}
