//! Linux: nice levels of threads, by `setpriority` or RealtimeKit (org.freedesktop.RealtimeKit1, its README).

use crate::Urgency;
use rustix::process::setpriority_process;
use rustix::thread::gettid;

/// RealtimeKit's own limit is -15 by default.
fn nice(urgency: Urgency) -> i32 {
    match urgency {
        Urgency::Voice => -12,
        Urgency::Network => -10,
    }
}

pub(crate) fn raise(urgency: Urgency) {
    let (thread, nice) = (gettid(), nice(urgency));
    // On Linux this is the thread's own nice level, not the process's.
    if setpriority_process(Some(thread), nice).is_ok() {
        return;
    }
    let id = thread.as_raw_nonzero().get() as u64;
    let ask = move || {
        if let Err(error) = ask_rtkit(id, nice) {
            tracing::debug!("thread priorities stay as they are: {error}");
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("priority".into())
        .spawn(ask)
    {
        tracing::debug!("thread priorities stay as they are: {error}");
    }
}

fn ask_rtkit(thread: u64, nice: i32) -> zbus::Result<()> {
    zbus::blocking::Connection::system()?.call_method(
        Some("org.freedesktop.RealtimeKit1"),
        "/org/freedesktop/RealtimeKit1",
        Some("org.freedesktop.RealtimeKit1"),
        "MakeThreadHighPriority",
        &(thread, nice),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;

    #[test]
    fn only_the_calling_thread_is_raised_and_only_where_allowed() {
        let own = getpriority_process(Some(gettid())).unwrap();
        let raised = std::thread::spawn(|| {
            let allowed = setpriority_process(Some(gettid()), -1).is_ok();
            raise(Urgency::Voice);
            (allowed, getpriority_process(Some(gettid())).unwrap())
        });
        let (allowed, level) = raised.join().unwrap();
        if allowed {
            assert_eq!(level, nice(Urgency::Voice));
        }
        assert_eq!(getpriority_process(Some(gettid())).unwrap(), own);
    }

    #[test]
    fn voices_come_before_packets() {
        assert!(nice(Urgency::Voice) < nice(Urgency::Network));
    }
}
