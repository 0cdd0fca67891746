//! Which of the machine's directories a host can see although it hides their parent directories.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where a host mounts its own file systems, which hide the machine's files. `/tmp` is hidden only
/// on a host with a private `/tmp`.
const HIDDEN: [&str; 3] = ["/run", "/var/lib/cni", TMP];
pub(crate) const TMP: &str = "/tmp";

/// File systems that show the host's own namespaces. Nothing of the machine can be mounted there.
const VIRTUAL: [&str; 2] = ["/proc", "/sys"];

/// The number of symbolic links that Linux follows in one path.
const MAX_LINKS: usize = 40;

/// Programs and directories of the machine that a [`Host`](crate::Host) sees at the same path, even
/// if it hides the directories around them.
///
/// Symbolic links are followed as the kernel follows them: both the directory of a link and the
/// directory of its target are mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindMounts {
    pub(crate) items: Vec<Item>,
}

/// A mount or a symbolic link. The directory part of its path contains no symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Directory(PathBuf),
    File(PathBuf),
    Link { at: PathBuf, to: PathBuf },
}

impl Item {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::File(path) | Self::Link { at: path, .. } => path,
        }
    }
}

impl BindMounts {
    /// Adds a program, and everything else in its directory, such as the plugins that it runs.
    ///
    /// # Errors
    /// If the file does not exist, or is below `/proc` or `/sys`.
    pub fn program(&mut self, program: &Path) -> Result<(), String> {
        if let Some(parent) = program.parent() {
            let parent = self.follow(parent)?;
            self.add_directory_of(&parent, program);
            self.add_targets_of_links_in(&parent);
        }
        self.add_target(program)
    }

    /// Adds a directory of programs, and the targets of symbolic links in it.
    ///
    /// # Errors
    /// If the directory does not exist, or a host has its own, such as `/run`.
    pub fn directory(&mut self, directory: &Path) -> Result<(), String> {
        let real = self.follow(directory)?;
        if HIDDEN.iter().any(|hidden| real == Path::new(hidden)) {
            return Err(format!(
                "a disposable host has its own {}, so the machine's can't be mounted there; move \
                 the programs to a directory below it",
                real.display()
            ));
        }
        self.add(Item::Directory(real.clone()));
        self.add_targets_of_links_in(&real);
        Ok(())
    }

    fn add_targets_of_links_in(&mut self, directory: &Path) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                // A dangling link is no use on the machine either.
                let _ = self.add_target(&entry.path());
            }
        }
    }

    /// Adds the file that a path resolves to.
    fn add_target(&mut self, path: &Path) -> Result<(), String> {
        let real = self.follow(path)?;
        if let Some(directory) = real.parent() {
            self.add_directory_of(directory, &real);
        }
        Ok(())
    }

    /// Adds the directory of a file, or only the file if a host has its own such directory.
    fn add_directory_of(&mut self, directory: &Path, file: &Path) {
        let own = HIDDEN.iter().any(|hidden| directory == Path::new(hidden));
        let is_file = || fs::symlink_metadata(file).is_ok_and(|found| found.is_file());
        match own {
            false => self.add(Item::Directory(directory.to_owned())),
            true if is_file() => {
                self.add(Item::File(directory.join(file.file_name().unwrap_or_default())));
            }
            // `follow` adds links, and anything else is not a program.
            true => (),
        }
    }

    /// Resolves the symbolic links in a path, and adds those in hidden directories.
    fn follow(&mut self, path: &Path) -> Result<PathBuf, String> {
        let failed = |why: &dyn std::fmt::Display| format!("can't find {}: {why}", path.display());
        let absolute = std::path::absolute(path).map_err(|error| failed(&error))?;
        let (mut real, mut rest) = (PathBuf::from("/"), names(&absolute));
        let mut followed = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                real.pop();
                continue;
            }
            let next = real.join(name);
            if !fs::symlink_metadata(&next).map_err(|error| failed(&error))?.is_symlink() {
                real = next;
                continue;
            }
            followed += 1;
            if followed > MAX_LINKS {
                return Err(failed(&"too many symbolic links"));
            }
            let target = fs::read_link(&next).map_err(|error| failed(&error))?;
            if target.is_absolute() {
                real = PathBuf::from("/");
            }
            names(&target).into_iter().rev().for_each(|name| rest.push_front(name));
            self.add(Item::Link { at: next, to: target });
        }
        match VIRTUAL.iter().find(|virtual_| real.starts_with(virtual_)) {
            Some(path) => Err(failed(&format!("a disposable host has its own {path}"))),
            None => Ok(real),
        }
    }

    /// Adds an item unless the host can see it already.
    fn add(&mut self, item: Item) {
        let path = item.path();
        let covers = |other: &Item| match other {
            Item::Directory(directory) => path.starts_with(directory),
            other => *other == item,
        };
        if HIDDEN.iter().any(|hidden| path.starts_with(hidden)) && !self.items.iter().any(covers) {
            self.items.push(item);
        }
    }
}

