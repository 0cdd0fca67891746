//! Copies the template in nftables, with one `nft -j -f`.

use serde_json::{Value, json};

use super::dump::{Dump, output};
use super::{Attachment, filled};
use crate::fixture::Fixture;
use crate::outcome::Outcome;

pub(super) fn fill(
    fixture: &Fixture,
    before: &Dump,
    after: &Dump,
    copies: &[Attachment],
) -> Outcome {
    let template = added(&before.nft, &after.nft);
    if template.is_empty() || copies.is_empty() {
        return Ok(());
    }
    fixture
        .host
        .write("/run/bench-nft", &json!({"nftables": repeated(&template, copies)}).to_string());
    output(&fixture.host, &["nft", "-j", "-f", "/run/bench-nft"]).map(drop)
}

/// Returns what was added: elements of existing sets and maps, and whole objects.
fn added(before: &[Value], after: &[Value]) -> Vec<Value> {
    let mut added = Vec::new();
    for object in after.iter().filter(|object| !before.contains(object)) {
        let Some((kind, inner)) = object.as_object().and_then(|object| object.iter().next()) else {
            continue;
        };
        let known = before.iter().find(|other| is_same(&other[kind], inner));
        match (kind.as_str(), known) {
            ("set" | "map", Some(known)) => {
                let old = elements(&known[kind]);
                let new: Vec<&Value> =
                    elements(inner).iter().filter(|element| !old.contains(element)).collect();
                added.push(json!({"element": {"family": inner["family"], "table": inner["table"],
                                              "name": inner["name"], "elem": new}}));
            }
            // The attributes of an existing chain may change, those of a rule can't.
            ("metainfo" | "table", _) | ("chain", Some(_)) => {}
            _ => added.push(object.clone()),
        }
    }
    added
}

fn elements(set: &Value) -> &[Value] {
    set["elem"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns whether both are the same named object. Rules have no names.
fn is_same(one: &Value, other: &Value) -> bool {
    let has_name = other.get("name").is_some();
    has_name && ["family", "table", "name"].iter().all(|key| one[key] == other[key])
}

/// Returns `add` commands: chains first, then what may refer to them. All elements of a set are in
/// one command.
fn repeated(template: &[Value], copies: &[Attachment]) -> Vec<Value> {
    let is_chain = |object: &&Value| object.get("chain").is_some();
    let ordered = template.iter().filter(is_chain);
    let ordered = ordered.chain(template.iter().filter(|object| !is_chain(object)));
    let mut commands = Vec::new();
    for object in ordered {
        let text = object.to_string();
        let copied: Vec<Value> = copies
            .iter()
            .filter_map(|copy| serde_json::from_str(&filled(&text, copy)).ok())
            .collect();
        if object.get("element").is_some() {
            let all: Vec<Value> =
                copied.iter().flat_map(|copy| elements(&copy["element"])).cloned().collect();
            let mut whole = object.clone();
            whole["element"]["elem"] = all.into();
            commands.push(json!({"add": whole}));
        } else {
            commands.extend(copied.into_iter().map(|copy| json!({"add": copy})));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mappings::{copy, template};

    fn map(elements: Value) -> Value {
        json!({"map": {"family": "inet", "table": "pm", "name": "dnat4", "elem": elements}})
    }

    #[test]
    fn new_elements_of_a_known_map_are_copied_into_one_command() {
        let old = json!([{"concat": ["tcp", 1]}, {"concat": ["10.0.0.1", 80]}]);
        let new =
            json!([{"concat": ["tcp", template().port]}, {"concat": [template().address, 80]}]);
        let added = added(&[map(json!([old]))], &[map(json!([old, new]))]);
        let copies: Vec<Attachment> = (1..3).map(copy).collect();
        let elements = json!([
            [{"concat": ["tcp", 20001]}, {"concat": ["10.200.1.3", 80]}],
            [{"concat": ["tcp", 20002]}, {"concat": ["10.200.1.4", 80]}],
        ]);
        let element = json!({"family": "inet", "table": "pm", "name": "dnat4", "elem": elements});
        let expected = json!([{"add": {"element": element}}]);
        assert_eq!(Value::from(repeated(&added, &copies)), expected);
    }

    #[test]
    fn new_rules_are_copied_too() {
        let rule =
            json!({"rule": {"family": "ip", "table": "t", "chain": "c", "comment": template().id}});
        let known = json!({"chain": {"family": "ip", "table": "t", "name": "c"}});
        let added = added(std::slice::from_ref(&known), &[known.clone(), rule]);
        let commands = repeated(&added, &[copy(1)]);
        assert_eq!(commands[0]["add"]["rule"]["comment"], "bench-c0000001");
        assert_eq!(commands.len(), 1);
    }
}
