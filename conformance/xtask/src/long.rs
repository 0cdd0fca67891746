//! Tests of the port mapper in their long form: `cargo xtask faults` and `cargo xtask soak`. `cargo xtask test` has the short one.
//! And those with real runtimes alone: `cargo xtask containerd`, `cargo xtask podman`, `cargo xtask node`.

use crate::run::{Outcome, cargo, line, run};
use crate::setup;

/// Something of it is killed or fails at every system call, on every backend; and whatever it is told and answered.
pub(crate) fn faults() -> Outcome {
    all_of(&["faults", "hostile"], "PORT_MAPPER_FAULTS")
}

/// Many at once, and many one after the other.
pub(crate) fn soak() -> Outcome {
    all_of(&["soak"], "PORT_MAPPER_SOAK")
}

fn all_of(names: &[&str], variable: &str) -> Outcome {
    if !setup::is_root() {
        return Err("it needs root, for network namespaces".to_owned());
    }
    setup::packages()?;
    let mut tests =
        cargo(&["test", "--package", "mesos-cni-port-mapper", "--features", "host-tests"]);
    tests.args(names.iter().flat_map(|name| ["--test", name]));
    tests.args(["--", "--nocapture"]).env(variable, "all");
    println!("$ {variable}=all {}", line(&tests));
    let took = run(&mut tests)?;
    println!("nothing lost and nothing left behind, in {:.0} s", took.as_secs_f64());
    Ok(())
}

/// A runtime from Debian runs a container whose host port is mapped by our plugin, or the one that installs the plugins.
pub(crate) fn runtime(name: &str) -> Outcome {
    setup::packages()?;
    setup::target(&setup::static_target())?;
    let mut test = cargo(&["test", "--package", "xtask", "--features", "host-tests"]);
    test.args(["--test", "runtimes", name]);
    println!("$ {}", line(&test));
    run(&mut test).map(drop)
}
