//! Lets the containers of a network reach only the destinations in a list.
//!
//! The problem: a container should reach its database and nothing else, however it is compromised.
//! So the rules are on the host, where even a container with `CAP_NET_ADMIN` can't change them.
//!
//! A wrapper that has kernel objects on the host: each network has an nf_tables table with its
//! policy, and a set of its containers' addresses. Each element has an [`OwnerTag`], by which DEL
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
    BaseChain, Chain, ChainType, CtState, DataType, Element, Field, Hook, Kernel, Key, Op, Reject,
    Rule, Ruleset, Selector, Set, SetRef, Statement, Table, Transaction, ValueType, Verdict,
};
use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware, OwnerTag, about, run};

#[derive(serde::Deserialize)]
struct Config {
    /// The destinations: addresses, or prefixes such as `10.1.0.0/16`.
    allow: Vec<String>,
}

/// The names and selectors of an address family.
struct Family {
    kind: DataType,
    source: Selector,
    destination: Selector,
    containers: &'static str,
    allowed: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family {
        kind: DataType::Ipv4Addr,
        source: Selector::IpSaddr,
        destination: Selector::IpDaddr,
        containers: "containers4",
        allowed: "allowed4",
    },
    Family {
        kind: DataType::Ipv6Addr,
        source: Selector::Ip6Saddr,
        destination: Selector::Ip6Daddr,
        containers: "containers6",
        allowed: "allowed6",
    },
];
const ICMPV6: Field = Field::Proto(58);
const POLICY: &str = "egress"; // nft could not list `policy`, a keyword

impl Family {
    fn containers(&self) -> Set {
        Set::new(self.containers, [self.kind], ValueType::None)
    }

    fn allowed(&self) -> Set {
        Set::new(self.allowed, [self.kind], ValueType::None).with_intervals()
    }
}

