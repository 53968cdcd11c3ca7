//! The page without a socket: some systems do not let a webview open one to 127.0.0.1. The shell then carries the same messages
//! over a channel of its own, and credit bounds that channel as it bounds the socket.

use super::BusHandle;
use super::server::message;
use super::wire::{FromPage, Misunderstood, ToPage, VERSION};
use crate::clock;
use crate::sink::KeyframeAsk;
use std::sync::PoisonError;

/// Where the app's messages go. Called on the bus thread; must not block, and must not drop its [`CarriedPage`].
pub(super) type Way = Box<dyn FnMut(Carried) + Send>;

/// A message to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    Text(String),
    Picture(Vec<u8>),
}

/// A page whose messages the shell carries. Dropping it tells that the page is gone.
#[derive(Debug)]
pub struct CarriedPage {
    bus: BusHandle,
}

impl BusHandle {
    /// Takes the place of the page on the socket; `None` while there is a page.
    pub fn carry(&self, mut send: impl FnMut(Carried) + Send + 'static) -> Option<CarriedPage> {
        if !self.claim_page() {
            return None;
        }
        send(Carried::Text(ToPage::Hello { version: VERSION }.text()));
        *self.carrier() = Some(Box::new(send));
        Some(CarriedPage { bus: self.clone() })
    }

    /// Hands over what is due; credit ends it.
    pub(super) fn pump_carrier(&self) {
        let mut carrier = self.carrier();
        let Some(send) = carrier.as_mut() else { return };
        loop {
            // Not in the loop's head: the lock would be held while the picture is scaled.
            let next = self.streams().next(clock::now());
            let Some(next) = next else { return };
            send(Carried::Picture(message(&next)));
        }
    }

    fn carrier(&self) -> std::sync::MutexGuard<'_, Option<Way>> {
        self.shared
            .carrier
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl CarriedPage {
    /// What the page said. An error means page and app do not fit together; nothing was done.
    pub fn say(&self, text: &str) -> Result<(), Misunderstood> {
        let message = FromPage::parse(text)?;
        let asks = self.bus.streams().page_says(message, clock::now());
        asks.iter().for_each(KeyframeAsk::ask);
        self.bus.wake();
        Ok(())
    }
}

impl Drop for CarriedPage {
    fn drop(&mut self) {
        *self.bus.carrier() = None;
        self.bus.release_page();
    }
}
