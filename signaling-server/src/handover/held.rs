//! The meetings that another process still has: here they sleep, and what comes here about them is carried there.

use confab_protocol::MeetingId;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

#[derive(Debug)]
pub(crate) struct Held {
    /// Where the other process serves.
    pub(super) socket: PathBuf,
    /// Cheap to ask where there are none, which is nearly always.
    any: AtomicBool,
    ids: RwLock<HashSet<MeetingId>>,
}

impl Held {
    /// None.
    pub(crate) fn new(data_dir: &Path) -> Held {
        Held {
            socket: data_dir.join(super::HELD_SOCKET),
            any: AtomicBool::new(false),
            ids: RwLock::default(),
        }
    }

    pub(crate) fn holds(&self, id: &MeetingId) -> bool {
        self.any.load(Ordering::Relaxed) && self.read(|ids| ids.contains(id))
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, held: HashSet<MeetingId>) {
        self.write(|ids| *ids = held);
    }

    /// The other process has let go of it.
    pub(crate) fn release(&self, id: &MeetingId) {
        self.write(|ids| {
            ids.remove(id);
        });
    }

    /// The other process is gone.
    pub(crate) fn clear(&self) {
        self.write(HashSet::clear);
    }

    fn read<T>(&self, look: impl FnOnce(&HashSet<MeetingId>) -> T) -> T {
        look(&self.ids.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut HashSet<MeetingId>)) {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut ids);
        self.any.store(!ids.is_empty(), Ordering::Relaxed);
    }
}
