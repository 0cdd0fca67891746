//! VERSION: answered from what is known, without delegate or runtime (specification, section 5).

use std::{io::Read, sync::mpsc, thread, time::Duration};

use cni_protocol::{Object, SpecVersion, config};
use serde_json::json;

/// How long VERSION waits for the end of its input. It can be answered without, so a runtime that leaves its side
/// of the pipe open gets an answer all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// The versions spoken; `cniVersion` is the one that was asked with.
pub(crate) fn document(asked: SpecVersion) -> Object {
    let mut document = Object::new();
    document.insert("cniVersion".into(), json!(asked.as_str()));
    document.insert("supportedVersions".into(), json!(SpecVersion::ALL.map(SpecVersion::as_str)));
    document
}

/// The version that this input asks with, as far as it can be read (and comes in time), else the newest.
pub(crate) fn asked(stdin: impl Read + Send + 'static) -> SpecVersion {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let config = config::read(stdin);
        // Nobody waits any more: too late is the same as never.
        let _ = send.send(config.and_then(|config| config::version(&config)));
    });
    receive.recv_timeout(PATIENCE).ok().and_then(Result::ok).unwrap_or(SpecVersion::NEWEST)
}
