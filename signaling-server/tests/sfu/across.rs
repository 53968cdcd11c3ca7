//! Two forwarding units at one port, as while a process takes over from another (docs/adr/0035): the older one reads the sockets.

use crate::support::{Client, Meeting, cam, mic, run};
use crate::turn::{Proxy, Turn, Way};
use crate::{SECOND, unbroken};
use confab_base::{MediaKind, ParticipantId};
use confab_server::sfu::{self, Limits, Link, Sfu, SfuConfig};
use std::net::SocketAddr;

/// Takes over from this one, beside it.
fn successor(old: &Sfu) -> Sfu {
    let (here, there) = Link::pair().unwrap();
    let bequest = old.bequest().unwrap();
    let config = SfuConfig {
        udp: old.udp_addr(),
        public_addresses: Vec::new(),
        tcp_port: None,
        workers: 7,
        relay: Some(Limits::default()),
    };
    let new = sfu::start_after(config, Some((bequest, there))).unwrap();
    old.cross(here).unwrap();
    assert_eq!(new.udp_addr(), old.udp_addr());
    new
}

/// Each looks at the other.
fn look(m: &Meeting, a: &Client, b: &Client) {
    m.view(a, &[mic(b.p)], &[(cam(b.p), 180)]);
    m.view(b, &[mic(a.p)], &[(cam(a.p), 180)]);
}

fn all_came(clients: &[&Client], voices: usize) {
    for client in clients {
        let voice = client.slot(MediaKind::Audio, 0);
        assert!(voice.len() > voices, "{}", voice.len());
        assert!(unbroken(voice.keys().copied()));
        assert!(client.slot(MediaKind::Video, 0).len() > voices / 2);
    }
}

#[test]
fn meetings_of_both_go_on_side_by_side_and_the_new_ones_after_the_old_one() {
    let mut old = Meeting::new(2, None);
    let (mut a, mut b) = (old.join(1, 1, None), old.join(2, 1, None));
    look(&old, &a, &b);
    run(&mut old, &mut [&mut a, &mut b], SECOND);
    let mut new = Meeting::of(successor(&old.sfu));
    let (mut c, mut d) = (new.join(1, 1, None), new.join(2, 1, None));
    look(&new, &c, &d);
    std::thread::scope(|scope| {
        scope.spawn(|| run(&mut old, &mut [&mut a, &mut b], 2 * SECOND));
        run(&mut new, &mut [&mut c, &mut d], 2 * SECOND);
    });
    all_came(&[&a, &b], 120);
    all_came(&[&c, &d], 70);
    let crossed = new.sfu.counters();
    assert!(crossed.datagrams_in > 500, "{crossed:?}");
    assert_eq!(crossed.unknown_address, 0, "{crossed:?}");
    drop((a, b));
    old.sfu.shutdown();
    new.sfu.read_sockets();
    run(&mut new, &mut [&mut c, &mut d], 2 * SECOND);
    all_came(&[&c, &d], 160);
}

/// With the old unit's credentials, at the new one's relay.
fn newcomer_by_relay(way: impl FnOnce(&Sfu, &Sfu) -> Way) {
    let mut old = Meeting::new(2, None);
    let mut b = old.join(2, 1, None);
    let new = successor(&old.sfu);
    let media: SocketAddr = old.sfu.udp_addr();
    let credentials = old.room.relay_credentials(ParticipantId(1)).unwrap();
    let turn = Turn::new(way(&old.sfu, &new), credentials)
        .open(media)
        .unwrap();
    assert_eq!(turn.relayed.unwrap().ip(), confab_turn::SECOND_V4);
    let proxy = Proxy::start(turn);
    let mut a = Client::start(1, 1, 1, None);
    a.via = Some(proxy.address);
    old.negotiate(&mut a, &[]);
    a.wait_connected(&mut old);
    look(&old, &a, &b);
    run(&mut old, &mut [&mut a, &mut b], 2 * SECOND);
    all_came(&[&a, &b], 70);
    assert_eq!(new.counters().relay_allocations, 1);
    assert_eq!(old.sfu.counters().relay_allocations, 0);
}

#[test]
fn newcomers_come_through_the_new_ones_relay_over_udp() {
    newcomer_by_relay(|old, _| Way::udp(old.udp_addr()));
}

#[test]
fn newcomers_come_through_the_new_ones_relay_over_tcp() {
    let runtime = crate::relay::runtime();
    newcomer_by_relay(|_, new| {
        let port = crate::relay::relay_port(&runtime, new.tcp_ingress(), None);
        Way::Stream(Box::new(Way::tcp(port)))
    });
}
