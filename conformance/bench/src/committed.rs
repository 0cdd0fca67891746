//! The committed results: thresholds and chart belong to the figures.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::chart;
use super::figures::Figures;
use super::thresholds::{Threshold, judge};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn figures() -> (Figures, Vec<Threshold>) {
    #[derive(Deserialize)]
    struct Rest {
        thresholds: Vec<Threshold>,
    }
    let text = std::fs::read_to_string(path("ports.json")).expect("the committed figures");
    let figures = serde_json::from_str(&text).expect("figures in the present format");
    let rest: Rest = serde_json::from_str(&text).expect("thresholds in the present format");
    (figures, rest.thresholds)
}

#[test]
fn the_committed_thresholds_are_those_of_the_committed_figures() {
    let (figures, thresholds) = figures();
    let judged = judge(&figures);
    assert_eq!(thresholds.len(), judged.len());
    // Reading a number from JSON may change its last digit.
    let rounded = |threshold: &Threshold| threshold.measured.map(|value| format!("{value:.9}"));
    for (committed, judged) in thresholds.iter().zip(&judged) {
        assert_eq!(rounded(committed), rounded(judged), "{}", judged.name);
        let without = |threshold: &Threshold| Threshold { measured: None, ..threshold.clone() };
        assert_eq!(without(committed), without(judged));
    }
}

/// `UPDATE_GOLDEN=1` draws it again.
#[test]
fn the_committed_chart_is_drawn_from_the_committed_figures() {
    let svg = chart::draw(&figures().0);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path("ports.svg"), &svg).expect("written");
    }
    let drawn = std::fs::read_to_string(path("ports.svg")).expect("the committed chart");
    assert!(drawn == svg, "ports.svg differs; run this test with UPDATE_GOLDEN=1");
}
