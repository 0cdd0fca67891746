//! Tasks that run a part of the tests: `faults` and `soak` for the port mapper, in a longer form
//! than `cargo xtask test` does, and `containerd`, `podman` and `node` for real runtimes.

use std::time::Instant;

use cni_output::outln;

use crate::run::{Outcome, cargo, line, run};
use crate::setup::{self, Need};
use crate::test::plan::{self, Binary};

/// Kills the port mapper, or makes it fail, at every system call on every backend, and sends it
/// hostile input.
pub(crate) fn faults() -> Outcome {
    extended(setup::FAULTS, &["faults::", "hostile::"], "PORT_MAPPER_FAULTS")
}

/// Runs many calls at the same time, and many in sequence.
pub(crate) fn soak() -> Outcome {
    extended(setup::SOAK, &["soak::"], "PORT_MAPPER_SOAK")
}

fn extended(needs: &[Need], modules: &[&str], variable: &str) -> Outcome {
    setup::require_root()?;
    setup::packages(needs)?;
    outln!("{variable}=all");
    let started = Instant::now();
    tests("mesos-cni-port-mapper", modules, Some(variable))?;
    outln!("nothing lost and nothing left behind, in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Runs the tests with a runtime from Debian: it runs a container with a mapped port, or, for
/// `node`, the container that installs the plugins.
pub(crate) fn runtime(name: &str) -> Outcome {
    setup::require_root()?;
    match name {
        "containerd" => {
            setup::packages(setup::CONTAINERD)?;
            setup::unpacked(&[setup::REGISTRY])?;
        }
        "podman" => setup::packages(setup::PODMAN)?,
        _ => {
            setup::packages(setup::NODE)?;
            setup::target(&setup::static_target())?;
        }
    }
    tests("cni-dist", &[&format!("runtimes::{name}::")], None)
}

/// Runs the tests in these modules of a package and shows their output; fails if there are none.
fn tests(package: &str, modules: &[&str], variable: Option<&str>) -> Outcome {
    let args = ["test", "--no-run", "--quiet", "--package", package, "--features", "host-tests"];
    let mut found = 0;
    for binary in plan::build(&mut cargo(&args))? {
        let tests = binary.tests()?;
        let is_selected = |name: &str| modules.iter().any(|module| name.starts_with(module));
        let count = tests.iter().filter(|test| is_selected(&test.name) && !test.ignored).count();
        if count > 0 {
            run_one(&binary, modules, variable)?;
        }
        found += count;
    }
    if found > 0 {
        Ok(())
    } else {
        Err(format!("{package} has no tests in {}", modules.join(", ")))
    }
}

fn run_one(binary: &Binary, modules: &[&str], variable: Option<&str>) -> Outcome {
    let mut command = binary.command(&[modules, &["--nocapture"]].concat());
    if let Some(variable) = variable {
        command.env(variable, "all");
    }
    outln!("$ {}", line(&command));
    run(&mut command).map(drop)
}
