//! Typed views of JSON, with errors that name the path of the key.

use crate::{Error, Object};
use serde::de::DeserializeOwned;

/// Reads `T` out of a document.
///
/// # Errors
///
/// Code 7, naming the path of the first key that does not fit.
pub(crate) fn read<T: DeserializeOwned>(document: &Object) -> Result<T, Error> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let path = error.path().to_string();
        let key = if path == "." { "the network configuration".to_owned() } else { path };
        Error::config(key, error.into_inner().to_string())
    })
}
