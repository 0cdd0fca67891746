//! The names that every table of requirements uses.

pub(super) use cni_protocol::SpecVersion::{
    V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0,
};
pub(super) use cni_protocol::Verb::{Add, Check, Del, Gc, Status, Version};

pub(super) use super::requirement::Section::{
    Configuration, Conventions, Delegation, Execution, Practice, Results, Runtime,
};
pub(super) use super::requirement::{Requirement, convention, stated, stricter};
pub(super) use crate::profile::Profile::{Chained, Interface, Ipam, Wrapper};
