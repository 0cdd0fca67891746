//! The keys that every configuration may have, and suggestions for unknown ones.

/// The keys of a list.
pub(super) const OF_LISTS: [&str; 6] =
    ["cniVersion", "cniVersions", "name", "plugins", "disableCheck", "disableGC"];

/// The keys of every plugin: those of the specification, its conventions and the toolkit.
pub(super) const OF_PLUGINS: [&str; 11] = [
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
    "wrapper",
];

/// The capabilities of the specification's conventions, and `labels`, which the toolkit reads from
/// Mesos.
pub(super) const CAPABILITIES: [&str; 11] = [
    "portMappings",
    "ipRanges",
    "bandwidth",
    "dns",
    "ips",
    "mac",
    "infinibandGUID",
    "deviceID",
    "aliases",
    "cgroupPath",
    "labels",
];

/// Returns whether a key belongs to a runtime or is a comment.
pub(super) fn is_free(key: &str) -> bool {
    key.starts_with("cni.dev/") || key.starts_with('_') || key.starts_with("//") || key == "comment"
}

/// Returns the message for an unknown key.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(near) => format!("it is not a known key; did you mean {near}?"),
        None => "it is not a known key".to_owned(),
    }
}

/// Returns the most similar known key, if one is similar enough.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let key = plain(key);
    let distances = known.iter().map(|known| (distance(&key, &plain(known)), *known));
    distances.filter(|(distance, _)| *distance <= 1 + key.len() / 5).min().map(|(_, known)| known)
}

/// Returns the Levenshtein distance of two words.
pub fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for at in 0..other.len() {
            let change = diagonal + usize::from(letter != other[at]);
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
        let known = ["excludeDevices", "chain", "backend", "masqAll"];
        for (typed, meant) in [
            ("exclude_devices", Some("excludeDevices")),
            ("excludeDevice", Some("excludeDevices")),
            ("Chain", Some("chain")),
            ("cahin", Some("chain")),
            ("chian", Some("chain")),
            ("backends", Some("backend")),
            ("masqall", Some("masqAll")),
            ("something", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
        assert_eq!(distance("chain", "cahin"), 2);
    }
}
