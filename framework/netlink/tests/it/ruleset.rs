//! A table with every kind of object and statement.

use std::net::{Ipv4Addr, Ipv6Addr};

mod sets;

pub(crate) use sets::sets;

use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, CtState, DataType, Family, Field, Hook, Key, Limit, Log,
    LogDestination, LogLevel, Op, Operand, Operation, Policy, RawExpression, Reject, Rule,
    Selector, Set, SetRef, Statement, Table, TimeUnit, Transaction, Value, ValueType, Verdict,
};

pub(crate) fn table() -> Table {
    Table::inet("port-mapper")
}

pub(crate) fn v4(text: &str) -> Field {
    Field::Ipv4(text.parse::<Ipv4Addr>().expect("an IPv4 address"))
}

pub(crate) fn v6(text: &str) -> Field {
    Field::Ipv6(text.parse::<Ipv6Addr>().expect("an IPv6 address"))
}

pub(crate) fn ifname(name: &str) -> Field {
    Field::Ifname(name.to_owned())
}

pub(crate) const TCP: Field = Field::Proto(6);
pub(crate) const UDP: Field = Field::Proto(17);

pub(crate) fn set(name: &str, key: &[DataType], value: ValueType) -> Set {
    Set::new(name, key, value)
}

pub(crate) fn intervals(set: Set) -> Set {
    set.with_intervals()
}

pub(crate) fn commented(set: Set) -> Set {
    let comment = format!("what {} is for", set.name);
    set.with_comment(comment)
}

/// `inet_proto . inet_service : ipv4_addr . inet_service`
pub(crate) fn dnat4() -> Set {
    let value = ValueType::Data(vec![DataType::Ipv4Addr, DataType::InetService]);
    set("dnat4", &[DataType::InetProto, DataType::InetService], value)
}

pub(crate) fn target4(address: &str, port: u16) -> Option<Value> {
    Some(Value::Data(vec![v4(address), Field::Port(port)]))
}

pub(crate) fn tcp(port: u16) -> Key {
    Key::One(vec![TCP, Field::Port(port)])
}

pub(crate) fn nat(name: &str, hook: Hook, priority: i32) -> Chain {
    Chain::base(name, BaseChain::new(ChainType::Nat, hook, priority))
}

pub(crate) fn chains() -> Vec<Chain> {
    let filter = |hook, priority| BaseChain::new(ChainType::Filter, hook, priority);
    let drops = |hook, priority| filter(hook, priority).with_policy(Policy::Drop);
    vec![
        Chain::regular("hostports"),
        Chain::regular("CNI-all").with_comment("for all"),
        Chain::regular("near/10.0.0.0/24"),
        Chain::regular("high"),
        nat("prerouting", Hook::Prerouting, -100),
        nat("output", Hook::Output, -99),
        nat("postrouting", Hook::Postrouting, 101).with_comment("sources"),
        Chain::base("guard", drops(Hook::Prerouting, -300)),
        Chain::base("in", drops(Hook::Input, 0)),
        Chain::base("through", filter(Hook::Forward, i32::MAX)),
    ]
}

fn rule(chain: &str, statements: &[Statement]) -> Rule {
    Rule::new(chain, statements)
}

fn is(left: Selector, right: impl Into<Operand>) -> Statement {
    Statement::Match { left, op: Op::Eq, right: right.into() }
}

fn is_not(left: Selector, right: impl Into<Operand>) -> Statement {
    Statement::Match { left, op: Op::Ne, right: right.into() }
}

fn within(left: &[Selector], set: &str) -> Statement {
    Statement::InSet { left: left.to_vec(), negated: false, set: SetRef::Named(set.to_owned()) }
}

fn without(left: &[Selector], set: &str) -> Statement {
    Statement::InSet { left: left.to_vec(), negated: true, set: SetRef::Named(set.to_owned()) }
}

fn among(left: Selector, negated: bool, fields: &[Field]) -> Statement {
    Statement::InSet { left: vec![left], negated, set: SetRef::Anonymous(fields.to_vec()) }
}

fn vmap(left: &[Selector], map: &str) -> Statement {
    Statement::VerdictMap { left: left.to_vec(), map: map.to_owned() }
}

fn dnat(family: Family, left: &[Selector], map: &str) -> Statement {
    let with_port = !map.starts_with("range");
    Statement::Dnat { family, left: left.to_vec(), map: map.to_owned(), with_port }
}

