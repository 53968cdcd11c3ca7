//! Windows and macOS: the system's thread priorities. Not run on either yet.

use crate::Urgency;
use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

pub(crate) fn raise(urgency: Urgency) {
    // Of 0 to 99.
    let level = match urgency {
        Urgency::Voice => 90,
        Urgency::Network => 75,
    };
    let Ok(value) = ThreadPriorityValue::try_from(level) else {
        return;
    };
    if let Err(error) = set_current_thread_priority(ThreadPriority::Crossplatform(value)) {
        tracing::debug!("thread priorities stay as they are: {error:?}");
    }
}
