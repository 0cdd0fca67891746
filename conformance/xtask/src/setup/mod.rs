//! Installs what a task needs: Debian packages, Rust components, programs of other projects.

mod needs;
mod rust;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cni_output::outln;

use crate::run::{Outcome, run, target_directory};

pub(crate) use needs::{
    BENCH, CONFORMANCE, CONTAINERD, DEMO, FAULTS, FIREWALLD, NODE, Need, PODMAN, REGISTRY, SOAK,
    TEST, UFW,
};
pub(crate) use rust::{components, static_target, target, tool};

/// Installs those of the Debian packages that are missing.
pub(crate) fn packages(needs: &[Need]) -> Outcome {
    let missing = missing(needs, exists);
    if missing.is_empty() {
        return Ok(());
    }
    outln!("installing Debian packages: {}", missing.join(" "));
    install(&missing)?;
    match needs.iter().find(|need| !exists(need.file)) {
        None => Ok(()),
        Some(need) => {
            Err(format!("{} is still missing after installing {}", need.file, need.package))
        }
    }
}

/// Returns the packages whose files do not exist, each once.
fn missing(needs: &[Need], exists: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for need in needs {
        if !missing.contains(&need.package) && !exists(need.file) {
            missing.push(need.package);
        }
    }
    missing
}

fn install(packages: &[&str]) -> Outcome {
    let apt = |args: &[&str]| {
        // Its output is shown only if it fails.
        let output = as_root("apt-get").args(args).stdin(Stdio::null()).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let args = [["install", "-y", "-qq", "--no-install-recommends"].as_slice(), packages].concat();
    // On a new machine the package lists are empty or old.
    let outcome = apt(&["update", "-qq"]).and_then(|()| apt(&args));
    let advice = || format!("Install them with: apt-get install {}", packages.join(" "));
    outcome.map_err(|problem| format!("apt-get: {problem}\n{}", advice()))
}

/// Unpacks the packages whose programs would run as services if they were installed.
pub(crate) fn unpacked(needs: &[Need]) -> Outcome {
    needs.iter().try_for_each(unpack)
}

fn unpack(need: &Need) -> Outcome {
    let Need { file, package } = need;
    let at = target_directory()?.join("tools").join(package);
    if at.join(file).exists() {
        return Ok(());
    }
    outln!("unpacking Debian's {package} into {}", at.display());
    std::fs::create_dir_all(&at).map_err(|error| format!("{}: {error}", at.display()))?;
    let script = format!(
        "apt-get download -qq -o APT::Sandbox::User=root {package} && \
         dpkg-deb --extract {package}_*.deb . && rm {package}_*.deb"
    );
    run(Command::new("sh").args(["-c", &script]).current_dir(&at)).map(drop)
}

/// Returns whether this process is root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Fails unless this process is root.
pub(crate) fn require_root() -> Outcome {
    if is_root() {
        return Ok(());
    }
    Err("this task creates network namespaces: run it as root".to_owned())
}

fn as_root(program: &str) -> Command {
    let mut command = if is_root() { Command::new(program) } else { Command::new("sudo") };
    if !is_root() {
        command.arg(program);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn exists(file: &str) -> bool {
    let path = Path::new(file);
    if path.is_absolute() {
        return path.exists();
    }
    let given = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    env::split_paths(&given).chain(system).any(|directory| directory.join(file).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages_of(needs: &[Need]) -> Vec<&str> {
        missing(needs, |_| false)
    }

    #[test]
    fn the_demo_installs_only_what_it_uses() {
        let expected = [
            "iproute2",
            "util-linux",
            "mount",
            "iptables",
            "nftables",
            "containernetworking-plugins",
        ];
        assert_eq!(packages_of(DEMO), expected);
        assert_eq!(missing(DEMO, |file| file != "nft"), ["nftables"]);
    }

    #[test]
    fn a_package_is_installed_once_and_only_if_one_of_its_files_is_missing() {
        let needs = [
            Need { file: "one", package: "both" },
            Need { file: "other", package: "other" },
            Need { file: "two", package: "both" },
        ];
        assert_eq!(missing(&needs, |_| false), ["both", "other"]);
        assert_eq!(missing(&needs, |file| file == "one"), ["other", "both"]);
        assert!(missing(&needs, |_| true).is_empty());
    }

    #[test]
    fn the_tests_need_the_packages_of_every_task() {
        let all = packages_of(TEST);
        for needs in [BENCH, CONFORMANCE, CONTAINERD, DEMO, FAULTS, NODE, PODMAN, SOAK] {
            for package in packages_of(needs) {
                assert!(all.contains(&package), "{package}");
            }
        }
    }
}
