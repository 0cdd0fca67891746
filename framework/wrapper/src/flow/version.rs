//! VERSION: answered without calling a delegate (specification, section 5).

use std::{io::Read, sync::mpsc, thread, time::Duration};

use cni_protocol::{Object, SpecVersion, config};
use serde_json::json;

/// How long VERSION waits for the end of its input. It can be answered without it, so a runtime
/// that does not close the pipe gets an answer, too.
const INPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the answer: all supported versions, and the requested one as `cniVersion`.
pub(crate) fn document(requested: SpecVersion) -> Object {
    let mut document = Object::new();
    document.insert("cniVersion".into(), json!(requested.as_str()));
    document.insert("supportedVersions".into(), json!(SpecVersion::ALL.map(SpecVersion::as_str)));
    document
}

/// Returns the version of the input, or the newest if it can't be read in time.
pub(crate) fn requested(stdin: impl Read + Send + 'static) -> SpecVersion {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let config = config::read(stdin);
        // It fails if the receiver has given up, which is the same as no input.
        let _ = send.send(config.and_then(|config| config::version(&config)));
    });
    receive.recv_timeout(INPUT_TIMEOUT).ok().and_then(Result::ok).unwrap_or(SpecVersion::NEWEST)
}
