//! Searches for input that breaks the property that `CNI_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

static HOLDS: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("CNI_FUZZ").unwrap_or_default();
    let property = cni_fuzz::ALL.into_iter().find(|property| property.name == name);
    property.unwrap_or_else(|| panic!("`{name}` in CNI_FUZZ is not a property")).holds
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| HOLDS(input));
