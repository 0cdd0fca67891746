//! Why a call fails.

/// The error that a call is answered with.
pub(crate) struct Fault {
    pub(crate) code: u64,
    pub(crate) msg: String,
    pub(crate) details: Option<String>,
}

impl Fault {
    pub(crate) fn new(code: u64, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: None }
    }
}
