//! A meeting in a world: one server, and people on their own links.

use crate::{Packet, Person, Server, server};
use confab_base::{Duration, Time};
use confab_protocol::{Policy, Snapshot};
use confab_session::{Action, JoinOptions, MediaPhase, Phase};
use confab_simnet::{LinkConfig, Net, Node, NodeId, World};

#[derive(Debug)]
pub enum Actor {
    Server(Box<Server>),
    Person(Box<Person>),
}

impl Node for Actor {
    type Message = Packet;

    fn on_message(&mut self, from: NodeId, message: Packet, net: &mut Net<Packet>) {
        match self {
            Actor::Server(server) => server.on_packet(from, message, net),
            Actor::Person(person) => person.on_packet(message, net),
        }
    }

    fn on_wakeup(&mut self, net: &mut Net<Packet>) {
        match self {
            Actor::Server(server) => server.on_wakeup(net),
            Actor::Person(person) => person.on_wakeup(net),
        }
    }

    fn next_wakeup(&self) -> Option<Time> {
        match self {
            Actor::Server(server) => server.next_wakeup(),
            Actor::Person(person) => person.next_wakeup(),
        }
    }
}

#[derive(Debug)]
pub struct Meeting {
    pub world: World<Actor>,
    pub people: Vec<NodeId>,
}

const SERVER: NodeId = NodeId(0);

impl Meeting {
    pub fn new(seed: u64) -> Meeting {
        Meeting::with(seed, Policy::default())
    }

    /// With other rules.
    pub fn with(seed: u64, policy: Policy) -> Meeting {
        let mut world = World::new(seed);
        world.add(Actor::Server(Box::new(Server::new(policy))));
        Meeting {
            world,
            people: Vec::new(),
        }
    }

    /// With this many people, the first of them a host, all of them in.
    pub fn of(seed: u64, people: usize) -> Meeting {
        let mut meeting = Meeting::new(seed);
        for i in 0..people {
            meeting.join(i == 0, LinkConfig::default());
        }
        meeting.run_ms(2000);
        meeting
    }

    pub fn join(&mut self, host: bool, link: LinkConfig) -> NodeId {
        let me = self.people.len() as u64 + 1;
        let key = host.then_some(server::HOST_KEY);
        let id = self.invite(Person::options(me, key), link);
        self.person(id, |p, net| p.start(net));
        id
    }

    /// A person who is there, and has not begun to join.
    pub fn invite(&mut self, options: JoinOptions, link: LinkConfig) -> NodeId {
        let me = self.people.len() as u64 + 1;
        let person = Person::with(options, me, SERVER);
        let id = self.world.add(Actor::Person(Box::new(person)));
        self.world.connect(id, SERVER, link);
        self.people.push(id);
        id
    }

    pub fn run_ms(&mut self, ms: u64) {
        self.world.run_for(Duration::from_millis(ms));
    }

    pub fn act(&mut self, id: NodeId, action: Action) {
        self.person(id, |p, net| p.act(action, net));
    }

    pub fn person<R>(
        &mut self,
        id: NodeId,
        f: impl FnOnce(&mut Person, &mut Net<Packet>) -> R,
    ) -> R {
        self.world.poke(id, |actor, net| match actor {
            Actor::Person(person) => f(person, net),
            Actor::Server(_) => panic!("{id:?} is the server"),
        })
    }

    pub fn server<R>(&mut self, f: impl FnOnce(&mut Server, &mut Net<Packet>) -> R) -> R {
        self.world.poke(SERVER, |actor, net| match actor {
            Actor::Server(server) => f(server, net),
            Actor::Person(_) => panic!("the server is a person"),
        })
    }

    /// Cuts a person's link, or mends it.
    pub fn set_up(&mut self, id: NodeId, up: bool) {
        self.world.set_up(id, SERVER, up);
    }

    pub fn see(&self, id: NodeId) -> &Person {
        match self.world.node(id) {
            Actor::Person(person) => person,
            Actor::Server(_) => panic!("{id:?} is the server"),
        }
    }

    pub fn see_server(&self) -> &Server {
        match self.world.node(SERVER) {
            Actor::Server(server) => server,
            Actor::Person(_) => panic!("the server is a person"),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        self.see_server().room().snapshot()
    }

    /// Everyone who has neither ended nor waits in the lobby is in, has media, wishes nothing more, and sees the room as it is.
    pub fn assert_converged(&self) {
        let truth = self.snapshot();
        for &id in &self.people {
            let person = self.see(id);
            if person.has_ended() {
                continue;
            }
            let state = person.session.state();
            if state.phase == Phase::Waiting {
                continue;
            }
            assert!(person.is_joined(), "{id:?} is {:?}", state.phase);
            assert_eq!(
                state.room.as_ref(),
                Some(&truth),
                "{id:?} sees another room"
            );
            assert_eq!(state.media, MediaPhase::Connected, "{id:?}");
            assert!(
                state.outbox.is_empty(),
                "{id:?} still has {:?}",
                state.outbox
            );
            let me = truth.participants.iter().find(|p| Some(p.id) == state.you);
            let me = me.expect("everyone who is in has a seat");
            assert_eq!(state.own.muted, me.muted, "{id:?}");
            assert_eq!(state.own.hand, me.hand.is_some(), "{id:?}");
        }
    }
}
