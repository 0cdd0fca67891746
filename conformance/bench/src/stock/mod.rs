//! What is in place before a row is measured: N mappings, in exactly the form in which it writes them.
//!
//! Making them with N calls would take hours for some. So two real ADDs are made; what the second added
//! (rules, elements, files) is the template, and N - 1 copies of it with other ids, addresses and
//! ports are put beside the first.

mod dump;
mod files;
mod nft;
mod xtables;

use std::collections::BTreeMap;

pub(crate) use dump::Dump;

use super::rows::{Attachment, Position, Row};
use super::scene::Scene;
use crate::Outcome;

/// Ports of the copies begin here.
const FIRST_PORT: u16 = 20_000;

/// How often the host port of one mapping is written in a dump. It tells whether mappings are whole, missing
/// or double, whoever made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) times: usize,
}

/// The template's own, so that they are found in whatever it wrote.
pub(crate) fn template() -> Attachment {
    Attachment { id: "bench-template".into(), address: "10.200.255.253".into(), port: 19_999 }
}

fn first() -> Attachment {
    Attachment { id: "bench-first".into(), address: "10.200.255.252".into(), port: 19_998 }
}

/// The copy with this number.
fn copy(index: usize) -> Attachment {
    Attachment {
        id: format!("bench-c{index:07}"),
        address: format!("10.200.{}.{}", 1 + index / 250, 2 + index % 250),
        port: FIRST_PORT + u16::try_from(index).unwrap_or(0),
    }
}

/// Host ports of `existing` mappings.
pub(crate) fn ports(existing: usize) -> Vec<u16> {
    let copies = (1..existing).map(|index| copy(index).port);
    (existing > 0).then_some(first().port).into_iter().chain(copies).collect()
}

/// Puts so many mappings in place.
pub(crate) fn fill(scene: &mut Scene, row: &Row, existing: usize) -> Outcome<Form> {
    let mut call = |verb: &str, attachment: &Attachment| {
        scene.caller.well(row.call_in(Position::Chained, verb, attachment))
    };
    call("ADD", &first())?;
    let before = Dump::take(&scene.host)?;
    call("ADD", &template())?;
    let after = Dump::take(&scene.host)?;
    let files = files::of_template(scene)?;
    let mut call = |verb: &str, attachment: &Attachment| {
        scene.caller.well(row.call_in(Position::Chained, verb, attachment))
    };
    call("DEL", &template())?;
    if existing == 0 {
        call("DEL", &first())?;
    }
    let copies: Vec<Attachment> = (1..existing).map(copy).collect();
    let times = after.count().get(&template().port).copied().unwrap_or(0);
    if times == 0 {
        return Err("an ADD left nothing that names its host port, in iptables or nftables".into());
    }
    xtables::fill(scene, &before, &after, &copies)?;
    nft::fill(scene, &before, &after, &copies)?;
    files::fill(&files, &copies)?;
    Ok(Form { times })
}

/// The template's text for another attachment.
fn filled(text: &str, attachment: &Attachment) -> String {
    let template = template();
    text.replace(&template.id, &attachment.id)
        .replace(&template.address, &attachment.address)
        .replace(&template.port.to_string(), &attachment.port.to_string())
}

/// What is and is not in place of these host ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InPlace {
    pub(crate) whole: usize,
    pub(crate) missing: usize,
    pub(crate) double: usize,
}

/// Judges a dump's count of ports.
pub(crate) fn in_place(counted: &BTreeMap<u16, usize>, ports: &[u16], form: Form) -> InPlace {
    let mut place = InPlace::default();
    for port in ports {
        match counted.get(port).copied().unwrap_or(0) {
            times if times < form.times => place.missing += 1,
            times if times > form.times => place.double += 1,
            _ => place.whole += 1,
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_copies_have_ids_addresses_and_ports_of_their_own() {
        let copies: Vec<Attachment> = (1..10_000).map(copy).collect();
        let distinct = |of: fn(&Attachment) -> String| {
            copies.iter().map(of).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(distinct(|copy| copy.id.clone()), 9_999);
        assert_eq!(distinct(|copy| copy.address.clone()), 9_999);
        assert_eq!(distinct(|copy| copy.port.to_string()), 9_999);
        assert_eq!(copies[9_998].address, "10.200.40.251");
        assert!(ports(0).is_empty());
        assert_eq!(ports(3), [19_998, 20_001, 20_002]);
    }

    #[test]
    fn a_copy_differs_from_the_template_in_all_three() {
        let line = r#"-A X --dport 19999 -m comment --comment "id: bench-template" -j DNAT --to 10.200.255.253:80"#;
        let copied = r#"-A X --dport 20007 -m comment --comment "id: bench-c0000007" -j DNAT --to 10.200.1.9:80"#;
        assert_eq!(filled(line, &copy(7)), copied);
    }

    #[test]
    fn a_port_is_whole_missing_or_double_by_how_often_it_is_named() {
        let counted = BTreeMap::from([(1, 4), (2, 3), (3, 8)]);
        let place = in_place(&counted, &[1, 2, 3, 4], Form { times: 4 });
        assert_eq!(place, InPlace { whole: 1, missing: 2, double: 1 });
    }
}
