//! Versions as libcni compares them: numbers separated by dots, known or not.

use cni_protocol::SpecVersion;

/// Parses the numbers of a version; the empty string is 0.1.0.
pub(super) fn numbers(version: &str) -> Result<[u64; 3], String> {
    if version.is_empty() {
        return Ok([0, 1, 0]);
    }
    let invalid = || format!("invalid version {version:?}");
    let parts: Vec<&str> = version.split('.').collect();
    let mut numbers = [0; 3];
    if parts.len() > numbers.len() {
        return Err(invalid());
    }
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().map_err(|_| invalid())?;
    }
    Ok(numbers)
}

/// Whether a version is this one or later.
pub(super) fn at_least(version: &str, other: SpecVersion) -> Result<bool, String> {
    Ok(numbers(version)? >= numbers(other.as_str())?)
}

/// Returns the version that libcni uses: the highest of `version` and `versions` that it supports,
/// or `version` as it is if there are no `versions`.
pub(super) fn chosen(version: &str, versions: Option<&[String]>) -> Result<String, String> {
    let Some(versions) = versions else { return Ok(version.to_owned()) };
    let newest = numbers(SpecVersion::NEWEST.as_str())?;
    let mut best: Option<([u64; 3], &str)> = None;
    for candidate in versions.iter().map(String::as_str).chain(Some(version)) {
        let numbers = numbers(candidate)?;
        let better = best.is_none_or(|(best, _)| numbers > best);
        if better && numbers <= newest && !candidate.is_empty() {
            best = Some((numbers, candidate));
        }
    }
    // If all are too new, `version` is used even if it is too new itself.
    Ok(best.map_or(version, |(_, best)| best).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(at_least("0.4.0", SpecVersion::V0_4_0).unwrap());
        assert!(at_least("1", SpecVersion::V1_0_0).unwrap());
        assert!(!at_least("", SpecVersion::V0_4_0).unwrap());
        assert!(at_least("10.0.0", SpecVersion::V1_1_0).unwrap());
        assert!(at_least("x", SpecVersion::V0_4_0).is_err());
        assert!(at_least("1.0.0.0", SpecVersion::V0_4_0).is_err());
    }

    #[test]
    fn the_highest_supported_version_is_chosen() {
        let chosen_from = |version: &str, versions: &[&str]| {
            let versions: Vec<String> =
                versions.iter().map(|&version| version.to_owned()).collect();
            chosen(version, Some(&versions)).unwrap()
        };
        assert_eq!(chosen_from("0.3.1", &["1.0.0", "0.4.0", "2.0.0"]), "1.0.0");
        assert_eq!(chosen_from("1.1.0", &["1.0.0"]), "1.1.0");
        assert_eq!(chosen_from("", &["2.0.0"]), "");
        assert_eq!(chosen_from("0.4.0", &[]), "0.4.0");
        assert_eq!(chosen("7.0.0", None).unwrap(), "7.0.0", "used as it is");
    }
}
