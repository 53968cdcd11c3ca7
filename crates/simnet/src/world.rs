//! Nodes that talk over links, run in virtual time.

use crate::{Link, LinkConfig, Rng};
use confab_base::{Duration, Time};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A participant of the world. It acts when it is started, when something arrives, and when its time has come.
pub trait Node {
    type Message: Clone;

    fn on_message(&mut self, from: NodeId, message: Self::Message, net: &mut Net<Self::Message>);
    fn on_wakeup(&mut self, net: &mut Net<Self::Message>);
    /// When [`Node::on_wakeup`] shall come. A time that has passed already means at once; the node must move it on then.
    fn next_wakeup(&self) -> Option<Time>;
}

/// A node's way to act: what it sends is carried out when it returns.
#[derive(Debug)]
pub struct Net<M> {
    pub now: Time,
    sends: Vec<Send<M>>,
}

#[derive(Debug)]
struct Send<M> {
    to: NodeId,
    message: M,
    /// Size of a datagram; `None`: by stream.
    datagram: Option<usize>,
}

impl<M> Net<M> {
    /// Over a path that may lose, delay, double and reorder it.
    pub fn datagram(&mut self, to: NodeId, bytes: usize, message: M) {
        self.sends.push(Send {
            to,
            message,
            datagram: Some(bytes),
        });
    }

    /// In order and without loss; over a cut it waits, as TCP does.
    pub fn stream(&mut self, to: NodeId, message: M) {
        self.sends.push(Send {
            to,
            message,
            datagram: None,
        });
    }
}

#[derive(Debug)]
struct Path<M> {
    link: Link,
    /// What waits for the link to come up again.
    held: VecDeque<M>,
    last_stream: Time,
}

#[derive(Debug)]
struct Arrival<M> {
    at: Time,
    order: u64,
    from: NodeId,
    to: NodeId,
    message: M,
}

impl<M> PartialEq for Arrival<M> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl<M> Eq for Arrival<M> {}
impl<M> PartialOrd for Arrival<M> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<M> Ord for Arrival<M> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// How long a sender waits before it sends a lost stream segment again. A segment behind it would bring that to light, so
/// the pause does not grow as it would on a silent connection.
const RESEND: Duration = Duration::from_millis(200);

/// All nodes, the paths between them, and the time.
#[derive(Debug)]
pub struct World<N: Node> {
    now: Time,
    nodes: Vec<N>,
    wakeups: Vec<Option<Time>>,
    paths: BTreeMap<(NodeId, NodeId), Path<N::Message>>,
    arrivals: BinaryHeap<Reverse<Arrival<N::Message>>>,
    order: u64,
    rng: Rng,
}

