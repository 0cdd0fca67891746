//! Parts of the tests alone, some in a longer form than in `cargo xtask test`: `cargo xtask faults`
//! and `soak` for the port mapper, `containerd`, `podman` and `node` for real runtimes.

use std::time::Instant;

use crate::run::{Outcome, cargo, line, run};
use crate::setup::{self, Need};
use crate::test::plan::{self, Binary};

/// Kills the port mapper, or makes it fail, at every system call on every backend, and gives it
/// nonsense from all sides.
pub(crate) fn faults() -> Outcome {
    whole(setup::FAULTS, &["faults::", "hostile::"], "PORT_MAPPER_FAULTS")
}

/// Runs many calls at the same time, and many one after the other.
pub(crate) fn soak() -> Outcome {
    whole(setup::SOAK, &["soak::"], "PORT_MAPPER_SOAK")
}

fn whole(needs: &[Need], modules: &[&str], variable: &str) -> Outcome {
    setup::require_root()?;
    setup::packages(needs)?;
    println!("{variable}=all");
    let begun = Instant::now();
    tests("mesos-cni-port-mapper", modules, Some(variable))?;
    println!("nothing lost and nothing left behind, in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// A runtime from Debian runs a container whose host port our plugin maps, or, for `node`, the
/// container that installs the plugins.
pub(crate) fn runtime(name: &str) -> Outcome {
    setup::require_root()?;
    match name {
        "containerd" => {
            setup::packages(setup::CONTAINERD)?;
            setup::registry()?;
        }
        "podman" => setup::packages(setup::PODMAN)?,
        _ => {
            setup::packages(setup::NODE)?;
            setup::target(&setup::static_target())?;
        }
    }
    tests("cni-dist", &[&format!("runtimes::{name}::")], None)
}

/// Runs the tests in these modules of a package, with their output shown; fails if there are none.
fn tests(package: &str, modules: &[&str], variable: Option<&str>) -> Outcome {
    let words = ["test", "--no-run", "--quiet", "--package", package, "--features", "host-tests"];
    let mut found = 0;
    for binary in plan::build(&mut cargo(&words))? {
        let tests = binary.tests()?;
        let is_chosen = |name: &str| modules.iter().any(|module| name.starts_with(module));
        let count = tests.iter().filter(|test| is_chosen(&test.name) && !test.ignored).count();
        if count > 0 {
            run_one(&binary, modules, variable)?;
        }
        found += count;
    }
    if found > 0 { Ok(()) } else { Err(format!("{package} has no test in {}", modules.join(", "))) }
}

fn run_one(binary: &Binary, modules: &[&str], variable: Option<&str>) -> Outcome {
    let mut command = binary.command(&[modules, &["--nocapture"]].concat());
    if let Some(variable) = variable {
        command.env(variable, "all");
    }
    println!("$ {}", line(&command));
    run(&mut command).map(drop)
}
