//! Stores the addresses of each container in a file.
//!
//! ```json
//! {"type": "new-plugin", "addressesDir": "/run/new-plugin", "delegate": {"type": "bridge", …}, …}
//! ```

use std::{net::IpAddr, path::PathBuf, process::ExitCode};

use cni_wrapper::{AddResult, Attachment, AttachmentStore, Call, Error, Middleware, about, run};

/// The plugin's own keys. They are read on every verb, also on DEL.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default = "default_dir")]
    addresses_dir: PathBuf,
}

fn default_dir() -> PathBuf {
    "/run/new-plugin".into()
}

impl Config {
    fn store(&self) -> AttachmentStore<Vec<IpAddr>> {
        AttachmentStore::new(&self.addresses_dir)
    }
}

fn addresses(result: &AddResult) -> Vec<IpAddr> {
    result.ips().into_iter().map(|ip| ip.address).collect()
}

struct NewPlugin;

impl Middleware for NewPlugin {
    type Config = Config;

    /// Refuses a wrong configuration before the delegate attaches anything.
    async fn before_add(&self, _: &Call, config: &Config) -> Result<(), Error> {
        if config.addresses_dir.is_absolute() {
            return Ok(());
        }
        let dir = config.addresses_dir.display();
        Err(Error::config("addressesDir", format!("{dir} is not an absolute path")))
    }

    /// A repeated ADD that fails must not undo the first one.
    async fn is_attached(&self, call: &Call, config: &Config) -> Result<bool, Error> {
        Ok(config.store().read(&call.attachment)?.is_some())
    }

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        log::info!("{} has {:?}", call.attachment.container_id, addresses(result));
        Ok(config.store().write(&call.attachment, &addresses(result))?)
    }

    /// Undoes `after_add`. It is also called after a failed ADD, so a missing file is not an error.
    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        Ok(config.store().remove(&call.attachment)?)
    }

    async fn check(&self, call: &Call, config: &Config, result: &AddResult) -> Result<(), Error> {
        match config.store().read(&call.attachment)? {
            Some(stored) if stored == addresses(result) => Ok(()),
            // Codes from 100 up are the plugin's own.
            stored => {
                Err(Error::plugin(100, format!("{stored:?} is stored, not the result of ADD")))
            }
        }
    }

    /// Forgets containers of this network for which there was no DEL.
    async fn gc(&self, call: &Call, config: &Config, valid: &[Attachment]) -> Result<(), Error> {
        config.store().collect(&call.attachment.network, valid)
    }
}

fn main() -> ExitCode {
    run(about!(), NewPlugin)
}