/// Returns the components of a path, without the root and without `.`.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::temp_dir::TempDir;

    /// Creates directories `real` and `link` in a temporary directory, and a program in `real`.
    fn directories() -> (TempDir, PathBuf) {
        let temporary = TempDir::new();
        let top = temporary.path().canonicalize().unwrap();
        for name in ["real", "link"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        fs::write(top.join("real/bridge"), "").unwrap();
        (temporary, top)
    }

    #[test]
    fn a_program_outside_hidden_directories_needs_no_mount() {
        let mut mounts = BindMounts::default();
        mounts.program(Path::new("/bin/sh")).unwrap();
        assert_eq!(mounts, BindMounts::default());
    }

    #[test]
    fn the_directories_of_a_link_and_of_its_target_are_mounted() {
        let (_temporary, top) = directories();
        symlink("../real/bridge", top.join("link/bridge")).unwrap();
        let mut mounts = BindMounts::default();
        mounts.program(&top.join("link/bridge")).unwrap();
        let expected = ["link", "real"].map(|name| Item::Directory(top.join(name)));
        assert_eq!(mounts.items, expected);
    }

    #[test]
    fn a_link_to_a_directory_is_recreated() {
        let (_temporary, top) = directories();
        symlink(top.join("real"), top.join("alias")).unwrap();
        let mut mounts = BindMounts::default();
        mounts.program(&top.join("alias/bridge")).unwrap();
        let link = Item::Link { at: top.join("alias"), to: top.join("real") };
        assert_eq!(mounts.items, [link, Item::Directory(top.join("real"))]);
    }

    #[test]
    fn the_target_of_another_link_in_the_directory_is_mounted() {
        let (_temporary, top) = directories();
        fs::write(top.join("link/plugin"), "").unwrap();
        symlink(top.join("real/bridge"), top.join("link/delegate")).unwrap();
        let mut mounts = BindMounts::default();
        mounts.program(&top.join("link/plugin")).unwrap();
        assert!(mounts.items.contains(&Item::Directory(top.join("real"))), "{mounts:?}");
    }

    #[test]
    fn what_cannot_be_mounted_is_refused_with_the_reason() {
        let refused = |path: &str| BindMounts::default().directory(Path::new(path)).unwrap_err();
        assert!(refused("/tmp").contains("has its own /tmp"), "{}", refused("/tmp"));
        assert!(refused("/proc/self").contains("has its own /proc"), "{}", refused("/proc/self"));
        assert!(refused("/no/such/directory").contains("can't find /no/such/directory"));
        let (_temporary, top) = directories();
        symlink(top.join("loop"), top.join("loop")).unwrap();
        let problem = BindMounts::default().program(&top.join("loop")).unwrap_err();
        assert!(problem.contains("too many symbolic links"), "{problem}");
    }
}
