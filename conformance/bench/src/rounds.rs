//! Measures ADD and DEL of all benchmarks, interleaved.

use super::benchmark::Benchmark;
use crate::outcome::Outcome;

/// The time for one benchmark in microseconds. A slow row is called less often, but at least
/// [`FEWEST`] times.
const BUDGET: f64 = 10e6;
const FEWEST: usize = 5;

/// Measures after one warm-up. The order of the benchmarks changes from round to round.
pub(crate) fn measure(
    benchmarks: &mut [Benchmark],
    calls: usize,
    progress: &dyn Fn(&str),
) -> Outcome {
    let mut numbers = Vec::new();
    for benchmark in benchmarks.iter_mut() {
        let took = benchmark.round(false)?;
        numbers.push(number_of_calls(took, calls));
    }
    for round in 0..calls {
        progress(&format!("ADD and DEL, round {} of {calls}", round + 1));
        for turn in 0..benchmarks.len() {
            let index = turn_of(round, turn, benchmarks.len());
            if is_due(round, calls, numbers[index]) {
                benchmarks[index].round(true)?;
            }
        }
    }
    for benchmark in benchmarks {
        if let Err(problem) = benchmark.watch().and_then(|()| benchmark.verify(&[])) {
            benchmark.failures.push(format!("after all calls: {problem}"));
        }
    }
    Ok(())
}

/// Returns the benchmark whose turn it is: a walk in steps that are coprime to the number of
/// benchmarks, so that each has one turn in a round.
///
/// The kernel still frees rules of a call during the next one (after a grace period), which must
/// not always be the same row.
pub(super) fn turn_of(round: usize, turn: usize, benchmarks: usize) -> usize {
    let coprime = |step: &usize| divisor(*step, benchmarks) == 1;
    let steps: Vec<usize> = (1..=benchmarks).filter(coprime).collect();
    (round + turn * steps[round % steps.len()]) % benchmarks
}

/// Returns the greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn number_of_calls(took: f64, calls: usize) -> usize {
    ((BUDGET / took) as usize).max(FEWEST).min(calls)
}

/// Returns whether a call is due, when these calls are spread evenly over all rounds.
fn is_due(round: usize, rounds: usize, calls: usize) -> bool {
    (round + 1) * calls / rounds > round * calls / rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_row_is_called_less_often_and_a_quick_one_in_every_round() {
        assert_eq!(number_of_calls(10_000.0, 30), 30);
        assert_eq!(number_of_calls(1e6, 30), 10);
        assert_eq!(number_of_calls(60e6, 30), 5);
        assert_eq!(number_of_calls(60e6, 2), 2);
    }

    #[test]
    fn each_benchmark_has_one_turn_in_a_round_and_its_predecessor_changes() {
        for benchmarks in 1..40 {
            let order = |round| (0..benchmarks).map(move |turn| turn_of(round, turn, benchmarks));
            for round in 0..benchmarks {
                let mut all: Vec<usize> = order(round).collect();
                all.sort_unstable();
                assert_eq!(all, (0..benchmarks).collect::<Vec<_>>());
            }
        }
        let second = |round| turn_of(round, 1, 7) as i32 - turn_of(round, 0, 7) as i32;
        assert_ne!(second(0).rem_euclid(7), second(1).rem_euclid(7));
    }

    #[test]
    fn calls_are_spread_over_the_rounds_and_none_is_lost() {
        for calls in 1..=30 {
            let due: Vec<usize> = (0..30).filter(|round| is_due(*round, 30, calls)).collect();
            assert_eq!(due.len(), calls);
            let gap = due.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(gap <= 30_usize.div_ceil(calls), "{calls}: {due:?}");
        }
    }
}
