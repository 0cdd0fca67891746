//! The runtimes that are played, without a plugin and without root: what plugins would be told.

mod golden;
mod quirks;
mod recorded;
mod scripted;
