//! What the tasks need of the machine: Debian packages and Rust components, installed when missing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::run::{Outcome, cargo, root, run};

/// A file that must be there, and the Debian package that brings it.
struct Need {
    file: &'static str,
    package: &'static str,
}

const fn need(file: &'static str, package: &'static str) -> Need {
    Need { file, package }
}

/// A bare name is looked for where system programs are.
const NEEDS: [Need; 18] = [
    need("ip", "iproute2"),
    need("nsenter", "util-linux"),
    need("iptables-restore", "iptables"),
    need("iptables-legacy-restore", "iptables"),
    need("nft", "nftables"),
    need("conntrack", "conntrack"),
    need("/usr/lib/cni/bridge", "containernetworking-plugins"),
    need("strace", "strace"),
    need("systemd-analyze", "systemd"),
    need("containerd", "containerd"), // with the next three: real runtimes
    need("runc", "runc"),
    need("podman", "podman"),
    need("/usr/libexec/podman/catatonit", "catatonit"),
    need("busybox", "busybox-static"), // what an image begins with
    need("mmdebstrap", "mmdebstrap"),  // a clean Debian, in which the package is installed
    need("zsh", "zsh"),                // with the next: the package's completions
    need("fish", "fish"),
    need("chromium", "chromium"), // the page of cni-conformance is tested in it
];

/// Installs the Debian packages that are missing.
pub(crate) fn packages() -> Outcome {
    provide(&NEEDS)?;
    registry()
}

/// A registry of container images, from Debian, too. Installed it would serve everybody on port 5000, so it is only unpacked.
fn registry() -> Outcome {
    const PACKAGE: &str = "docker-registry";
    let at = root().join("target/tools").join(PACKAGE);
    if at.join("usr/bin").join(PACKAGE).exists() {
        return Ok(());
    }
    println!("unpacking Debian's {PACKAGE} into target/tools");
    std::fs::create_dir_all(&at).map_err(|error| format!("{}: {error}", at.display()))?;
    let script = format!(
        "apt-get download -qq -o APT::Sandbox::User=root {PACKAGE} && dpkg-deb --extract {PACKAGE}_*.deb . && rm {PACKAGE}_*.deb"
    );
    run(Command::new("sh").args(["-c", &script]).current_dir(&at)).map(drop)
}

/// Installs what counts the processes of a call.
pub(crate) fn tracer() -> Outcome {
    provide(&[need("strace", "strace")])
}

fn provide(needs: &[Need]) -> Outcome {
    let mut missing: Vec<&str> =
        needs.iter().filter(|need| !is_there(need.file)).map(|need| need.package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing Debian packages: {}", missing.join(" "));
    let apt = |words: &[&str]| run(as_root("apt-get").args(words).stdout(Stdio::null()));
    let install =
        [["install", "-y", "-qq", "--no-install-recommends"].as_slice(), &missing].concat();
    // The package lists of a fresh machine are empty or old.
    let outcome = apt(&["update", "-qq"]).and_then(|_| apt(&install));
    outcome.map_err(|problem| {
        format!("{problem}\nInstall them yourself: apt-get install {}", missing.join(" "))
    })?;
    match needs.iter().find(|need| !is_there(need.file)) {
        None => Ok(()),
        Some(need) => {
            Err(format!("{} is still missing after installing {}", need.file, need.package))
        }
    }
}

/// rustfmt and clippy, which a minimal toolchain lacks.
pub(crate) fn components() -> Outcome {
    for (program, component) in [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")] {
        let works = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if works.is_ok_and(|status| status.success()) {
            continue;
        }
        println!("installing the Rust component {component}");
        run(Command::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

/// The target of programs that need no library: they start sooner, and run wherever the kernel does.
pub(crate) fn static_target() -> String {
    // The one name that differs.
    let architecture = std::env::consts::ARCH.replace("riscv64", "riscv64gc");
    format!("{architecture}-unknown-linux-musl")
}

/// The standard library for another target.
pub(crate) fn target(target: &str) -> Outcome {
    let listed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let listed = listed.map_err(|error| {
        format!("rustup, which has Rust's standard library for {target}: {error}; --target names another target")
    })?;
    if String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == target) {
        return Ok(());
    }
    println!("installing Rust's standard library for {target}");
    run(Command::new("rustup").args(["target", "add", target])).map(drop)
}

/// A cargo command of others, installed when missing: its path. Not into the home directory, so that who removes `target`
/// has removed it.
pub(crate) fn tool(name: &str) -> Outcome<String> {
    const TOOLS: &str = "target/tools";
    let program = root().join(TOOLS).join("bin").join(name);
    if !program.exists() {
        println!("installing {name} into {TOOLS}, which takes minutes");
        run(&mut cargo(&["install", "--locked", "--root", TOOLS, name]))?;
    }
    Ok(program.display().to_string())
}

/// Is this process root?
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn as_root(program: &str) -> Command {
    let mut command = if is_root() { Command::new(program) } else { Command::new("sudo") };
    if !is_root() {
        command.arg(program);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_there(file: &str) -> bool {
    let path = Path::new(file);
    if path.is_absolute() {
        return path.exists();
    }
    let given = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    env::split_paths(&given).chain(system).any(|directory| directory.join(file).exists())
}
