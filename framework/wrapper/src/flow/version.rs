//! VERSION: answered from what is known, without configuration, delegate or runtime (specification, section 5).

use std::io::Read;

use serde_json::json;

use crate::{Object, SpecVersion, request};

/// The versions spoken. `cniVersion` repeats the one that was asked with, as far as it can be read.
pub(crate) fn version(stdin: impl Read) -> Object {
    let asked =
        request::read_config(stdin).and_then(|config| request::config_version(&config)).ok();
    let mut document = Object::new();
    document.insert("cniVersion".into(), json!(asked.unwrap_or(SpecVersion::NEWEST).as_str()));
    document.insert("supportedVersions".into(), json!(SpecVersion::ALL.map(SpecVersion::as_str)));
    document
}
