//! Work that only one of two processes does: it stands still while the other has it, and goes on when that one is gone.

use std::future::Future;
use tokio::sync::watch;

/// Says whether this process has it.
#[derive(Debug)]
pub(crate) struct Switch(watch::Sender<bool>);

impl Switch {
    /// Off.
    pub(crate) fn new() -> Switch {
        Switch(watch::Sender::new(false))
    }

    pub(crate) fn set(&self, on: bool) {
        self.0.send_replace(on);
    }

    pub(crate) fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) fn duty(&self) -> Duty {
        Duty(self.0.subscribe())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Duty(watch::Receiver<bool>);

impl Duty {
    pub(crate) fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Does `work` while the switch is on. Where it stands still it is at one of its waits; what it has begun elsewhere goes on.
    pub(crate) async fn run(mut self, work: impl Future<Output = ()>) {
        tokio::pin!(work);
        loop {
            if self.0.wait_for(|on| *on).await.is_err() {
                return;
            }
            let switch = &mut self.0;
            let switched = async { switch.wait_for(|on| !*on).await.is_ok() };
            tokio::select! {
                biased;
                // The switch is gone where this is false: nobody will ever turn it.
                off = switched => match off {
                    true => {}
                    false => return work.await,
                },
                () = &mut work => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Lets all tasks get as far as they can.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_stands_still_while_another_has_it_and_goes_on_where_it_was() {
        let switch = Switch::new();
        let (said, steps) = tokio::sync::mpsc::channel::<()>(8);
        let done = Arc::new(AtomicUsize::new(0));
        let (counted, mut steps) = (Arc::clone(&done), steps);
        let work = async move {
            while steps.recv().await.is_some() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        };
        let task = tokio::spawn(switch.duty().run(work));
        let mut seen = Vec::new();
        for on in [false, true, false, true] {
            switch.set(on);
            settle().await;
            said.try_send(()).unwrap();
            settle().await;
            seen.push(done.load(Ordering::Relaxed));
        }
        assert_eq!(seen, [0, 2, 2, 4]);
        // What is on when the switch goes stays on.
        drop(switch);
        said.try_send(()).unwrap();
        drop(said);
        task.await.unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 5);
    }
}
