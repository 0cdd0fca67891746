//! Hosts that lack something: a failed ADD leaves nothing, and a DEL fails only for something of
//! this program that exists and cannot be removed.

mod conntrack;
mod proc_sys;
mod state_directory;
mod tables;

use cni_test_kit::{CallBuilder, Host};

use crate::common::plugin;

/// Makes a directory read-only, with everything in it.
fn make_read_only(host: &Host, directory: &str) {
    host.run(&format!("mount --bind {directory} {directory}"));
    host.run(&format!("mount -o remount,bind,ro {directory}"));
}

/// Runs a DEL twice, and one of a container that was never added. All must succeed.
#[track_caller]
fn del_twice_and_an_unknown_one(call: &CallBuilder) {
    let del = call.clone().as_verb("DEL");
    for del in [del.clone(), del.clone(), del.container_id("unknown")] {
        del.run(plugin()).expect_success();
    }
}
