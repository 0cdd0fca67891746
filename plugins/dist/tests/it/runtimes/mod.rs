//! Debian's runtimes on temporary hosts run containers whose host ports the port mapper maps.

mod containerd;
mod image;
mod node;
mod podman;
mod pods;
mod site;
