//! Limits the MTU of the interfaces that a delegate creates.
//!
//! A wrapper that changes the delegate's configuration: `rewrite` runs for every verb, so ADD and
//! DEL pass the same.
//!
//! ```json
//! {"type": "limit-mtu", "maxMtu": 1400, "delegate": {"type": "bridge", "mtu": 9000, …}, …}
//! ```

use std::process::ExitCode;

use cni_wrapper::{Call, Error, Middleware, Object, about, run};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    max_mtu: u64,
}

struct LimitMtu;

impl Middleware for LimitMtu {
    type Config = Config;

    fn rewrite(&self, _: &Call, config: &Config, delegate: &mut Object) -> Result<(), Error> {
        let requested = match delegate.get("mtu") {
            None => 0,
            Some(mtu) => mtu
                .as_u64()
                .ok_or_else(|| Error::config("delegate.mtu", format!("{mtu} is not an MTU")))?,
        };
        // 0 means the default of the kernel, which may be larger.
        let mtu = if requested == 0 { config.max_mtu } else { requested.min(config.max_mtu) };
        delegate.insert("mtu".to_owned(), mtu.into());
        Ok(())
    }
}

fn main() -> ExitCode {
    run(about!(), LimitMtu)
}
