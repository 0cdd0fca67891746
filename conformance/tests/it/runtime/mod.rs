//! The runtime emulators without plugins and without root: the invocations they would make.

mod golden;
mod quirks;
mod recorded;
mod scripted;
