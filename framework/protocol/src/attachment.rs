//! Which attachment a call is about.

use serde::{Deserialize, Serialize};

/// One interface of one container on one network (specification, section 3, "Attachment").
///
/// The three names identify it in every version of the specification. That is why this type is
/// exhaustive, unlike most of this crate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The name of the network, from the configuration.
    pub network: String,
    /// The id of the container, `CNI_CONTAINERID`.
    pub container_id: String,
    /// The name of the interface in the container, `CNI_IFNAME`.
    pub ifname: String,
}

impl Attachment {
    /// Returns the attachment with these names.
    pub fn new(
        network: impl Into<String>,
        container_id: impl Into<String>,
        ifname: impl Into<String>,
    ) -> Self {
        Self { network: network.into(), container_id: container_id.into(), ifname: ifname.into() }
    }

    /// Returns a key for what concerns a network as a whole: no container, no interface.
    pub fn of_network(network: impl Into<String>) -> Self {
        Self { network: network.into(), ..Self::default() }
    }
}
