//! Finding the file with a network's configuration.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::network::{Network, plugin_from};
use super::quirk::{Quirk, Quirks};

impl Network {
    /// Finds a network by its name, as libcni does: first in `.conflist` files, in the order of
    /// their names, then in `.conf` and `.json` files. An unreadable file ends the search.
    ///
    /// # Errors
    /// If no file contains it, or a file before it cannot be read.
    pub fn named(directory: &Path, name: &str, quirks: &Quirks) -> Result<Self, String> {
        let lists = files(directory, &["conflist"])?;
        for file in &lists {
            let network = Self::read_list(file, quirks)?;
            if network.name == name {
                return Ok(network);
            }
        }
        let singles = files(directory, &["conf", "json"])?;
        for file in &singles {
            let text = read(file)?;
            let plugin = plugin_from(&text, false).map_err(|problem| of(file, &problem))?;
            if plugin.get("name").and_then(Value::as_str) == Some(name) {
                return Self::parse_single(&text, quirks).map_err(|problem| of(file, &problem));
            }
        }
        let directory = directory.display();
        match lists.is_empty() && singles.is_empty() {
            true => Err(format!("no net configurations found in {directory}")),
            false => Err(format!("no net configuration with name {name:?} in {directory}")),
        }
    }

    /// Reads a list and its fragments, which are in a directory of the network's name next to it.
    ///
    /// # Errors
    /// If one of the files cannot be read, or none contains a plugin.
    pub fn read_list(file: &Path, quirks: &Quirks) -> Result<Self, String> {
        let mut network =
            Self::parse_list(&read(file)?, quirks).map_err(|problem| of(file, &problem))?;
        if !network.only_inlined {
            let directory = file.parent().unwrap_or(Path::new("."));
            let floats = quirks.has(Quirk::RoundsNumbers);
            for fragment in files(&directory.join(&network.name), &["conf"])? {
                let plugin = plugin_from(&read(&fragment)?, floats);
                network.plugins.push(plugin.map_err(|problem| of(&fragment, &problem))?);
            }
        }
        match network.plugins.is_empty() {
            true => Err(of(file, "no plugin configs found")),
            false => Ok(network),
        }
    }

    /// Reads a file: a list if its name ends in `.conflist` or it has `plugins`, else a single
    /// plugin.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(file: &Path, quirks: &Quirks) -> Result<Self, String> {
        let text = read(file)?;
        let value: Option<Value> = serde_json::from_slice(&text).ok();
        let is_list = file.extension().is_some_and(|ending| ending == "conflist")
            || value.is_some_and(|value| value.get("plugins").is_some());
        if is_list {
            return Self::read_list(file, quirks);
        }
        Self::parse_single(&text, quirks).map_err(|problem| of(file, &problem))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("error reading {}: {error}", file.display()))
}

fn of(file: &Path, problem: &str) -> String {
    format!("{}: {problem}", file.display())
}

/// Returns the files with one of these extensions, in the order of their names; none if the
/// directory does not exist.
fn files(directory: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, String> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| of(directory, &error.to_string()))?,
    };
    let fits = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        endings.contains(&ending) && !path.is_dir()
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(fits).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cni_test_kit::TempDir;

    fn directory(files: &[(&str, &str)]) -> TempDir {
        let scratch = TempDir::new();
        for (name, text) in files {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        scratch
    }

    fn types(network: &Network) -> Vec<&str> {
        network.plugins.iter().map(|plugin| plugin["type"].as_str().unwrap()).collect()
    }

    #[test]
    fn lists_precede_single_files_and_the_first_of_a_name_is_used() {
        let scratch = directory(&[
            ("00.conf", r#"{"name": "net", "type": "single"}"#),
            ("20.conflist", r#"{"name": "net", "plugins": [{"type": "later"}]}"#),
            ("10.conflist", r#"{"name": "net", "plugins": [{"type": "first"}]}"#),
            ("05.json", r#"{"name": "other", "type": "json"}"#),
            ("99.txt", "not looked at"),
        ]);
        let named = |name| Network::named(scratch.path(), name, &Quirks::all());
        assert_eq!(types(&named("net").unwrap()), ["first"]);
        assert_eq!(types(&named("other").unwrap()), ["json"]);
        assert!(named("none").unwrap_err().contains("with name \"none\""));
        assert!(
            Network::named(Path::new("/nowhere"), "n", &Quirks::all())
                .unwrap_err()
                .contains("no net")
        );
    }

    #[test]
    fn fragments_follow_the_inlined_plugins_unless_they_are_disabled() {
        let fragments = [
            ("net/20.conf", r#"{"type": "c"}"#),
            ("net/10.conf", r#"{"type": "b"}"#),
            ("net/10.json", "not looked at"),
        ];
        let with = |list| {
            let scratch = directory(&[&fragments[..], &[("n.conflist", list)]].concat());
            Network::named(scratch.path(), "net", &Quirks::all())
                .map(|network| types(&network).join(" "))
        };
        assert_eq!(with(r#"{"name": "net", "plugins": [{"type": "a"}]}"#).unwrap(), "a b c");
        assert_eq!(with(r#"{"name": "net"}"#).unwrap(), "b c");
        let only = r#"{"name": "net", "loadOnlyInlinedPlugins": true, "plugins": [{"type": "a"}]}"#;
        assert_eq!(with(only).unwrap(), "a");
        let empty = directory(&[("n.conflist", r#"{"name": "net"}"#)]);
        let problem = Network::named(empty.path(), "net", &Quirks::all()).unwrap_err();
        assert!(problem.contains("no plugin configs found"), "{problem}");
    }

    #[test]
    fn an_invalid_file_ends_the_search() {
        let scratch = directory(&[
            ("10.conflist", "{"),
            ("20.conflist", r#"{"name": "net", "plugins": [{"type": "a"}]}"#),
        ]);
        assert!(
            Network::named(scratch.path(), "net", &Quirks::all())
                .unwrap_err()
                .contains("10.conflist")
        );
    }
}
