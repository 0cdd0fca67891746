//! The programs that are measured and those that measure: built first, found afterwards.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::options::Options;
use crate::run::{Outcome, cargo, line};
use crate::setup;

/// Where Debian's containernetworking-plugins has it.
pub(crate) const PORTMAP: &str = "/usr/lib/cni/portmap";

/// Programs of this package that only the bench uses.
const HELPERS: [&str; 5] =
    ["bench-caller", "bench-delegate", "bench-empty", "bench-traffic", "bench-transaction"];

/// Paths of programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) port_mapper: PathBuf,
    /// `examples/nothing.rs` of the toolkit.
    pub(crate) nothing: PathBuf,
    pub(crate) delegate: PathBuf,
    pub(crate) empty: PathBuf,
    pub(crate) transaction: PathBuf,
    /// The same, linked as the plugins are; none where those are debug builds.
    pub(crate) static_transaction: Option<PathBuf>,
    pub(crate) caller: PathBuf,
    pub(crate) traffic: PathBuf,
}

/// Builds them all: plugins as they are shipped, which is statically linked, and the rest as cargo does by default.
pub(crate) fn build(options: &Options) -> Outcome<Programs> {
    let helpers = HELPERS.iter().flat_map(|bin| ["--bin", bin]);
    let mut built = executables(["--package", "xtask"].into_iter().chain(helpers), options)?;
    let mut plugins = vec!["--package", "cni-wrapper", "--example", "nothing"];
    if options.port_mapper.is_none() {
        plugins.extend(["--package", "mesos-cni-port-mapper", "--bin", "mesos-cni-port-mapper"]);
    }
    let target = setup::static_target();
    if !options.unoptimised {
        setup::target(&target)?;
        plugins.extend(["--target", &target]);
    }
    built.extend(executables(plugins, options)?);
    let floor = ["--package", "xtask", "--bin", "bench-transaction", "--target", &target];
    let floor = match options.unoptimised {
        true => HashMap::new(),
        false => executables(floor, options)?,
    };
    find(&built, floor.get("bench-transaction").cloned(), options)
}

/// Builds these, and says where they are.
fn executables<'w>(
    words: impl IntoIterator<Item = &'w str>,
    options: &Options,
) -> Outcome<HashMap<String, PathBuf>> {
    let mut command = cargo(&["build", "--message-format", "json-render-diagnostics"]);
    command.args(words);
    if !options.unoptimised {
        command.arg("--release");
    }
    eprintln!("$ {}", line(&command));
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", line(&command)))?;
    if !output.status.success() {
        return Err(format!("{}: {}", line(&command), output.status));
    }
    Ok(built(&String::from_utf8_lossy(&output.stdout)))
}

fn find(
    built: &HashMap<String, PathBuf>,
    static_transaction: Option<PathBuf>,
    options: &Options,
) -> Outcome<Programs> {
    let of = |name: &str| {
        built.get(name).cloned().ok_or_else(|| format!("cargo says nothing of having built {name}"))
    };
    let port_mapper = match &options.port_mapper {
        Some(path) => absolute(path)?,
        None => of("mesos-cni-port-mapper")?,
    };
    Ok(Programs {
        port_mapper,
        nothing: of("nothing")?,
        delegate: of("bench-delegate")?,
        empty: of("bench-empty")?,
        transaction: of("bench-transaction")?,
        static_transaction,
        caller: of("bench-caller")?,
        traffic: of("bench-traffic")?,
    })
}

fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The executables that cargo names in its messages, a line of JSON each.
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
    fn executables_are_found_in_what_cargo_says() {
        let said = r#"
            {"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"nothing"},"executable":"/t/nothing"}
            not of cargo
            {"reason":"build-finished","success":true}"#;
        let found = built(said);
        assert_eq!(found.len(), 1);
        assert_eq!(found["nothing"], PathBuf::from("/t/nothing"));
    }
}
