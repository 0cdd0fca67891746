//! Where libcni deviates from the specification, each deviation by name.

use std::collections::BTreeSet;

/// A deviation of libcni.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// Exec see `capabilities` in their configuration.
    PassesCapabilities,
    /// Numbers in a configuration go through 64-bit floats, so that large ones lose digits.
    RoundsNumbers,
    /// A list whose ADD failed gets no DEL; whoever called libcni has to think of it.
    ForgetsFailedAdd,
    /// DEL and CHECK repeat what the caller says for capabilities and arguments, not what ADD was invocation.
    TrustsTheCaller,
    /// An ADD result of another version than the list's is taken, and is handed on to the next plugin as it came.
    TakesAnyVersion,
    /// Members that only 1.1.0 knows stay when a result is converted down.
    LeaksNewMembers,
    /// Container id, network and interface name are looked at on ADD only.
    ChecksNamesOnAddOnly,
    /// Below 0.4.0 the cache is not read on DEL, and what was not read is not removed either.
    KeepsOldCache,
    /// A cache directory that can't be read makes GC do nothing, and that counts as success.
    SkipsGcSilently,
}

impl Quirk {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::PassesCapabilities,
        Self::RoundsNumbers,
        Self::ForgetsFailedAdd,
        Self::TrustsTheCaller,
        Self::TakesAnyVersion,
        Self::LeaksNewMembers,
        Self::ChecksNamesOnAddOnly,
        Self::KeepsOldCache,
        Self::SkipsGcSilently,
    ];

    /// The rule for runtimes that it breaks.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::TakesAnyVersion | Self::LeaksNewMembers => "RT-01",
            Self::SkipsGcSilently => "RT-06",
            Self::PassesCapabilities => "RT-07",
            Self::RoundsNumbers => "RT-08",
            Self::ForgetsFailedAdd => "RT-10",
            Self::KeepsOldCache => "RT-11",
            Self::TrustsTheCaller | Self::ChecksNamesOnAddOnly => "RT-12",
        }
    }
}

/// The deviations that are played.
#[derive(Clone, Debug)]
pub struct Quirks(BTreeSet<Quirk>);

impl Quirks {
    /// All: as libcni is.
    pub fn all() -> Self {
        Self(Quirk::ALL.into())
    }

    /// None: as the specification wants it.
    pub fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// All but this one.
    #[must_use]
    pub fn without(mut self, quirk: Quirk) -> Self {
        self.0.remove(&quirk);
        self
    }

    /// Whether this one is played.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self::all()
    }
}
