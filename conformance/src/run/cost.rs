//! The cost of a run, and the share of the plugin in it.

use std::fmt;
use std::fs;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use crate::exchange::Exchange;

/// A number of calls of a plugin, and their CPU time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many calls were made.
    pub count: usize,
    /// The CPU time of the plugin and of the processes that it waited for.
    pub cpu: Duration,
}

impl Calls {
    /// Returns the calls in these exchanges.
    pub fn of<'e>(exchanges: impl IntoIterator<Item = &'e Exchange>) -> Self {
        let mut calls = Self::default();
        for exchange in exchanges {
            calls += Self { count: 1, cpu: exchange.cpu };
        }
        calls
    }
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.cpu += other.cpu;
    }
}

/// The cost of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The time from the start to the end of the run.
    pub wall: Duration,
    /// The calls of the plugin.
    pub calls: Calls,
    /// The CPU time of everything else: the harness, and the programs with which it prepares and
    /// inspects hosts.
    pub harness_cpu: Duration,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wall, calls, harness_cpu } = self;
        write!(
            f,
            "{:.1} s for {} calls; CPU time: plugin {:.1} s, harness {:.1} s",
            wall.as_secs_f64(),
            calls.count,
            calls.cpu.as_secs_f64(),
            harness_cpu.as_secs_f64(),
        )
    }
}

/// Measures a run from its start.
pub(super) struct Meter {
    started: Instant,
    cpu: Duration,
}

impl Meter {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), cpu: cpu_of_this_process() }
    }

    /// Returns the cost so far, in which these calls are the share of the plugin. Their processes
    /// are children of this one, so its CPU time includes theirs.
    pub(super) fn cost(&self, calls: Calls) -> Cost {
        let all = cpu_of_this_process().saturating_sub(self.cpu);
        Cost { wall: self.started.elapsed(), calls, harness_cpu: all.saturating_sub(calls.cpu) }
    }
}

/// Returns the CPU time of this process and of the children that it has waited for.
fn cpu_of_this_process() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    Duration::from_secs_f64(ticks(&stat) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Returns the sum of `utime`, `stime`, `cutime` and `cstime` of proc_pid_stat(5), fields 14 to 17.
fn ticks(stat: &str) -> u64 {
    // The second field is the name in brackets, which may itself contain brackets and blanks.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split(' ').skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_of_a_process_and_of_its_children_are_added() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 95 0 0 0 11 22 33 44 20 0 1 0 100 1 2";
        assert_eq!(ticks(stat), 110);
        assert_eq!(ticks(""), 0);
    }

    #[test]
    fn cpu_time_of_a_busy_loop_is_measured() {
        let meter = Meter::start();
        let cost = loop {
            let cost = meter.cost(Calls::default());
            if cost.harness_cpu > Duration::ZERO {
                break cost;
            }
        };
        assert!(cost.wall > Duration::ZERO);
    }
}