impl<N: Node> World<N> {
    pub fn new(seed: u64) -> World<N> {
        World {
            now: Time::ZERO,
            nodes: Vec::new(),
            wakeups: Vec::new(),
            paths: BTreeMap::new(),
            arrivals: BinaryHeap::new(),
            order: 0,
            rng: Rng::new(seed),
        }
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    pub fn add(&mut self, node: N) -> NodeId {
        self.wakeups.push(node.next_wakeup());
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// Lays a path in both directions; an earlier one between the two is replaced.
    pub fn connect(&mut self, a: NodeId, b: NodeId, config: LinkConfig) {
        for pair in [(a, b), (b, a)] {
            let path = Path {
                link: Link::new(config, self.rng.fork()),
                held: VecDeque::new(),
                last_stream: Time::ZERO,
            };
            self.paths.insert(pair, path);
        }
    }

    /// Cuts the path between two nodes, or mends it. What streams held back is then sent.
    pub fn set_up(&mut self, a: NodeId, b: NodeId, up: bool) {
        for pair in [(a, b), (b, a)] {
            let Some(path) = self.paths.get_mut(&pair) else {
                continue;
            };
            path.link.set_up(up);
            if up {
                for message in std::mem::take(&mut path.held) {
                    self.stream(pair.0, pair.1, message, RESEND);
                }
            }
        }
    }

    /// The link from `a` to `b`.
    pub fn link(&mut self, a: NodeId, b: NodeId) -> Option<&mut Link> {
        self.paths.get_mut(&(a, b)).map(|path| &mut path.link)
    }

    pub fn node(&self, id: NodeId) -> &N {
        &self.nodes[id.0]
    }

    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &N)> {
        self.nodes.iter().enumerate().map(|(i, n)| (NodeId(i), n))
    }

    /// Lets something happen at a node from outside: a person acts, a process is killed.
    pub fn poke<R>(
        &mut self,
        id: NodeId,
        act: impl FnOnce(&mut N, &mut Net<N::Message>) -> R,
    ) -> R {
        let mut net = Net {
            now: self.now,
            sends: Vec::new(),
        };
        let result = act(&mut self.nodes[id.0], &mut net);
        self.wakeups[id.0] = self.nodes[id.0].next_wakeup();
        for send in net.sends {
            match send.datagram {
                Some(bytes) => self.datagram(id, send.to, bytes, send.message),
                None => self.stream(id, send.to, send.message, Duration::ZERO),
            }
        }
        result
    }

    /// Runs everything that happens up to and including `until`.
    pub fn run_until(&mut self, until: Time) {
        while let Some(at) = self.next_event().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = self.now.max(until);
    }

    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    fn next_event(&self) -> Option<Time> {
        let arrival = self.arrivals.peek().map(|a| a.0.at);
        let wakeup = self.wakeups.iter().flatten().min().copied();
        arrival.into_iter().chain(wakeup).min()
    }

    fn step(&mut self) {
        if self.arrivals.peek().is_some_and(|a| a.0.at <= self.now) {
            if let Some(Reverse(arrival)) = self.arrivals.pop() {
                let Arrival { from, message, .. } = arrival;
                self.poke(arrival.to, |node, net| node.on_message(from, message, net));
            }
            return;
        }
        let due = self
            .wakeups
            .iter()
            .position(|at| at.is_some_and(|at| at <= self.now));
        if let Some(i) = due {
            self.poke(NodeId(i), |node, net| node.on_wakeup(net));
            let still = self.wakeups[i].is_some_and(|at| at < self.now);
            assert!(!still, "node {i} wants to be woken in the past");
        }
    }

    fn datagram(&mut self, from: NodeId, to: NodeId, bytes: usize, message: N::Message) {
        let Some(path) = self.paths.get_mut(&(from, to)) else {
            return;
        };
        for at in path.link.send(bytes, self.now).into_iter().flatten() {
            self.arrive(at, from, to, message.clone());
        }
    }

    fn stream(&mut self, from: NodeId, to: NodeId, message: N::Message, late: Duration) {
        let Some(path) = self.paths.get_mut(&(from, to)) else {
            return;
        };
        if !path.link.is_up() {
            path.held.push_back(message);
            return;
        }
        let mut start = self.now + late;
        // A segment that is lost again and again gets through in the end.
        for _ in 0..8 {
            if let Some(at) = path.link.send(200, start)[0] {
                start = at;
                break;
            }
            start += RESEND;
        }
        path.last_stream = path.last_stream.max(start);
        let at = path.last_stream;
        self.arrive(at, from, to, message);
    }

    fn arrive(&mut self, at: Time, from: NodeId, to: NodeId, message: N::Message) {
        self.order += 1;
        let order = self.order;
        self.arrivals.push(Reverse(Arrival {
            at,
            order,
            from,
            to,
            message,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;

    /// Says a number every 10 ms, and writes down what it hears.
    struct Talker {
        peer: NodeId,
        stream: bool,
        next: u64,
        at: Time,
        heard: Vec<(Time, u64)>,
    }

    impl Node for Talker {
        type Message = u64;
        fn on_message(&mut self, _from: NodeId, message: u64, net: &mut Net<u64>) {
            self.heard.push((net.now, message));
        }
        fn on_wakeup(&mut self, net: &mut Net<u64>) {
            if self.stream {
                net.stream(self.peer, self.next);
            } else {
                net.datagram(self.peer, 100, self.next);
            }
            self.next += 1;
            self.at = net.now + Duration::from_millis(10);
        }
        fn next_wakeup(&self) -> Option<Time> {
            (self.next < 500).then_some(self.at)
        }
    }

    fn world(seed: u64, stream: bool) -> World<Talker> {
        let mut world = World::new(seed);
        for peer in [1, 0] {
            world.add(Talker {
                peer: NodeId(peer),
                stream,
                next: 0,
                at: Time::ZERO,
                heard: Vec::new(),
            });
        }
        let config = LinkConfig {
            jitter: Duration::from_millis(30),
            loss: Loss::bursts(0.1, 3.0),
            reorder: 0.05,
            duplicate: 0.02,
            ..LinkConfig::default()
        };
        world.connect(NodeId(0), NodeId(1), config);
        world
    }

    fn heard(seed: u64, stream: bool) -> Vec<(Time, u64)> {
        let mut world = world(seed, stream);
        world.run_until(Time::from_millis(20_000));
        world.node(NodeId(1)).heard.clone()
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        assert_eq!(heard(5, false), heard(5, false));
        assert_ne!(heard(5, false), heard(6, false));
    }

    #[test]
    fn datagrams_get_lost_doubled_and_out_of_order() {
        let numbers: Vec<_> = heard(5, false).iter().map(|h| h.1).collect();
        let mut unique = numbers.clone();
        unique.sort_unstable();
        assert!(numbers != unique, "some are out of order");
        unique.dedup();
        assert!(unique.len() < 500, "some are lost");
        assert!(numbers.len() > unique.len(), "some come twice");
    }

    #[test]
    fn streams_keep_everything_in_order() {
        let numbers: Vec<_> = heard(5, true).iter().map(|h| h.1).collect();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn a_cut_stream_goes_on_where_it_was() {
        let mut world = world(9, true);
        world.run_until(Time::from_millis(1000));
        world.set_up(NodeId(0), NodeId(1), false);
        world.run_until(Time::from_millis(4000));
        let before = world.node(NodeId(1)).heard.len();
        assert!(before < 120, "{before} came over a cut link");
        world.set_up(NodeId(0), NodeId(1), true);
        world.run_until(Time::from_millis(20_000));
        let numbers: Vec<_> = world.node(NodeId(1)).heard.iter().map(|h| h.1).collect();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    }
}
