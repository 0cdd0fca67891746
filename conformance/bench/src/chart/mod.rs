//! An SVG chart of the times of ADD and DEL over the number of existing mappings: two panels with
//! one logarithmic scale.

mod scale;

use std::fmt::Write;

use scale::{Scale, apart};

use super::figures::{Calls, Figures, RowFigures};
use super::rows::Kind;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 480.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 400.0;
/// The left edges of the panels.
const PANELS: [f64; 2] = [64.0, 564.0];
/// The width of a panel without the labels, which are to the right of it.
const PANEL_WIDTH: f64 = 258.0;
/// The smallest vertical distance between two labels.
const LABEL_DISTANCE: f64 = 15.0;

const NOTE: &str = "nftables, iptables-…: backends of mesos-cni-port-mapper · portmap: Debian's \
                    plugin · dashed: baselines, which map no ports · median wall time, logarithmic";

/// Colours for a light and a dark page: ours are blue, green and purple, those of peers orange to
/// pink, those of baselines grey.
const OURS: [[&str; 2]; 3] =
    [["#0969da", "#58a6ff"], ["#1a7f37", "#3fb950"], ["#8250df", "#bc8cff"]];
const PEERS: [[&str; 2]; 4] = [
    ["#bc4c00", "#f0883e"],
    ["#9a6700", "#d4a72c"],
    ["#cf222e", "#ff7b72"],
    ["#bf3989", "#f778ba"],
];
const BASELINE: [&str; 2] = ["#6e7781", "#8b949e"];

/// A function that returns the median time of one verb in milliseconds.
type Median = fn(&Calls) -> f64;

/// A row with its class and colours.
struct Line<'a> {
    row: &'a RowFigures,
    class: String,
    colours: [&'static str; 2],
}

/// Returns the chart as an SVG document.
pub(crate) fn draw(figures: &Figures) -> String {
    let lines = lines(figures);
    let medians = figures.rows.iter().flat_map(|row| &row.calls);
    let medians = medians.flat_map(|calls| [calls.add.median_ms, calls.del.median_ms]);
    let scale = Scale::of(medians, TOP, BOTTOM);
    let mut svg = head(&lines);
    let median: [(&str, Median); 2] =
        [("ADD", |calls| calls.add.median_ms), ("DEL", |calls| calls.del.median_ms)];
    for (left, (verb, median)) in PANELS.into_iter().zip(median) {
        let panel = Panel { left, verb, median, scale, existing: &figures.existing };
        svg.push_str(&panel.axes());
        svg.push_str(&panel.lines(&lines));
    }
    let machine = &figures.machine;
    let footer = format!("one run on {}, {}, {}", machine.processors, machine.kernel, machine.date);
    svg.push_str(&text(PANELS[0], HEIGHT - 12.0, "note", &footer));
    svg.push_str("</svg>\n");
    svg
}

fn lines(figures: &Figures) -> Vec<Line<'_>> {
    let mut counts = [0; 2];
    let mut next = |kind: usize, colours: &[[&'static str; 2]]| {
        let colour = colours[counts[kind] % colours.len()];
        counts[kind] += 1;
        colour
    };
    let measured =
        figures.rows.iter().filter(|row| row.calls.iter().any(|calls| calls.add.calls > 0));
    measured
        .enumerate()
        .map(|(index, row)| {
            let colours = match row.kind {
                Kind::Ours => next(0, &OURS),
                Kind::Peer => next(1, &PEERS),
                Kind::Baseline => BASELINE,
            };
            let baseline = if row.kind == Kind::Baseline { " baseline" } else { "" };
            Line { row, class: format!("row{index}{baseline}"), colours }
        })
        .collect()
}

fn head(lines: &[Line<'_>]) -> String {
    let mut style = String::from(
        ".page{fill:#fff}text{font:12px system-ui,sans-serif;fill:#1f2328}\
         .title{font-size:15px;font-weight:600}.verb{font-size:14px;font-weight:600}\
         .note,.tick{fill:#59636e}.tick{font-size:11px}path{fill:none;stroke-width:2.5}\
         .grid{stroke:#d1d9e0;stroke-width:1}\
         .baseline{stroke-width:1.5;stroke-dasharray:4 3}\
         circle{stroke:none}.lead{stroke-width:.7;stroke-dasharray:none}",
    );
    let dark =
        ".page{fill:#0d1117}text{fill:#f0f6fc}.note,.tick{fill:#9198a1}.grid{stroke:#3d444d}";
    let colour = |which: usize| {
        lines.iter().fold(String::new(), |css, line| {
            let class = line.class.split(' ').next().unwrap_or_default();
            let colour = line.colours[which];
            css + &format!(
                "path.{class}{{stroke:{colour}}}circle.{class},text.{class}{{fill:{colour}}}"
            )
        })
    };
    style.push_str(&colour(0));
    let title = "Time of one ADD and one DEL by the number of existing port mappings";
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-label=\"{title}\">\n\
         <style>{style}@media(prefers-color-scheme:dark){{{dark}{}}}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{}{}",
        colour(1),
        text(PANELS[0], 26.0, "title", title),
        text(PANELS[0], 46.0, "note", NOTE),
    )
}

