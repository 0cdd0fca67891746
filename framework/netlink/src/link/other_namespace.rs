//! Links of another network namespace, which is asked for them but not entered.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::decode::{Parts, TARGET_NAMESPACE};
use super::{
    ANY_FAMILY, GET_LINK, GET_NAMESPACE_ID, Links, NAMESPACE_FD, NAMESPACE_ID, NEW_LINK,
    NEW_NAMESPACE_ID, namespace_id_in, write_get, write_namespace,
};
use crate::attribute::Body;
use crate::error::{Cause, Error, Malformed};
use crate::message::Message;

impl Links {
    /// Reports whether a link with this name exists in the network namespace `netns`, an open file
    /// such as `/run/netns/x`.
    ///
    /// Requires CAP_NET_ADMIN in both namespaces. The namespace gets an id in this one, as it does
    /// when a veth or any other link is moved there. On a kernel before 4.15, a thread enters the
    /// namespace for the question, which requires CAP_SYS_ADMIN.
    pub fn exists_in(&mut self, netns: impl AsFd, name: &str) -> Result<bool, Error> {
        let netns = netns.as_fd();
        let exists = match self.answer_of(netns, name) {
            Ok(None) => entering(netns, name),
            Ok(Some(exists)) => Ok(exists),
            Err(cause) => Err(cause),
        };
        exists.map_err(|cause| cause.during("look up", format!("link {name} in a namespace")))
    }

    /// Returns `None` if the kernel can't be asked about another namespace.
    ///
    /// All links are listed, not the one with this name: kernels before 4.15 ignore the attribute
    /// and list those of this namespace, which only the replies show.
    fn answer_of(&mut self, netns: BorrowedFd<'_>, name: &str) -> Result<Option<bool>, Cause> {
        let id = self.existing_or_new_id(netns)?;
        let fill = |body: &mut Body<'_>| {
            write_get(body, 0, None);
            body.bytes(TARGET_NAMESPACE, &id.to_ne_bytes());
        };
        let found = self.socket.list(GET_LINK, fill, |message| is_named(message, id, name))?;
        // Every namespace has a loopback link, so none at all is not an answer either.
        let is_answer = !found.is_empty() && found.iter().all(Option::is_some);
        Ok(is_answer.then(|| found.contains(&Some(true))))
    }

    /// Has the kernel assign an id, which it refuses if there is one, and returns it.
    fn existing_or_new_id(&mut self, netns: BorrowedFd<'_>) -> Result<i32, Cause> {
        const ANY: i32 = -1;
        let assign = |body: &mut Body<'_>| {
            body.raw(&[ANY_FAMILY]);
            body.bytes(NAMESPACE_ID, &ANY.to_ne_bytes());
            body.bytes(NAMESPACE_FD, &netns.as_raw_fd().to_ne_bytes());
        };
        let look_up = |body: &mut Body<'_>| write_namespace(body, netns);
        let (refused, id) = self.socket.ask_after(
            (NEW_NAMESPACE_ID, assign),
            (GET_NAMESPACE_ID, look_up),
            namespace_id_in,
        )?;
        id.ok_or_else(|| match refused {
            Some(refusal) => Cause::Refused(refusal),
            None => Malformed("the new id of a namespace is missing").into(),
        })
    }
}

/// Reports whether a link in a list has this name. The inner `None` is a link of this namespace.
fn is_named(
    message: Message<'_>,
    namespace: i32,
    name: &str,
) -> Result<Option<Option<bool>>, Malformed> {
    if message.kind != NEW_LINK {
        return Ok(None);
    }
    let parts = Parts::read(message.payload)?;
    let is_there = parts.namespace == Some(namespace);
    Ok(Some(is_there.then(|| parts.name == name.as_bytes())))
}

/// Asks inside the namespace, on a thread, which alone enters it.
fn entering(netns: BorrowedFd<'_>, name: &str) -> Result<bool, Cause> {
    let ask = || {
        move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))
            .map_err(|error| Cause::Io(error.into()))?;
        let mut links = Links::open().map_err(|error| error.cause)?;
        links.get(0, Some(name)).map(|link| link.is_some())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, ask).map_err(Cause::Io)?;
        thread.join().unwrap_or(Err(Malformed("the thread that read it panicked").into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{decode, header};
    use crate::message::{HEADER, Writer};

    /// Returns what is made of a link in the list, if the kernel writes this namespace's id to it.
    fn read(namespace: Option<i32>, name: &str) -> Result<Option<Option<bool>>, Malformed> {
        let mut writer = Writer::new();
        writer.message(NEW_LINK, 0, 1, |body| {
            body.raw(&header(ANY_FAMILY, 9));
            body.text(decode::NAME, name);
            if let Some(id) = namespace {
                body.bytes(TARGET_NAMESPACE, &id.to_ne_bytes());
            }
        });
        let payload = writer.datagram().expect("it fits in a message")[HEADER..].to_vec();
        is_named(Message { kind: NEW_LINK, flags: 0, sequence: 1, payload: &payload }, 5, "eth0")
    }

    #[test]
    fn a_link_that_is_not_marked_with_the_namespace_is_not_an_answer() {
        assert_eq!(read(Some(5), "eth0"), Ok(Some(Some(true))));
        assert_eq!(read(Some(5), "eth1"), Ok(Some(Some(false))));
        assert_eq!(read(Some(6), "eth0"), Ok(Some(None)));
        assert_eq!(read(None, "eth0"), Ok(Some(None)), "as kernels before 4.15 list it");
    }

    #[cfg(feature = "host-tests")]
    #[test]
    fn a_thread_that_enters_the_namespace_gives_the_same_answer() {
        let own = std::fs::File::open("/proc/self/ns/net").expect("the own namespace");
        assert!(entering(own.as_fd(), "lo").expect("looked up"));
        assert!(!entering(own.as_fd(), "nosuch").expect("looked up"));
        let other = std::fs::File::open("/proc/self/ns/mnt").expect("another kind of namespace");
        assert!(entering(other.as_fd(), "lo").is_err());
    }
}
