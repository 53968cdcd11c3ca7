//! Token buckets per client address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// More addresses than this at a time, and full buckets are forgotten.
const PRUNE_ABOVE: usize = 4096;

/// Allows `per_minute` actions a minute and address, as many in a burst.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_minute: AtomicU32,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_address: HashMap<IpAddr, Bucket>,
    pruned: Option<Instant>,
}

impl Buckets {
    /// Forgets full buckets where there are many. It takes a look at each, so at most once a second.
    fn prune(&mut self, now: Instant) {
        let since = |at: Instant| now.saturating_duration_since(at).as_secs();
        if self.by_address.len() > PRUNE_ABOVE && self.pruned.is_none_or(|at| since(at) >= 1) {
            self.pruned = Some(now);
            self.by_address.retain(|_, bucket| since(bucket.at) < 60);
        }
    }
}

/// A token bucket: `capacity` in a burst, `per_second` in the long run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn full(capacity: f64, now: Instant) -> Bucket {
        Bucket {
            tokens: capacity,
            at: now,
        }
    }

    /// Takes one token if there is one.
    pub(crate) fn take(&mut self, capacity: f64, per_second: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * per_second).min(capacity);
        self.at = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

impl RateLimit {
    pub(crate) fn new(per_minute: u32) -> RateLimit {
        RateLimit {
            per_minute: per_minute.into(),
            buckets: Mutex::default(),
        }
    }

    /// Another rate from now on.
    pub(crate) fn set(&self, per_minute: u32) {
        self.per_minute.store(per_minute, Ordering::Relaxed);
    }

    pub(crate) fn allows(&self, address: IpAddr, now: Instant) -> bool {
        let per_minute = f64::from(self.per_minute.load(Ordering::Relaxed));
        let mut buckets = self.buckets.lock().expect("no panic while counting");
        buckets.prune(now);
        buckets
            .by_address
            .entry(address_key(address))
            .or_insert_with(|| Bucket::full(per_minute, now))
            .take(per_minute, per_minute / 60.0, now)
    }
}

/// What counts as one address: an IPv6 host has a whole /64 to itself.
pub(crate) fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

/// The same as a number, not 0: another one for another address, as far as 64 bits go.
pub(crate) fn address_number(address: IpAddr) -> u64 {
    match address_key(address) {
        IpAddr::V4(v4) => u64::from(v4.to_bits()) + 1,
        IpAddr::V6(v6) => ((v6.to_bits() >> 64) as u64).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_allowed_then_the_rate_holds() {
        let limit = RateLimit::new(60);
        let address = "192.0.2.1".parse().unwrap();
        let start = Instant::now();
        assert_eq!(
            (0..100).filter(|_| limit.allows(address, start)).count(),
            60
        );
        assert!(limit.allows(address, start + Duration::from_secs(1)));
        assert!(!limit.allows(address, start + Duration::from_secs(1)));
    }

    #[test]
    fn another_rate_holds_at_once() {
        let limit = RateLimit::new(1);
        let address = "192.0.2.1".parse().unwrap();
        let start = Instant::now();
        assert!(limit.allows(address, start) && !limit.allows(address, start));
        limit.set(60);
        let later = start + Duration::from_secs(2);
        assert!(limit.allows(address, later) && limit.allows(address, later));
        assert!(!limit.allows(address, later));
    }

    #[test]
    fn a_crowd_is_looked_through_once_a_second_at_most() {
        let limit = RateLimit::new(60);
        let start = Instant::now();
        let ask = |n: u32, seconds: u64| {
            let address = IpAddr::from(n.to_be_bytes());
            limit.allows(address, start + Duration::from_secs(seconds))
        };
        let looked = || limit.buckets.lock().unwrap().pruned;
        assert!((0..5000).all(|n| ask(n, 0)));
        assert_eq!(looked(), Some(start));
        assert!(ask(9000, 0));
        assert_eq!(looked(), Some(start));
        assert!(ask(9001, 60));
        assert_eq!(looked(), Some(start + Duration::from_secs(60)));
        assert_eq!(limit.buckets.lock().unwrap().by_address.len(), 1);
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let key = |a: &str| address_key(a.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
