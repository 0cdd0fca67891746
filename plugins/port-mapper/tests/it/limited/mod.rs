//! Hosts that lack something: a failed ADD leaves nothing, and a DEL fails only for something of
//! this program that exists and cannot be removed.

mod conntrack;
