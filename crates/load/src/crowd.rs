//! The thread of all synthetic people: it sends when it is time, reads what came, and counts. One thread, so that they take as
//! little as they can of a machine they share with the server.

use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::person::Person;
use crate::scene::Scene;
use crate::wire::{self, Reader};
use crate::{LoadError, machine};
use mio::{Events, Interest, Poll, Token};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// It looks for datagrams this often. The kernel notes when they came; being woken for every one would be work for the core
/// that wakes it, which is the server's.
const LOOK: Duration = Duration::from_millis(1);

enum Order {
    Admit(Box<Person>),
    /// Person, and the layers somebody looks at.
    Layers(u32, Vec<u8>),
    Ask(Sender<State>),
    Begin,
    /// No more is counted of what leaves from now on.
    End,
    Tell(Sender<Outcome>),
}

/// How far they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub people: usize,
    pub up: usize,
    pub closed: usize,
    /// Since ever, packets of what is looked at: those that should have arrived and those that did.
    pub expected: u64,
    pub arrived: u64,
}

/// The way to the thread. Dropping it ends it.
pub(crate) struct Crowd {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    pub fn start(scene: Scene) -> Result<Crowd, LoadError> {
        let (orders, inbox) = channel();
        let poll = Poll::new()?;
        let run = move || {
            let mut members = Members {
                people: Vec::new(),
                poll,
                reader: Reader::new(),
                ledger: Ledger::new(scene.senders(), scene.lookers(), wire::clock()),
                scene,
            };
            while members.obey(&inbox) {
                members.step();
            }
        };
        let thread = std::thread::Builder::new().name("people".into());
        Ok(Crowd {
            orders: Some(orders),
            thread: Some(thread.spawn(run)?),
        })
    }

    fn order(&self, order: Order) -> Result<(), LoadError> {
        let sent = self.orders.as_ref().map(|o| o.send(order));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(gone()),
        }
    }

    pub fn admit(&self, person: Person) -> Result<(), LoadError> {
        self.order(Order::Admit(Box::new(person)))
    }

    pub fn layers(&self, person: u32, layers: Vec<u8>) -> Result<(), LoadError> {
        self.order(Order::Layers(person, layers))
    }

    pub fn state(&self) -> Result<State, LoadError> {
        let (answer, state) = channel();
        self.order(Order::Ask(answer))?;
        state.recv().map_err(|_| gone())
    }

    pub fn begin(&self) -> Result<(), LoadError> {
        self.order(Order::Begin)
    }

    pub fn end(&self) -> Result<(), LoadError> {
        self.order(Order::End)
    }

    /// What was counted; its times and CPU are to be filled in.
    pub fn outcome(&self) -> Result<Outcome, LoadError> {
        let (answer, outcome) = channel();
        self.order(Order::Tell(answer))?;
        outcome.recv().map_err(|_| gone())
    }
}

fn gone() -> LoadError {
    LoadError::Media("the thread of the synthetic people ended".into())
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Members {
    scene: Scene,
    people: Vec<Person>,
    poll: Poll,
    reader: Reader,
    ledger: Ledger,
}

impl Members {
    /// Does what was ordered; false: it is over.
    fn obey(&mut self, inbox: &Receiver<Order>) -> bool {
        loop {
            match inbox.try_recv() {
                Ok(order) => self.carry_out(order),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Admit(person) => self.admit(*person),
            Order::Layers(number, layers) => {
                let mut people = self.people.iter_mut();
                if let Some(person) = people.find(|p| p.number == number) {
                    person.want_layers(&layers);
                }
            }
            Order::Ask(answer) => {
                let _ = answer.send(self.state());
            }
            Order::Begin => {
                for person in &mut self.people {
                    person.gaps.clear();
                    if let Some(numbers) = person.numbers() {
                        self.ledger.begin(person.number as u16, numbers);
                    }
                }
            }
            Order::End => {
                for person in &self.people {
                    if let Some(numbers) = person.numbers() {
                        self.ledger.end(person.number as u16, numbers);
                    }
                }
            }
            Order::Tell(answer) => {
                let _ = answer.send(self.outcome());
            }
        }
    }

    fn admit(&mut self, mut person: Person) {
        let token = Token(self.people.len());
        let registry = self.poll.registry();
        // Without it the person is deaf, which shows as one that does not come up.
        let _ = registry.register(&mut person.socket, token, Interest::READABLE);
        person.drain(&mut self.ledger);
        self.people.push(person);
    }

    fn state(&self) -> State {
        State {
            people: self.people.len(),
            up: self.people.iter().filter(|p| p.is_up).count(),
            closed: self.people.iter().filter(|p| p.is_closed).count(),
            expected: self.ledger.expected_total,
            arrived: self.ledger.arrived_total,
        }
    }

    fn outcome(&self) -> Outcome {
        let counted = self.ledger.total();
        let gaps = self.people.iter().flat_map(|p| p.gaps.values());
        let (numbered, lost) = gaps
            .map(|g| g.lost())
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let ms = |share| f64::from(self.ledger.delays.quantile(share)) / 1000.0;
        Outcome {
            scene: self.scene,
            people: self.scene.people(),
            seconds: 0.0,
            expected: counted.expected,
            arrived: counted.arrived,
            smaller: counted.others,
            lost,
            numbered,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            server_cpu: None,
            people_cpu: 0.0,
            cores: machine::cores(),
        }
    }

    /// Sends what is due, reads what came, and sleeps a little.
    fn step(&mut self) {
        let mut wait = LOOK;
        for person in &mut self.people {
            if let Some(next) = person.send_due(&mut self.ledger) {
                wait = wait.min(next.saturating_duration_since(Instant::now()));
            }
        }
        let mut events = Events::with_capacity(256);
        let _ = self.poll.poll(&mut events, Some(Duration::ZERO));
        for event in &events {
            if let Some(person) = self.people.get_mut(event.token().0) {
                person.read(&mut self.reader, &mut self.ledger);
            }
        }
        let now = Instant::now();
        for person in self.people.iter_mut().filter(|p| p.due <= now) {
            person.wake(now, &mut self.ledger);
        }
        std::thread::sleep(wait);
    }
}
