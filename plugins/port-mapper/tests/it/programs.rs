//! Executable scripts of tests.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a shell script as an executable file.
///
/// Another process writes it. A file that is open for writing cannot be executed, and a process
/// that another test has just forked would keep it open for a moment.
pub(crate) fn executable(path: &Path, script: &str) {
    let mut writing = Command::new("sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut text = writing.stdin.take().expect("its stdin");
    write!(text, "#!/bin/sh\n{script}\n").expect("it reads");
    drop(text);
    assert!(writing.wait().expect("sh").success(), "{} is written", path.display());
}
