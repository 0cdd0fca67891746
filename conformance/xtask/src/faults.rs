//! `cargo xtask faults`: something of the port mapper is killed or fails at every system call, on every backend.

use crate::run::{Outcome, cargo, line, run};
use crate::setup;

/// Tries every place; `cargo xtask test` tries some of them.
pub(crate) fn faults() -> Outcome {
    if !setup::is_root() {
        return Err("it needs root, for network namespaces".to_owned());
    }
    setup::packages()?;
    let mut tests =
        cargo(&["test", "--package", "mesos-cni-port-mapper", "--features", "host-tests"]);
    tests.args(["--test", "faults", "--", "--nocapture"]).env("PORT_MAPPER_FAULTS", "all");
    println!("$ PORT_MAPPER_FAULTS=all {}", line(&tests));
    let took = run(&mut tests)?;
    println!("nothing lost and nothing left behind, in {:.0} s", took.as_secs_f64());
    Ok(())
}
