//! The fault to inject.

/// The variable that selects the fault.
pub(crate) const MARK: &str = "CNI_TEST_FAULT";

pub(crate) enum Fault {
    KillPlugin,
    KillCaller,
    Fail(i32),
    /// All requests to this netfilter subsystem are refused.
    Lacks(u8),
}

pub(crate) struct Order {
    /// The number of the system call.
    pub(crate) number: u64,
    pub(crate) fault: Fault,
    pub(crate) program: String,
}

impl Order {
    #[allow(
        clippy::disallowed_methods,
        reason = "its own variable, which the program does not inherit"
    )]
    pub(crate) fn from_environment() -> Result<Self, String> {
        let order = std::env::var(MARK).map_err(|error| format!("{MARK}: {error}"))?;
        let form = "NUMBER kill-plugin|kill-caller|fail-ERRNO|lacks-SUBSYSTEM PROGRAM";
        Self::read(&order).ok_or_else(|| format!("`{order}` is not `{form}`"))
    }

    fn read(order: &str) -> Option<Self> {
        let mut fields = order.splitn(3, ' ');
        let number = fields.next()?.parse().ok()?;
        let fault = match fields.next()? {
            "kill-plugin" => Fault::KillPlugin,
            "kill-caller" => Fault::KillCaller,
            other => match other.strip_prefix("fail-") {
                Some(errno) => Fault::Fail(errno.parse().ok()?),
                None => Fault::Lacks(other.strip_prefix("lacks-")?.parse().ok()?),
            },
        };
        Some(Self { number, fault, program: fields.next()?.to_owned() })
    }
}
