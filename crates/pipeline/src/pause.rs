//! The pause of a share, held by who pauses and read by who sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the others see the last picture instead of what happens now. It belongs to a share, not to the thread that sends
/// it: whatever takes that thread's place begins as the switch stands, so that no picture slips out in between.
#[derive(Clone, Debug, Default)]
pub struct PauseSwitch(Arc<AtomicBool>);

impl PauseSwitch {
    /// Takes effect with the next picture.
    pub fn set(&self, paused: bool) {
        self.0.store(paused, Ordering::SeqCst);
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl PartialEq for PauseSwitch {
    /// The same switch, however it stands.
    fn eq(&self, other: &PauseSwitch) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PauseSwitch {}
