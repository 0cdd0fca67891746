//! A short run of the benchmark, with debug builds and one call for each row, or two with
//! `cargo xtask test --all`.
//!
//! Its times mean nothing. The test checks that each row was called, that its effects were
//! verified, and that the verdicts follow from the figures.

use std::path::PathBuf;

use serde_json::Value;

use crate::usage::{bench, text};

/// A directory for files, which is removed at the end.
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
        // It is a temporary directory, which may stay.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn row<'a>(figures: &'a Value, name: &str) -> &'a Value {
    let rows = figures["rows"].as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name}"))
}

/// Returns the number of calls of each row.
fn calls() -> u64 {
    let is_all = std::env::var_os("CNI_CONFORMANCE_ALL").is_some_and(|value| value == "1");
    if is_all { 2 } else { 1 }
}

#[test]
fn a_short_run_measures_every_row_and_reports_failures_in_table_json_and_chart() {
    let scratch = Scratch::new();
    let (json, svg) = (scratch.file("ports.json"), scratch.file("ports.svg"));
    let number = calls().to_string();
    let mut args = vec!["--unoptimised", "--existing", "0,2", "--calls", &number];
    args.extend(["--peer", "does-nothing=/bin/true", "--json", &json, "--svg", &svg]);
    let output = bench(&args);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    // A debug build is always larger than its threshold.
    assert_eq!(output.status.code(), Some(1), "{}\n{stdout}{stderr}", output.status);
    let json = std::fs::read_to_string(json).unwrap_or_else(|error| panic!("{error}"));
    let figures: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}"));
    for name in ["nftables", "iptables-nft", "iptables-legacy", "portmap iptables-nft"] {
        mapped(row(&figures, name), &stdout);
    }
    for name in ["no-op wrapper", "bare delegate", "one transaction", "empty process"] {
        assert_eq!(row(&figures, name)["calls"][0]["add"]["calls"], calls(), "{name}\n{stdout}");
    }
    let failures = row(&figures, "does-nothing")["failures"].to_string();
    assert!(failures.contains("an ADD created no rule"), "{failures}");
    assert!(stdout.contains("does-nothing failed: "), "{stdout}");
    verdicts_follow_from_figures(&figures);
    let svg = std::fs::read_to_string(svg).unwrap_or_else(|error| panic!("{error}"));
    assert!(svg.contains(">iptables-legacy</text>") && stdout.contains("iptables-legacy"));
}

/// The verdict of each threshold follows from its limit and its figure. Only thresholds for numbers
/// of existing mappings other than 0 and 2 have no figure.
fn verdicts_follow_from_figures(figures: &Value) {
    let thresholds = figures["thresholds"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(thresholds.len() > 20, "{thresholds:?}");
    for threshold in thresholds {
        let limit = threshold["limit"].as_f64().unwrap_or_else(|| panic!("no limit: {threshold}"));
        let name = threshold["name"].as_str().unwrap_or_default();
        let expected = match (threshold["measured"].as_f64(), threshold["relation"].as_str()) {
            (Some(measured), Some("at-most")) if measured <= limit => "ok",
            (Some(measured), Some("at-least")) if measured >= limit => "ok",
            (Some(_), _) => "MISSED",
            (None, _) if name.contains("100") => "not measured",
            (None, _) => panic!("not measured: {threshold}"),
        };
        assert_eq!(threshold["verdict"], expected, "{threshold}");
    }
    let size = thresholds
        .iter()
        .find(|threshold| threshold["name"] == "mesos-cni-port-mapper binary, MiB");
    let size = size.unwrap_or_else(|| panic!("no threshold for the size: {thresholds:?}"));
    assert_eq!(size["verdict"], "MISSED", "a debug build: {size}");
}

/// Checks the row of a port mapper: every call succeeded, and connections were forwarded.
fn mapped(row: &Value, table: &str) {
    let failures = row["failures"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |failure: &Value| failure.as_str().unwrap_or_default().to_owned();
    let unexpected: Vec<_> =
        failures.iter().map(text).filter(|failure| !races_with_itself(row, failure)).collect();
    assert_eq!(unexpected, Vec::<String>::new(), "{table}");
    for (index, existing) in [0, 2].into_iter().enumerate() {
        let calls = &row["calls"][index];
        assert_eq!(calls["existing"], existing);
        let number = Value::from(self::calls());
        assert_eq!((&calls["add"]["calls"], &calls["del"]["calls"]), (&number, &number));
        assert!(calls["add"]["median_ms"].as_f64().is_some_and(|median| median > 0.0));
        assert!(calls["peak_kib"].as_u64().is_some_and(|peak| peak > 500));
        assert!(row["traffic"][index]["made"].as_u64().is_some_and(|made| made > 0));
    }
    if !is_peer(row) {
        assert_eq!(row["concurrent"][0]["missing"], 0, "{table}");
    }
    assert!(row["processes"]["add"]["processes"].as_u64().is_some_and(|count| count > 0));
}

fn is_peer(row: &Value) -> bool {
    row["name"].as_str().is_some_and(|name| name.starts_with("portmap "))
}

/// Debian's portmap creates shared chains without a lock, so that some concurrent ADDs may fail.
/// The figures report that; it is not a fault of the benchmark.
fn races_with_itself(row: &Value, failure: &str) -> bool {
    is_peer(row) && failure.starts_with("32 concurrent calls ")
}
