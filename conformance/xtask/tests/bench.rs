//! The bench measures what it says, in a form that other programs can read.
//!
//! Debug builds and two calls a row: the figures mean nothing here, only their form and the verdicts on effects do.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn bench(words: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("bench").args(words).output();
    output.unwrap_or_else(|error| panic!("xtask bench: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory for files, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("xtask-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Below the system's directory for temporary files: nothing is lost when it stays.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn row<'a>(figures: &'a Value, name: &str) -> &'a Value {
    let rows = figures["rows"].as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn a_short_run_measures_every_row_and_says_which_failed_in_table_json_and_chart() {
    let scratch = Scratch::new();
    let (json, svg) = (scratch.file("ports.json"), scratch.file("ports.svg"));
    let mut words = vec!["--unoptimised", "--existing", "0,2", "--calls", "2"];
    words.extend(["--peer", "does-nothing=/bin/true", "--json", &json, "--svg", &svg]);
    let output = bench(&words);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    // Debug builds may miss bars (1), but it must have measured.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}\n{stdout}{stderr}", output.status);
    let json = std::fs::read_to_string(json).unwrap_or_else(|error| panic!("{error}"));
    let figures: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}"));
    for name in ["nftables", "iptables-nft", "iptables-legacy", "portmap iptables-nft"] {
        mapped(row(&figures, name), &stdout);
    }
    for name in ["no-op wrapper", "bare delegate", "one transaction", "empty process"] {
        assert_eq!(row(&figures, name)["calls"][0]["add"]["calls"], 2, "{name}\n{stdout}");
    }
    let failures = row(&figures, "does-nothing")["failures"].to_string();
    assert!(failures.contains("an ADD left nothing"), "{failures}");
    assert!(stdout.contains("does-nothing failed: "), "{stdout}");
    let bars = figures["bars"].as_array().map_or(0, Vec::len);
    let verdicts = ["ok", "MISSED", "not measured"];
    let known = |bar: &Value| verdicts.iter().any(|verdict| bar["verdict"] == **verdict);
    assert!(bars > 20 && figures["bars"].as_array().is_some_and(|bars| bars.iter().all(known)));
    let svg = std::fs::read_to_string(svg).unwrap_or_else(|error| panic!("{error}"));
    assert!(svg.contains(">iptables-legacy</text>") && stdout.contains("iptables-legacy"));
}

/// A row of a port mapper: every call went well and had its effect, and connections came through.
fn mapped(row: &Value, table: &str) {
    let failures = row["failures"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |failure: &Value| failure.as_str().unwrap_or_default().to_owned();
    let unexpected: Vec<_> =
        failures.iter().map(text).filter(|failure| !races_with_itself(row, failure)).collect();
    assert_eq!(unexpected, Vec::<String>::new(), "{table}");
    for (index, existing) in [0, 2].into_iter().enumerate() {
        let calls = &row["calls"][index];
        assert_eq!(calls["existing"], existing);
        assert_eq!((&calls["add"]["calls"], &calls["del"]["calls"]), (&2.into(), &2.into()));
        assert!(calls["add"]["median_ms"].as_f64().is_some_and(|median| median > 0.0));
        assert!(calls["peak_kib"].as_u64().is_some_and(|peak| peak > 500));
        assert!(row["traffic"][index]["made"].as_u64().is_some_and(|made| made > 0));
    }
    if !is_peer(row) {
        assert_eq!(row["at_once"][0]["missing"], 0, "{table}");
    }
    assert!(row["processes"]["add"]["processes"].as_u64().is_some_and(|count| count > 0));
}

fn is_peer(row: &Value) -> bool {
    row["name"].as_str().is_some_and(|name| name.starts_with("portmap "))
}

/// Debian's portmap makes its shared chains without a lock, so some of its ADDs at once may fail: that is
/// for the figures to show, and no fault of the bench.
fn races_with_itself(row: &Value, failure: &str) -> bool {
    is_peer(row) && failure.starts_with("32 at once ")
}

#[test]
fn what_is_typed_wrongly_is_said_and_nothing_is_measured() {
    let output = bench(&["--existing", "lots"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("existing"), "{}", text(&output.stderr));
    let help = bench(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("--peer NAME=PATH[,CONFIG.json]"));
}
