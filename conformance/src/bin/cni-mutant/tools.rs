//! Other programs that the plugin runs.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fault::Fault;

/// Runs a program with an input and returns its output.
pub(crate) fn run(command: &[&str], input: &str) -> Result<String, Fault> {
    let fault =
        |error: &dyn std::fmt::Display| Fault::new(100, format!("{}: {error}", command.join(" ")));
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fault(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it does not read its whole input, its exit status counts.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| fault(&error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(fault(&String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Returns the output of `ip -json` in a network namespace.
pub(crate) fn show(netns: &str, command: &[&str]) -> Result<Vec<Value>, Fault> {
    let netns = format!("--net={netns}");
    let mut in_netns = vec!["nsenter", &netns, "ip", "-json"];
    in_netns.extend_from_slice(command);
    let text = run(&in_netns, "")?;
    let shown: Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(shown.as_array().cloned().unwrap_or_default())
}

/// Returns the FNV-1a hash of a text.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
