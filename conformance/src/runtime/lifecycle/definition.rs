//! What a lifecycle is.

use crate::runtime::kind::RuntimeKind;
use crate::runtime::lifecycle::testbed::Testbed;
use crate::severity::Severity;
use crate::verdict::CaseResult;

/// A whole lifecycle of one attachment, or of several.
#[derive(Clone, Copy)]
pub struct Lifecycle {
    /// Its name, for ever.
    pub name: &'static str,
    /// What happens in it, for people.
    pub does: &'static str,
    /// The runtimes that can come into it.
    pub runtimes: &'static [RuntimeKind],
    /// How bad it is when it goes wrong.
    pub severity: Severity,
    pub(super) run: fn(&Testbed) -> CaseResult,
}
