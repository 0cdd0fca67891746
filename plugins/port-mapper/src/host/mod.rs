//! What mapping takes on the host beside rules: `route_localnet`, hairpin mode of bridge ports, and tracked
//! UDP flows that must forget where they led.

pub mod flows;
pub mod hairpin;
pub mod localhost;
