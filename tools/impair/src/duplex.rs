//! Both directions of a scenario: pure, told the time.

use crate::Scenario;
use crate::scenario::Timeline;
use confab_base::Time;
use confab_simnet::{Delivery, LinkInput, QueuedLink, Rng};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From namespace a to b.
    Up,
    /// From b to a.
    Down,
}

impl Direction {
    pub const BOTH: [Direction; 2] = [Direction::Up, Direction::Down];

    pub fn index(self) -> usize {
        self as usize
    }
}

/// What a duplex gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival<P> {
    /// A packet at its far end.
    Packet(Direction, Delivery<P>),
    /// This step of the script has been done, at this time; counted from 1.
    Step(usize, Time),
}

/// Two links and the script's steps. It starts at the time it is made. Steps take effect at their own time, however late
/// it is told.
#[derive(Debug)]
pub struct Duplex<P> {
    links: [QueuedLink<P>; 2],
    timeline: Timeline,
    done: usize,
    told: Option<Arrival<P>>,
    now: Time,
}

impl<P: Clone> Duplex<P> {
    pub fn new(scenario: &Scenario, now: Time) -> Duplex<P> {
        let mut dice = Rng::new(scenario.seed);
        let mut link = |settings: &_| QueuedLink::new(Clone::clone(settings), dice.fork(), now);
        Duplex {
            links: [link(&scenario.up), link(&scenario.down)],
            timeline: Timeline::new(scenario.steps.clone(), now),
            done: 0,
            told: None,
            now,
        }
    }

    /// A packet comes in.
    pub fn handle(&mut self, direction: Direction, payload: P, bytes: usize, now: Time) {
        self.now = self.now.max(now);
        self.step();
        self.links[direction.index()].handle(LinkInput::Datagram { payload, bytes }, now);
    }

    /// Only time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.step();
        for link in &mut self.links {
            link.handle(LinkInput::Timeout, now);
        }
    }

    /// What has arrived or happened by the time told last. Drain it after each input.
    pub fn poll_output(&mut self) -> Option<Arrival<P>> {
        if let Some(step) = self.told.take() {
            return Some(step);
        }
        Direction::BOTH.into_iter().find_map(|direction| {
            let delivery = self.links[direction.index()].poll_output()?;
            Some(Arrival::Packet(direction, delivery))
        })
    }

    /// When to come with [`Duplex::handle_timeout`] at the latest.
    pub fn next_wakeup(&self) -> Option<Time> {
        let links = self.links.iter().filter_map(QueuedLink::next_wakeup);
        links.chain(self.timeline.next_at()).min()
    }

    pub fn link(&self, direction: Direction) -> &QueuedLink<P> {
        &self.links[direction.index()]
    }

    /// Does the steps that are due. Of several at once the last is told.
    fn step(&mut self) {
        while let Some((at, step)) = self.timeline.due(self.now) {
            self.links[0].handle(LinkInput::Settings(step.up), at);
            self.links[1].handle(LinkInput::Settings(step.down), at);
            self.done += 1;
            self.told = Some(Arrival::Step(self.done, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn scenario(text: &str) -> Scenario {
        Scenario::parse(text, Path::new("x.toml")).unwrap()
    }

    /// A packet of 1000 bytes every 10 ms both ways for `seconds`; milliseconds at which numbers came, each way.
    fn run(text: &str, seconds: u64) -> [Vec<(u64, u64)>; 2] {
        let mut duplex = Duplex::new(&scenario(text), Time::ZERO);
        let mut came = [vec![], vec![]];
        for n in 0..seconds * 100 {
            for direction in Direction::BOTH {
                duplex.handle(direction, n, 1000, Time::from_millis(10 * n));
            }
            while let Some(arrival) = duplex.poll_output() {
                if let Arrival::Packet(direction, delivery) = arrival {
                    let at = delivery.at.as_millis();
                    came[direction.index()].push((delivery.payload, at));
                }
            }
        }
        came
    }

    #[test]
    fn up_and_down_are_their_own() {
        let [up, down] = run("[up]\ndelay_ms = 30\n[down]\ndelay_ms = 50\n", 1);
        assert!(up.iter().all(|(n, at)| *at == 10 * n + 30));
        assert!(down.iter().all(|(n, at)| *at == 10 * n + 50));
        let [up, down] = run("both.loss_percent = 50\n", 5);
        assert_ne!(up, down, "each has its own dice");
    }

    #[test]
    fn steps_come_at_their_time_and_change_what_they_name() {
        let text = "[both]\ndelay_ms = 20\n[[step]]\nat_s = 1\ndown.delay_ms = 100\n[[step]]\nat_s = 2\nup.cut = true\n";
        let [up, down] = run(text, 3);
        let delay = |came: &[(u64, u64)], n: u64| {
            let at = came.iter().find(|c| c.0 == n).map(|c| c.1);
            at.map(|at| at - 10 * n)
        };
        assert_eq!((delay(&up, 99), delay(&up, 100)), (Some(20), Some(20)));
        assert_eq!((delay(&down, 99), delay(&down, 100)), (Some(20), Some(100)));
        assert_eq!((delay(&up, 199), delay(&up, 200)), (Some(20), None));
        assert_eq!(delay(&down, 200), Some(100));
    }

    #[test]
    fn a_dip_of_the_rate_is_felt_while_it_lasts() {
        let text = "down.rate_kbit = 1000\ndown.queue_ms = 300\n\
            [[step]]\nat_s = 5\ndown.rate_kbit = 300\n[[step]]\nat_s = 10\ndown.rate_kbit = 1000\n";
        let [_, down] = run(text, 15);
        let bits = |from: u64, to: u64| {
            let range = from * 1000..to * 1000;
            down.iter().filter(|c| range.contains(&c.1)).count() as f64 * 8.0 / (to - from) as f64
        };
        // 800 kbit/s come in.
        assert!((790.0..=810.0).contains(&bits(1, 5)), "{}", bits(1, 5));
        assert!((290.0..=310.0).contains(&bits(6, 10)), "{}", bits(6, 10));
        assert!((790.0..=810.0).contains(&bits(12, 15)), "{}", bits(12, 15));
    }

    #[test]
    fn it_wakes_for_steps_and_tells_them() {
        let text = "[[step]]\nat_s = 2\n[[step]]\nat_s = 3\nup.cut = true\n";
        let mut duplex = Duplex::<()>::new(&scenario(text), Time::from_millis(500));
        let at = Time::from_millis(2500);
        assert_eq!(duplex.next_wakeup(), Some(at));
        duplex.handle_timeout(at);
        assert_eq!(duplex.poll_output(), Some(Arrival::Step(1, at)));
        assert_eq!(duplex.poll_output(), None);
        assert_eq!(duplex.next_wakeup(), Some(Time::from_millis(3500)));
        duplex.handle_timeout(Time::from_millis(9000));
        let late = Arrival::Step(2, Time::from_millis(3500));
        assert_eq!(duplex.poll_output(), Some(late), "done at its time");
        assert!(duplex.link(Direction::Up).settings().cut);
    }
}
