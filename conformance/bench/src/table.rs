//! The figures as human-readable tables.

use std::fmt::Write;

use super::figures::{Concurrent, Figures, RowFigures, Times, Traffic};
use super::machine::Machine;
use super::thresholds::{Relation, Threshold, Verdict};

/// Returns all tables of a run.
pub(crate) fn all(figures: &Figures, thresholds: &[Threshold]) -> String {
    let mut text = head(&figures.machine);
    text.push_str(&section("ADD, ms: median (p90) [calls]", figures, |row, existing| {
        row.calls(existing).map(|calls| times(&calls.add))
    }));
    text.push_str(&section("DEL, ms: median (p90) [calls]", figures, |row, existing| {
        row.calls(existing).map(|calls| times(&calls.del))
    }));
    text.push_str(&section(
        "New connections through the last mapping (bare delegate: directly to the container): \
         per second, p50 / p99 µs",
        figures,
        |row, existing| row.traffic(existing).map(traffic),
    ));
    text.push_str(&section("32 concurrent calls: ADDs ms, DELs ms", figures, |row, existing| {
        row.concurrent(existing).map(concurrent)
    }));
    text.push_str(&sizes(figures));
    text.push_str(&failures(figures));
    text.push_str(&judged(thresholds));
    text
}

fn head(machine: &Machine) -> String {
    let kind = if machine.optimised { "" } else { ", DEBUG BUILDS: the figures mean nothing" };
    format!(
        "{}, {}, {}{kind}\nscheduling: {}\nlinked: {}\n{}\n\
         All figures are of one run, interleaved. Compare ratios: times depend on the machine.\n",
        machine.date,
        machine.kernel,
        machine.processors,
        machine.scheduling,
        machine.linked,
        machine.versions.join(", "),
    )
}

fn times(times: &Times) -> String {
    let failed = if times.failed > 0 { format!(" {} FAILED", times.failed) } else { String::new() };
    if times.calls == 0 {
        return failed.trim().to_owned();
    }
    let (median, p90) = (digits(times.median_ms), digits(times.p90_ms));
    format!("{median} ({p90}) [{}]{failed}", times.calls)
}

fn traffic(traffic: &Traffic) -> String {
    let failed =
        if traffic.failed > 0 { format!(", {} failed", traffic.failed) } else { String::new() };
    format!("{:.0}, {:.0} / {:.0}{failed}", traffic.per_second, traffic.p50_us, traffic.p99_us)
}

fn concurrent(concurrent: &Concurrent) -> String {
    let wrong = [
        (concurrent.add_failed + concurrent.del_failed, "failed"),
        (concurrent.missing, "missing"),
        (concurrent.duplicate, "duplicate"),
        (concurrent.left_over, "left over"),
    ];
    let wrong = wrong.iter().filter(|(count, _)| *count > 0);
    let wrong: String = wrong.map(|(count, what)| format!(", {count} {what}")).collect();
    format!("{}, {}{wrong}", digits(concurrent.add_ms), digits(concurrent.del_ms))
}

/// Returns a number with up to three significant digits.
fn digits(value: f64) -> String {
    let places = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

/// Returns a table with a column for each number of existing mappings.
fn section(
    title: &str,
    figures: &Figures,
    cell: impl Fn(&RowFigures, usize) -> Option<String>,
) -> String {
    let heading = figures.existing.iter().map(|existing| format!("N={existing}"));
    let mut lines = vec![std::iter::once(String::new()).chain(heading).collect::<Vec<_>>()];
    for row in &figures.rows {
        let cells: Vec<Option<String>> =
            figures.existing.iter().map(|existing| cell(row, *existing)).collect();
        let refused = row.calls.is_empty() && !row.failures.is_empty();
        if refused || cells.iter().any(Option::is_some) {
            let none = if refused { "failed" } else { "–" };
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| none.to_owned()));
            lines.push(std::iter::once(row.name.clone()).chain(cells).collect());
        }
    }
    if lines.len() == 1 { String::new() } else { format!("\n{title}\n{}", aligned(&lines)) }
}

