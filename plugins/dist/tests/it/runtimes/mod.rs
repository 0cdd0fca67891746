//! Real runtimes from Debian, on throw-away hosts, run containers whose host ports our plugin maps.

mod containerd;
mod image;
mod node;
mod podman;
mod pods;
mod site;
