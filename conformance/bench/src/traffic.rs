//! New connections from outside, through the last of N + 1 mappings.

use std::time::Duration;

use serde_json::Value;

use super::benchmark::Benchmark;
use super::client::{Helper, Scheduling};
use super::figures::Traffic;
use super::fixture::{CONTAINER, HOST};
use super::programs::Programs;
use super::rounds::turn_of;
use super::statistics::median;
use crate::outcome::Outcome;

/// The number of connections in one run; fewer on a slow connection, so that a run takes about
/// [`BUDGET`].
const CONNECTIONS: f64 = 1000.0;
const BUDGET: Duration = Duration::from_millis(500);

/// A client outside and a server in the container.
struct Connection {
    benchmark: usize,
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

/// The parameters of the measurement.
pub(crate) struct Measurement<'a> {
    /// The benchmark that is measured without a mapping.
    pub(crate) direct: Option<usize>,
    pub(crate) runs: usize,
    pub(crate) programs: &'a Programs,
    pub(crate) scheduling: Scheduling,
    pub(crate) progress: &'a dyn Fn(&str),
}

impl Measurement<'_> {
    /// Measures all benchmarks that forward traffic, interleaved.
    pub(crate) fn measure(&self, benchmarks: &mut [Benchmark]) -> Outcome {
        let mut connections: Vec<Connection> = benchmarks
            .iter_mut()
            .enumerate()
            .filter_map(|(index, benchmark)| self.open(index, benchmark))
            .collect();
        let count = connections.len();
        for run in 0..self.runs {
            (self.progress)(&format!("new connections, run {} of {}", run + 1, self.runs));
            for turn in 0..count {
                let connection = &mut connections[turn_of(run, turn, count)];
                let run = run_of(&connection.client.ask(&connection.count.to_string())?)?;
                connection.runs.push(run);
            }
        }
        for connection in connections {
            self.close(connection, benchmarks);
        }
        Ok(())
    }

    /// Makes an ADD, unless the connection is direct, and starts client and server.
    fn open(&self, index: usize, benchmark: &mut Benchmark) -> Option<Connection> {
        let is_direct = self.direct == Some(index);
        if !benchmark.row.maps() && !is_direct {
            return None;
        }
        let opened = if is_direct { Ok(()) } else { benchmark.open() };
        let address = if is_direct { format!("{CONTAINER}:80") } else { format!("{HOST}:8080") };
        match opened.and_then(|()| {
            Connection::open(index, benchmark, &address, self.programs, self.scheduling)
        }) {
            Ok(connection) => Some(connection),
            Err(problem) => {
                benchmark.failures.push(format!("traffic: {problem}"));
                None
            }
        }
    }

    /// Records the figures and makes the DEL.
    fn close(&self, connection: Connection, benchmarks: &mut [Benchmark]) {
        let benchmark = &mut benchmarks[connection.benchmark];
        benchmark.traffic = Some(summary(benchmark.existing, &connection.runs));
        if self.direct != Some(connection.benchmark)
            && let Err(problem) = benchmark.close()
        {
            benchmark.failures.push(format!("after the traffic: {problem}"));
        }
    }
}

impl Connection {
    /// Warms up, and determines the number of connections of a run.
    fn open(
        index: usize,
        benchmark: &Benchmark,
        address: &str,
        programs: &Programs,
        scheduling: Scheduling,
    ) -> Outcome<Self> {
        let mut serve = scheduling.command(&benchmark.fixture.container, &programs.traffic);
        serve.args(["serve", "80"]);
        let mut server = Helper::start(serve)?;
        server.read_line()?;
        let mut connect = scheduling.command(&benchmark.fixture.outside, &programs.traffic);
        connect.args(["connect", address]);
        let mut client = Helper::start(connect)?;
        let first = run_of(&client.ask("1")?)?;
        if first.made == 0 {
            return Err(format!("no connection to {address}"));
        }
        let warm = run_of(&client.ask("100")?)?;
        let count = (warm.per_second * BUDGET.as_secs_f64()).clamp(100.0, CONNECTIONS) as usize;
        Ok(Self { benchmark: index, client, _server: server, count, runs: Vec::new() })
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

/// Returns the medians of the runs.
fn summary(existing: usize, runs: &[Run]) -> Traffic {
    let median_of = |value: fn(&Run) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
    Traffic {
        existing,
        per_second: median_of(|run| run.per_second),
        p50_us: median_of(|run| run.p50_us),
        p99_us: median_of(|run| run.p99_us),
        made: runs.iter().map(|run| run.made).sum(),
        failed: runs.iter().map(|run| run.failed).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_and_summarized_by_their_medians() {
        let line = |micros: u32, failed: u32| {
            run_of(&format!(
                r#"{{"p50_us":{micros},"p99_us":9,"made":10,"failed":{failed},"seconds":0.5}}"#
            ))
            .unwrap()
        };
        let traffic = summary(7, &[line(3, 0), line(1, 2), line(2, 1)]);
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
