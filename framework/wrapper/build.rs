//! Links the unwinder statically, because each start of a plugin would have to load the shared
//! library.

use std::{env, path::Path, process::Command};

/// GCC's unwinder as a static library.
const UNWINDER: &str = "libgcc_eh.a";

#[allow(clippy::disallowed_methods, reason = "cargo passes values in the environment")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // On other targets, such as musl, it is linked statically anyway or has another name.
    let is_gnu_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")
        && env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if is_gnu_linux && has_unwinder() {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Returns whether the linker finds it. If not, or when cross-compiling, the shared library is
/// used.
#[allow(clippy::disallowed_methods, reason = "cargo passes values in the environment")]
fn has_unwinder() -> bool {
    let native = env::var("HOST") == env::var("TARGET");
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    let asked = Command::new(linker).arg(format!("-print-file-name={UNWINDER}")).output();
    // If there is none, the compiler prints the bare name.
    native
        && asked.is_ok_and(|answer| {
            Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute()
        })
}
