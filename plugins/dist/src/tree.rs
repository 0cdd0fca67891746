//! The files that the package installs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::build::{root, run};

/// The crates whose programs are in the package.
pub(crate) const PACKAGES: [&str; 5] =
    ["mesos-cni-port-mapper", "cni-guard", "cni-label-policy", "cni-trace", "cni-conformance"];
/// The plugins and their directories. Runtimes search for them in `/usr/lib/cni`; links in
/// `/usr/bin` let administrators call them by name.
const PLUGINS: [(&str, &str); 4] = [
    ("mesos-cni-port-mapper", "port-mapper"),
    ("cni-guard", "guard"),
    ("cni-label-policy", "label-policy"),
    ("cni-trace", "trace"),
];

/// The directories in which shells search for the completions of packages.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions"),
    ("fish", "usr/share/fish/vendor_completions.d"),
    ("zsh", "usr/share/zsh/vendor-completions"),
];

const CONTROL: &str = include_str!("../package/control.in");
const NAME: &str = "cni-wrapper-plugins";

/// A directory with the contents of the package.
pub(crate) struct Tree(PathBuf);

impl Tree {
    /// Creates the directory, with the programs of `programs` and all other files.
    pub(crate) fn create(path: &Path, programs: &Path) -> Outcome<Self> {
        let _ = fs::remove_dir_all(path);
        let tree = Self(path.to_owned());
        for (program, folder) in PLUGINS {
            let plugin = format!("usr/lib/cni/{program}");
            tree.program(&programs.join(program), &plugin)?;
            tree.link(&format!("../lib/cni/{program}"), &format!("usr/bin/{program}"))?;
            let source = root().join("plugins").join(folder);
            tree.copy(
                &source.join("schema.json"),
                &format!("usr/share/{NAME}/schemas/{program}.json"),
            )?;
            tree.copy(&source.join("README.md"), &format!("usr/share/doc/{NAME}/{program}.md"))?;
        }
        tree.program(&programs.join("cni-conformance"), "usr/bin/cni-conformance")?;
        let dist = Path::new(env!("CARGO_MANIFEST_DIR"));
        for unit in entries(&dist.join("systemd"))? {
            tree.copy(&unit, &format!("usr/lib/systemd/system/{}", name(&unit)))?;
        }
        tree.copy(&root().join("plugins/RECIPES.md"), &format!("usr/share/doc/{NAME}/RECIPES.md"))?;
        let package = dist.join("package");
        tree.copy(&package.join("copyright"), &format!("usr/share/doc/{NAME}/copyright"))?;
        for (shell, directory) in COMPLETIONS {
            for file in entries(&package.join("completions").join(shell))? {
                tree.copy(&file, &format!("{directory}/{}", name(&file)))?;
            }
        }
        for file in entries(&package.join("man"))? {
            let section = name(&file).rsplit('.').next().unwrap_or("8").to_owned();
            let page = format!("usr/share/man/man{section}/{}", name(&file));
            tree.copy(&file, &page)?;
            // Without a timestamp, so that builds are reproducible.
            run(Command::new("gzip").args(["-9", "-n"]).arg(tree.0.join(page)))?;
        }
        Ok(tree)
    }

    /// Writes the control file.
    pub(crate) fn write_control(&self, architecture: &str, depends: &str) -> Outcome {
        let size = size(&self.0)?.div_ceil(1024).to_string();
        let others: Vec<&str> = PLUGINS.iter().map(|(name, _)| *name).skip(1).collect();
        let control: String = CONTROL
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@ARCH@", architecture)
            .replace("@DEPENDS@", depends)
            .replace("@SIZE@", &size)
            .replace("@OTHERS@", &others.join(", "))
            .lines()
            .filter(|line| *line != "Depends: ")
            .map(|line| format!("{line}\n"))
            .collect();
        self.write("DEBIAN/control", control.as_bytes())
    }

    pub(crate) fn file_name(&self, architecture: &str) -> String {
        format!("{NAME}_{}_{architecture}.deb", env!("CARGO_PKG_VERSION"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn program(&self, from: &Path, to: &str) -> Outcome {
        self.copy(from, to)?;
        let to = self.0.join(to);
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).map_err(failed(&to))
    }

    fn copy(&self, from: &Path, to: &str) -> Outcome {
        self.write(to, &fs::read(from).map_err(failed(from))?)
    }

    fn write(&self, to: &str, bytes: &[u8]) -> Outcome {
        let to = self.0.join(to);
        create_parent(&to)?;
        fs::write(&to, bytes).map_err(failed(&to))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o644)).map_err(failed(&to))
    }

    fn link(&self, to: &str, at: &str) -> Outcome {
        let at = self.0.join(at);
        create_parent(&at)?;
        symlink(to, &at).map_err(failed(&at))
    }
}

fn create_parent(file: &Path) -> Outcome {
    let directory = file.parent().unwrap_or(file);
    fs::create_dir_all(directory).map_err(failed(directory))
}

fn entries(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(failed(directory))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the total size of all files below a directory, in bytes.
fn size(path: &Path) -> Outcome<u64> {
    if !path.is_dir() || path.is_symlink() {
        return path.symlink_metadata().map(|file| file.len()).map_err(failed(path));
    }
    entries(path)?.iter().map(|entry| size(entry)).sum()
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_for_a_firewall_reload_are_installed_where_systemd_finds_them() {
        let directory = cni_test_kit::TempDir::new();
        let programs = directory.path().join("programs");
        fs::create_dir(&programs).unwrap();
        for program in PACKAGES {
            fs::write(programs.join(program), "").unwrap();
        }
        let tree = Tree::create(&directory.path().join("tree"), &programs).unwrap();
        for unit in ["restore", "firewalld"] {
            let unit = format!("mesos-cni-port-mapper-{unit}.service");
            assert!(tree.path().join("usr/lib/systemd/system").join(&unit).exists(), "{unit}");
        }
    }
}
