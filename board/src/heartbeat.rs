//! A sign of life of a source that gives no frames for now, because what it reads has failed and is
//! being tried again. Who watches over the capture thread thereby tells it from one that hangs.

use std::fmt;
use std::sync::Arc;

/// Who hears of it, if anybody does.
#[derive(Clone, Default)]
pub struct Heartbeat(Option<Arc<dyn Fn() + Send + Sync>>);

impl Heartbeat {
    /// `hear` is called with every try.
    pub fn heard_by(hear: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Another try.
    pub fn beat(&self) {
        if let Some(hear) = &self.0 {
            hear();
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat").finish_non_exhaustive()
    }
}
