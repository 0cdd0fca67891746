//! Whether this kernel can do all that the rules are made of.

use cni_netlink::errno;
use cni_netlink::nftables::{Kernel, Ruleset};

use super::edit::Edit;
use super::picture::Picture;
use super::plan::{self, Wanted};
use crate::backend::Fitness;
use crate::claim::{Cidr, Claim, VERSION};
use crate::config::BackendKind;
use crate::error::Error;
use crate::mappings::{HostAddress, Mapping, Protocol};
use cni_wrapper::Attachment;

/// What is never there: deleting it makes the kernel take back all that it took before.
const NOWHERE: &str = "nowhere";

/// Has the kernel try what the first ADD of a host would make, and take it back.
pub(super) fn try_out(kernel: &mut Kernel) -> Result<Fitness, Error> {
    let picture = Picture::default();
    let mut edit = Edit::new(&picture);
    plan::stand(&mut edit, &Wanted::by(&everything()));
    let mut transaction = edit.finish();
    transaction.delete_chain(NOWHERE);
    match kernel.commit(&transaction, None) {
        Err(error) if error.errno() == Some(errno::ENOENT) && error.object.ends_with(NOWHERE) => {
            Ok(Fitness { version: version(), ipv6: Ok(()) })
        }
        Err(error) => Err(unfit(error)),
        // It can't succeed; if it did, nothing was lost.
        Ok(()) => Ok(Fitness { version: version(), ipv6: Ok(()) }),
    }
}

/// The kernel lacks something that is needed.
pub(super) fn unfit(error: cni_netlink::Error) -> Error {
    Error::Unfit { program: "nf_tables".into(), why: error.to_string() }
}

fn version() -> String {
    let release = rustix::system::uname();
    format!("nf_tables of Linux {}", release.release().to_string_lossy())
}

/// A claim that needs every kind of chain, rule and map.
fn everything() -> Claim {
    let own = str::to_owned;
    let addresses = [([10, 0, 0, 1].into(), 8), (std::net::Ipv6Addr::LOCALHOST.into(), 64)];
    Claim {
        version: VERSION,
        owner: Attachment { network: own("n"), container_id: own("c"), ifname: own("i") },
        netns: String::new(),
        created: None,
        backend: BackendKind::Nftables,
        chain: own("probe"),
        exclude_devices: vec![own("lo"), own("lo+")],
        snat: true,
        masq_all: false,
        addresses: addresses.into_iter().filter_map(|(ip, prefix)| Cidr::new(ip, prefix)).collect(),
        mappings: vec![Mapping {
            host_ip: HostAddress::Any,
            host_port: 1,
            container_port: 1,
            range: 1,
            protocol: Protocol::Tcp,
        }],
    }
}
