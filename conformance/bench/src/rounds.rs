//! ADDs and DELs of all sites in turns.

use super::site::Site;
use crate::Outcome;

/// A slow row is called less often: about so long in all, in microseconds, but at least [`FEWEST`] times.
const BUDGET: f64 = 10e6;
const FEWEST: usize = 5;

/// One warm-up, then so many rounds; who comes first, and who comes after whom, changes from round to round.
pub(crate) fn measure(sites: &mut [Site], calls: usize, say: &dyn Fn(&str)) -> Outcome {
    let mut wanted = Vec::new();
    for site in sites.iter_mut() {
        let took = site.round(false)?;
        wanted.push(how_many(took, calls));
    }
    for round in 0..calls {
        say(&format!("ADD and DEL, round {} of {calls}", round + 1));
        for turn in 0..sites.len() {
            let index = whose_turn(round, turn, sites.len());
            if is_due(round, calls, wanted[index]) {
                sites[index].round(true)?;
            }
        }
    }
    for site in sites {
        if let Err(problem) = site.watch().and_then(|()| site.verify(&[])) {
            site.failures.push(format!("after all calls: {problem}"));
        }
    }
    Ok(())
}

/// A walk over all sites in steps that share no divisor with their number, so that none is left out.
///
/// What a call leaves to the kernel (rules to free after a grace period) slows down the next one, and must not
/// meet the same row each time.
pub(super) fn whose_turn(round: usize, turn: usize, sites: usize) -> usize {
    let coprime = |step: &usize| divisor(*step, sites) == 1;
    let steps: Vec<usize> = (1..=sites).filter(coprime).collect();
    (round + turn * steps[round % steps.len()]) % sites
}

/// The greatest that both have.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn how_many(took: f64, calls: usize) -> usize {
    ((BUDGET / took) as usize).max(FEWEST).min(calls)
}

/// Spreads `wanted` calls evenly over all rounds.
fn is_due(round: usize, rounds: usize, wanted: usize) -> bool {
    (round + 1) * wanted / rounds > round * wanted / rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_row_is_called_less_often_and_a_quick_one_in_every_round() {
        assert_eq!(how_many(10_000.0, 30), 30);
        assert_eq!(how_many(1e6, 30), 10);
        assert_eq!(how_many(60e6, 30), 5);
        assert_eq!(how_many(60e6, 2), 2);
    }

    #[test]
    fn in_each_round_everyone_has_one_turn_after_somebody_else() {
        for sites in 1..40 {
            let order = |round| (0..sites).map(move |turn| whose_turn(round, turn, sites));
            for round in 0..sites {
                let mut all: Vec<usize> = order(round).collect();
                all.sort_unstable();
                assert_eq!(all, (0..sites).collect::<Vec<_>>());
            }
        }
        let second = |round| whose_turn(round, 1, 7) as i32 - whose_turn(round, 0, 7) as i32;
        assert_ne!(second(0).rem_euclid(7), second(1).rem_euclid(7));
    }

    #[test]
    fn calls_are_spread_over_the_rounds_and_none_is_lost() {
        for wanted in 1..=30 {
            let due: Vec<usize> = (0..30).filter(|round| is_due(*round, 30, wanted)).collect();
            assert_eq!(due.len(), wanted);
            let gap = due.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(gap <= 30_usize.div_ceil(wanted), "{wanted}: {due:?}");
        }
    }
}
