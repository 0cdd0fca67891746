//! Which versions of the specification a plugin is judged in.

use cni_wrapper::SpecVersion;

/// Which versions of the specification a plugin is judged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// All that it claims.
    #[default]
    Claimed,
    /// Of those that it claims, the newest of each form of the result: 0.1 and 0.2 have the first,
    /// 0.3 and 0.4 the second, 1.x the third.
    EachForm,
    /// The newest that it claims.
    Newest,
    /// These, whether it claims them or not.
    These(Vec<SpecVersion>),
}

impl Versions {
    /// Whether the plugin has to be asked which versions it claims.
    pub(super) fn needs_claimed(&self) -> bool {
        !matches!(self, Self::These(_))
    }

    /// The versions to judge in, of those that are claimed, which are in ascending order.
    pub fn of(&self, claimed: &[SpecVersion]) -> Vec<SpecVersion> {
        match self {
            Self::Claimed => claimed.to_vec(),
            Self::Newest => claimed.last().copied().into_iter().collect(),
            Self::These(these) => these.clone(),
            Self::EachForm => {
                let is_newest = |at: usize| match claimed.get(at + 1) {
                    Some(next) => form(*next) != form(claimed[at]),
                    None => true,
                };
                (0..claimed.len()).filter(|at| is_newest(*at)).map(|at| claimed[at]).collect()
            }
        }
    }
}

/// The first version that has a result of the same form.
fn form(version: SpecVersion) -> SpecVersion {
    let forms = [SpecVersion::V1_0_0, SpecVersion::V0_3_0];
    forms.into_iter().find(|form| version >= *form).unwrap_or(SpecVersion::V0_1_0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SpecVersion as V;

    #[test]
    fn each_form_has_its_newest_claimed_version() {
        let of = |claimed: &[V]| Versions::EachForm.of(claimed);
        assert_eq!(of(&V::ALL), [V::V0_2_0, V::V0_4_0, V::V1_1_0]);
        assert_eq!(of(&[V::V0_3_1, V::V1_0_0]), [V::V0_3_1, V::V1_0_0]);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn the_newest_is_one_and_these_are_these() {
        assert_eq!(Versions::Newest.of(&V::ALL), [V::V1_1_0]);
        assert_eq!(Versions::These(vec![V::V0_1_0]).of(&[]), [V::V0_1_0]);
        assert_eq!(Versions::Claimed.of(&V::ALL), V::ALL);
    }
}
