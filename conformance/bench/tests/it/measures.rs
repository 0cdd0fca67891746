//! The benchmark measures what it claims to, in a form that other programs can read.
//!
//! Debug builds and two calls for each row: times mean nothing here. What counts is that each row
//! was called, that its effects were verified, and that the verdicts follow from the figures.

use std::path::PathBuf;

use serde_json::Value;

use crate::usage::{bench, text};

/// A directory for files, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("cni-bench-{}", std::process::id()));
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
    // A debug build is larger than its bar allows, so a bar is missed for certain.
    assert_eq!(output.status.code(), Some(1), "{}\n{stdout}{stderr}", output.status);
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
    verdicts_follow_from_figures(&figures);
    let svg = std::fs::read_to_string(svg).unwrap_or_else(|error| panic!("{error}"));
    assert!(svg.contains(">iptables-legacy</text>") && stdout.contains("iptables-legacy"));
}

/// Each bar's verdict is what its limit and its figure say, and there is no figure only where this
/// run has none: numbers of existing mappings other than 0 and 2.
fn verdicts_follow_from_figures(figures: &Value) {
    let bars = figures["bars"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(bars.len() > 20, "{bars:?}");
    for bar in bars {
        let limit = bar["limit"].as_f64().unwrap_or_else(|| panic!("no limit: {bar}"));
        let name = bar["name"].as_str().unwrap_or_default();
        let expected = match (bar["measured"].as_f64(), bar["at"].as_str()) {
            (Some(measured), Some("most")) if measured <= limit => "ok",
            (Some(measured), Some("least")) if measured >= limit => "ok",
            (Some(_), _) => "MISSED",
            (None, _) if name.contains("100") => "not measured",
            (None, _) => panic!("was to be measured: {bar}"),
        };
        assert_eq!(bar["verdict"], expected, "{bar}");
    }
    let size = bars.iter().find(|bar| bar["name"] == "mesos-cni-port-mapper, MiB of its file");
    let size = size.unwrap_or_else(|| panic!("no bar for the size: {bars:?}"));
    assert_eq!(size["verdict"], "MISSED", "a debug build: {size}");
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

/// Debian's portmap makes its shared chains without a lock, so some of its ADDs at once may fail:
/// that is for the figures to show, and not a fault of the benchmark.
fn races_with_itself(row: &Value, failure: &str) -> bool {
    is_peer(row) && failure.starts_with("32 at once ")
}
