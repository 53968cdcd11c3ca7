//! Meetings while another process takes over (docs/adr/0035): those that are awake stay here, all others are woken there.

use super::Rooms;
use confab_protocol::MeetingId;
use std::sync::{MutexGuard, PoisonError};
use tokio::sync::mpsc;

impl Rooms {
    /// Wakes none from now on. Those that are awake, and where it is told that one is not any more.
    pub(crate) fn freeze(&self) -> (Vec<MeetingId>, mpsc::Receiver<MeetingId>) {
        // Held throughout: a meeting is woken before this, or not at all.
        let all = self.lock();
        // Each is told once.
        let (told, released) = mpsc::channel(all.len().max(1));
        *self.released() = Some(told);
        (all.keys().cloned().collect(), released)
    }

    /// Wakes them again: there is no other process any more.
    pub(crate) fn thaw(&self) {
        let _all = self.lock();
        *self.released() = None;
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.released().is_some()
    }

    pub(super) fn tell_released(&self, id: &MeetingId) {
        if let Some(told) = &*self.released() {
            // There is room for each, or nobody listens any more.
            let _ = told.try_send(id.clone());
        }
    }

    fn released(&self) -> MutexGuard<'_, Option<mpsc::Sender<MeetingId>>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
