//! The parameters of statements that are more than one word in nft's syntax.

use std::fmt;

/// A state of connection tracking: how a packet relates to a flow.
///
/// In the order in which nft lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CtState {
    /// The packet belongs to no flow, and can't begin one.
    Invalid,
    /// It begins a flow.
    New,
    /// It belongs to a flow with packets in both directions.
    Established,
    /// It belongs to a flow that another one expects, or is an error message about a flow.
    Related,
    /// It is not tracked.
    Untracked,
}

/// How many packets match: at most a rate, after a burst that may be faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limit {
    /// The number of packets in a time.
    pub rate: u64,
    /// The time.
    pub per: TimeUnit,
    /// The number of packets that may exceed the rate at once.
    pub burst: u32,
    /// Whether to match the packets beyond the limit instead.
    pub over: bool,
}

/// The unit of time of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeUnit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
}

/// Where a packet is logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Log {
    /// The text before the packet's data, at most 127 bytes.
    pub prefix: Option<String>,
    /// The destination.
    pub to: LogDestination,
}

/// The destination of logged packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogDestination {
    /// The kernel's log. From a network namespace other than the initial one, it gets packets only
    /// if the sysctl `net.netfilter.nf_log_all_netns` is 1.
    Kernel(LogLevel),
    /// The programs that listen to this group, such as ulogd.
    Group(u16),
}

/// A level of the kernel's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "these are the names of syslog(3)")]
pub enum LogLevel {
    Emerg,
    Alert,
    Crit,
    Err,
    Warn,
    Notice,
    Info,
    Debug,
}

/// How the sender of a rejected packet learns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reject {
    /// By an ICMP or ICMPv6 error: the port is unreachable.
    PortUnreachable,
    /// By an ICMP or ICMPv6 error: an administrator has prohibited it. Only in a table of family
    /// inet.
    AdminProhibited,
    /// By a TCP reset. The rule must match TCP before: `meta l4proto tcp`.
    TcpReset,
}

impl Limit {
    /// Returns a limit with a burst of 5 packets, the default of nft.
    pub fn new(rate: u64, per: TimeUnit) -> Self {
        Self { rate, per, burst: 5, over: false }
    }

    /// Sets the number of packets that may exceed the rate at once.
    pub fn with_burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// Matches the packets beyond the limit instead.
    pub fn over(self) -> Self {
        Self { over: true, ..self }
    }
}

impl Log {
    /// Returns a log entry in the kernel's log, at the level `warn`.
    pub fn new() -> Self {
        Self { prefix: None, to: LogDestination::Kernel(LogLevel::Warn) }
    }

    /// Sets the text before the packet's data.
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: Some(prefix.into()), ..self }
    }

    /// Sets the destination.
    pub fn to(self, to: LogDestination) -> Self {
        Self { to, ..self }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl CtState {
    pub(super) const ALL: [Self; 5] =
        [Self::Invalid, Self::New, Self::Established, Self::Related, Self::Untracked];

    pub(super) fn bit(self) -> u32 {
        match self {
            Self::Invalid => 1,
            Self::Established => 2,
            Self::Related => 4,
            Self::New => 8,
            Self::Untracked => 64,
        }
    }
}

impl TimeUnit {
    pub(super) const ALL: [Self; 5] =
        [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Week];

    pub(super) fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
            Self::Week => 7 * 24 * 60 * 60,
        }
    }
}

impl LogLevel {
    pub(super) const ALL: [Self; 8] = [
        Self::Emerg,
        Self::Alert,
        Self::Crit,
        Self::Err,
        Self::Warn,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];
}

impl Reject {
    pub(super) const ALL: [Self; 3] =
        [Self::PortUnreachable, Self::AdminProhibited, Self::TcpReset];
}

impl fmt::Display for CtState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::New => "new",
            Self::Established => "established",
            Self::Related => "related",
            Self::Untracked => "untracked",
        })
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        })
    }
}

/// Writes nft's syntax: `limit rate 10/second burst 5 packets`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, per, burst, over } = self;
        let over = if *over { "over " } else { "" };
        write!(f, "limit rate {over}{rate}/{per} burst {burst} packets")
    }
}

/// Writes nft's syntax: `log prefix "dropped: " level info`.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log")?;
        if let Some(prefix) = &self.prefix {
            write!(f, " prefix \"{prefix}\"")?;
        }
        match self.to {
            LogDestination::Kernel(LogLevel::Warn) => Ok(()),
            LogDestination::Kernel(level) => write!(f, " level {level}"),
            LogDestination::Group(group) => write!(f, " group {group}"),
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Err => "err",
            Self::Warn => "warn",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        })
    }
}

/// Writes nft's syntax: `reject with tcp reset`.
impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PortUnreachable => "reject",
            Self::AdminProhibited => "reject with icmpx admin-prohibited",
            Self::TcpReset => "reject with tcp reset",
        })
    }
}
