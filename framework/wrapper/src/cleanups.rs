//! The own cleanup of the layers around a call, for a rollback that begins inside of them.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::error::Error;

/// The own cleanup of one layer.
///
/// A call can be sent to another thread, and its cleanups with it; their futures are made and run
/// by the thread of the hooks.
type Cleanup = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), Error>>>> + Send + Sync>;

/// The own cleanup of each layer around a call, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Cleanups(Vec<Cleanup>);

impl Cleanups {
    /// Returns each cleanup, in the order of DEL.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cleanup> {
        self.0.iter()
    }

    /// Returns the same with another layer inside of the others.
    pub(crate) fn with<F>(&self, cleanup: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Error>> + 'static,
    {
        let cleanup: Cleanup = Arc::new(move || Box::pin(cleanup()));
        Self(self.0.iter().cloned().chain([cleanup]).collect())
    }
}

impl fmt::Debug for Cleanups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cleanups", self.0.len())
    }
}
