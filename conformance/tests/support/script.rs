//! A plugin that is a shell script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use cni_conformance::{Profile, Subject};
use serde_json::{Map, json};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An IPAM plugin that always gives the same address and does more, as a shell script says. Removed when it is dropped.
pub(crate) struct Script {
    directory: PathBuf,
}

impl Script {
    pub(crate) fn new(more: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cni-script-{}-{number}", std::process::id());
        let script = Self { directory: std::env::temp_dir().join(name) };
        fs::create_dir(&script.directory).unwrap();
        let versions = json!({ "cniVersion": "1.0.0", "supportedVersions": ["1.0.0"] });
        let result = json!({ "cniVersion": "1.0.0", "ips": [{ "address": "10.9.0.2/24" }] });
        let text = format!(
            "#!/bin/sh\ncat >/dev/null\ncase $CNI_COMMAND in\nVERSION) echo '{versions}' ;;\n\
             ADD) {{ {more}\n}} >&2\n echo '{result}' ;;\nesac\n"
        );
        fs::write(script.plugin(), text).unwrap();
        fs::set_permissions(script.plugin(), fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    pub(crate) fn plugin(&self) -> PathBuf {
        self.directory.join("script")
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::new(self.plugin(), Profile::Ipam, Map::new())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // What can't be removed must not fail a test.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
