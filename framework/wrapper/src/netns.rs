//! The network namespace of the container of a call.

use crate::{call::Call, error::Error, kit::network_namespace::NetworkNamespace};

impl Call {
    /// Opens the container's network namespace, to run code in it.
    ///
    /// ```no_run
    /// # async fn after_add(call: &cni_wrapper::Call) -> Result<(), cni_wrapper::Error> {
    /// use cni_netlink::{link::Links, sysctl};
    ///
    /// let ifname = &call.attachment.ifname;
    /// let index = call.netns()?.run(|| {
    ///     sysctl::set(&format!("net/ipv4/conf/{ifname}/arp_notify"), "1")?;
    ///     Ok(Links::open()?.by_name(ifname)?.map(|link| link.index))
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Code 4 if `CNI_NETNS` is not set, or leads to nothing, to a file that is not a namespace, or
    /// to the plugin's own one. Code 5 if it can't be opened.
    pub fn netns(&self) -> Result<NetworkNamespace, Error> {
        match self.netns.as_deref() {
            Some(path) => NetworkNamespace::open(path),
            None => {
                let problem = "CNI_NETNS: it is not set; the path of the container's network \
                               namespace is expected";
                Err(Error::Environment { problems: vec![problem.to_owned()] })
            }
        }
    }

    /// Opens the container's network namespace, or returns `None` if it no longer exists or
    /// `CNI_NETNS` is not set: then nothing in it has to be removed.
    ///
    /// For `before_del` and `after_del`, which must not need the namespace.
    ///
    /// # Errors
    ///
    /// Code 5 if it can't be opened.
    pub fn existing_netns(&self) -> Result<Option<NetworkNamespace>, Error> {
        let opened = self.netns.as_deref().map(NetworkNamespace::open_existing);
        Ok(opened.transpose()?.flatten())
    }
}

/// Threads may share a call: hooks can start them, and pass it to their own.
const _: () = {
    const fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Call>();
    assert_shared::<Error>();
    assert_shared::<NetworkNamespace>();
};
