//! The kernel's ruleset, over netlink.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use crate::attribute::Body;
use crate::error::{Cause, Error, Malformed, Refusal, errno};
use crate::message::Message;
use crate::nftables::bytecode::anonymous_set;
use crate::nftables::chain::ChainInfo;
use crate::nftables::chain::InstalledRule;
use crate::nftables::data::Key;
use crate::nftables::ruleset::{Generation, Ruleset};
use crate::nftables::set::{Element, Set};
use crate::nftables::table::{Table, TableInfo};
use crate::nftables::transaction::Transaction;
use crate::nftables::wire::decode::rule_view::RuleView;
use crate::nftables::wire::encode::encoder;
use crate::nftables::wire::uapi::{chain, element, message, rule, table as table_wire};
use crate::nftables::wire::{decode, encode, uapi};
use crate::nftables::{explain, validate};
use crate::socket::batch::Outcome;
use crate::socket::{Socket, Subsystem};

/// The number of pipelined lookups, whose replies fit the smallest usual receive buffer.
const PIPELINED: usize = 64;
/// How often a set is listed until the listing is consistent: for about a second in total.
const LISTINGS: u64 = 50;

/// The ruleset of this network namespace. All operations require CAP_NET_ADMIN.
pub struct Kernel {
    socket: Socket,
}

