//! Tells pickers when a device came, went or became the default.

use crate::DeviceInfo;
use crate::device::Lister;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks. The sound server is asked, which costs a millisecond or so; nobody plugs faster.
const LOOK: Duration = Duration::from_secs(1);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct DeviceWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Calls `tell` from a thread named `devices` with all devices: once at the start, and whenever one came, went, was renamed or
/// became the default.
pub fn watch(tell: impl FnMut(&[DeviceInfo]) + Send + 'static) -> DeviceWatch {
    watch_with(
        LOOK,
        || {
            // Made on the thread that uses it: connections of some systems may not change threads.
            let mut lister = Lister::new();
            move || lister.devices()
        },
        tell,
    )
}

fn watch_with<L: FnMut() -> Vec<DeviceInfo>>(
    pause: Duration,
    make: impl FnOnce() -> L + Send + 'static,
    mut tell: impl FnMut(&[DeviceInfo]) + Send + 'static,
) -> DeviceWatch {
    let (stop, stopped) = channel();
    let thread = std::thread::Builder::new()
        .name("devices".into())
        .spawn(move || {
            let (mut list, mut known) = (make(), None);
            loop {
                let now = list();
                if known.as_ref() != Some(&now) {
                    tell(&now);
                    known = Some(now);
                }
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
    DeviceWatch {
        stop: Some(stop),
        thread: thread
            .inspect_err(|e| tracing::warn!("devices are not watched: {e}"))
            .ok(),
    }
}

impl Drop for DeviceWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

    #[test]
    fn only_changes_are_told() {
        let device = |default| DeviceInfo {
            id: "spk".into(),
            name: "spk".into(),
            direction: Direction::Speaker,
            default,
            monitor: false,
        };
        let mut lists = vec![
            vec![device(true)],
            vec![device(false)],
            vec![device(false)],
            vec![],
        ];
        let (tell, told) = channel();
        let watch = watch_with(
            Duration::from_millis(1),
            move || move || lists.pop().unwrap_or(vec![device(true)]),
            move |all| tell.send(all.to_vec()).unwrap(),
        );
        let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(next(), []);
        assert_eq!(next(), [device(false)]);
        assert_eq!(next(), [device(true)]);
        drop(watch);
        assert!(told.recv().is_err());
    }
}
