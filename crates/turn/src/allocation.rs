//! One client's allocation: its relayed address, whom it may send to, and its channels. And the table of all.

use crate::server::{Client, Limits};
use confab_base::{Duration, Time};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::collections::{BTreeSet, HashMap};

/// The host part of relayed addresses, set aside for documentation (RFC 5737, RFC 3849): nobody's packets come from
/// there, so an allocation cannot be mistaken for a host. Not the first of such a net: virtual machines do have those.
pub const RELAYED_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 251);
pub const RELAYED_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc0fa, 0xb, 0, 0, 0, 1);
/// Of a second server at the same media addresses: one that takes over while the first still drains (adr/0035).
pub const SECOND_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 252);
pub const SECOND_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc0fa, 0xb, 0, 0, 0, 2);

/// RFC 8656, 9.
const PERMISSION: Duration = Duration::from_secs(300);
/// RFC 8656, 12.
const CHANNEL: Duration = Duration::from_secs(600);
/// Peers and channels of one allocation. There are no more peers than the server has media addresses.
const MOST_PEERS: usize = 16;
const MOST_CHANNELS: usize = 32;
/// Lowest port of relayed addresses.
const FIRST_PORT: u16 = 1024;

/// Whether an address is the name of an allocation rather than a host's.
pub fn is_relayed(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip == RELAYED_V4 || ip == SECOND_V4,
        IpAddr::V6(ip) => ip == RELAYED_V6 || ip == SECOND_V6,
    }
}

#[derive(Debug)]
pub(crate) struct Allocation {
    pub username: String,
    pub participant: String,
    pub relayed: SocketAddr,
    /// Of the request that made it: its repetition is answered alike.
    pub transaction: [u8; 12],
    pub expires: Time,
    permissions: Vec<(IpAddr, Time)>,
    channels: Vec<Channel>,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Time,
}

/// There are as many as an allocation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Why a channel was not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindError {
    /// The number or the peer is bound otherwise.
    Conflict,
    Full,
}

impl Allocation {
    pub fn permit(&mut self, peer: IpAddr, now: Time) -> Result<(), Full> {
        self.permissions.retain(|(_, until)| now < *until);
        if let Some((_, until)) = self.permissions.iter_mut().find(|(ip, _)| *ip == peer) {
            *until = now + PERMISSION;
            return Ok(());
        }
        if self.permissions.len() >= MOST_PEERS {
            return Err(Full);
        }
        self.permissions.push((peer, now + PERMISSION));
        Ok(())
    }

    pub fn bind(&mut self, number: u16, peer: SocketAddr, now: Time) -> Result<(), BindError> {
        self.channels.retain(|c| now < c.expires);
        let expires = now + CHANNEL;
        let touches = |c: &Channel| c.number == number || c.peer == peer;
        match self.channels.iter().position(touches) {
            Some(at) if (self.channels[at].number, self.channels[at].peer) == (number, peer) => {
                self.channels[at].expires = expires;
            }
            Some(_) => return Err(BindError::Conflict),
            None if self.channels.len() < MOST_CHANNELS => self.channels.push(Channel {
                number,
                peer,
                expires,
            }),
            None => return Err(BindError::Full),
        }
        self.permit(peer.ip(), now).map_err(|Full| BindError::Full)
    }

    pub fn is_permitted(&self, peer: IpAddr, now: Time) -> bool {
        let mut all = self.permissions.iter();
        all.any(|(ip, until)| *ip == peer && now < *until)
    }

    pub fn peer_of(&self, number: u16, now: Time) -> Option<SocketAddr> {
        let mut all = self.channels.iter();
        all.find(|c| c.number == number && now < c.expires)
            .map(|c| c.peer)
    }

    pub fn channel_to(&self, peer: SocketAddr, now: Time) -> Option<u16> {
        let mut all = self.channels.iter();
        all.find(|c| c.peer == peer && now < c.expires)
            .map(|c| c.number)
    }
}

