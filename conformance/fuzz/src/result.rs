//! What a delegate prints: a result goes out as it came, is the same when it is read again, and can be told in every version or is refused in it.

use cni_wrapper::{AddResult, SpecVersion};

pub(crate) fn holds(input: &[u8]) {
    for told in SpecVersion::ALL {
        if let Ok(result) = AddResult::parse(input, told) {
            is_kept(&result, input);
            for version in SpecVersion::ALL {
                is_converted(&result, version);
            }
        }
    }
}

fn is_kept(result: &AddResult, input: &[u8]) {
    let printed = result.to_bytes();
    let again = AddResult::parse(&printed, result.version()).expect("what was printed is a result");
    assert_eq!(again.document(), result.document());
    assert_eq!(again.version(), result.version());
    let says_version =
        AddResult::parse(input, result.version()).is_ok_and(|it| it.to_bytes().starts_with(input));
    let names_none = serde_json::from_slice::<serde_json::Value>(input)
        .is_ok_and(|it| it["cniVersion"].as_str().is_none_or(str::is_empty));
    assert!(says_version || names_none, "what nobody changed goes out as it came");
}

fn is_converted(result: &AddResult, version: SpecVersion) {
    let Ok(converted) = result.clone().convert(version) else { return };
    assert_eq!(converted.version(), version);
    let printed = converted.to_bytes();
    let again = AddResult::parse(&printed, version).expect("what was converted is a result");
    assert_eq!(again.document(), converted.document());
    let twice = again.convert(version).expect("the version that it has");
    assert_eq!(twice.document(), converted.document(), "there is nothing more to convert");
}
