//! What `--help` says: all, or what concerns the command that stands before it.

use std::ffi::{OsStr, OsString};

const HELP: &str = "\
Judges any CNI plugin binary, in whatever language, against the specification.

cni-conformance run PLUGIN [CASE…]    PLUGIN: a program, or a name in /opt/cni/bin or /usr/lib/cni
    --subject FILE       the plugin with all it needs, instead of PLUGIN (JSON, see the README)
    --config JSON|FILE   its object in a network configuration
    --profile PROFILE    interface, chained, wrapper, ipam (default: interface)
    --spec VERSION       judge by this version (repeatable; default: all that the plugin claims)
    --quick              judge only the newest version that the plugin claims
    --level LEVEL        what counts as a failure: must (default), should, convention, stricter
    --skip CASE          not this one (repeatable)
    --fail-fast          stop at the first failure
    --timeout SECONDS    for one call of the plugin (default: 120)
    --jobs N             cases at a time (default: four for each processor)
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

cni-conformance validate NETCONF…     is a network configuration or a list as it should be? Nothing is called but VERSION
    --path DIRS          where plugins are (default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni)
    --json               for programs

cni-conformance life PLUGIN|NETCONF   whole lives of attachments, as a runtime drives them, on throw-away hosts
    --runtime RUNTIME    libcni (default) or mesos
    --lives LIFE,…       only these; `--lives help` lists them
    --keep               leave the host of the first life that goes wrong, say how to enter it, wait for the end of input
    --subject, --config, --profile, --spec, --timeout   as above
    --cap JSON           with NETCONF: what is supplied for capabilities
    --info JSON          with --runtime mesos: what the framework says (NetworkInfo) besides port mappings
    --path DIRS          where plugins are, besides /opt/cni/bin and /usr/lib/cni

cni-conformance replay RECORDING PLUGIN   each call that cni-trace recorded again, with this plugin, on a throw-away host: is it answered alike?
    --network NAME       only calls of this network
    --delegate TYPE      only calls of this one, when it recorded several
    --prepare SCRIPT     a shell script that makes the host ready
    --path DIRS          where plugins are, besides PLUGIN's directory, /opt/cni/bin and /usr/lib/cni
    --timeout SECONDS    for one call of the plugin (default: 120)
    --json               for programs

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
Replay: 0 alike, 1 different, 2 could not test, 3 no such call.
By hand: 0 success, 1 the plugin failed, 2 it could not be run.
";

/// The text that these words ask for. Nothing said is a question, too.
pub(super) fn asked(words: impl Iterator<Item = OsString>) -> Option<String> {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    let asks = |word: &OsString| word == "--help" || word == "-h";
    match words.as_slice() {
        [] => Some(HELP.to_owned()),
        [first, rest @ ..] if asks(first) || first == "help" => {
            Some(rest.first().and_then(|verb| of(verb)).unwrap_or_else(|| HELP.to_owned()))
        }
        [verb, rest @ ..] if rest.iter().any(asks) => of(verb),
        _ => None,
    }
}

/// What is said to a command that does not exist.
pub(super) fn no_such_command(verb: &OsStr) -> String {
    let known: Vec<&str> = HELP.lines().flat_map(verbs).collect();
    format!(
        "no such command: {} (there are {}); see cni-conformance --help",
        verb.display(),
        known.join(", ")
    )
}

/// The lines about a command: those that name it, and the options below.
fn of(verb: &OsStr) -> Option<String> {
    let names = |line: &str| verbs(line).any(|known| known == verb);
    let mut lines = HELP.lines().skip_while(|line| !names(line)).peekable();
    lines.peek()?;
    let mut text = String::new();
    let mut in_options = false;
    for line in lines {
        in_options |= line.starts_with(' ');
        if line.is_empty() || (in_options && !line.starts_with(' ')) {
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    Some(text)
}

/// The commands that a line of [`HELP`] is about.
fn verbs(line: &str) -> impl Iterator<Item = &str> {
    let words = line.strip_prefix("cni-conformance ");
    words.and_then(|words| words.split(' ').next()).into_iter().flat_map(|verbs| verbs.split('|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(words: &[&str]) -> Option<String> {
        asked(words.iter().map(OsString::from))
    }

    #[test]
    fn help_is_about_everything_or_about_the_command_before_it() {
        assert_eq!(answer(&[]).unwrap(), HELP);
        assert_eq!(answer(&["--help"]).unwrap(), HELP);
        let run = answer(&["run", "bridge", "--help"]).unwrap();
        assert!(run.starts_with("cni-conformance run PLUGIN") && run.contains("--jobs"));
        assert!(!run.contains("cni-conformance list"));
        assert_eq!(answer(&["help", "run"]).unwrap(), run);
        let by_hand = answer(&["check", "-h"]).unwrap();
        assert!(
            by_hand.starts_with("cni-conformance add|check|") && by_hand.contains("--cap JSON")
        );
        assert!(!by_hand.contains("Exit status"));
        assert_eq!(answer(&["run", "bridge"]), None);
        assert_eq!(answer(&["run", "--", "--help"]), None, "a plugin may be called so");
    }

    #[test]
    fn an_unknown_command_is_told_which_there_are() {
        let told = no_such_command("rnu".as_ref());
        assert!(told.contains("no such command: rnu (there are run, list, explain,"), "{told}");
        assert!(told.contains("add, check, del, status, gc"), "{told}");
    }
}
