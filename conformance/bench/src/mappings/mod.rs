//! Creates N existing mappings exactly as a row writes them.
//!
//! N calls would take hours for some rows. Instead, two real ADDs are made. What the second one
//! adds (rules, elements, files) is the template, of which N - 1 copies are created with other ids,
//! addresses and ports.

mod dump;
mod files;
mod nft;
mod xtables;

use std::collections::BTreeMap;

pub(crate) use dump::Dump;

use super::fixture::Fixture;
use super::rows::{Attachment, Position, Row};
use crate::outcome::Outcome;

/// The host port of the first copy.
const FIRST_PORT: u16 = 20_000;

/// How often a dump contains the host port of one mapping.
///
/// It shows whether mappings are complete, missing or duplicate, for any port mapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footprint {
    pub(crate) times: usize,
}

/// Returns the attachment of the template, whose values are unique in what it writes.
pub(crate) fn template() -> Attachment {
    Attachment { id: "bench-template".into(), address: "10.200.255.253".into(), port: 19_999 }
}

fn first() -> Attachment {
    Attachment { id: "bench-first".into(), address: "10.200.255.252".into(), port: 19_998 }
}

/// Returns the attachment of a copy.
fn copy(index: usize) -> Attachment {
    Attachment {
        id: format!("bench-c{index:07}"),
        address: format!("10.200.{}.{}", 1 + index / 250, 2 + index % 250),
        port: FIRST_PORT + u16::try_from(index).unwrap_or(0),
    }
}

/// Returns the host ports of `existing` mappings.
pub(crate) fn ports(existing: usize) -> Vec<u16> {
    let copies = (1..existing).map(|index| copy(index).port);
    (existing > 0).then_some(first().port).into_iter().chain(copies).collect()
}

/// Creates the existing mappings.
pub(crate) fn create(fixture: &mut Fixture, row: &Row, existing: usize) -> Outcome<Footprint> {
    let mut call = |verb: &str, attachment: &Attachment| {
        fixture.client.run_ok(row.call_in(Position::Chained, verb, attachment))
    };
    call("ADD", &first())?;
    let before = Dump::take(&fixture.host)?;
    call("ADD", &template())?;
    let after = Dump::take(&fixture.host)?;
    let files = files::of_template(fixture)?;
    let mut call = |verb: &str, attachment: &Attachment| {
        fixture.client.run_ok(row.call_in(Position::Chained, verb, attachment))
    };
    call("DEL", &template())?;
    if existing == 0 {
        call("DEL", &first())?;
    }
    let copies: Vec<Attachment> = (1..existing).map(copy).collect();
    let times = after.count().get(&template().port).copied().unwrap_or(0);
    if times == 0 {
        return Err("an ADD created no rule with its host port, in iptables or nftables".into());
    }
    xtables::fill(fixture, &before, &after, &copies)?;
    nft::fill(fixture, &before, &after, &copies)?;
    files::fill(&files, &copies)?;
    Ok(Footprint { times })
}

/// Returns the text of the template for another attachment.
fn filled(text: &str, attachment: &Attachment) -> String {
    let template = template();
    text.replace(&template.id, &attachment.id)
        .replace(&template.address, &attachment.address)
        .replace(&template.port.to_string(), &attachment.port.to_string())
}

/// The number of host ports whose mapping is complete, missing or duplicate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) complete: usize,
    pub(crate) missing: usize,
    pub(crate) duplicate: usize,
}

/// Evaluates how often a dump contains the ports.
pub(crate) fn presence(
    counted: &BTreeMap<u16, usize>,
    ports: &[u16],
    footprint: Footprint,
) -> Presence {
    let mut presence = Presence::default();
    for port in ports {
        match counted.get(port).copied().unwrap_or(0) {
            times if times < footprint.times => presence.missing += 1,
            times if times > footprint.times => presence.duplicate += 1,
            _ => presence.complete += 1,
        }
    }
    presence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_copies_have_distinct_ids_addresses_and_ports() {
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
    fn a_copy_differs_from_the_template_in_id_address_and_port() {
        let line = r#"-A X --dport 19999 --comment "id: bench-template" --to 10.200.255.253:80"#;
        let copied = r#"-A X --dport 20007 --comment "id: bench-c0000007" --to 10.200.1.9:80"#;
        assert_eq!(filled(line, &copy(7)), copied);
    }

    #[test]
    fn a_mapping_is_complete_missing_or_duplicate_by_the_number_of_its_ports() {
        let counted = BTreeMap::from([(1, 4), (2, 3), (3, 8)]);
        let presence = presence(&counted, &[1, 2, 3, 4], Footprint { times: 4 });
        assert_eq!(presence, Presence { complete: 1, missing: 2, duplicate: 1 });
    }
}
