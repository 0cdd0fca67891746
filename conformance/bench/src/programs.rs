//! Builds the programs that are measured and those that measure.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cni_output::errln;

use serde_json::Value;

use super::options::Options;
use crate::outcome::Outcome;

/// The path in Debian's containernetworking-plugins.
pub(crate) const PORTMAP: &str = "/usr/lib/cni/portmap";

/// The programs of this package that only the benchmark uses.
const HELPERS: [&str; 5] =
    ["bench-caller", "bench-delegate", "bench-empty", "bench-traffic", "bench-transaction"];

/// The paths of the programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) port_mapper: PathBuf,
    /// `examples/nothing.rs` of the toolkit.
    pub(crate) nothing: PathBuf,
    pub(crate) delegate: PathBuf,
    pub(crate) empty: PathBuf,
    pub(crate) transaction: PathBuf,
    /// The same, statically linked as the plugins are; `None` with debug builds.
    pub(crate) static_transaction: Option<PathBuf>,
    pub(crate) caller: PathBuf,
    pub(crate) traffic: PathBuf,
}

/// Selects the whole workspace as the tests do, so that dependencies are not compiled again.
const WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

/// Builds all programs: plugins statically linked, as they are packaged, and the others as cargo
/// does by default.
pub(crate) fn build(options: &Options) -> Outcome<Programs> {
    let helpers = HELPERS.iter().flat_map(|bin| ["--bin", bin]);
    let mut built = executables(WORKSPACE.into_iter().chain(helpers), options)?;
    let mut plugins = vec!["--example", "nothing"];
    if options.port_mapper.is_none() {
        plugins.extend(["--bin", "mesos-cni-port-mapper"]);
    }
    if options.unoptimised {
        built.extend(executables(WORKSPACE.into_iter().chain(plugins), options)?);
        return find(&built, None, options);
    }
    let target = static_target();
    let packaged = ["--package", "cni-wrapper", "--package", "mesos-cni-port-mapper"];
    let packaged = packaged.into_iter().chain(["--target", &target]);
    built.extend(executables(packaged.chain(plugins), options)?);
    let transaction = ["--bin", "bench-transaction", "--target", &target];
    let transaction = executables(WORKSPACE.into_iter().chain(transaction), options)?;
    find(&built, transaction.get("bench-transaction").cloned(), options)
}

/// Returns the target of statically linked programs.
fn static_target() -> String {
    // The only architecture whose name differs.
    let architecture = std::env::consts::ARCH.replace("riscv64", "riscv64gc");
    format!("{architecture}-unknown-linux-musl")
}

/// Builds programs and returns their paths by their names.
fn executables<'w>(
    args: impl IntoIterator<Item = &'w str>,
    options: &Options,
) -> Outcome<HashMap<String, PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--message-format", "json-render-diagnostics"]).args(args);
    if !options.unoptimised {
        command.arg("--release");
    }
    let args: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let line = format!("cargo {}", args.join(" "));
    errln!("$ {line}");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("{line}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{line}: {}", output.status));
    }
    Ok(built(&String::from_utf8_lossy(&output.stdout)))
}

fn find(
    built: &HashMap<String, PathBuf>,
    static_transaction: Option<PathBuf>,
    options: &Options,
) -> Outcome<Programs> {
    let executable = |name: &str| {
        built.get(name).cloned().ok_or_else(|| format!("cargo does not report the path of {name}"))
    };
    let port_mapper = match &options.port_mapper {
        Some(path) => absolute(path)?,
        None => executable("mesos-cni-port-mapper")?,
    };
    Ok(Programs {
        port_mapper,
        nothing: executable("nothing")?,
        delegate: executable("bench-delegate")?,
        empty: executable("bench-empty")?,
        transaction: executable("bench-transaction")?,
        static_transaction,
        caller: executable("bench-caller")?,
        traffic: executable("bench-traffic")?,
    })
}

fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns the executables from cargo's messages, each of which is a line of JSON.
fn built(messages: &str) -> HashMap<String, PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter_map(|message| {
            let path = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), path.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_in_the_messages_of_cargo() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"nothing"},"executable":"/t/nothing"}
            not a message
            {"reason":"build-finished","success":true}"#;
        let found = built(messages);
        assert_eq!(found.len(), 1);
        assert_eq!(found["nothing"], PathBuf::from("/t/nothing"));
    }
}
