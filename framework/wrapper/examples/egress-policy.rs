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

use std::process::ExitCode;

use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, CtState, DataType, Element, Field, Hook, Kernel, Key, Reject,
    Rule, Ruleset, Selector, Set, Statement, Table, Transaction, ValueType, prefixes,
};
use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware, OwnerTag, about, run};

#[derive(serde::Deserialize)]
struct Config {
    /// The destinations: addresses, or prefixes such as `10.1.0.0/16`.
    allow: Vec<String>,
}

/// The selectors of source and destination of an address family, and the names of its sets.
struct Family(DataType, Selector, Selector, &'static str, &'static str);

const FAMILIES: [Family; 2] = [
    Family(DataType::Ipv4Addr, Selector::IpSaddr, Selector::IpDaddr, "containers4", "allowed4"),
    Family(DataType::Ipv6Addr, Selector::Ip6Saddr, Selector::Ip6Daddr, "containers6", "allowed6"),
];
const ICMPV6: Field = Field::Proto(58);
const POLICY: &str = "egress"; // nft could not list `policy`, a keyword

impl Family {
    fn containers(&self) -> Set {
        Set::new(self.3, [self.0], ValueType::None)
    }

    fn allowed(&self) -> Set {
        Set::new(self.4, [self.0], ValueType::None).with_intervals()
    }
}

fn table(network: &str) -> Table {
    Table::inet(format!("cni-egress-{network}"))
}

impl Config {
    fn allowed(&self) -> Result<Vec<Key>, Error> {
        let wrong = |index, why| Error::config(format!("allow[{index}]"), why);
        prefixes(&self.allow).map_err(|error| wrong(error.index, error.to_string()))
    }
}

/// Makes the rules what the configuration says, without the containers.
fn apply(change: &mut Transaction, allowed: &[Key], listed: &[Listed]) {
    change.add_table().add_chain(Chain::regular(POLICY)).flush_chain(POLICY);
    let icmpv6 = Statement::matches(Selector::L4Proto, ICMPV6);
    change.add_rule(Rule::new(POLICY, [icmpv6, Statement::accept()])); // neighbour discovery
    for family in FAMILIES {
        let set = family.allowed();
        change.add_set(&set).add_set(&family.containers());
        let present = listed.iter().filter(|(one, ..)| one.name == set.name);
        let present: Vec<&Key> = present.map(|(_, element, _)| &element.key).collect();
        for key in present.iter().filter(|key| !allowed.contains(key)) {
            change.delete_element(&set, (*key).clone());
        }
        let own = allowed.iter().filter(|key| key.data_types() == [family.0]);
        for key in own.filter(|key| !present.contains(key)) {
            change.add_element(&set, key.clone(), None, None);
        }
        let is_allowed = Statement::is_in(family.2, set.name);
        change.add_rule(Rule::new(POLICY, [is_allowed, Statement::accept()]));
    }
    let reject = Statement::Reject(Reject::AdminProhibited);
    change.add_rule(Rule::new(POLICY, [Statement::Counter, reject]));
    for (name, hook) in [("forward", Hook::Forward), ("input", Hook::Input)] {
        change.add_chain(Chain::base(name, BaseChain::new(ChainType::Filter, hook, -10)));
        change.flush_chain(name);
        let established = Statement::CtState(vec![CtState::Established, CtState::Related]);
        change.add_rule(Rule::new(name, [established, Statement::accept()]));
        for family in FAMILIES {
            let is_ours = Statement::is_in(family.1, family.3);
            change.add_rule(Rule::new(name, [is_ours, Statement::goto(POLICY)]));
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

/// Commits what `plan` makes of the existing elements.
fn update(network: &str, plan: impl Fn(&[Listed], &mut Transaction)) -> Result<(), Error> {
    let table = table(network);
    Kernel::open()?.update(|kernel| {
        let mut change = Transaction::new(table.clone());
        plan(&elements(kernel, &table)?, &mut change);
        Ok(change)
    })
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
        let ips = result.ips_of(&call.attachment.ifname);
        update(&call.attachment.network, |all, change| {
            apply(change, &allowed, all);
            for key in ips.iter().map(|ip| Key::from(Field::from(ip.address))) {
                // The address may have an owner that ended without a DEL.
                for (set, element, _) in all.iter().filter(|(_, one, _)| one.key == key) {
                    change.delete_element(set, element.key.clone());
                }
                for family in FAMILIES.iter().filter(|one| key.data_types() == [one.0]) {
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
            let key = Key::from(Field::from(ip.address));
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
