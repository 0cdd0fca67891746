//! What a failed program leaves open: whether the kernel still has rules that it should have listed
//! or removed.
//!
//! The kernel is the only one that knows, and its answer does not depend on the version of a
//! program, nor on whether it is installed. It is asked only after a failure.

use cni_wrapper::Attachment;

use super::detect::Tags;
use super::iptables::{Variant, lacks_table};
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;

/// Rules that may be left in a place of iptables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remains {
    /// The kernel has rules of this owner.
    Of(Owner),
    /// The kernel can't be asked.
    Unknown,
}

/// Returns what is left of an owner, or of any owner if none is given, in the place of a variant.
/// Returns `None` if the kernel proves that there is nothing.
pub(super) fn remains(
    variant: Variant,
    families: &[Family],
    owner: Option<&Attachment>,
) -> Option<Remains> {
    let places: &[Variant] = match &variant {
        // Which of the two it is, or was when the rules were made, only the program could show.
        Variant::Default => &[Variant::Nft, Variant::Legacy],
        variant => std::slice::from_ref(variant),
    };
    let read = |place: &Variant| match place {
        Variant::Legacy => Tags::of_iptables_legacy(families),
        _ => Tags::of_iptables_nft(families),
    };
    let mut found = places.iter().filter_map(|place| match read(place) {
        Ok(tags) => tags.find(owner).map(Remains::Of),
        Err(_) => Some(Remains::Unknown),
    });
    let first = found.next()?;
    // A known owner says more than that another place can't be searched.
    Some(found.find(|remains| *remains != Remains::Unknown).unwrap_or(first))
}

/// Succeeds if a program's failure concerns no rule of the owner, or of any owner if none is given:
/// the kernel has none in these families.
///
/// # Errors
///
/// The program's error, and whose rules it could not list or remove.
pub(super) fn excuse(
    error: Error,
    variant: Variant,
    families: &[Family],
    owner: Option<&Attachment>,
) -> Result<(), Error> {
    judge(error, remains(variant, families, owner))
}

fn judge(error: Error, remains: Option<Remains>) -> Result<(), Error> {
    match (remains, &error) {
        (None, _) => {
            log::info!("iptables fails, but has no rules of ours: {error}");
            Ok(())
        }
        // Without /proc, for example, the program's word is all there is.
        (Some(Remains::Unknown), Error::Iptables { message, .. }) if lacks_table(message) => Ok(()),
        (Some(remains), _) => Err(explained(error, remains)),
    }
}

/// Adds to the error of a program that can't be used that it has to be.
pub(super) fn explained(error: Error, remains: Remains) -> Error {
    let Remains::Of(owner) = remains else { return error };
    let why = |why: String| format!("{why}; the kernel still has rules of {owner} there");
    match error {
        Error::Unfit { program, why: reason } => Error::Unfit { program, why: why(reason) },
        Error::Missing { program, searched } => {
            let reason = format!("it is not installed in {searched}; install it");
            Error::Unfit { program: program.into(), why: why(reason) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(message: &str) -> Error {
        Error::Iptables {
            program: "ip6tables-save".into(),
            action: "listing rules",
            status: "exit status: 1".to_owned(),
            message: message.to_owned(),
        }
    }

    fn missing() -> Error {
        Error::Missing { program: "ip6tables-save".into(), searched: "/bin".to_owned() }
    }

    #[test]
    fn the_kernel_decides_and_the_program_only_where_the_kernel_does_not_answer() {
        let owner = Owner::from(&Attachment::new("n", "c1", "eth0"));
        let unfit = || Error::Unfit { program: "iptables-save".into(), why: "x".to_owned() };
        let lacks = || failed("Table does not exist (do you need to insmod?)");
        let errors: [(&dyn Fn() -> Error, bool); 4] = [
            (&missing, false),
            (&lacks, true),
            (&|| failed("out of luck"), false),
            (&unfit, false),
        ];
        for (error, counts) in errors {
            let left = Some(Remains::Of(owner.clone()));
            assert!(judge(error(), left).is_err(), "rules are left: {}", error());
            assert!(judge(error(), None).is_ok(), "none is left: {}", error());
            let unknown = judge(error(), Some(Remains::Unknown));
            assert_eq!(unknown.is_ok(), counts, "it is unknown: {}", error());
        }
    }

    #[test]
    fn a_message_names_the_program_to_install_and_the_owner_of_the_rules() {
        let owner = Owner::from(&Attachment::new("n", "c1", "eth0"));
        let message = explained(missing(), Remains::Of(owner)).to_string();
        for part in ["ip6tables-save", "not installed in /bin", "rules of container c1 "] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
