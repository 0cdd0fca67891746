//! Tests whether this kernel supports everything that the rules use.

use cni_netlink::errno;
use cni_netlink::nftables::{Kernel, Ruleset};
use cni_wrapper::Attachment;

use super::desired::Desired;
use super::edit::Edit;
use super::observed::Observed;
use crate::backend::interface::Readiness;
use crate::claim::{Cidr, Claim, VERSION};
use crate::conditions::Conditions;
use crate::config::BackendKind;
use crate::error::Error;
use crate::mappings::{HostAddress, Mapping, Protocol};

/// A chain that never exists: its deletion fails, and the kernel rolls back the transaction.
const NO_CHAIN: &str = "nowhere";

/// Lets the kernel process what the first ADD on a host would add, and roll it back.
pub(super) fn try_out(kernel: &mut Kernel) -> Result<Readiness, Error> {
    let observed = Observed::default();
    let mut edit = Edit::new(&observed);
    edit.ensure_rules(&Desired::new(&everything()));
    let mut transaction = edit.finish();
    transaction.delete_chain(NO_CHAIN);
    match kernel.commit(&transaction, None) {
        Err(error) if error.errno() == Some(errno::ENOENT) && error.object.ends_with(NO_CHAIN) => {
            Ok(Readiness { version: version(), ipv6: Ok(()) })
        }
        Err(error) => Err(unfit(error)),
        // It can't succeed. If it did, it would do no harm.
        Ok(()) => Ok(Readiness { version: version(), ipv6: Ok(()) }),
    }
}

/// Reports whether the kernel refused a request since it lacks nf_tables, the address family, or
/// netfilter's netlink interface. Such a kernel has no rules there.
pub(crate) fn lacks_nf_tables(error: &cni_netlink::Error) -> bool {
    const LACKING: [i32; 4] =
        [errno::EINVAL, errno::EOPNOTSUPP, errno::EPROTONOSUPPORT, errno::EAFNOSUPPORT];
    error.errno().is_some_and(|number| LACKING.contains(&number))
}

/// Explains that nf_tables is not available. An error that may be transient, such as a lack of
/// memory or of file descriptors, does not mean that.
pub(super) fn unavailable(error: cni_netlink::Error) -> Error {
    match error.errno() {
        Some(errno::EPERM | errno::EACCES) => unfit(error),
        _ if lacks_nf_tables(&error) => unfit(error),
        _ => error.into(),
    }
}

/// Explains that the kernel lacks something.
pub(super) fn unfit(error: cni_netlink::Error) -> Error {
    Error::Unfit { program: "nf_tables".into(), why: error.to_string() }
}

fn version() -> String {
    let release = rustix::system::uname();
    format!("nf_tables of Linux {}", release.release().to_string_lossy())
}

/// Returns a claim that needs every kind of chain, rule and map.
fn everything() -> Claim {
    let own = str::to_owned;
    let addresses = [([10, 0, 0, 1].into(), 8), (std::net::Ipv6Addr::LOCALHOST.into(), 64)];
    Claim {
        version: VERSION,
        owner: Attachment { network: own("n"), container_id: own("c"), ifname: own("i") },
        netns: String::new(),
        namespace: None,
        standby: Vec::new(),
        backend: BackendKind::Nftables,
        chain: own("probe"),
        exclude_devices: vec![own("lo"), own("lo+")],
        snat: true,
        masq_all: false,
        conditions: Conditions::default(),
        without_localhost: false,
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
