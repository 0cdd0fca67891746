//! New connections from outside, through the last of N + 1 mappings.

use std::time::Duration;

use serde_json::Value;

use super::caller::{Helper, Scheduling};
use super::figures::Traffic;
use super::programs::Programs;
use super::rounds::whose_turn;
use super::scene::{CONTAINER, HOST};
use super::site::Site;
use super::statistics::median;
use crate::Outcome;

/// Connections of one run; a slow path gets fewer, to take about [`BUDGET`].
const CONNECTIONS: f64 = 1000.0;
const BUDGET: Duration = Duration::from_millis(500);

/// A client outside and a server in the container.
struct Path {
    site: usize,
    client: Helper,
    _server: Helper,
    count: usize,
    runs: Vec<Run>,
}

#[derive(Clone, Copy)]
struct Run {
    p50_us: f64,
    p99_us: f64,
    per_second: f64,
    made: usize,
    failed: usize,
}

/// How it is done.
pub(crate) struct Measurement<'a> {
    /// The site that is measured without any mapping.
    pub(crate) direct: Option<usize>,
    pub(crate) runs: usize,
    pub(crate) programs: &'a Programs,
    pub(crate) scheduling: Scheduling,
    pub(crate) say: &'a dyn Fn(&str),
}

impl Measurement<'_> {
    /// All sites that have a way for traffic, in turns.
    pub(crate) fn of(&self, sites: &mut [Site]) -> Outcome {
        let mut paths: Vec<Path> = sites
            .iter_mut()
            .enumerate()
            .filter_map(|(index, site)| self.open(index, site))
            .collect();
        let count = paths.len();
        for run in 0..self.runs {
            (self.say)(&format!("new connections, run {} of {}", run + 1, self.runs));
            for turn in 0..count {
                let path = &mut paths[whose_turn(run, turn, count)];
                let run = run_of(&path.client.ask(&path.count.to_string())?)?;
                path.runs.push(run);
            }
        }
        for path in paths {
            self.close(path, sites);
        }
        Ok(())
    }

    /// An ADD, unless the way is direct, and both ends of the way.
    fn open(&self, index: usize, site: &mut Site) -> Option<Path> {
        let is_direct = self.direct == Some(index);
        if !site.row.maps() && !is_direct {
            return None;
        }
        let opened = if is_direct { Ok(()) } else { site.open() };
        let address = if is_direct { format!("{CONTAINER}:80") } else { format!("{HOST}:8080") };
        match opened
            .and_then(|()| Path::open(index, site, &address, self.programs, self.scheduling))
        {
            Ok(path) => Some(path),
            Err(problem) => {
                site.failures.push(format!("traffic: {problem}"));
                None
            }
        }
    }

    /// Keeps the figures and makes the DEL.
    fn close(&self, path: Path, sites: &mut [Site]) {
        let site = &mut sites[path.site];
        site.traffic = Some(together(site.existing, &path.runs));
        if self.direct != Some(path.site)
            && let Err(problem) = site.close()
        {
            site.failures.push(format!("after the traffic: {problem}"));
        }
    }
}

impl Path {
    /// Makes some connections to begin with, and decides how many a run has.
    fn open(
        index: usize,
        site: &Site,
        address: &str,
        programs: &Programs,
        scheduling: Scheduling,
    ) -> Outcome<Self> {
        let mut serve = scheduling.command(&site.scene.container, &programs.traffic);
        serve.args(["serve", "80"]);
        let mut server = Helper::start(serve)?;
        server.line()?;
        let mut connect = scheduling.command(&site.scene.outside, &programs.traffic);
        connect.args(["connect", address]);
        let mut client = Helper::start(connect)?;
        let first = run_of(&client.ask("1")?)?;
        if first.made == 0 {
            return Err(format!("no connection to {address}"));
        }
        let warm = run_of(&client.ask("100")?)?;
        let count = (warm.per_second * BUDGET.as_secs_f64()).clamp(100.0, CONNECTIONS) as usize;
        Ok(Self { site: index, client, _server: server, count, runs: Vec::new() })
    }
}

/// Reads a line of `bench-traffic connect`.
fn run_of(line: &str) -> Outcome<Run> {
    let value: Value =
        serde_json::from_str(line).map_err(|error| format!("bench-traffic: {error}: {line}"))?;
    let number = |key: &str| value[key].as_f64().unwrap_or(0.0);
    let (made, failed) = (number("made"), number("failed"));
    Ok(Run {
        p50_us: number("p50_us"),
        p99_us: number("p99_us"),
        per_second: made / number("seconds").max(f64::MIN_POSITIVE),
        made: made as usize,
        failed: failed as usize,
    })
}

/// Medians of the runs.
fn together(existing: usize, runs: &[Run]) -> Traffic {
    let of = |value: fn(&Run) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
    Traffic {
        existing,
        per_second: of(|run| run.per_second),
        p50_us: of(|run| run.p50_us),
        p99_us: of(|run| run.p99_us),
        made: runs.iter().map(|run| run.made).sum(),
        failed: runs.iter().map(|run| run.failed).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_and_runs_are_put_together_by_their_medians() {
        let line = |micros: u32, failed: u32| {
            run_of(&format!(
                r#"{{"p10_us":1,"p50_us":{micros},"p99_us":9,"made":10,"failed":{failed},"seconds":0.5}}"#
            ))
            .unwrap()
        };
        let traffic = together(7, &[line(3, 0), line(1, 2), line(2, 1)]);
        let expected = Traffic {
            existing: 7,
            per_second: 20.0,
            p50_us: 2.0,
            p99_us: 9.0,
            made: 30,
            failed: 3,
        };
        assert_eq!(traffic, expected);
    }
}
