//! The keys that every configuration may have, and suggestions for keys that are not known.
//!
//! A key that no plugin reads has no effect, so a mistyped one is easily overlooked. It can't be
//! refused, since configurations may have keys of other programs. But if it resembles a known key,
//! it is probably a mistake.

/// The keys of a list of plugins.
pub const OF_LISTS: [&str; 6] =
    ["cniVersion", "cniVersions", "name", "plugins", "disableCheck", "disableGC"];

/// The keys of every plugin, by the specification and its conventions.
pub const OF_PLUGINS: [&str; 10] = [
    "cniVersion",
    "name",
    "type",
    "args",
    "capabilities",
    "runtimeConfig",
    "prevResult",
    "ipMasq",
    "ipam",
    "dns",
];

/// Returns whether a key belongs to a runtime or is a comment.
pub fn is_free(key: &str) -> bool {
    key.starts_with("cni.dev/") || key.starts_with('_') || key.starts_with("//") || key == "comment"
}

/// Returns the known key that an unknown one resembles most, if one does.
///
/// It resembles one that differs in at most two letters, or in one if it is short, and one that
/// begins in the same way. Letter case, `_` and `-` make no difference.
///
/// ```
/// use cni_protocol::keys::nearest;
///
/// assert_eq!(nearest("exclude_device", &["chain", "excludeDevices"]), Some("excludeDevices"));
/// assert_eq!(nearest("bridge", &["chain", "excludeDevices"]), None);
/// ```
pub fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let key = plain(key);
    let similar = known.iter().filter_map(|known| {
        let other = plain(known);
        let distance = letters_changed(&key, &other);
        let beginning = common_beginning(&key, &other);
        let is_similar = distance <= tolerance(&key) || begins_alike(beginning, &key, &other);
        is_similar.then_some((distance.saturating_sub(beginning), distance, *known))
    });
    similar.min().map(|(.., known)| known)
}

fn plain(key: &str) -> Vec<char> {
    let letters = key.chars().filter(|letter| !matches!(letter, '_' | '-'));
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The number of letters in which a key may differ. Short words differ in two all the time.
fn tolerance(key: &[char]) -> usize {
    if key.len() < 5 { 1 } else { 2 }
}

fn common_beginning(one: &[char], other: &[char]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

fn begins_alike(beginning: usize, one: &[char], other: &[char]) -> bool {
    beginning >= 5 && beginning * 2 >= one.len().min(other.len())
}

/// Returns the Levenshtein distance of two words: how many letters are changed, missing or added.
pub fn distance(one: &str, other: &str) -> usize {
    let [one, other] = [one, other].map(|word| word.chars().collect::<Vec<_>>());
    letters_changed(&one, &other)
}

fn letters_changed(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for at in 0..other.len() {
            let change = diagonal + usize::from(*letter != other[at]);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intended_key_is_found() {
        let known =
            ["excludeDevices", "chain", "backend", "masqAll", "conditionsV4", "snat", "dns"];
        for (typed, meant) in [
            ("exclude_devices", Some("excludeDevices")),
            ("excludeDevice", Some("excludeDevices")),
            ("excludeInterfaces", Some("excludeDevices")),
            ("Chain", Some("chain")),
            ("cahin", Some("chain")),
            ("chian", Some("chain")),
            ("chainName", Some("chain")),
            ("backends", Some("backend")),
            ("backendType", Some("backend")),
            ("masqall", Some("masqAll")),
            ("conditions", Some("conditionsV4")),
            ("conditionsIPv4", Some("conditionsV4")),
            ("SNAT", Some("snat")),
            ("dnat", Some("snat")),
            ("something", None),
            ("bridge", None),
            ("mtu", None),
            ("ns", Some("dns")),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
    }

    #[test]
    fn distances_count_changed_missing_and_added_letters() {
        for (one, other, expected) in
            [("chain", "cahin", 2), ("", "abc", 3), ("abc", "", 3), ("chain", "chains", 1)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn keys_of_runtimes_and_comments_are_free() {
        assert!(["cni.dev/x", "_chain", "//", "comment"].into_iter().all(is_free));
        assert!(!is_free("chain"));
    }
}
