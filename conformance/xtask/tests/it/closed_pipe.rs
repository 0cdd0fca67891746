//! Output that is not read to its end.

use std::process::Command;

use cni_test_kit::process::run_into_closed_pipe;

#[test]
fn the_help_of_xtask_whose_reader_has_closed_the_pipe_ends_quietly() {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    assert_eq!(run_into_closed_pipe(&mut xtask), (Some(0), String::new()));
}
