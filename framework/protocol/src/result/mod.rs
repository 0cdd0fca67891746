//! The result of ADD: the whole document as it was printed, with typed views on top of it.
//!
//! There are three layouts, and results convert between any two versions:
//!
//! | layout | versions | addresses |
//! |---|---|---|
//! | `V020` | 0.1.0, 0.2.0 | `ip4` and `ip6`, one each, with their routes |
//! | `V040` | 0.3.0, 0.3.1, 0.4.0 | `ips`, each with its `version` |
//! | `V100` | 1.0.0, 1.1.0 | `ips` |

mod add_result;
mod address;
mod check;
mod convert;
mod edit;
mod error;
mod layout;
mod view;

pub use add_result::AddResult;
pub use error::ResultError;
pub use view::{Dns, Interface, IpConfig, Route};
