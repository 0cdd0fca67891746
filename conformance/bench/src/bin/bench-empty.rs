//! The baseline of every measurement: a process that does nothing.

fn main() {}
