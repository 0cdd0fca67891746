//! Links the unwinder into plugins, in place of a library that each start of a process would have to load.

use std::{env, path::Path, process::Command};

/// GCC's unwinder for programs that don't share it with libraries.
const UNWINDER: &str = "libgcc_eh.a";

#[allow(clippy::disallowed_methods, reason = "cargo talks to a build script by its environment")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Elsewhere, as with musl, it is linked in anyway or comes by another name.
    let is_gnu_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")
        && env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if is_gnu_linux && has_unwinder() {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the linker has it. If not, or with another compiler when crossing, the shared library serves as well.
#[allow(clippy::disallowed_methods, reason = "cargo talks to a build script by its environment")]
fn has_unwinder() -> bool {
    let native = env::var("HOST") == env::var("TARGET");
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    let asked = Command::new(linker).arg(format!("-print-file-name={UNWINDER}")).output();
    // Where there is none, the bare name comes back.
    native
        && asked.is_ok_and(|answer| {
            Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute()
        })
}
