//! What a wrapper costs that adds nothing.

mod common;

use std::{path::PathBuf, process::Command, time::Duration};

use cni_wrapper_test::{CallBuilder, PluginDir, Script};
use serde_json::json;

const RUNS: usize = 40;
const LIMIT: Duration = Duration::from_millis(3);

/// `examples/nothing.rs` as it is shipped: built with optimisation, in a directory of its own.
fn wrapper() -> PathBuf {
    let target = common::target().join("release-for-cost");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--example", "nothing", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo");
    assert!(built.success(), "can't build examples/nothing.rs");
    target.join("release/examples/nothing")
}

/// Medians of the delegate run directly and of the wrapper around it, in turns so that noise meets both alike.
fn medians(calls: [(&CallBuilder, &PathBuf); 2]) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for ((call, program), times) in calls.iter().zip(&mut times) {
            times.push(call.run(program).expect_success().took);
        }
    }
    times.map(|mut times| {
        times.sort();
        times[RUNS / 2]
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what this test is for")]
fn a_wrapper_that_adds_nothing_costs_at_most_3_ms() {
    let dir = PluginDir::new().with("inner", &Script::obey());
    let call = CallBuilder::add("net").cni_path(dir.path());
    let direct = call.clone().config(json!({"cniVersion": "1.0.0"}));
    let wrapped = call.config(json!({"cniVersion": "1.0.0", "delegate": {"type": "inner"}}));
    let (inner, wrapper) = (dir.program("inner"), wrapper());
    // Others may be busy on this machine: one quiet measurement of three is enough.
    let cheap = [0, 5, 15].into_iter().any(|pause| {
        std::thread::sleep(Duration::from_secs(pause));
        let [direct, wrapped] = medians([(&direct, &inner), (&wrapped, &wrapper)]);
        let cost = wrapped.saturating_sub(direct);
        println!("direct {direct:?}, wrapped {wrapped:?}, cost {cost:?}");
        cost <= LIMIT
    });
    assert!(cheap, "three medians of {RUNS} runs were over {LIMIT:?}");
}