const DROP: Statement = Statement::Verdict(Verdict::Drop);
const RETURN: Statement = Statement::Verdict(Verdict::Return);

pub(crate) fn rules() -> Vec<Rule> {
    [nat_rules(), matching_rules(), filter_rules()].concat()
}

fn nat_rules() -> Vec<Rule> {
    use Selector::{
        CtOriginalIpDaddr, CtOriginalProtoDst, Ip6Daddr, IpDaddr, IpSaddr, L4Proto, ThDport,
    };
    let jump = |chain: &str| Statement::Verdict(Verdict::Jump(chain.to_owned()));
    let (port, to4, to6) =
        ([L4Proto, ThDport], [IpDaddr, L4Proto, ThDport], [Ip6Daddr, L4Proto, ThDport]);
    let asked = [CtOriginalIpDaddr, L4Proto, CtOriginalProtoDst];
    vec![
        rule("prerouting", &[Statement::FibDaddrLocal, jump("hostports")]),
        rule("output", &[Statement::FibDaddrLocal, jump("hostports")]).with_comment("out"),
        rule("postrouting", &[Statement::CtStatusDnat, Statement::Masquerade]),
        rule(
            "postrouting",
            &[Statement::CtStatusDnat, within(&[IpSaddr, IpDaddr], "pairs"), Statement::Masquerade],
        ),
        rule("hostports", &[vmap(&port, "ports4")]),
        rule("hostports", &[Statement::family(Family::Ip), vmap(&port, "ports4")]),
        rule("hostports", &[Statement::family(Family::Ip6), vmap(&port, "ports4")]),
        rule("hostports", &[vmap(&to4, "address-ports4")]),
        rule("hostports", &[vmap(&to6, "address-ports6")]),
        rule("hostports", &[vmap(&to4, "range-ports4")]),
        rule("hostports", &[is(L4Proto, TCP), vmap(&asked, "address-ports4")]),
        rule("hostports", &[among(L4Proto, false, &[TCP, UDP]), vmap(&asked, "address-ports4")]),
        rule("CNI-all", &[dnat(Family::Ip, &port, "dnat4")]),
        rule("CNI-all", &[dnat(Family::Ip6, &port, "dnat6")]),
        rule("CNI-all", &[dnat(Family::Ip, &to4, "host-dnat4")]),
        rule("CNI-all", &[dnat(Family::Ip6, &to6, "host-dnat6")]),
        rule("CNI-all", &[dnat(Family::Ip, &to4, "range-dnat4")]),
        rule("CNI-all", &[dnat(Family::Ip6, &to6, "range-dnat6")]),
    ]
}

fn matching_rules() -> Vec<Rule> {
    use Selector::{
        CtOriginalIp6Daddr, CtOriginalIpDaddr, Iifname, Ip6Daddr, Ip6Saddr, IpDaddr, IpSaddr,
        L4Proto, NfProto, Oifname, ThDport, ThSport,
    };
    let prefix = |field, bits| Operand::Prefix(field, bits);
    let accept = Statement::Verdict(Verdict::Accept);
    let guard = |statements: &[Statement]| rule("guard", statements);
    vec![
        guard(&[is(IpDaddr, prefix(v4("127.0.0.0"), 8)), is_not(Iifname, ifname("lo")), DROP])
            .with_comment("spoofed"),
        guard(&[is(IpSaddr, prefix(v4("10.9.0.0"), 13)), is(Oifname, ifname("veth*")), RETURN]),
        guard(&[is_not(IpSaddr, prefix(v4("10.0.0.0"), 16)), is(IpDaddr, v4("10.0.0.9")), RETURN]),
        guard(&[is(IpSaddr, prefix(v4("0.0.0.0"), 0)), RETURN]),
        guard(&[is(IpSaddr, prefix(v4("10.0.0.1"), 32)), RETURN]),
        guard(&[is(Ip6Saddr, prefix(v6("fd00:1::"), 29)), RETURN]),
        guard(&[is_not(Ip6Daddr, prefix(v6("fd00:1::"), 64)), RETURN]),
        guard(&[is(Ip6Saddr, v6("::1")), is_not(Ip6Daddr, v6("::2")), RETURN]),
        guard(&[is_not(Iifname, ifname("veth*")), accept]),
        guard(&[within(&[Iifname], "links"), RETURN]),
        guard(&[without(&[Oifname], "links"), RETURN]),
        guard(&[within(&[Iifname, IpSaddr], "at"), RETURN]),
        guard(&[within(&[L4Proto], "protocols"), within(&[ThSport], "services"), RETURN]),
        guard(&[within(&[IpDaddr], "hosts4"), RETURN]),
        guard(&[within(&[Ip6Daddr], "hosts6"), RETURN]),
        guard(&[among(Iifname, false, &[ifname("b"), ifname("a")]), RETURN]),
        guard(&[among(Iifname, true, &[ifname("b"), ifname("a"), ifname("b")]), RETURN]),
        guard(&[among(Iifname, false, &[ifname("b")]), RETURN]),
        guard(&[
            among(IpDaddr, false, &[v4("10.0.0.9"), v4("10.0.0.8")]),
            among(ThDport, true, &[Field::Port(1), Field::Port(2)]),
            RETURN,
        ]),
        guard(&[
            is(NfProto, Field::Proto(2)),
            is(L4Proto, TCP),
            is(ThDport, Field::Port(22)),
            RETURN,
        ]),
        guard(&[is_not(NfProto, Field::Proto(10)), is_not(L4Proto, Field::Proto(254)), RETURN]),
        guard(&[is(CtOriginalIpDaddr, v4("10.0.0.9")), RETURN]),
        guard(&[is(CtOriginalIpDaddr, prefix(v4("10.0.0.0"), 8)), RETURN]),
        guard(&[is_not(CtOriginalIpDaddr, prefix(v4("10.0.0.0"), 9)), RETURN]),
        guard(&[is(CtOriginalIp6Daddr, v6("fd00::9")), RETURN]),
        guard(&[
            is(IpDaddr, v4("10.0.0.9")),
            is(ThDport, Field::Port(22)),
            is(IpSaddr, v4("10.0.0.8")),
            RETURN,
        ]),
    ]
}

