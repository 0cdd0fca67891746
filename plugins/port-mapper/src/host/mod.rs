//! The settings of the host that mappings need in addition to rules: `route_localnet`, hairpin mode
//! of bridge ports, and the removal of stale UDP flows.

pub mod chains;
pub mod flows;

pub mod hairpin;
pub mod localhost;
pub mod other_users;
pub mod ports;
pub mod record;
mod route_localnet;
