//! The command line.

mod arguments;
mod by_hand;
mod diff;
mod explain;
mod kept;
mod life;
mod list;
mod matrix;
mod progress;
mod run;
mod runtime_arguments;
mod targets;
mod user_namespace;
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

const HELP: &str = "\
Judges any CNI plugin binary, in whatever language, against the specification.

cni-conformance run PLUGIN [CASE…]    PLUGIN: a program, or a name in /opt/cni/bin or /usr/lib/cni
    --subject FILE       the plugin with all it needs, instead of PLUGIN (JSON, see the README)
    --config JSON|FILE   its object in a network configuration
    --profile PROFILE    interface, chained, wrapper, ipam (default: interface)
    --spec VERSION       judge by this version (repeatable; default: all that the plugin claims)
    --level LEVEL        what counts as a failure: must (default), should, convention, stricter
    --skip CASE          not this one (repeatable)
    --fail-fast          stop at the first failure
    --timeout SECONDS    for one call of the plugin (default: 120)
    --jobs N             cases at a time (default: one for each processor, and one)
    --report KIND=FILE[,KIND=FILE…]  write reports: text, json, junit, md, html; - for stdout (default: text=-)
    --exchanges WHICH    the calls that reports hold: all, findings (default: of what did not pass), none
    --keep               leave the namespaces of the first failure, say how to enter them, wait for the end of input
cni-conformance list [CASE…]          the cases, their weight and profiles; runs nothing
cni-conformance explain CASE [PLUGIN] requirement, place in the specification, what the case does; with a PLUGIN each call that
                                      the case makes of it, as a line for a shell
    --subject, --config, --profile, --spec, --timeout   as above
    --keep               leave the namespaces as the case left them, say how to enter them, wait for the end of input
cni-conformance matrix REPORT…        JSON reports side by side: plugins × requirements
    --report KIND=FILE[,KIND=FILE…]  text, md, html; - for stdout (default: text=-)
cni-conformance diff OLD NEW          what got better and worse between two JSON reports; 1 if anything got worse

cni-conformance life PLUGIN|NETCONF   whole lives of attachments, as a runtime drives them, on throw-away hosts
    --runtime RUNTIME    libcni (default) or mesos
    --lives LIFE,…       only these; `--lives help` lists them
    --keep               leave the host of the first life that goes wrong, say how to enter it, wait for the end of input
    --subject, --config, --profile, --spec, --timeout   as above
    --cap JSON           with NETCONF: what is supplied for capabilities
    --info JSON          with --runtime mesos: what the framework says (NetworkInfo) besides port mappings
    --path DIRS          where plugins are, besides /opt/cni/bin and /usr/lib/cni

cni-conformance add|check|del|status NETCONF NETNS    as a small runtime, on this machine; the result is on stdout
cni-conformance gc NETCONF --valid ID[/IFNAME]…|--all
    NETCONF              a file (.conf, .json, .conflist), or the name of a network in --netconf-dir
    NETNS                a path, or a name in /run/netns
    --runtime RUNTIME    libcni (default) or mesos
    --ifname NAME        default: eth0
    --id ID              the container id (default: made of NETNS, as cnitool does)
    --args KEY=VALUE;…   CNI_ARGS
    --cap JSON           what is supplied for capabilities; repeat it on check and del
    --info JSON          with --runtime mesos: what the framework says (NetworkInfo)
    --path DIRS          where plugins are (default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni)
    --netconf-dir DIR    default: NETCONFPATH, or /etc/cni/net.d
    --cache DIR          what is kept between calls (default: /var/lib/cni; mesos: /run/cni-conformance/mesos)
    --timeout SECONDS    for one call of a plugin (default: 60)
    -v                   show every call of a plugin on stderr

CASE is the beginning of an id (`del`, `del.twice`) or a code (`DEL-02`).
Exit status: 0 conforms, 1 a requirement is broken, 2 could not test, 3 nothing matched.
By hand: 0 success, 1 the plugin failed, 2 it could not be run.
";

/// Does what the command line says.
pub(crate) fn dispatch() -> Result<ExitCode, String> {
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
            Some(verb) if by_hand::knows(verb) => by_hand::by_hand(verb, words)?,
            Some("explain") => {
                user_namespace::enter();
                explain::explain(words)?
            }
            Some("matrix") => matrix::matrix(&arguments::read_matrix(words)?)?,
            Some("diff") => diff::diff(&arguments::read_files(words)?)?,
            Some("help") => help(),
            _ => return Err(format!("no such command: {}\n\n{HELP}", verb.display())),
        },
        None | Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) => help(),
        Some(lexopt::Arg::Short('V') | lexopt::Arg::Long("version")) => {
            println!("cni-conformance {}", env!("CARGO_PKG_VERSION"));
            CONFORMS
        }
        Some(other) => return Err(other.unexpected().to_string()),
    };
    Ok(ExitCode::from(code))
}

fn help() -> u8 {
    print!("{HELP}");
    CONFORMS
}