/// Returns the rules of a packet filter.
fn filter_rules() -> Vec<Rule> {
    use CtState::{Established, Invalid, New, Related, Untracked};
    use Selector::{Ip6Daddr, IpDaddr, L4Proto, ThDport};
    let through = |statements: &[Statement]| rule("through", statements);
    let state = |states: &[CtState]| Statement::CtState(states.to_vec());
    let accept = Statement::Verdict(Verdict::Accept);
    let log = |log: Log| Statement::Log(log);
    vec![
        through(&[state(&[Related, Established]), accept.clone()]),
        through(&[state(&[Invalid]), Statement::Counter, DROP]).with_comment("counted"),
        through(&[state(&[New, Untracked]), within(&[IpDaddr], "cidr4"), accept]),
        through(&[without(&[Ip6Daddr], "cidr6"), Statement::Counter, RETURN]),
        through(&[vmap(&[ThDport], "port-ranges")]),
        through(&[Statement::Limit(Limit::new(10, TimeUnit::Second)), log(Log::new())]),
        through(&[Statement::Limit(Limit::new(3, TimeUnit::Day).with_burst(7).over()), DROP]),
        through(&[log(Log::new().with_prefix("a b: ").to(LogDestination::Kernel(LogLevel::Info)))]),
        through(&[log(Log::new().with_prefix("x").to(LogDestination::Group(2))), DROP]),
        through(&[Statement::Reject(Reject::PortUnreachable)]),
        through(&[Statement::Reject(Reject::AdminProhibited)]),
        through(&[is(L4Proto, TCP), Statement::Reject(Reject::TcpReset)]),
        through(&[raw_quota(), RETURN]),
    ]
}

/// `quota 25 mbytes`
pub(crate) fn raw_quota() -> Statement {
    let expression = RawExpression::new("quota", |body| {
        body.u64_be(1, 25 << 20);
        body.u64_be(4, 0);
        body.u32_be(2, 0);
    });
    Statement::Raw { expression, text: "quota 25 mbytes".to_owned() }
}

/// Returns a transaction with all of it.
pub(crate) fn everything() -> Transaction {
    let mut all = Transaction::new(table());
    all.push(Operation::AddTable { comment: Some("one of everything".to_owned()) });
    for chain in chains() {
        all.add_chain(chain);
    }
    for (set, elements) in sets() {
        all.add_set(&set);
        for (key, value, comment) in elements {
            all.add_element(&set, key, value, comment.map(str::to_owned));
        }
    }
    for rule in rules() {
        all.add_rule(rule);
    }
    all.insert_rule(Rule::new("in", [Statement::Verdict(Verdict::Accept)]));
    all
}
