//! The crates that are published.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Outcome, metadata};

/// A crate that is published.
pub(crate) struct PublicCrate {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) directory: PathBuf,
}

impl PublicCrate {
    fn of(package: &Value) -> Option<Self> {
        // An empty list forbids all registries; `null` allows them.
        if !package["publish"].is_null() {
            return None;
        }
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let manifest = PathBuf::from(text("manifest_path")?);
        let directory = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        Some(Self { name: text("name")?, version: text("version")?, directory })
    }
}

/// Returns the crates of the workspace that are published.
pub(crate) fn public_crates() -> Outcome<Vec<PublicCrate>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
    Ok(packages.iter().filter_map(PublicCrate::of).collect())
}
