//! Starts desks and carries commands to them.

use super::face::{DeskCode, DeskCommand, DeskPush, DeskReply, OwnCode};
use super::machine::Machine;
use super::options::DeskOptions;
use crate::StartError;
use crate::diagnose::DiagnoseOptions;
use crossbeam_channel::{Sender, bounded};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Commands that may wait; the desk takes them faster than a page makes them. When it is full a command fails.
const ORDERS: usize = 256;

/// Whoever gave the command hears of it here.
pub(crate) type Answer = Box<dyn FnOnce(DeskReply) + Send>;
/// Hears of every push. Called on the desk's thread: must be quick.
pub(crate) type Listener = Box<dyn FnMut(&DeskPush) + Send>;

pub(crate) enum Order {
    Command(DeskCommand, Answer),
    Listen(Listener),
    /// Answered with the name of the socket.
    LetIn(DiagnoseOptions, Sender<io::Result<String>>),
}

/// Starts desks.
#[derive(Debug)]
pub struct Desk;

impl Desk {
    /// Opens nothing yet: devices come with the first command that needs them.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(options: DeskOptions) -> Result<DeskHandle, StartError> {
        let (orders, inbox) = bounded(ORDERS);
        let machine = Machine::new(options)?;
        let thread = std::thread::Builder::new()
            .name("desk".to_owned())
            .spawn(move || machine.run(&inbox))?;
        Ok(DeskHandle {
            inner: Arc::new(Inner {
                orders: Some(orders),
                thread: Mutex::new(Some(thread)),
            }),
        })
    }
}

/// A running desk. When the last clone is dropped it leaves the meeting, closes the devices, and ends.
#[derive(Clone, Debug)]
pub struct DeskHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    orders: Option<Sender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl DeskHandle {
    /// Gives a command and waits for its reply: milliseconds for most, seconds for opening devices and for tests of sound.
    /// Not from a thread that draws, nor from an async task.
    pub fn send(&self, command: DeskCommand) -> DeskReply {
        let (tell, told) = bounded(1);
        self.ask(command, move |reply| {
            let _ = tell.send(reply);
        });
        told.recv().unwrap_or(CLOSED)
    }

    /// Gives a command; `answer` is called once with its reply: on another thread or, when the desk takes no commands, at once.
    /// When the desk ends before, that is the reply.
    pub fn ask(&self, command: DeskCommand, answer: impl FnOnce(DeskReply) + Send + 'static) {
        let mut owed = Owed(Some(Box::new(answer)));
        let order = Order::Command(command, Box::new(move |reply| owed.pay(reply)));
        let Some(orders) = &self.inner.orders else {
            return;
        };
        if let Err(error) = orders.try_send(order)
            && let Order::Command(_, answer) = error.into_inner()
        {
            answer(CLOSED);
        }
    }

    /// Opens the door for the support window, which then sees what this desk does until the desk ends; gives the name to
    /// attach to. Opened already: the same name.
    ///
    /// # Errors
    /// The socket or a thread could not be made, or the desk has ended.
    pub fn diagnose(&self, options: DiagnoseOptions) -> io::Result<String> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        let (tell, told) = bounded(1);
        let orders = self.inner.orders.as_ref().ok_or_else(gone)?;
        orders
            .send(Order::LetIn(options, tell))
            .map_err(|_| gone())?;
        told.recv().map_err(|_| gone())?
    }

    /// Calls `listener` with every push from now on, on the desk's thread. State pushes come at most twenty times a second.
    pub fn subscribe(&self, listener: impl FnMut(&DeskPush) + Send + 'static) {
        if let Some(orders) = &self.inner.orders {
            // Waits while 256 commands do: a listener must not get lost.
            let _ = orders.send(Order::Listen(Box::new(listener)));
        }
    }
}

/// An answer that is given in any case.
struct Owed(Option<Answer>);

impl Owed {
    fn pay(&mut self, reply: DeskReply) {
        if let Some(answer) = self.0.take() {
            answer(reply);
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.pay(CLOSED);
    }
}

const CLOSED: DeskReply = DeskReply::Failed {
    code: DeskCode::Own(OwnCode::Closed),
};

impl Drop for Inner {
    fn drop(&mut self) {
        // Without a sender the desk leaves by itself.
        self.orders = None;
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_nobody_carries_out_is_answered_all_the_same() {
        let (orders, inbox) = bounded(1);
        let desk = DeskHandle {
            inner: Arc::new(Inner {
                orders: Some(orders),
                thread: Mutex::default(),
            }),
        };
        let (tell, told) = bounded(2);
        let second = tell.clone();
        desk.ask(DeskCommand::Leave, move |reply| tell.send(reply).unwrap());
        // No room for this one.
        desk.ask(DeskCommand::Leave, move |reply| second.send(reply).unwrap());
        assert_eq!(told.try_recv().unwrap(), CLOSED);
        assert!(told.try_recv().is_err(), "the first may still be done");
        drop(inbox);
        drop(desk);
        assert_eq!(told.try_recv().unwrap(), CLOSED);
    }
}
