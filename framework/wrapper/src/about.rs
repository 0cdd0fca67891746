//! What a plugin prints about itself.

use cni_protocol::SpecVersion;

/// What a plugin prints about itself when a person runs it. Made by [`about!`](crate::about).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct About {
    /// The name of the binary, which is the `type` in configurations.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
}

/// Returns the [`About`] of the calling crate, from its `Cargo.toml`.
#[macro_export]
macro_rules! about {
    () => {
        $crate::About::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
    };
}

impl About {
    /// Returns a description with this name, version and text. [`about!`](crate::about) is shorter.
    pub const fn new(name: &'static str, version: &'static str, description: &'static str) -> Self {
        Self { name, version, description }
    }

    /// Returns the text for people: name, version, description, and the versions of the
    /// specification.
    pub fn text(&self) -> String {
        let Self { name, version, description } = self;
        let versions = SpecVersion::list();
        format!(
            "{name} {version}: {description}\n\
             A CNI plugin, executed by a container runtime (CNI_COMMAND is not set). \
             CNI versions: {versions}\n"
        )
    }
}
