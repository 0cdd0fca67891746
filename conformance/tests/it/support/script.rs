//! A plugin that is a shell script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use cni_conformance::{Profile, Subject};
use cni_test_kit::TempDir;
use serde_json::{Map, json};

/// An IPAM plugin that always returns the same address and runs a shell script on ADD. It is
/// removed when it is dropped.
pub(crate) struct Script {
    directory: TempDir,
}

impl Script {
    pub(crate) fn new(script_of_add: &str) -> Self {
        let script = Self { directory: TempDir::new() };
        let versions = json!({ "cniVersion": "1.0.0", "supportedVersions": ["1.0.0"] });
        let result = json!({ "cniVersion": "1.0.0", "ips": [{ "address": "10.9.0.2/24" }] });
        let text = format!(
            "#!/bin/sh\ncat >/dev/null\ncase $CNI_COMMAND in\nVERSION) echo '{versions}' ;;\n\
             ADD) {{ {script_of_add}\n}} >&2\n echo '{result}' ;;\nesac\n"
        );
        fs::write(script.plugin(), text).unwrap();
        fs::set_permissions(script.plugin(), fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    pub(crate) fn plugin(&self) -> PathBuf {
        self.directory.path().join("script")
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::new(self.plugin(), Profile::Ipam, Map::new())
    }
}