impl Kernel {
    /// Opens a netlink socket for nf_tables.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Netfilter)? })
    }

    /// Closes the socket without waiting until deleted objects are freed, if the kernel supports
    /// that.
    ///
    /// The first netfilter socket that any process closes after a delete waits for that, usually
    /// 10 ms. This method leaves the wait to the kernel after the exit of this process, so it
    /// should be called last. It is only worthwhile after deletes.
    pub fn close_in_background(self) {
        self.socket.close_in_background();
    }

    /// Deletes all tables of this network namespace, including those of other programs.
    pub fn flush(&mut self) -> Result<(), Error> {
        let outcome = self.socket.transact(encode::flush, encode::end);
        let cause = match outcome {
            Ok(Outcome::Done) => return Ok(()),
            Ok(Outcome::Refused(_, refusal)) => Cause::Refused(refusal),
            Err(cause) => cause,
        };
        Err(explain::lacking(cause).during("delete", "all tables"))
    }

    /// Lists the rules of a table, or of one of its chains, and collects what `select` returns for
    /// each. The list is empty if the table or chain does not exist.
    ///
    /// The kernel passes only the rules of the chain, and nothing is decoded that `select` does not
    /// ask for. If the ruleset changes then, `select` may see a rule more than once.
    pub fn scan_rules<T>(
        &mut self,
        table: &Table,
        chain: Option<&str>,
        mut select: impl FnMut(&RuleView<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let fill = |body: &mut Body<'_>| {
            encoder::begin(body, table);
            if let Some(chain) = chain {
                body.text(rule::CHAIN, chain);
            }
        };
        let listed = self.list(message::GET_RULE, message::NEW_RULE, fill, |payload| {
            Ok(RuleView::read(payload, table, chain)?.and_then(|rule| select(&rule)))
        });
        listed.map_err(|cause| {
            let object = match chain {
                Some(chain) => format!("the rules of chain {table} {chain}"),
                None => format!("the rules of table {table}"),
            };
            explain::lacking(cause).during("list", object)
        })
    }

    /// Looks up one object. Returns `None` if it does not exist.
    pub(super) fn ask<T>(
        &mut self,
        kind: u16,
        fill: impl Fn(&mut Body<'_>),
        mut read: impl FnMut(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Cause> {
        let mut found = None;
        self.socket.ask(
            kind,
            1,
            |_, body| fill(body),
            |_, reply| {
                found = existing(reply)?.map(|message| read(message.payload)).transpose()?;
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// Lists objects. The list is empty if their container does not exist.
    pub(super) fn list<T>(
        &mut self,
        request: u16,
        reply: u16,
        fill: impl Fn(&mut Body<'_>),
        mut read: impl FnMut(&[u8]) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>, Cause> {
        let listed = self.socket.list(request, fill, |message| {
            if message.kind == reply { read(message.payload) } else { Ok(None) }
        });
        match listed {
            Err(cause) if cause.errno() == Some(errno::ENOENT) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Lists the elements of a set, again if an element is listed twice.
    ///
    /// While the kernel resizes a hash table, a listing contains some elements twice and, if it
    /// takes several messages, misses the same number of others. A resize takes milliseconds.
    fn list_elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Cause> {
        for attempt in 0..LISTINGS {
            let listed = self.list_elements_once(table, set)?;
            let keys: HashSet<&Key> = listed.iter().map(|element| &element.key).collect();
            if keys.len() == listed.len() {
                return Ok(listed);
            }
            thread::sleep(Duration::from_millis(attempt));
        }
        Err(Cause::DumpInterrupted(LISTINGS as usize))
    }

    fn list_elements_once(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Cause> {
        if set.has_ends() {
            return self.list_intervals(table, set);
        }
        let fill = |body: &mut Body<'_>| {
            encoder::begin(body, table);
            body.text(element::SET, &set.name);
        };
        let lists = self.list(message::GET_ELEMENT, message::NEW_ELEMENT, fill, |payload| {
            decode::element::elements(payload, set).map(Some)
        })?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// Looks up keys with one datagram.
    fn find_some(
        &mut self,
        table: &Table,
        keys: &[(&Set, Key)],
        found: &mut Vec<Option<Element>>,
    ) -> Result<(), Error> {
        let start = found.len();
        found.resize(start + keys.len(), None);
        let mut failed = None;
        let fill = |number: usize, body: &mut Body<'_>| {
            let (set, key) = &keys[number];
            encoder::begin(body, table);
            body.text(element::SET, &set.name);
            body.nested(element::ELEMENTS, |body| {
                body.nested(uapi::ITEM, |body| encode::element::key(body, key));
            });
        };
        let outcome = self.socket.ask(message::GET_ELEMENT, keys.len(), fill, |number, reply| {
            let read = existing(reply).and_then(|message| requested(message, &keys[number]));
            match read {
                Ok(element) => found[start + number] = element,
                Err(cause) => failed = failed.take().or(Some((number, cause))),
            }
            Ok(())
        });
        let number = failed.as_ref().map_or(0, |(number, _)| *number);
        outcome.and(failed.map_or(Ok(()), |(_, cause)| Err(cause))).map_err(|cause| {
            let (set, key) = &keys[number];
            cause.during("look up", format!("element {table} {} {{ {key} }}", set.name))
        })
    }

    fn fill_anonymous(&mut self, table: &Table, rules: &mut [InstalledRule]) -> Result<(), Cause> {
        for rule in rules {
            for at in 0..rule.expressions.len() {
                let Some(set) = anonymous_set::needed(&rule.expressions, at) else { continue };
                let elements = self.list_elements(table, &set)?;
                anonymous_set::fill(&mut rule.expressions[at], elements);
            }
        }
        Ok(())
    }
}

/// Returns the reply, or `None` if the object does not exist.
fn existing(reply: Result<Message<'_>, Refusal>) -> Result<Option<Message<'_>>, Cause> {
    match reply {
        Ok(message) => Ok(Some(message)),
        Err(refusal) if refusal.errno == errno::ENOENT => Ok(None),
        Err(refusal) => Err(Cause::Refused(refusal)),
    }
}

/// Returns the requested element. The key of an interval must be equal.
fn requested(reply: Option<Message<'_>>, request: &(&Set, Key)) -> Result<Option<Element>, Cause> {
    let Some(message) = reply else { return Ok(None) };
    let (set, key) = request;
    let element = decode::element::elements(message.payload, set)?.into_iter().next();
    Ok(element.filter(|element| matches!(key, Key::One(_)) || element.key == *key))
}

impl Ruleset for Kernel {
    fn generation(&mut self) -> Result<Generation, Error> {
        let fill = |body: &mut Body<'_>| body.raw(&[0; 4]);
        let generation = self.ask(message::GET_GENERATION, fill, decode::generation);
        generation
            .and_then(|one| one.ok_or(Malformed("a reply without the generation").into()))
            .map_err(|cause| explain::lacking(cause).during("read", "the generation of nf_tables"))
    }

    fn table(&mut self, table: &Table) -> Result<Option<TableInfo>, Error> {
        let fill = |body: &mut Body<'_>| {
            body.raw(&encoder::header(table));
            body.text(table_wire::NAME, &table.name);
        };
        self.ask(message::GET_TABLE, fill, decode::table_info)
            .map_err(|cause| explain::lacking(cause).during("look up", format!("table {table}")))
    }

    fn chain(&mut self, table: &Table, name: &str) -> Result<Option<ChainInfo>, Error> {
        let fill = |body: &mut Body<'_>| {
            encoder::begin(body, table);
            body.text(chain::NAME, name);
        };
        self.ask(message::GET_CHAIN, fill, |payload| decode::chain_info(payload, &table.name))
            .map(Option::flatten)
            .map_err(|cause| cause.during("look up", format!("chain {table} {name}")))
    }

    fn chains(&mut self, table: &Table) -> Result<Vec<ChainInfo>, Error> {
        let fill = |body: &mut Body<'_>| encoder::begin(body, table);
        self.list(message::GET_CHAIN, message::NEW_CHAIN, fill, |payload| {
            decode::chain_info(payload, &table.name)
        })
        .map_err(|cause| cause.during("list", format!("the chains of table {table}")))
    }

    fn rules(&mut self, table: &Table) -> Result<Vec<InstalledRule>, Error> {
        let fill = |body: &mut Body<'_>| encoder::begin(body, table);
        let rules = self.list(message::GET_RULE, message::NEW_RULE, fill, |payload| {
            decode::installed_rule(payload, &table.name)
        });
        rules
            .and_then(|mut rules| self.fill_anonymous(table, &mut rules).map(|()| rules))
            .map_err(|cause| cause.during("list", format!("the rules of table {table}")))
    }

    fn find(&mut self, table: &Table, keys: &[(&Set, Key)]) -> Result<Vec<Option<Element>>, Error> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunk_by(|(one, _), (other, _)| one.has_ends() == other.has_ends()) {
            if keys[0].0.has_ends() {
                found.extend(self.find_intervals(table, keys)?);
                continue;
            }
            for keys in keys.chunks(PIPELINED) {
                self.find_some(table, keys, &mut found)?;
            }
        }
        Ok(found)
    }

    fn elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Error> {
        self.list_elements(table, set).map_err(|cause| {
            let noun = set.noun();
            cause.during("list", format!("the elements of {noun} {table} {}", set.name))
        })
    }

    fn commit(&mut self, transaction: &Transaction, at: Option<Generation>) -> Result<(), Error> {
        if transaction.is_empty() {
            return Ok(());
        }
        validate::transaction(transaction)?;
        let mut first_operations = Vec::new();
        let outcome = self.socket.transact(
            |batch| first_operations = encode::transaction(batch, transaction, at),
            encode::end,
        );
        match outcome {
            Ok(Outcome::Done) => Ok(()),
            Ok(Outcome::Refused(number, refusal)) => {
                let sent = self.socket.sent();
                Err(explain::refusal(transaction, &first_operations, sent, number, refusal))
            }
            Err(cause) => Err(explain::whole(transaction, cause)),
        }
    }
}
