//! Random operations over few names, so that they often conflict.

use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, DataType, Family, Field, Hook, Key, Operation, Policy, Rule,
    Selector, Set, SetRef, Statement, Transaction, Value, ValueType, Verdict,
};

use crate::nftables_fake::{nat, ports, range, ranges, set, table, tcp, vmap};

const CHAINS: [&str; 6] = ["pre", "out", "a", "b", "c", "d"];

/// A generator of pseudo-random numbers with a fixed seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn byte(&mut self, end: u8) -> u8 {
        u8::try_from(self.below(end.into())).expect("below a byte")
    }

    fn one<T: Clone>(&mut self, values: &[T]) -> T {
        values[usize::try_from(self.below(values.len() as u64)).expect("an index")].clone()
    }

    fn chain(&mut self) -> String {
        self.one(&CHAINS).to_owned()
    }

    fn comment(&mut self) -> Option<String> {
        self.one(&[None, Some("one"), Some("two")]).map(str::to_owned)
    }

    fn verdict(&mut self) -> Verdict {
        let chain = self.chain();
        self.one(&[Verdict::Jump(chain.clone()), Verdict::Goto(chain), Verdict::Return])
    }

    fn base(&mut self) -> BaseChain {
        let kind = self.one(&[ChainType::Nat, ChainType::Nat, ChainType::Filter]);
        let hook = self.one(&[Hook::Prerouting, Hook::Output, Hook::Postrouting]);
        let policy = self.one(&[Policy::Accept, Policy::Drop]);
        BaseChain::new(kind, hook, self.one(&[-100, -100, -90])).with_policy(policy)
    }

    fn new_chain(&mut self) -> Chain {
        let name = self.chain();
        let is_base = (name == "pre" || name == "out") != (self.below(8) == 0);
        let mut chain = match is_base {
            true => Chain::base(name, self.base()),
            false => Chain::regular(name),
        };
        chain.comment = self.comment();
        chain
    }

    fn set(&mut self) -> Set {
        let mut set = self.one(&sets());
        set.interval = if self.below(12) == 0 { set.key.len() > 1 } else { set.interval };
        set.comment = self.comment();
        set
    }

    fn key(&mut self, set: &str) -> Key {
        match set {
            "ranges" => {
                let (address, port) = (self.byte(12), u16::from(self.byte(12)));
                let last = (address + self.byte(4), port + u16::from(self.byte(4)));
                range((address, last.0), (port, last.1))
            }
            "links" => Key::One(vec![Field::Ifname(self.one(&["x", "y"]).to_owned())]),
            _ => tcp(self.byte(6).into()),
        }
    }

    fn value(&mut self, set: &Set) -> Option<Value> {
        match set.value {
            ValueType::None => None,
            ValueType::Verdict => Some(Value::Verdict(self.verdict())),
            ValueType::Data(_) => {
                let address = [10, 0, 0, self.byte(2)].into();
                Some(Value::Data(vec![Field::Ipv4(address), Field::Port(80)]))
            }
            _ => panic!("no values are generated for this type"),
        }
    }

    fn statement(&mut self) -> Statement {
        let left = vec![Selector::L4Proto, Selector::ThDport];
        let links = [Field::Ifname("x".to_owned()), Field::Ifname("y".to_owned())];
        let own = SetRef::Anonymous(links[..self.one(&[1, 2])].to_vec());
        let links = self.one(&[SetRef::Named("links".to_owned()), own]);
        let (map, with_port, negated) = ("targets".to_owned(), true, self.below(2) == 0);
        match self.below(8) {
            0 | 1 => vmap("ports"),
            2 => Statement::VerdictMap {
                left: vec![Selector::IpDaddr, Selector::ThDport],
                map: "ranges".to_owned(),
            },
            3 => Statement::Dnat { family: Family::Ip, left, map, with_port },
            4 => Statement::Masquerade,
            5 => Statement::InSet { left: vec![Selector::Iifname], negated, set: links },
            _ => Statement::Verdict(self.verdict()),
        }
    }

    fn operation(&mut self) -> Operation {
        match self.below(50) {
            0 if self.below(4) == 0 => Operation::DeleteTable,
            0..=3 => Operation::AddTable { comment: self.comment() },
            4..=9 => Operation::AddChain(self.new_chain()),
            10..=13 => Operation::DeleteChain(self.chain()),
            14..=15 => Operation::FlushChain(self.chain()),
            16..=23 => {
                let (statements, comment) = (vec![self.statement()], self.comment());
                let mut rule = Rule::new(self.chain(), statements);
                rule.comment = comment;
                self.one(&[Operation::AddRule(rule.clone()), Operation::InsertRule(rule)])
            }
            // The handle is filled in later.
            24..=26 => Operation::DeleteRule { chain: self.chain(), handle: self.below(4) },
            27..=29 => Operation::AddSet(self.set()),
            30 => Operation::DeleteSet(self.set().name),
            number => self.element(number < 44),
        }
    }

    /// Returns a few operations; if there is no table, those that all others need.
    pub(crate) fn operations(&mut self, is_empty: bool) -> Vec<Operation> {
        if !is_empty || self.below(4) == 0 {
            return (0..=self.below(3)).map(|_| self.operation()).collect();
        }
        let mut all = Transaction::new(table());
        all.add_table().add_chain(Chain::base("pre", nat(Hook::Prerouting, -100)));
        all.add_chain(Chain::base("out", nat(Hook::Postrouting, -100)));
        for name in &CHAINS[2..] {
            all.add_chain(Chain::regular(*name));
        }
        for set in sets() {
            all.add_set(&set);
        }
        all.operations().to_vec()
    }

    fn element(&mut self, is_added: bool) -> Operation {
        let set = self.one(&sets());
        let mut one = Transaction::new(table());
        let key = self.key(&set.name);
        if is_added {
            let value = self.value(&set);
            one.add_element(&set, key, value, self.comment());
        } else {
            one.delete_element(&set, key);
        }
        one.operations()[0].clone()
    }
}

/// Returns all sets.
pub(crate) fn sets() -> [Set; 4] {
    let value = ValueType::Data(vec![DataType::Ipv4Addr, DataType::InetService]);
    let targets = Set::new("targets", ports().key, value);
    [ports(), ranges(), targets, set("links", &[DataType::Ifname], ValueType::None)]
}