/// The panel of one verb.
struct Panel<'a> {
    left: f64,
    verb: &'a str,
    median: Median,
    scale: Scale,
    existing: &'a [usize],
}

impl Panel<'_> {
    fn axes(&self) -> String {
        let (left, right) = (self.left, self.left + PANEL_WIDTH);
        let mut svg = text(left, TOP - 10.0, "verb", self.verb);
        for (value, tick) in self.scale.decades() {
            let y = self.scale.y(value);
            // Writing to a string cannot fail.
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>");
            svg.push_str(&anchored(left - 6.0, y + 4.0, "tick", "end", &tick));
        }
        for (index, existing) in self.existing.iter().enumerate() {
            svg.push_str(&anchored(
                self.x(index),
                BOTTOM + 18.0,
                "tick",
                "middle",
                &thousands(*existing),
            ));
        }
        let middle = left + PANEL_WIDTH / 2.0;
        svg.push_str(&anchored(middle, BOTTOM + 38.0, "note", "middle", "existing mappings"));
        svg
    }

    fn x(&self, index: usize) -> f64 {
        let steps = self.existing.len().saturating_sub(1).max(1) as f64;
        self.left + 10.0 + (PANEL_WIDTH - 20.0) * index as f64 / steps
    }

    fn lines(&self, lines: &[Line<'_>]) -> String {
        let points: Vec<Vec<(f64, f64)>> = lines.iter().map(|line| self.points(line.row)).collect();
        let ends: Vec<f64> =
            points.iter().map(|points| points.last().map_or(BOTTOM, |point| point.1)).collect();
        let labels = apart(&ends, LABEL_DISTANCE, TOP, BOTTOM);
        let mut svg = String::new();
        for (index, line) in lines.iter().enumerate() {
            svg.push_str(&self.line(line, &points[index], labels[index]));
        }
        svg
    }

    /// Returns the points of a row. A baseline that was measured only once, as most are, becomes a
    /// horizontal line.
    fn points(&self, row: &RowFigures) -> Vec<(f64, f64)> {
        let measured: Vec<&Calls> =
            row.calls.iter().filter(|calls| (self.median)(calls) > 0.0).collect();
        let y = |calls: &Calls| self.scale.y((self.median)(calls));
        if let [single] = measured.as_slice()
            && row.kind == Kind::Baseline
        {
            return vec![
                (self.x(0), y(single)),
                (self.x(self.existing.len().max(2) - 1), y(single)),
            ];
        }
        let x = |calls: &Calls| self.existing.iter().position(|other| *other == calls.existing);
        measured.iter().filter_map(|calls| Some((self.x(x(calls)?), y(calls)))).collect()
    }

    fn line(&self, line: &Line<'_>, points: &[(f64, f64)], label: f64) -> String {
        let Some((end_x, end_y)) = points.last() else { return String::new() };
        let class = &line.class;
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let mut svg = format!("<path class=\"{class}\" d=\"M{}\"/>\n", path.join("L"));
        for (x, y) in points.iter().filter(|_| line.row.kind != Kind::Baseline) {
            let _ =
                writeln!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        let label_x = self.left + PANEL_WIDTH + 12.0;
        let _ = writeln!(
            svg,
            "<path class=\"{class} lead\" d=\"M{:.1} {end_y:.1}L{:.1} {label:.1}\"/>",
            end_x + 5.0,
            label_x - 3.0
        );
        svg.push_str(&text(label_x, label + 4.0, class, &line.row.name));
        svg
    }
}

fn text(x: f64, y: f64, class: &str, text: &str) -> String {
    anchored(x, y, class, "start", text)
}

fn anchored(x: f64, y: f64, class: &str, anchor: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
    )
}

/// Formats 10000 as 10,000.
fn thousands(number: usize) -> String {
    match number {
        1000.. => format!("{},{:03}", number / 1000, number % 1000),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