fn table(network: &str) -> Table {
    Table::inet(format!("cni-egress-{network}"))
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

fn is_in(left: Selector, set: &str) -> Statement {
    Statement::InSet { left: vec![left], negated: false, set: SetRef::Named(set.to_owned()) }
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

/// Makes the rules what the configuration says, without the containers.
fn apply(change: &mut Transaction, allowed: &[(Field, Field)], listed: &[Listed]) {
    change.add_table().add_chain(Chain::regular(POLICY)).flush_chain(POLICY);
    let icmpv6 = Statement::Match { left: Selector::L4Proto, op: Op::Eq, right: ICMPV6.into() };
    change.add_rule(Rule::new(POLICY, [icmpv6, accept()])); // neighbour discovery
    for family in FAMILIES {
        let set = family.allowed();
        change.add_set(&set);
        let own = allowed.iter().filter(|(first, _)| first.data_type() == family.kind);
        let desired: Vec<Key> = own.map(|ends| Key::Range(vec![ends.clone()])).collect();
        let present = listed.iter().filter(|(one, ..)| one.name == set.name);
        let present: Vec<&Key> = present.map(|(_, element, _)| &element.key).collect();
        for key in present.iter().filter(|key| !desired.contains(key)) {
            change.delete_element(&set, (*key).clone());
        }
        for key in desired.iter().filter(|key| !present.contains(key)) {
            change.add_element(&set, key.clone(), None, None);
        }
        change.add_rule(Rule::new(POLICY, [is_in(family.destination, &set.name), accept()]));
        change.add_set(&family.containers());
    }
    let reject = Statement::Reject(Reject::AdminProhibited);
    change.add_rule(Rule::new(POLICY, [Statement::Counter, reject]));
    for (name, hook) in [("forward", Hook::Forward), ("input", Hook::Input)] {
        change.add_chain(Chain::base(name, BaseChain::new(ChainType::Filter, hook, -10)));
        change.flush_chain(name);
        let established = vec![CtState::Established, CtState::Related];
        change.add_rule(Rule::new(name, [Statement::CtState(established), accept()]));
        for family in FAMILIES {
            let policy = Statement::Verdict(Verdict::Goto(POLICY.to_owned()));
            change.add_rule(Rule::new(name, [is_in(family.source, family.containers), policy]));
        }
    }
}

/// An element, its set and, if it is the address of a container, its owner.
type Listed = (Set, Element, Option<OwnerTag>);

/// Returns the elements of a network.
fn elements(kernel: &mut Kernel, table: &Table) -> Result<Vec<Listed>, Error> {
    let mut all = Vec::new();
    for set in FAMILIES.iter().flat_map(|family| [family.containers(), family.allowed()]) {
        for element in kernel.elements(table, &set)? {
            let owner = element.comment.as_deref().and_then(OwnerTag::parse);
            all.push((set.clone(), element, owner));
        }
    }
    Ok(all)
}

/// Commits what `plan` makes of the existing elements, again if another program changes the ruleset
/// meanwhile.
fn update(network: &str, plan: impl Fn(&[Listed], &mut Transaction)) -> Result<(), Error> {
    let (mut kernel, table) = (Kernel::open()?, table(network));
    loop {
        let generation = kernel.generation()?;
        let mut change = Transaction::new(table.clone());
        plan(&elements(&mut kernel, &table)?, &mut change);
        match kernel.commit(&change, Some(generation)) {
            Err(error) if error.is_stale() => {}
            done => return Ok(done?),
        }
    }
}

/// Removes the elements of some owners; with the last one, the table.
fn remove(network: &str, is_removed: impl Fn(&OwnerTag) -> bool) -> Result<(), Error> {
    update(network, |all, change| {
        let owned = || all.iter().filter_map(|(set, one, owner)| Some((set, one, owner.as_ref()?)));
        for (set, element, _) in owned().filter(|(.., owner)| is_removed(owner)) {
            change.delete_element(set, element.key.clone());
        }
        if !change.is_empty() && owned().all(|(.., owner)| is_removed(owner)) {
            change.delete_table();
        }
    })
}

struct EgressPolicy;

impl Middleware for EgressPolicy {
    type Config = Config;

    async fn is_attached(&self, call: &Call, _: &Config) -> Result<bool, Error> {
        let own = OwnerTag::of(&call.attachment);
        let all = elements(&mut Kernel::open()?, &table(&call.attachment.network))?;
        Ok(all.iter().any(|(.., owner)| owner.as_ref() == Some(&own)))
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
        let allowed = config.allowed()?;
        let tag = OwnerTag::of(&call.attachment);
        let addresses = result.ips_of(&call.attachment.ifname);
        let addresses: Vec<Field> = addresses.iter().map(|ip| field(ip.address)).collect();
        update(&call.attachment.network, |all, change| {
            apply(change, &allowed, all);
            for address in &addresses {
                let key = Key::One(vec![address.clone()]);
                // The address may have an owner that ended without a DEL.
                for (set, element, _) in all.iter().filter(|(_, one, _)| one.key == key) {
                    change.delete_element(set, element.key.clone());
                }
                for family in FAMILIES.iter().filter(|one| one.kind == address.data_type()) {
                    let owner = Some(tag.to_string());
                    change.add_element(&family.containers(), key.clone(), None, owner);
                }
            }
        })
    }

    async fn before_del(&self, call: &Call, _: &Config) -> Result<(), Error> {
        let own = OwnerTag::of(&call.attachment);
        remove(&call.attachment.network, |tag| *tag == own)
    }

    async fn check(&self, call: &Call, _: &Config, result: &AddResult) -> Result<(), Error> {
        let (own, table) = (OwnerTag::of(&call.attachment), table(&call.attachment.network));
        let all = elements(&mut Kernel::open()?, &table)?;
        for ip in result.ips_of(&call.attachment.ifname) {
            let key = Key::One(vec![field(ip.address)]);
            let is_it = |(_, one, owner): &Listed| owner.as_ref() == Some(&own) && one.key == key;
            if !all.iter().any(is_it) {
                let msg = format!("{} is not in the table {table}: it is not filtered", ip.address);
                return Err(Error::plugin(100, msg));
            }
        }
        Ok(())
    }

    async fn gc(&self, call: &Call, _: &Config, valid: &[Attachment]) -> Result<(), Error> {
        let network = &call.attachment.network;
        remove(network, |tag| tag.is_stale(network, valid))
    }
}

fn main() -> ExitCode {
    run(about!(), EgressPolicy)
}
