//! What is to happen.

/// The variable with the order.
pub(crate) const MARK: &str = "CNI_TEST_FAULT";

pub(crate) enum Fault {
    KillPlugin,
    KillCaller,
    Fail(i32),
}

pub(crate) struct Order {
    /// Before which system call.
    pub(crate) number: u64,
    pub(crate) fault: Fault,
    pub(crate) program: String,
}

impl Order {
    #[allow(
        clippy::disallowed_methods,
        reason = "what it is told, and takes away from the program"
    )]
    pub(crate) fn of_environment() -> Result<Self, String> {
        let order = std::env::var(MARK).map_err(|error| format!("{MARK}: {error}"))?;
        let form = "NUMBER kill-plugin|kill-caller|fail-ERRNO PROGRAM";
        Self::read(&order).ok_or_else(|| format!("`{order}` is not `{form}`"))
    }

    fn read(order: &str) -> Option<Self> {
        let mut words = order.splitn(3, ' ');
        let number = words.next()?.parse().ok()?;
        let fault = match words.next()? {
            "kill-plugin" => Fault::KillPlugin,
            "kill-caller" => Fault::KillCaller,
            other => Fault::Fail(other.strip_prefix("fail-")?.parse().ok()?),
        };
        Some(Self { number, fault, program: words.next()?.to_owned() })
    }
}
