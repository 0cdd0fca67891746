//! The chained position: the result of the plugins before is `prevResult`, and nothing is executed.

use cni_protocol::{AddResult, json::quoted};

use crate::{call::Call, error::Error};

/// Returns the result of the plugins before this one.
///
/// # Errors
///
/// Code 7 if there is no prevResult, or it can't be read.
pub(crate) fn add(call: &Call) -> Result<AddResult, Error> {
    call.prev_result()?.ok_or_else(|| neither_delegate_nor_prev_result(call))
}

/// Returns the result of ADD, with which CHECK compares.
///
/// # Errors
///
/// Code 7 if there is no prevResult, or it can't be read.
pub(crate) fn final_result(call: &Call) -> Result<AddResult, Error> {
    call.prev_result()?
        .ok_or_else(|| Error::config("prevResult", "it is missing; CHECK needs the result of ADD"))
}

fn neither_delegate_nor_prev_result(call: &Call) -> Error {
    let name = call.config.get("type").and_then(|name| name.as_str()).unwrap_or("this-plugin");
    let name = quoted(name);
    Error::config(
        "delegate",
        format!(
            "neither a delegate nor a prevResult is given. Use it as a wrapper: \
             {{\"type\": {name}, \"delegate\": {{\"type\": \"bridge\", …}}, …}}; \
             or chained, after another plugin: \
             {{\"plugins\": [{{\"type\": \"bridge\", …}}, {{\"type\": {name}, …}}]}}"
        ),
    )
}
