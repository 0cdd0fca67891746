//! The names that every file of cases uses.

pub(super) use cni_protocol::SpecVersion;
pub(super) use serde_json::{Value, json};

pub(super) use super::case::Case;
pub(super) use super::support::*;
pub(super) use crate::fixture::attachment::Attachment;
pub(super) use crate::fixture::call::Call;
pub(super) use crate::fixture::fake_delegate::FakeDelegate;
pub(super) use crate::fixture::input::bare;
pub(super) use crate::fixture::response::Response;
pub(super) use crate::fixture::{Adds, Fixture, NETWORK};
pub(super) use crate::profile::Profile;
pub(super) use crate::verdict::{CaseResult, Stop, expect};
