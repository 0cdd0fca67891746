//! The output of a delegate: an unchanged result is written as it was read, and every result is
//! converted to each version or refused.

use cni_wrapper::{AddResult, SpecVersion};

pub(crate) fn holds(input: &[u8]) {
    for default in SpecVersion::ALL {
        if let Ok(result) = AddResult::parse(input, default) {
            is_kept(&result, input);
            for version in SpecVersion::ALL {
                is_converted(&result, version);
            }
        }
    }
}

fn is_kept(result: &AddResult, input: &[u8]) {
    let printed = result.to_bytes();
    let again = AddResult::parse(&printed, result.version()).expect("the output is a result");
    assert_eq!(again.document(), result.document());
    assert_eq!(again.version(), result.version());
    let has_version =
        AddResult::parse(input, result.version()).is_ok_and(|it| it.to_bytes().starts_with(input));
    let has_none = serde_json::from_slice::<serde_json::Value>(input)
        .is_ok_and(|it| it["cniVersion"].as_str().is_none_or(str::is_empty));
    assert!(has_version || has_none, "an unchanged result is written as it was read");
}

fn is_converted(result: &AddResult, version: SpecVersion) {
    let Ok(converted) = result.clone().convert(version) else { return };
    assert_eq!(converted.version(), version);
    let printed = converted.to_bytes();
    let again = AddResult::parse(&printed, version).expect("the converted output is a result");
    assert_eq!(again.document(), converted.document());
    let twice = again.convert(version).expect("its own version");
    assert_eq!(twice.document(), converted.document(), "a second conversion changes nothing");
}
