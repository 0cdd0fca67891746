//! Keeps in a file which addresses each container has.
//!
//! ```json
//! {"type": "new-plugin", "addressesDir": "/run/new-plugin", "delegate": {"type": "bridge", …}, …}
//! ```

use std::{net::IpAddr, path::PathBuf, process::ExitCode};

use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware, Notes, about, run};

/// The plugin's own keys. They are read on every verb, DEL too.
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
    fn notes(&self) -> Notes {
        Notes::below(&self.addresses_dir)
    }
}

fn addresses(result: &AddResult) -> Vec<IpAddr> {
    result.ips().into_iter().map(|ip| ip.address).collect()
}

struct NewPlugin;

impl Middleware for NewPlugin {
    type Config = Config;

    /// A configuration that can't be honoured is refused before the delegate has attached anything.
    async fn before_add(&self, _: &Call, config: &Config) -> Result<(), Error> {
        if config.addresses_dir.is_absolute() {
            return Ok(());
        }
        let dir = config.addresses_dir.display();
        Err(Error::config("addressesDir", format!("{dir} is no absolute path")))
    }

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        log::info!("{} has {:?}", call.attachment.container_id, addresses(result));
        config.notes().write(&call.attachment, &addresses(result))
    }

    /// What `after_add` builds. It is called when an ADD has failed, too: what is not there is no error.
    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        config.notes().remove(&call.attachment)
    }

    async fn check(&self, call: &Call, config: &Config, result: &AddResult) -> Result<(), Error> {
        match config.notes().read::<Vec<IpAddr>>(&call.attachment)? {
            Some(noted) if noted == addresses(result) => Ok(()),
            // 100 and up are a plugin's own codes.
            noted => Err(Error::plugin(100, format!("noted is {noted:?}, and not what ADD said"))),
        }
    }

    /// Containers of this network for which no DEL came.
    async fn gc(&self, call: &Call, config: &Config, valid: &[Attachment]) -> Result<(), Error> {
        let noted = config.notes().of_network::<Vec<IpAddr>>(&call.attachment.network)?;
        let gone = noted.iter().filter(|(attachment, _)| !valid.contains(attachment));
        let removed = gone.map(|(attachment, _)| config.notes().remove(attachment));
        Error::several(removed.filter_map(Result::err).collect()).map_or(Ok(()), Err)
    }
}

fn main() -> ExitCode {
    run(about!(), NewPlugin)
}
