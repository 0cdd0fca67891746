//! What to do about a step: a text for people, and command lines that can be run as they are.

use std::path::Path;

use crate::config::DEFAULT_STATE_DIR;
use crate::program::{self, quoted};

/// A remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Remedy {
    pub(in crate::cli) text: String,
    pub(in crate::cli) commands: Vec<String>,
}

/// The programs with which a remedy begins that is a command line.
const PROGRAMS: [&str; 9] = [
    "nsenter",
    "iptables",
    "ip6tables",
    "nft",
    "ufw",
    "firewall-cmd",
    "sysctl",
    "ip",
    program::NAME,
];

impl Remedy {
    /// Returns the remedy with this text and these command lines. A text that is a command line
    /// itself, or several with `; ` between them, becomes those.
    pub(super) fn new(text: &str, commands: &[String]) -> Self {
        let first = text.split(' ').next().unwrap_or_default();
        let variant = first.trim_end_matches("-nft").trim_end_matches("-legacy");
        if !commands.is_empty() || !PROGRAMS.contains(&variant) {
            return Self { text: text.to_owned(), commands: commands.to_vec() };
        }
        let commands = text.split("; ").map(str::to_owned).collect();
        Self { text: description(text).to_owned(), commands }
    }
}

/// Returns what command lines for a firewall do, if that is known.
fn description(commands: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| commands.contains(word));
    if has(&["--ctstate DNAT -j ACCEPT", "ct status dnat accept"]) {
        "let packets to all mapped ports pass"
    } else if has(&["--ctstate ESTABLISHED -j ACCEPT", "ct state established accept"]) {
        "let packets of all established connections pass"
    } else if has(&[" -D ", "delete rule"]) {
        "delete the rule"
    } else if has(&["-j ACCEPT", " accept", "ufw route allow"]) {
        "let these packets pass"
    } else {
        "run"
    }
}

/// How command lines are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Shown<'a> {
    /// The directory of the state files, if it is not the default.
    state_dir: Option<&'a Path>,
}

impl<'a> Shown<'a> {
    /// Returns how they are shown to a user of this state directory.
    pub(in crate::cli) fn new(state_dir: &'a Path) -> Self {
        let is_default = state_dir == Path::new(DEFAULT_STATE_DIR);
        Self { state_dir: (!is_default).then_some(state_dir) }
    }

    /// Returns a command line with the path of this program instead of its name, and with the state
    /// directory.
    pub(in crate::cli) fn command(&self, command: &str) -> String {
        let arguments = command.strip_prefix(program::NAME).and_then(|rest| rest.strip_prefix(' '));
        let Some(arguments) = arguments else { return command.to_owned() };
        let mut command = program::command(arguments);
        if let Some(directory) = self.state_dir {
            command += &format!(" --state-dir {}", quoted(&directory.to_string_lossy()));
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_that_is_a_command_line_becomes_one_and_a_text_does_not() {
        let commands = |text: &str| Remedy::new(text, &[]).commands;
        assert_eq!(commands("ufw route allow"), ["ufw route allow"]);
        let reload = "firewall-cmd --permanent --new-policy=x; mesos-cni-port-mapper restore";
        let two = ["firewall-cmd --permanent --new-policy=x", "mesos-cni-port-mapper restore"];
        assert_eq!(commands(reload), two);
        let insert = "ip6tables-legacy -I FORWARD";
        assert_eq!(commands(insert), [insert]);
        let text = "find the service with `kubectl get services -A` and change its port";
        assert_eq!(Remedy::new(text, &[]), Remedy { text: text.to_owned(), commands: Vec::new() });
    }

    #[test]
    fn the_text_says_what_is_opened() {
        for (command, text) in [
            ("nft insert rule ip own forward ct status dnat accept", "all mapped ports"),
            (
                "iptables-nft -t filter -I INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                "all est",
            ),
            ("iptables-nft -t raw -D PREROUTING -p tcp -j DROP", "delete the rule"),
            ("ufw route allow proto tcp to 192.168.0.2 port 80", "let these packets"),
        ] {
            let remedy = Remedy::new(command, &[]);
            assert!(remedy.text.contains(text), "{command}: {}", remedy.text);
        }
    }

    #[test]
    fn a_command_line_of_this_program_names_its_path_and_the_state_directory() {
        let own = program::command("gc --force c1");
        let of_default = Shown::new(Path::new(DEFAULT_STATE_DIR));
        assert_eq!(of_default.command("mesos-cni-port-mapper gc --force c1"), own);
        let of_other = Shown::new(Path::new("/run/my state"));
        let expected = format!("{own} --state-dir '/run/my state'");
        assert_eq!(of_other.command("mesos-cni-port-mapper gc --force c1"), expected);
        assert_eq!(of_other.command("ip rule"), "ip rule");
    }
}
