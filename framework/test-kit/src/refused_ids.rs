//! The scenario of a container id that a runtime lets its users choose, but CNI does not allow.

use std::path::Path;

use crate::call::builder::CallBuilder;
use crate::scripted_plugin::plugin_dir::PluginDir;

/// Ids of children in Mesos, and others that it accepts.
const IDS: [&str; 5] = ["parent:child", "a b", "parent@child", "-child", "b\u{fc}ro"];

/// Calls ADD and DEL with ids that CNI does not allow.
///
/// ADD must be refused with code 4 before a delegate is called. DEL must succeed and reach the
/// delegates, since Mesos calls it after every ADD that failed, and would repeat it for ever.
///
/// # Panics
/// If ADD or DEL does something else.
#[track_caller]
pub fn assert_refused_ids(add: &CallBuilder, program: &Path, plugins: &PluginDir) {
    for id in IDS {
        let before = plugins.all_calls().len();
        let call = add.clone().container_id(id);
        let (code, msg, _) = call.run(program).error();
        assert_eq!(code, 4, "{id}: {msg}");
        assert!(msg.contains("CNI_CONTAINERID") && msg.contains(id), "{id}: {msg}");
        assert_eq!(plugins.all_calls().len(), before, "{id}: no delegate is called by ADD");
        call.as_verb("DEL").run(program).expect_success();
        let calls = plugins.all_calls().split_off(before);
        let is_del = |call: &crate::scripted_plugin::record::RecordedCall| {
            call.verb == "DEL"
                && call.environment.get("CNI_CONTAINERID").map(String::as_str) == Some(id)
        };
        assert!(!calls.is_empty() && calls.iter().all(is_del), "{id}: {:?}", plugins.verbs());
    }
}
