//! The deviations of libcni from the specification, each with a name.

use std::collections::BTreeSet;

/// A deviation of libcni from the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// Plugins get `capabilities` in their configuration.
    PassesCapabilities,
    /// Numbers in a configuration pass through 64-bit floats, so large ones lose digits.
    RoundsNumbers,
    /// A list whose ADD failed gets no DEL; that is left to the caller of libcni.
    ForgetsFailedAdd,
    /// DEL and CHECK use the capabilities and arguments of their caller, not those of ADD.
    TrustsTheCaller,
    /// A result in another version than the list's is accepted, and passed on unchanged.
    TakesAnyVersion,
    /// Members that 1.1.0 added remain when a result is converted to an older version.
    LeaksNewMembers,
    /// Container id, network and interface name are validated only on ADD.
    ChecksNamesOnAddOnly,
    /// Before 0.4.0 the cache is neither read nor removed on DEL.
    KeepsOldCache,
    /// GC does nothing and succeeds if the cache directory cannot be read.
    SkipsGcSilently,
}

impl Quirk {
    /// All deviations.
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

    /// Returns the rule for runtimes that it violates.
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

/// The set of deviations that are emulated.
#[derive(Clone, Debug)]
pub struct Quirks(BTreeSet<Quirk>);

impl Quirks {
    /// Returns all deviations: libcni as it is.
    pub fn all() -> Self {
        Self(Quirk::ALL.into())
    }

    /// Returns no deviations: a runtime as specified.
    pub fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Removes a deviation.
    #[must_use]
    pub fn without(mut self, quirk: Quirk) -> Self {
        self.0.remove(&quirk);
        self
    }

    /// Whether a deviation is emulated.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self::all()
    }
}
