//! The versions of the specification that a plugin is tested in.

use cni_protocol::SpecVersion;

/// The versions of the specification that a plugin is tested in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// All versions that it claims.
    #[default]
    Claimed,
    /// The newest claimed version of each result format: the formats are those of 0.1 and 0.2, of
    /// 0.3 and 0.4, and of 1.x.
    EachFormat,
    /// The newest version that it claims.
    Newest,
    /// These versions, whether or not it claims them.
    These(Vec<SpecVersion>),
}

impl Versions {
    /// Whether the claimed versions must be known.
    pub(super) fn needs_claimed(&self) -> bool {
        !matches!(self, Self::These(_))
    }

    /// Returns the versions to test, given those that are claimed in ascending order.
    pub fn of(&self, claimed: &[SpecVersion]) -> Vec<SpecVersion> {
        match self {
            Self::Claimed => claimed.to_vec(),
            Self::Newest => claimed.last().copied().into_iter().collect(),
            Self::These(these) => these.clone(),
            Self::EachFormat => {
                let is_newest = |at: usize| match claimed.get(at + 1) {
                    Some(next) => format_of(*next) != format_of(claimed[at]),
                    None => true,
                };
                (0..claimed.len()).filter(|at| is_newest(*at)).map(|at| claimed[at]).collect()
            }
        }
    }
}

/// Returns the first version with the same result format.
fn format_of(version: SpecVersion) -> SpecVersion {
    let formats = [SpecVersion::V1_0_0, SpecVersion::V0_3_0];
    formats.into_iter().find(|format| version >= *format).unwrap_or(SpecVersion::V0_1_0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SpecVersion as V;

    #[test]
    fn each_format_has_its_newest_claimed_version() {
        let newest_of = |claimed: &[V]| Versions::EachFormat.of(claimed);
        assert_eq!(newest_of(&V::ALL), [V::V0_2_0, V::V0_4_0, V::V1_1_0]);
        assert_eq!(newest_of(&[V::V0_3_1, V::V1_0_0]), [V::V0_3_1, V::V1_0_0]);
        assert_eq!(newest_of(&[]), []);
    }

    #[test]
    fn the_newest_version_is_one_and_listed_versions_are_kept() {
        assert_eq!(Versions::Newest.of(&V::ALL), [V::V1_1_0]);
        assert_eq!(Versions::These(vec![V::V0_1_0]).of(&[]), [V::V0_1_0]);
        assert_eq!(Versions::Claimed.of(&V::ALL), V::ALL);
    }
}
