//! The state of an attachment: a file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::call::Call;
use crate::tools::hash;

const DIRECTORY: &str = "/run/mutant";

/// An attachment, and the names of what belongs to it.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) network: String,
    pub(crate) id: String,
    pub(crate) ifname: String,
}

impl Owner {
    pub(crate) fn of(call: &Call) -> Self {
        let (id, ifname) = (call.id().to_owned(), call.ifname().to_owned());
        Self { network: call.network(), id, ifname }
    }

    /// Returns ten hexadecimal digits that identify the attachment.
    pub(crate) fn key(&self) -> String {
        let name = format!("{}/{}/{}", self.network, self.id, self.ifname);
        format!("{:010x}", hash(&name) & 0xff_ffff_ffff)
    }

    fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(self.key())
    }

    pub(crate) fn store(&self) {
        let state = json!({ "network": self.network, "id": self.id, "ifname": self.ifname });
        let written =
            fs::create_dir_all(DIRECTORY).and_then(|()| fs::write(self.path(), state.to_string()));
        written.unwrap_or_else(|error| panic!("cannot write {DIRECTORY}: {error}"));
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.path().exists()
    }

    pub(crate) fn remove(&self) {
        // Fails if it does not exist.
        let _ = fs::remove_file(self.path());
    }

    /// Returns all stored attachments.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::read(&entry.path())).collect()
    }

    fn read(path: &Path) -> Option<Self> {
        let state: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        let text = |key: &str| state[key].as_str().map(str::to_owned);
        Some(Self { network: text("network")?, id: text("id")?, ifname: text("ifname")? })
    }
}
