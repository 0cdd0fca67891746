//! The chained position: what came before stands in `prevResult`, and there is nothing to execute.

use cni_protocol::{AddResult, json::quoted};

use crate::{call::Call, error::Error};

/// The result of the plugins before this one.
///
/// # Errors
///
/// Code 7 without a prevResult, or with one that can't be read.
pub(crate) fn add(call: &Call) -> Result<AddResult, Error> {
    call.prev_result()?.ok_or_else(|| neither_delegate_nor_prev_result(call))
}

/// CHECK compares with the result that ADD gave, so it must be there.
///
/// # Errors
///
/// Code 7 without a prevResult, or with one that can't be read.
pub(crate) fn final_result(call: &Call) -> Result<AddResult, Error> {
    call.prev_result()?.ok_or_else(|| {
        Error::config("prevResult", "it is missing; CHECK needs the result that ADD gave")
    })
}

fn neither_delegate_nor_prev_result(call: &Call) -> Error {
    let name = call.config.get("type").and_then(|name| name.as_str()).unwrap_or("this-plugin");
    let name = quoted(name);
    Error::config(
        "delegate",
        format!(
            "neither a delegate nor a prevResult is given. Use it as a wrapper: \
             {{\"type\": {name}, \"delegate\": {{\"type\": \"bridge\", …}}, …}}; \
             or chained, after another plugin: {{\"plugins\": [{{\"type\": \"bridge\", …}}, {{\"type\": {name}, …}}]}}"
        ),
    )
}
