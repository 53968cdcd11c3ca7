//! The client's side of the lane against the server's, in virtual time: openings, cuts, refusals, batches.

mod common;

use common::scribble::Dice;
use common::{draw, first_page};
use confab_base::Time;
use confab_board::*;
use std::time::Duration;

/// The server's machine and one connection of each client, by number.
struct Rig {
    lane: Lane,
    now: Time,
    conns: u64,
}

struct Peer {
    client: LaneClient,
    conn: LaneConn,
    author: u32,
    level: Level,
    heard: Vec<Heard>,
    inbox: Vec<Vec<u8>>,
}

impl Rig {
    fn new() -> Rig {
        Rig {
            lane: Lane::restore("main".into(), Restored::default(), 0).unwrap(),
            now: Time::from_millis(1000),
            conns: 0,
        }
    }

    fn peer(&mut self, author: u32, level: Level) -> Peer {
        let mut peer = Peer {
            client: LaneClient::new(""),
            conn: LaneConn(0),
            author,
            level,
            heard: Vec::new(),
            inbox: Vec::new(),
        };
        self.connect(&mut peer);
        self.run(&mut [&mut peer]);
        peer
    }

    fn connect(&mut self, peer: &mut Peer) {
        let first = peer.client.open("m", peer.author, "token", self.now);
        let Ok(FromClient::Open(open)) = FromClient::from_bytes(&first) else {
            panic!("no opening");
        };
        self.conns += 1;
        peer.conn = LaneConn(self.conns);
        let seat = LaneSeat {
            who: format!("seat:{}", peer.author),
            participant: peer.author,
            name: "Ada".into(),
            level: peer.level,
            presents: false,
        };
        self.lane.enter(peer.conn, seat, open.copy, 0).unwrap();
    }

    /// Carries frames both ways until nobody has anything to say.
    fn run(&mut self, peers: &mut [&mut Peer]) {
        loop {
            for peer in peers.iter_mut() {
                while let Some(frame) = peer.client.poll_frame(self.now) {
                    self.lane.frame(peer.conn, &frame, self.now, 0);
                }
            }
            let outputs: Vec<LaneOutput> = std::iter::from_fn(|| self.lane.poll_output()).collect();
            let mut moved = false;
            for output in outputs {
                let LaneOutput::Send { to, frame, .. } = output else {
                    continue;
                };
                for peer in peers.iter_mut().filter(|p| to.contains(&p.conn)) {
                    peer.inbox.push(frame.clone());
                    moved = true;
                }
            }
            for peer in peers.iter_mut() {
                for frame in std::mem::take(&mut peer.inbox) {
                    let heard = peer.client.frame(&frame, self.now).unwrap();
                    peer.heard.push(heard);
                }
            }
            if !moved {
                return;
            }
        }
    }
}

fn scribbles(peer: &mut Peer, dice: &mut Dice, now: Time) {
    let done = peer.client.write(now, |board| {
        let page = first_page(board);
        draw(board, page, dice)
    });
    assert!(done.is_some());
}

fn equal(rig: &Rig, peer: &Peer) {
    let own = peer.client.board().unwrap().document();
    assert_eq!(own.hash(), rig.lane.document().hash());
}

#[test]
fn what_is_written_goes_at_once_and_then_in_batches() {
    let mut rig = Rig::new();
    let mut ada = rig.peer(1, Level::Draw);
    let mut ben = rig.peer(2, Level::Draw);
    let mut dice = Dice(3);
    scribbles(&mut ada, &mut dice, rig.now);
    assert!(
        ada.client.next_wakeup().unwrap() <= rig.now,
        "the first at once"
    );
    rig.run(&mut [&mut ada, &mut ben]);
    assert_eq!(ada.client.board().unwrap().unacknowledged(), 0);
    let first = rig.now;
    rig.now += Duration::from_millis(5);
    scribbles(&mut ada, &mut dice, rig.now);
    scribbles(&mut ada, &mut dice, rig.now);
    rig.run(&mut [&mut ada, &mut ben]);
    assert!(ada.client.board().unwrap().unacknowledged() > 0, "gathered");
    rig.now = first + Duration::from_millis(50);
    rig.run(&mut [&mut ada, &mut ben]);
    assert_eq!(ada.client.board().unwrap().unacknowledged(), 0);
    equal(&rig, &ada);
    equal(&rig, &ben);
}

#[test]
fn after_a_cut_the_copy_comes_back_with_what_it_drew() {
    let mut rig = Rig::new();
    let mut ada = rig.peer(1, Level::Draw);
    let mut ben = rig.peer(2, Level::Draw);
    let mut dice = Dice(4);
    scribbles(&mut ben, &mut dice, rig.now);
    rig.run(&mut [&mut ada, &mut ben]);
    rig.lane.leave(ada.conn);
    // A frame that is lost on its way, and one more written while it is cut off.
    scribbles(&mut ada, &mut dice, rig.now);
    assert!(ada.client.poll_frame(rig.now).is_some());
    scribbles(&mut ada, &mut dice, rig.now);
    let session = ada.client.board().unwrap().replica();
    rig.connect(&mut ada);
    rig.run(&mut [&mut ada, &mut ben]);
    assert_eq!(ada.client.board().unwrap().replica(), session);
    equal(&rig, &ada);
    equal(&rig, &ben);
}

