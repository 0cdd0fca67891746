//! Lets the containers of a network reach only the destinations in a list.
//!
//! The problem: a container should reach its database and nothing else, however it is compromised.
//! So the rules are on the host, where even a container with `CAP_NET_ADMIN` can't change them.
//!
//! A wrapper that has kernel objects on the host: an nf_tables map leads from each container's
//! address to the chain of its network. Each element of the map has an [`OwnerTag`], by which DEL
//! and GC find it without a file.
//!
//! ```json
//! {"type": "egress-policy", "allow": ["10.1.0.0/16", "fd00:1::/32"], "delegate": {…}, …}
//! ```
//!
//! It is about packets that the host routes, and those to the host itself. Containers on the same
//! bridge reach each other.

use std::{net::IpAddr, process::ExitCode};

use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, CtState, DataType, Element, Field, Hook, Kernel, Key, Reject,
    Rule, Ruleset, Selector, Set, SetRef, Statement, Table, Transaction, Value, ValueType, Verdict,
};
use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware, OwnerTag, about, run};

#[derive(serde::Deserialize)]
struct Config {
    /// The destinations: addresses, or prefixes such as `10.1.0.0/16`.
    allow: Vec<String>,
}

/// An address family: its selectors of source and destination, and the name of its map.
struct Family(DataType, Selector, Selector, &'static str);

const FAMILIES: [Family; 2] = [
    Family(DataType::Ipv4Addr, Selector::IpSaddr, Selector::IpDaddr, "containers4"),
    Family(DataType::Ipv6Addr, Selector::Ip6Saddr, Selector::Ip6Daddr, "containers6"),
];
const ICMPV6: Field = Field::Proto(58);

impl Family {
    /// The map from the address of each container to the chain of its network.
    fn containers(&self) -> Set {
        Set::new(self.3, [self.0], ValueType::Verdict)
    }

    /// The destinations that the containers of a network may reach.
    fn allowed(&self, network: &str) -> Set {
        let name = format!("{}-{}", self.3.replace("containers", "allowed"), network);
        Set::new(name, [self.0], ValueType::None).with_intervals()
    }
}

fn table() -> Table {
    Table::inet("cni-egress")
}

fn chain(network: &str) -> String {
    format!("network-{network}")
}

fn field(address: IpAddr) -> Field {
    match address {
        IpAddr::V4(address) => Field::Ipv4(address),
        IpAddr::V6(address) => Field::Ipv6(address),
    }
}

fn accept() -> Statement {
    Statement::Verdict(Verdict::Accept)
}

impl Config {
    /// Returns the destinations as intervals, without those inside of another.
    fn allowed(&self) -> Result<Vec<(Field, Field)>, Error> {
        let read = |(index, text): (usize, &String)| {
            let (address, length) = text
                .split_once('/')
                .map_or((&**text, None), |(one, length)| (one, Some(length.parse::<u8>().ok())));
            let address: Option<IpAddr> = address.parse().ok();
            let ends = address.and_then(|address| {
                let whole = if address.is_ipv4() { 32 } else { 128 };
                Field::prefix(address, length.map_or(Some(whole), |length| length)?)
            });
            let why = format!("{text:?} is not an address or a prefix, such as 10.1.0.0/16");
            ends.ok_or_else(|| Error::config(format!("allow[{index}]"), why))
        };
        let mut all = self.allow.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        // Of two prefixes, one contains the other or they are apart.
        all.sort_by(|a, b| (&a.0, &b.1).cmp(&(&b.0, &a.1)));
        all.dedup_by(|next, last| next.1 <= last.1 && next.0.data_type() == last.0.data_type());
        Ok(all)
    }
}

/// Creates what all networks share. What exists is not changed.
fn prepare(change: &mut Transaction) {
    change.add_table();
    for (name, hook) in [("forward", Hook::Forward), ("input", Hook::Input)] {
        change.add_chain(Chain::base(name, BaseChain::new(ChainType::Filter, hook, -10)));
        change.flush_chain(name);
        let established = vec![CtState::Established, CtState::Related];
        change.add_rule(Rule::new(name, [Statement::CtState(established), accept()]));
        for family in FAMILIES {
            change.add_set(&family.containers());
            let (left, map) = (vec![family.1], family.3.to_owned());
            change.add_rule(Rule::new(name, [Statement::VerdictMap { left, map }]));
        }
    }
}

/// Makes the chain of a network and its sets what the configuration says.
fn apply(change: &mut Transaction, network: &str, allowed: &[(Field, Field)]) {
    let chain = chain(network);
    change.add_chain(Chain::regular(&chain)).flush_chain(&chain);
    let icmpv6 = Statement::Match {
        left: Selector::L4Proto,
        op: cni_netlink::nftables::Op::Eq,
        right: ICMPV6.into(),
    };
    change.add_rule(Rule::new(&chain, [icmpv6, accept()])); // neighbour discovery
    for family in FAMILIES {
        let set = family.allowed(network);
        // An earlier one is replaced.
        change.add_set(&set).delete_set(&set.name).add_set(&set);
        for ends in allowed.iter().filter(|(first, _)| first.data_type() == family.0) {
            change.add_element(&set, Key::Range(vec![ends.clone()]), None, None);
        }
        let set = SetRef::Named(set.name);
        let inside = Statement::InSet { left: vec![family.2], negated: false, set };
        change.add_rule(Rule::new(&chain, [inside, accept()]));
    }
    let reject = Statement::Reject(Reject::AdminProhibited);
    change.add_rule(Rule::new(&chain, [Statement::Counter, reject]));
}

/// An element that belongs to an attachment, and its map.
type Owned = (Set, Element, OwnerTag);

/// Returns the elements of all attachments.
fn elements(kernel: &mut Kernel) -> Result<Vec<Owned>, Error> {
    let mut all = Vec::new();
    for set in FAMILIES.map(|family| family.containers()) {
        for element in kernel.elements(&table(), &set)? {
            if let Some(tag) = element.comment.as_deref().and_then(OwnerTag::parse) {
                all.push((set.clone(), element, tag));
            }
        }
    }
    Ok(all)
}

/// Commits what `plan` makes of the existing elements, again if another program changes the ruleset
/// meanwhile.
fn update(plan: impl Fn(&[Owned], &mut Transaction)) -> Result<(), Error> {
    let mut kernel = Kernel::open()?;
    loop {
        let generation = kernel.generation()?;
        let mut change = Transaction::new(table());
        plan(&elements(&mut kernel)?, &mut change);
        match kernel.commit(&change, Some(generation)) {
            Err(error) if error.is_stale() => {}
            done => return Ok(done?),
        }
    }
}

/// Removes the elements of some owners; with the last one, the table.
fn remove(is_removed: impl Fn(&OwnerTag) -> bool) -> Result<(), Error> {
    update(|all, change| {
        let removed: Vec<&Owned> = all.iter().filter(|(.., tag)| is_removed(tag)).collect();
        for (set, element, _) in &removed {
            change.delete_element(set, element.key.clone());
        }
        if !removed.is_empty() && removed.len() == all.len() {
            change.delete_table();
        }
    })
}

struct EgressPolicy;

impl Middleware for EgressPolicy {
    type Config = Config;

    async fn is_attached(&self, call: &Call, _: &Config) -> Result<bool, Error> {
        let own = OwnerTag::of(&call.attachment);
        Ok(elements(&mut Kernel::open()?)?.iter().any(|(.., tag)| *tag == own))
    }

    async fn before_add(&self, _: &Call, config: &Config) -> Result<(), Error> {
        config.allowed().map(drop)
    }

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let (network, allowed) = (&call.attachment.network, config.allowed()?);
        let tag = OwnerTag::of(&call.attachment);
        let addresses = result.ips_of(&call.attachment.ifname);
        let addresses: Vec<Field> = addresses.iter().map(|ip| field(ip.address)).collect();
        update(|all, change| {
            prepare(change);
            apply(change, network, &allowed);
            for address in &addresses {
                let key = Key::One(vec![address.clone()]);
                // The address may have an owner that ended without a DEL.
                for (set, element, _) in all.iter().filter(|(_, element, _)| element.key == key) {
                    change.delete_element(set, element.key.clone());
                }
                for family in FAMILIES.iter().filter(|one| one.0 == address.data_type()) {
                    let policy = Some(Value::Verdict(Verdict::Goto(chain(network))));
                    let owner = Some(tag.to_string());
                    change.add_element(&family.containers(), key.clone(), policy, owner);
                }
            }
        })
    }

    async fn before_del(&self, call: &Call, _: &Config) -> Result<(), Error> {
        let own = OwnerTag::of(&call.attachment);
        remove(|tag| *tag == own)
    }

    async fn check(&self, call: &Call, _: &Config, result: &AddResult) -> Result<(), Error> {
        let own = OwnerTag::of(&call.attachment);
        let all = elements(&mut Kernel::open()?)?;
        for ip in result.ips_of(&call.attachment.ifname) {
            let key = Key::One(vec![field(ip.address)]);
            if !all.iter().any(|(_, element, tag)| *tag == own && element.key == key) {
                let msg = format!("{} is not in the table {}", ip.address, table());
                return Err(Error::plugin(100, msg));
            }
        }
        Ok(())
    }

    async fn gc(&self, call: &Call, _: &Config, valid: &[Attachment]) -> Result<(), Error> {
        remove(|tag| tag.is_stale(&call.attachment.network, valid))
    }
}

fn main() -> ExitCode {
    run(about!(), EgressPolicy)
}
