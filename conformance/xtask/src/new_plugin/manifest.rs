//! The manifest of a new plugin.

use std::path::Path;

use clap::ArgMatches;

use super::workspace::Workspace;
use crate::run::root;

/// The manifest of a member of this workspace.
pub(super) const MEMBER: &str = include_str!("../../template/Cargo.toml.in");

/// What a separate crate has in addition.
const LINTS: &str = include_str!("../../template/alone/lints.toml");
const PROFILE: &str = include_str!("../../template/alone/profile.toml");

/// The toolkit's crates that a plugin uses.
const CRATES: [(&str, &str); 2] =
    [("cni-wrapper", "framework/wrapper"), ("cni-test-kit", "framework/test-kit")];

/// The version of the toolkit's crates, without the patch level.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Where a separate crate gets the toolkit from.
pub(super) enum Toolkit {
    /// Published versions.
    Published,
    /// A git repository.
    Git(String),
    /// This checkout.
    Here,
}

impl Toolkit {
    pub(super) fn read(arguments: &ArgMatches) -> Self {
        match arguments.get_one::<String>("git") {
            Some(url) => Self::Git(url.clone()),
            None if arguments.get_flag("path") => Self::Here,
            None => Self::Published,
        }
    }

    fn dependency(&self, krate: &str, directory: &str, root: &Path) -> String {
        match self {
            Self::Published => format!("{krate} = \"{VERSION}\""),
            Self::Git(url) => format!("{krate} = {{ git = {url:?} }}"),
            Self::Here => format!("{krate} = {{ path = {:?} }}", root.join(directory)),
        }
    }
}

/// Returns the manifest of a crate outside of this workspace. Profiles belong to the root of a
/// workspace, so a member of the author's has none.
pub(super) fn alone(toolkit: &Toolkit, around: Option<&Workspace>) -> String {
    let mut manifest = MEMBER.replace("cni-conformance.workspace = true\n", "");
    for (krate, directory) in CRATES {
        let inherited = format!("{krate}.workspace = true");
        manifest = manifest.replace(&inherited, &toolkit.dependency(krate, directory, &root()));
    }
    let manifest = manifest.replace("\n[lints]\nworkspace = true\n", LINTS);
    if around.is_some() { manifest } else { manifest + PROFILE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separate_crate_inherits_nothing_and_depends_on_no_path() {
        let manifest = alone(&Toolkit::Published, None);
        assert!(!manifest.contains("workspace"), "{manifest}");
        assert!(!manifest.contains("path"), "{manifest}");
        assert!(manifest.contains(&format!("\ncni-wrapper = \"{VERSION}\"\n")), "{manifest}");
        assert!(manifest.contains("print_stdout = \"deny\""), "{manifest}");
        assert!(manifest.contains("[profile.release]"), "{manifest}");
        let version = concat!("rust-version = \"", env!("CARGO_PKG_RUST_VERSION"), "\"");
        assert!(manifest.contains(version), "{manifest}");
        let git = alone(&Toolkit::Git("https://example.com/x".to_owned()), None);
        assert!(git.contains("cni-wrapper = { git = \"https://example.com/x\" }"), "{git}");
    }
}
