//! Pods, in the few messages of the CRI (`runtime.v1` in Kubernetes's `cri-api`) that are needed.

use super::grpc::{Connection, Message, first_text};

pub(crate) struct Pod {
    pub(crate) id: String,
    config: Message,
}

fn metadata(name: &str) -> Message {
    Message::new().text(1, name).text(2, &format!("uid-of-{name}")).text(3, "default")
}

/// Pulls an image from its registry.
pub(crate) fn pull(connection: &Connection, image: &str) {
    let image = Message::new().text(1, image);
    connection.call("ImageService/PullImage", &Message::new().message(1, &image));
}

impl Pod {
    /// Starts a pod with a mapping from a host port to a container port.
    pub(crate) fn run(connection: &Connection, name: &str, host_port: u64, port: u64) -> Self {
        let mapping = Message::new().number(2, port).number(3, host_port);
        let config = Message::new()
            .message(1, &metadata(name))
            .text(2, name)
            .text(3, "/run/pod-logs")
            .message(5, &mapping);
        let answer =
            connection.call("RuntimeService/RunPodSandbox", &Message::new().message(1, &config));
        Self { id: first_text(&answer), config }
    }

    /// Starts a container in it.
    pub(crate) fn start_container(&self, connection: &Connection, image: &str, command: &[&str]) {
        let container = Message::new()
            .message(1, &Message::new().text(1, "web"))
            .message(2, &Message::new().text(1, image));
        let container = command.iter().fold(container, |container, arg| container.text(3, arg));
        let container = container.text(11, "web.log");
        let request =
            Message::new().text(1, &self.id).message(2, &container).message(3, &self.config);
        let id = first_text(&connection.call("RuntimeService/CreateContainer", &request));
        connection.call("RuntimeService/StartContainer", &Message::new().text(1, &id));
    }

    pub(crate) fn stop_and_remove(&self, connection: &Connection) {
        for method in ["RuntimeService/StopPodSandbox", "RuntimeService/RemovePodSandbox"] {
            connection.call(method, &Message::new().text(1, &self.id));
        }
    }
}