#[test]
fn who_may_not_draw_is_refused_and_comes_back_with_a_copy_without_it() {
    let mut rig = Rig::new();
    let mut ada = rig.peer(1, Level::Host);
    let mut eve = rig.peer(2, Level::View);
    let mut dice = Dice(5);
    scribbles(&mut ada, &mut dice, rig.now);
    rig.run(&mut [&mut ada, &mut eve]);
    scribbles(&mut eve, &mut dice, rig.now);
    rig.run(&mut [&mut ada, &mut eve]);
    let refused = Heard::Refused("board_view_only".into());
    assert!(eve.heard.contains(&refused), "{:?}", eve.heard);
    assert!(!eve.client.is_ready());
    rig.lane.leave(eve.conn);
    rig.connect(&mut eve);
    rig.run(&mut [&mut ada, &mut eve]);
    equal(&rig, &eve);
    assert_eq!(eve.client.board().unwrap().unacknowledged(), 0);
    eve.client.ask_hash();
    rig.run(&mut [&mut eve]);
    let hash = rig.lane.document().hash();
    assert!(eve.heard.contains(&Heard::Hash(hash)));
}

#[test]
fn an_idle_client_pings_and_foreign_bytes_make_it_take_all_anew() {
    let mut rig = Rig::new();
    let mut ada = rig.peer(1, Level::Draw);
    assert_eq!(ada.client.poll_frame(rig.now), None);
    rig.now += Duration::from_secs(10);
    assert_eq!(ada.client.poll_frame(rig.now), Some(vec![14]));
    for bytes in [&[][..], &[99], &[3, 1], &[4, 0], &[6]] {
        assert!(ada.client.frame(bytes, rig.now).is_err(), "{bytes:?}");
        let open = ada.client.open("m", 1, "token", rig.now);
        let Ok(FromClient::Open(open)) = FromClient::from_bytes(&open) else {
            panic!("no opening");
        };
        assert_eq!(open.copy, LaneCopy::New);
    }
}

/// A first connection that holds back for a while what it has to carry, as TCP does where a segment is lost.
struct Held {
    to: Vec<Vec<u8>>,
    from: Vec<Vec<u8>>,
}

#[test]
fn where_the_first_way_holds_back_the_second_brings_it() {
    let mut rig = Rig::new();
    let mut ada = rig.peer(1, Level::Draw);
    let mut ben = rig.peer(2, Level::Draw);
    let mut dice = Dice(8);
    assert!(!ada.client.wants_second());
    // Pings that take long now and then.
    for i in 0..12 {
        scribbles(&mut ada, &mut dice, rig.now);
        rig.run(&mut [&mut ada, &mut ben]);
        rig.now += Duration::from_millis(1000);
        let asked = ada.client.poll_frame(rig.now);
        assert_eq!(asked.as_deref(), Some(&[14][..]), "asked every second");
        rig.now += Duration::from_millis(if i % 4 == 3 { 300 } else { 20 });
        rig.lane.frame(ada.conn, &[14], rig.now, 0);
        rig.run(&mut [&mut ada, &mut ben]);
    }
    assert!(ada.client.wants_second());

    let first = ada.client.open_second("m", 1, "token").unwrap();
    assert!(!ada.client.wants_second());
    let Ok(FromClient::Open(open)) = FromClient::from_bytes(&first) else {
        panic!("no opening");
    };
    let conn = LaneConn(77);
    let seat = LaneSeat {
        who: "seat:1".into(),
        participant: 1,
        name: "Ada".into(),
        level: Level::Draw,
        presents: false,
    };
    rig.lane.enter(conn, seat, open.copy, 0).unwrap();
    // Written before the second is open, and held back on the first.
    let mut held = Held {
        to: Vec::new(),
        from: Vec::new(),
    };
    scribbles(&mut ada, &mut dice, rig.now);
    held.to.extend(ada.client.poll_frame(rig.now));
    let seconds = |rig: &mut Rig, ada: &mut Peer, held: &mut Held| {
        while let Some(frame) = ada.client.poll_frame(rig.now) {
            held.to.push(frame);
        }
        while let Some(frame) = ada.client.poll_second(rig.now) {
            rig.lane.frame(conn, &frame, rig.now, 0);
        }
        while let Some(output) = rig.lane.poll_output() {
            let LaneOutput::Send { to, frame, .. } = output else {
                continue;
            };
            if to.contains(&conn) {
                ada.client.frame_of_second(&frame, rig.now).unwrap();
            }
            if to.contains(&ada.conn) {
                held.from.push(frame);
            }
        }
    };
    seconds(&mut rig, &mut ada, &mut held);
    seconds(&mut rig, &mut ada, &mut held);
    equal(&rig, &ada);
    assert_eq!(ada.client.board().unwrap().unacknowledged(), 0);
    // What others write comes by it as well.
    let page = ben.client.board().unwrap().document().pages()[0];
    ben.client
        .write(rig.now, |board| draw(board, page, &mut dice));
    rig.now += Duration::from_millis(60);
    while let Some(frame) = ben.client.poll_frame(rig.now) {
        rig.lane.frame(ben.conn, &frame, rig.now, 0);
    }
    seconds(&mut rig, &mut ada, &mut held);
    equal(&rig, &ada);
    // The first goes on: all of it is known.
    let before = rig.lane.document().hash();
    for frame in held.to {
        rig.lane.frame(ada.conn, &frame, rig.now, 0);
    }
    assert_eq!(rig.lane.document().hash(), before);
    for frame in held.from {
        let heard = ada.client.frame(&frame, rig.now).unwrap();
        assert!(!matches!(heard, Heard::Refused(_) | Heard::Closed { .. }));
    }
    equal(&rig, &ada);
    ada.client.second_closed();
    assert!(!ada.client.wants_second(), "looked at anew");
}
