//! All integration tests of this crate, as one binary.

mod dry_run;
mod request;
mod result_convert;
mod result_golden;
mod result_parse;
mod result_views;
