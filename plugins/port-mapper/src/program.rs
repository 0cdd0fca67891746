//! The command lines that messages name: this program by its path, since it is not in `PATH`.

use std::borrow::Cow;
use std::env;
use std::path::PathBuf;

/// The name by which command lines in this crate begin; it is replaced where they are shown.
pub(crate) const NAME: &str = "mesos-cni-port-mapper";

/// Returns a command line of this program that can be run as it is: `arguments` after its path.
pub(crate) fn command(arguments: &str) -> String {
    format!("{} {arguments}", quoted(&path()))
}

/// Returns a text in which command lines of this program, in backticks, begin with its path.
pub(crate) fn located(text: &str) -> String {
    let command = format!("`{NAME} ");
    match text.contains(&command) {
        true => text.replace(&command, &format!("`{} ", quoted(&path()))),
        false => text.to_owned(),
    }
}

/// Returns the path of this program, or its name if that is unknown or no longer exists.
fn path() -> String {
    let called = || env::args_os().next().map(PathBuf::from);
    let existing = |path: &PathBuf| path.is_absolute() && path.exists();
    let path = env::current_exe().ok().filter(existing).or_else(|| called().filter(existing));
    path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| NAME.to_owned())
}

/// Returns a word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+,-".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_if_a_shell_would_read_it_otherwise() {
        assert_eq!(
            quoted("/usr/lib/cni/mesos-cni-port-mapper"),
            "/usr/lib/cni/mesos-cni-port-mapper"
        );
        assert_eq!(quoted("/opt/my cni/x"), "'/opt/my cni/x'");
        assert_eq!(quoted("a'b$(c)"), r"'a'\''b$(c)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_command_line_of_this_program_begins_with_its_path() {
        let exe = env::current_exe().unwrap();
        let expected = format!("{} gc", quoted(exe.to_str().unwrap()));
        assert_eq!(command("gc"), expected);
        let text = "mesos-cni-port-mapper fails; run `mesos-cni-port-mapper gc`";
        let expected = format!("mesos-cni-port-mapper fails; run `{expected}`");
        assert_eq!(located(text), expected);
    }
}
