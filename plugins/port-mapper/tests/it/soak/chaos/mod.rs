//! Chaos: up to 64 processes at a time want few host ports, on networks with different backends and
//! state directories, while the firewall is flushed and namespaces disappear.
//!
//! At no time may two containers have the same port: both with a successful ADD, and no DEL begun.
//! At the end, nothing may be left.
//!
//! PORT_MAPPER_CHAOS_CALLS is the number of calls. PORT_MAPPER_CHAOS_SEED repeats the random
//! choices of a run, but not the order in which the kernel schedules its processes.

mod attachment;
mod calls;
mod log;
mod simulation;
mod verify;

use std::env;
use std::sync::atomic::Ordering;
use std::thread;

use fastrand::Rng;

use self::simulation::Chaos;

/// The number of concurrent calls.
const CONCURRENCY: u64 = 64;

/// The number of calls among which there are certainly ADDs that succeed, refused ones, and DELs.
const ENOUGH: usize = 300;

/// The size of a run.
struct Plan {
    seed: u64,
    calls: usize,
    /// After each phase, all calls end and the host is verified.
    phases: usize,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str| {
            let text = env::var_os(name)?.into_string().expect("text");
            Some(text.parse::<u64>().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
        };
        let (calls, phases) = if super::is_long() { (10_000, 20) } else { (300, 2) };
        let given = number("PORT_MAPPER_CHAOS_CALLS");
        Self {
            seed: number("PORT_MAPPER_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..)),
            calls: given.map_or(calls, |given| given.try_into().expect("a number of calls")),
            phases,
        }
    }
}

#[test]
fn a_port_never_has_two_owners_and_nothing_is_left() {
    let _load = super::loads_the_machine();
    let plan = Plan::from_environment();
    println!("chaos: PORT_MAPPER_CHAOS_SEED={} PORT_MAPPER_CHAOS_CALLS={}", plan.seed, plan.calls);
    let mut rng = Rng::with_seed(plan.seed);
    let chaos = Chaos::new(&mut rng);
    for phase in 1..=plan.phases {
        run(&chaos, rng.u64(..), plan.calls * phase / plan.phases);
        chaos.verify_while_quiet();
    }
    chaos.delete_all();
    chaos.verify_that_nothing_is_left();
    chaos.print_figures();
    if plan.calls >= ENOUGH {
        let counts = &chaos.counts;
        for (what, count) in
            [("added", &counts.added), ("refused", &counts.refused), ("deleted", &counts.deleted)]
        {
            assert!(count.load(Ordering::Relaxed) > 0, "none of {} calls {what} one", plan.calls);
        }
    }
}

/// Runs random calls concurrently until this many have begun in total, or something went wrong.
fn run(chaos: &Chaos, seed: u64, calls: usize) {
    thread::scope(|scope| {
        for number in 0..CONCURRENCY {
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed ^ (number << 32));
                while chaos.counts.calls.load(Ordering::Relaxed) < calls && !chaos.has_failed() {
                    chaos.random_call(&mut rng);
                }
            });
        }
    });
    chaos.panic_if_failed();
}