fn sizes(figures: &Figures) -> String {
    let words = [
        "",
        "file MiB",
        "own peak MiB",
        "largest peak MiB",
        "ADD: processes",
        "programs",
        "DEL: processes",
        "programs",
    ];
    let mut lines = vec![words.map(str::to_owned).to_vec()];
    for row in &figures.rows {
        let mut line = vec![row.name.clone(), digits(row.binary_bytes as f64 / 1048576.0)];
        line.extend([row.own_mib(), row.peak_mib()].map(|mib| mib.map_or("–".to_owned(), digits)));
        match &row.processes {
            None => line.extend(["–"; 4].map(str::to_owned)),
            Some(both) => {
                for trace in [&both.add, &both.del] {
                    line.extend([trace.processes.to_string(), trace.programs.len().to_string()]);
                }
            }
        }
        lines.push(line);
    }
    let note = "(peak memory: of the plugin's own process, and of the largest one that it is or \
                waited for; processes: N=0)";
    format!("\nSizes and processes {note}\n{}", aligned(&lines))
}

/// Aligns columns, two spaces apart, numbers at the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            // Writing to a string does not fail.
            let _ = match column {
                0 => write!(row, "  {cell:<width$}"),
                _ => write!(row, "  {cell:>width$}"),
            };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn failures(figures: &Figures) -> String {
    let mut text = String::new();
    for row in &figures.rows {
        for problem in &row.failures {
            text.push_str(&format!("  {} failed: {problem}\n", row.name));
        }
    }
    if text.is_empty() { text } else { format!("\nFAILED\n{text}") }
}

fn judged(thresholds: &[Threshold]) -> String {
    let line = |threshold: &Threshold| {
        let sign = if threshold.relation == Relation::AtMost { "≤" } else { "≥" };
        let measured = threshold.measured.map_or("–".to_owned(), |value| format!("{value:.3}"));
        let verdict = threshold.verdict.as_str().to_owned();
        vec![threshold.name.clone(), measured, format!("{sign} {}", threshold.limit), verdict]
    };
    let lines: Vec<Vec<String>> = thresholds.iter().map(line).collect();
    let missed = thresholds.iter().filter(|threshold| threshold.verdict == Verdict::Missed).count();
    let met = thresholds.iter().filter(|threshold| threshold.verdict == Verdict::Met).count();
    format!(
        "\nThresholds\n{}\n{met} met, {missed} missed, {} not measured\n",
        aligned(&lines),
        thresholds.len() - met - missed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sample, thresholds};

    #[test]
    fn every_row_number_and_threshold_is_in_the_text() {
        let figures = sample::figures();
        let text = all(&figures, &thresholds::judge(&figures));
        for part in
            ["portmap iptables-legacy", "N=10000", "2.00 (3.00) [30]", "≤ 0.012", "ok", "MISSED"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn failures_are_prominent() {
        let mut figures = sample::figures();
        figures.rows[0].fail("ADD: no such backend".to_owned());
        figures.rows[0].calls[0].add = Times { failed: 9, ..Times::default() };
        figures.rows[1].fail("no such program".to_owned());
        figures.rows[1].calls.clear();
        let text = all(&figures, &[]);
        assert!(text.contains("nftables failed: ADD: no such backend"), "{text}");
        assert!(text.contains("9 FAILED"), "{text}");
        let refused = text.lines().find(|line| line.trim().starts_with("iptables-nft")).unwrap();
        assert!(refused.ends_with("failed"), "{text}");
    }

    #[test]
    fn columns_are_aligned() {
        let lines =
            [["", "N=0"], ["name", "10.0 (12.0)"]].map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(aligned(&lines), "                N=0\n  name  10.0 (12.0)\n");
    }

    #[test]
    fn three_digits_are_shown() {
        assert_eq!([1.234, 12.34, 123.4].map(digits), ["1.23", "12.3", "123"]);
    }
}
