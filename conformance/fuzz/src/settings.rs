//! The port mapper's own keys: they are accepted, or every problem is reported with its key.

use port_mapper::config::{Cleanup, Config, Settings};
use port_mapper::error::Error;

pub(crate) fn holds(input: &[u8]) {
    let Ok(config) = serde_json::from_slice::<Config>(input) else { return };
    // DEL has to work with any other mistake.
    let _ = Cleanup::from(&config);
    match Settings::from(&config) {
        Ok(settings) => {
            for mapping in &settings.mappings {
                assert!(!mapping.to_string().is_empty());
            }
            assert!((1..=28).contains(&settings.chain.len()), "chain {:?}", settings.chain);
        }
        Err(error) => {
            assert!((1..=999).contains(&error.code()));
            if let Error::Config(problems) = error {
                assert!(!problems.is_empty());
                assert!(problems.iter().all(|it| !it.key.is_empty() && !it.why.is_empty()));
            }
        }
    }
}
