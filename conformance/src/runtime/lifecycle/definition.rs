//! The definition of a lifecycle.

use crate::runtime::kind::RuntimeKind;
use crate::runtime::lifecycle::testbed::Testbed;
use crate::severity::Severity;
use crate::verdict::CaseResult;

/// A complete lifecycle of one or more attachments.
#[derive(Clone, Copy)]
pub struct Lifecycle {
    /// Its name, which is stable.
    pub name: &'static str,
    /// A description of its steps.
    pub does: &'static str,
    /// The runtimes in which it can occur.
    pub runtimes: &'static [RuntimeKind],
    /// The severity of a failure.
    pub severity: Severity,
    pub(super) run: fn(&Testbed) -> CaseResult,
}
