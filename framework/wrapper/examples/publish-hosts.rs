//! Publishes each container's addresses as a hosts file; dnsmasq's `--hostsdir` reads it as soon as it appears.
//!
//! A wrapper that acts on the result: what `after_add` builds, `before_del` removes.
//!
//! ```json
//! {"type": "publish-hosts", "hostsDir": "/run/hosts.d", "delegate": {"type": "bridge", …}, …}
//! ```

use std::{fs, io::ErrorKind, path::PathBuf, process::ExitCode};

use cni_wrapper::{AddResult, Call, Error, Middleware, about, run};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    hosts_dir: PathBuf,
}

impl Config {
    fn file(&self, call: &Call) -> PathBuf {
        let attachment = &call.attachment;
        self.hosts_dir.join(format!("{}@{}", attachment.container_id, attachment.ifname))
    }
}

struct PublishHosts;

impl Middleware for PublishHosts {
    type Config = Config;

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let (name, file) = (&call.attachment.container_id, config.file(call));
        let lines: String =
            result.ips().iter().map(|ip| format!("{} {name}\n", ip.address)).collect();
        fs::write(&file, lines)
            .map_err(|error| Error::io(format!("writing {}", file.display()), error))
    }

    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        let file = config.file(call);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::io(format!("removing {}", file.display()), error))
            }
            _ => Ok(()),
        }
    }
}

fn main() -> ExitCode {
    run(about!(), PublishHosts)
}