/// All allocations, by client, by relayed address and by when they end.
#[derive(Debug, Default)]
pub(crate) struct Table {
    by_client: HashMap<Client, Allocation>,
    by_relayed: HashMap<SocketAddr, Client>,
    by_end: BTreeSet<(Time, Client)>,
    of_participant: HashMap<String, usize>,
    /// Ports go round and round, so that one is not given out again soon.
    last_port: u16,
    /// Its relayed addresses are those of the second server.
    pub is_second: bool,
}

/// Why there is no new allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The participant has enough of them.
    Quota,
    /// The server has.
    Full,
}

/// What an allocation is made of.
pub(crate) struct New<'a> {
    pub username: &'a str,
    pub participant: &'a str,
    pub transaction: [u8; 12],
    pub is_v6: bool,
    /// The port shall be even.
    pub is_even: bool,
    pub expires: Time,
}

impl Table {
    pub fn len(&self) -> usize {
        self.by_client.len()
    }

    /// A live one.
    pub fn get(&self, client: &Client, now: Time) -> Option<&Allocation> {
        self.by_client.get(client).filter(|a| now < a.expires)
    }

    pub fn get_mut(&mut self, client: &Client, now: Time) -> Option<&mut Allocation> {
        self.by_client.get_mut(client).filter(|a| now < a.expires)
    }

    pub fn client_of(&self, relayed: SocketAddr) -> Option<&Client> {
        self.by_relayed.get(&relayed)
    }

    pub fn next_end(&self) -> Option<Time> {
        self.by_end.first().map(|(at, _)| *at)
    }

    pub fn add(
        &mut self,
        client: Client,
        new: New<'_>,
        limits: &Limits,
    ) -> Result<SocketAddr, Refused> {
        self.remove(&client);
        let has = self
            .of_participant
            .get(new.participant)
            .copied()
            .unwrap_or(0);
        if has >= limits.per_participant {
            return Err(Refused::Quota);
        }
        if self.by_client.len() >= limits.allocations {
            return Err(Refused::Full);
        }
        let relayed = self
            .free_address(new.is_v6, new.is_even)
            .ok_or(Refused::Full)?;
        *self
            .of_participant
            .entry(new.participant.to_owned())
            .or_default() += 1;
        self.by_relayed.insert(relayed, client);
        self.by_end.insert((new.expires, client));
        let allocation = Allocation {
            username: new.username.to_owned(),
            participant: new.participant.to_owned(),
            relayed,
            transaction: new.transaction,
            expires: new.expires,
            permissions: Vec::new(),
            channels: Vec::new(),
        };
        self.by_client.insert(client, allocation);
        Ok(relayed)
    }

    fn free_address(&mut self, is_v6: bool, is_even: bool) -> Option<SocketAddr> {
        let ip = match (is_v6, self.is_second) {
            (true, false) => IpAddr::V6(RELAYED_V6),
            (true, true) => IpAddr::V6(SECOND_V6),
            (false, false) => IpAddr::V4(RELAYED_V4),
            (false, true) => IpAddr::V4(SECOND_V4),
        };
        for _ in FIRST_PORT..=u16::MAX {
            self.last_port = self.last_port.checked_add(1).unwrap_or(0).max(FIRST_PORT);
            let address = SocketAddr::new(ip, self.last_port);
            let fits = !is_even || self.last_port.is_multiple_of(2);
            if fits && !self.by_relayed.contains_key(&address) {
                return Some(address);
            }
        }
        None
    }

    /// Lets a live one end at another time.
    pub fn prolong(&mut self, client: &Client, expires: Time) {
        if let Some(allocation) = self.by_client.get_mut(client) {
            self.by_end.remove(&(allocation.expires, *client));
            allocation.expires = expires;
            self.by_end.insert((expires, *client));
        }
    }

    pub fn remove(&mut self, client: &Client) {
        let Some(gone) = self.by_client.remove(client) else {
            return;
        };
        self.by_relayed.remove(&gone.relayed);
        self.by_end.remove(&(gone.expires, *client));
        if let Some(count) = self.of_participant.get_mut(&gone.participant) {
            *count -= 1;
            if *count == 0 {
                self.of_participant.remove(&gone.participant);
            }
        }
    }

    pub fn remove_ended(&mut self, now: Time) {
        while let Some(&(at, client)) = self.by_end.first()
            && at <= now
        {
            self.remove(&client);
        }
    }
}
