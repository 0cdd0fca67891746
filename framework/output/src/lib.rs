//! What commands show to people: text for a pipe that may be closed, and self-contained HTML pages.
//!
//! The macros of the standard library panic if the reader closes the pipe, as in `… | head`. Those
//! of this crate go on without output, so that what the command has created is removed. [`finish`]
//! makes the exit status.
//!
//! ```
//! use cni_output::{finish, outln};
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     outln!("{} mappings", 12);
//!     finish("example", ExitCode::SUCCESS, ExitCode::FAILURE)
//! }
//! ```

#[cfg(feature = "page")]
mod page;
mod text;

#[cfg(feature = "page")]
pub use page::Page;
pub use text::finish;
#[doc(hidden)]
pub use text::{print, warn};
