//! Lists that change while they are read.

use cni_netlink::Cause;
use cni_netlink::message::Message;
use cni_netlink::nftables::{Chain, Kernel, Rule, Ruleset, Transaction};
use cni_netlink::socket::{Socket, Subsystem};

use crate::host::inside;
use crate::ruleset::table;

/// `NFT_MSG_GETRULE` of `NFNL_SUBSYS_NFTABLES`.
const GET_RULE: u16 = (10 << 8) | 7;
/// The header of such a request: the family `NFPROTO_INET`, version 0.
const INET: [u8; 4] = [1, 0, 0, 0];
/// Enough rules for several datagrams. The kernel creates the next one when the previous one is
/// read.
const RULES: usize = 2_000;

fn add_rules(count: usize) {
    let mut transaction = Transaction::new(table());
    transaction.add_table().add_chain(Chain::regular("c"));
    for _ in 0..count {
        transaction.add_rule(Rule::new("c", []));
    }
    let committed = Kernel::open().expect("a socket").commit(&transaction, None);
    committed.expect("committed");
}

/// Lists the rules and returns their number. `each` is called at each message, with the number of
/// messages before it.
fn list(mut each: impl FnMut(usize)) -> Result<usize, Cause> {
    let mut messages = 0;
    let count = |_: Message<'_>| {
        each(messages);
        messages += 1;
        Ok(Some(()))
    };
    let mut socket = Socket::open(Subsystem::Netfilter).expect("a socket");
    socket.list(GET_RULE, |body| body.raw(&INET), count).map(|listed| listed.len())
}

#[test]
fn a_list_that_changed_while_it_was_read_is_read_again() {
    inside(|| {
        add_rules(RULES);
        assert_eq!(list(|_| {}).expect("listed"), RULES);
        let listed = list(|before| {
            if before == 0 {
                add_rules(1);
            }
        });
        assert_eq!(listed.expect("listed"), RULES + 1);
    });
}

#[test]
fn a_list_that_changes_whenever_it_is_read_is_an_error() {
    inside(|| {
        add_rules(RULES);
        let listed = list(|before| {
            if before % (RULES / 2) == 0 {
                add_rules(1);
            }
        });
        assert!(matches!(listed, Err(Cause::DumpInterrupted(_))), "{listed:?}");
    });
}
