//! Keeps every delegate from making interfaces with an MTU larger than the network carries.
//!
//! A wrapper that rewrites the delegate's configuration: `rewrite` runs for every verb, so ADD and
//! DEL tell the same.
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
        let asked = match delegate.get("mtu") {
            None => 0,
            Some(mtu) => mtu
                .as_u64()
                .ok_or_else(|| Error::config("delegate.mtu", format!("{mtu} is no MTU")))?,
        };
        // 0 stands for the kernel's own choice, which may be more.
        let mtu = if asked == 0 { config.max_mtu } else { asked.min(config.max_mtu) };
        delegate.insert("mtu".to_owned(), mtu.into());
        Ok(())
    }
}

fn main() -> ExitCode {
    run(about!(), LimitMtu)
}
