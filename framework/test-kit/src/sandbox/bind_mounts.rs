//! Which of the machine's directories a host shows although it hides the place that they are in.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where a host has file systems of its own, so that what the machine has there is hidden. `/tmp`
/// is among them only for a host with its own `/tmp`.
const HIDDEN: [&str; 3] = ["/run", "/var/lib/cni", TMP];
pub(crate) const TMP: &str = "/tmp";

/// What belongs to a host's kernel view: nothing of the machine's can be shown there.
const VIRTUAL: [&str; 2] = ["/proc", "/sys"];

/// As many symbolic links as Linux follows in one path.
const LINKS: usize = 40;

/// Programs and directories of the machine that a [`Host`](crate::Host) shows at the same path, even
/// where it hides what is around them.
///
/// Symbolic links are followed as the kernel follows them: both the directory that a link is in and
/// the one that it leads to are visible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindMounts {
    pub(crate) items: Vec<Item>,
}

/// One thing that is shown. No path has a symbolic link in its directory part.
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
    /// Shows a program, and everything else in its directory, such as the plugins that it runs.
    ///
    /// # Errors
    /// If there is no such file, or it is below `/proc` or `/sys`.
    pub fn program(&mut self, program: &Path) -> Result<(), String> {
        if let Some(parent) = program.parent() {
            let parent = self.follow(parent)?;
            self.show_directory_of(&parent, program);
            self.show_targets_of_links_in(&parent);
        }
        self.show_target(program)
    }

    /// Shows a directory of programs, and what symbolic links in it lead to.
    ///
    /// # Errors
    /// If there is no such directory, or it is one of those that a host has for itself, such as `/run`.
    pub fn directory(&mut self, directory: &Path) -> Result<(), String> {
        let real = self.follow(directory)?;
        if HIDDEN.iter().any(|hidden| real == Path::new(hidden)) {
            return Err(format!(
                "a throw-away host has its own {}: the machine's can't be shown there; put the \
                 programs into a directory below it",
                real.display()
            ));
        }
        self.add(Item::Directory(real.clone()));
        self.show_targets_of_links_in(&real);
        Ok(())
    }

    fn show_targets_of_links_in(&mut self, directory: &Path) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                // A link that leads nowhere shows nothing on the machine either.
                let _ = self.show_target(&entry.path());
            }
        }
    }

    /// Shows the file that a path leads to.
    fn show_target(&mut self, path: &Path) -> Result<(), String> {
        let real = self.follow(path)?;
        if let Some(directory) = real.parent() {
            self.show_directory_of(directory, &real);
        }
        Ok(())
    }

    /// Shows a directory for the sake of a file in it; the file alone where the directory is one
    /// that a host has for itself.
    fn show_directory_of(&mut self, directory: &Path, file: &Path) {
        let own = HIDDEN.iter().any(|hidden| directory == Path::new(hidden));
        let is_file = || fs::symlink_metadata(file).is_ok_and(|found| found.is_file());
        match own {
            false => self.add(Item::Directory(directory.to_owned())),
            true if is_file() => {
                self.add(Item::File(directory.join(file.file_name().unwrap_or_default())));
            }
            // A link is shown by `follow`; and nothing else in there is anybody's program.
            true => (),
        }
    }

    /// The path without symbolic links; those in hidden places are shown.
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
            if followed > LINKS {
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
            Some(place) => Err(failed(&format!("a throw-away host has its own {place}"))),
            None => Ok(real),
        }
    }

    /// Adds what would be hidden and is not shown yet.
    fn add(&mut self, item: Item) {
        let path = item.path();
        let shown = |other: &Item| match other {
            Item::Directory(directory) => path.starts_with(directory),
            other => *other == item,
        };
        if HIDDEN.iter().any(|hidden| path.starts_with(hidden)) && !self.items.iter().any(shown) {
            self.items.push(item);
        }
    }
}

/// The components of a path, without the root and without `.`.
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

    /// Directories `real` and `link` in one below `/tmp`, and a program in `real`.
    fn place() -> (TempDir, PathBuf) {
        let temporary = TempDir::new();
        let top = temporary.path().canonicalize().unwrap();
        for name in ["real", "link"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        fs::write(top.join("real/bridge"), "").unwrap();
        (temporary, top)
    }

    #[test]
    fn a_program_in_an_ordinary_place_needs_nothing() {
        let mut visible = BindMounts::default();
        visible.program(Path::new("/bin/sh")).unwrap();
        assert_eq!(visible, BindMounts::default());
    }

    #[test]
    fn both_the_directory_of_a_link_and_that_of_its_target_are_shown() {
        let (_temporary, top) = place();
        symlink("../real/bridge", top.join("link/bridge")).unwrap();
        let mut visible = BindMounts::default();
        visible.program(&top.join("link/bridge")).unwrap();
        let directories = ["link", "real"].map(|name| Item::Directory(top.join(name)));
        assert_eq!(visible.items, directories);
    }

    #[test]
    fn a_link_among_the_directories_is_made_again() {
        let (_temporary, top) = place();
        symlink(top.join("real"), top.join("way")).unwrap();
        let mut visible = BindMounts::default();
        visible.program(&top.join("way/bridge")).unwrap();
        let link = Item::Link { at: top.join("way"), to: top.join("real") };
        assert_eq!(visible.items, [link, Item::Directory(top.join("real"))]);
    }

    #[test]
    fn the_target_of_another_link_in_the_directory_is_shown() {
        let (_temporary, top) = place();
        fs::write(top.join("link/plugin"), "").unwrap();
        symlink(top.join("real/bridge"), top.join("link/delegate")).unwrap();
        let mut visible = BindMounts::default();
        visible.program(&top.join("link/plugin")).unwrap();
        assert!(visible.items.contains(&Item::Directory(top.join("real"))), "{visible:?}");
    }

    #[test]
    fn what_cannot_be_shown_is_refused_with_the_reason() {
        let refused = |path: &str| BindMounts::default().directory(Path::new(path)).unwrap_err();
        assert!(refused("/tmp").contains("has its own /tmp"), "{}", refused("/tmp"));
        assert!(refused("/proc/self").contains("has its own /proc"), "{}", refused("/proc/self"));
        assert!(refused("/no/such/place").contains("can't find /no/such/place"));
        let (_temporary, top) = place();
        symlink(top.join("circle"), top.join("circle")).unwrap();
        let problem = BindMounts::default().program(&top.join("circle")).unwrap_err();
        assert!(problem.contains("too many symbolic links"), "{problem}");
    }
}
