//! `[metrics]` and `[quality]`: what the server tells about itself, and for how long it remembers how calls went.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Absent: `/metrics` is there for API tokens alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

impl MetricsConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let Some(listen) = self.listen else {
            return Ok(());
        };
        match is_near(listen.ip()) {
            true => Ok(()),
            false => fault(
                "metrics.listen",
                "takes an address of this machine or of a private network: nobody is asked for a token there",
            ),
        }
    }
}

/// An address that strangers do not reach.
pub(super) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => a.is_loopback() || a.is_private() || a.is_link_local(),
        IpAddr::V6(a) => a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local(),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualityConfig {
    /// Until a call is forgotten, 0 to 3650; 0: nothing is kept.
    pub days: u32,
}

impl Default for QualityConfig {
    fn default() -> QualityConfig {
        QualityConfig { days: 30 }
    }
}

impl QualityConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.days {
            0..=3650 => Ok(()),
            _ => fault("quality.days", "takes 0 to 3650"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_not_shown_to_strangers() {
        let check = |listen: &str| {
            let listen = Some(listen.parse().unwrap());
            MetricsConfig { listen }.check().is_ok()
        };
        for near in [
            "127.0.0.1:9100",
            "[::1]:9100",
            "10.1.2.3:9100",
            "[fd00::1]:9100",
        ] {
            assert!(check(near), "{near}");
        }
        for far in [
            "0.0.0.0:9100",
            "[::]:9100",
            "203.0.113.7:9100",
            "[2001:db8::1]:9100",
        ] {
            assert!(!check(far), "{far}");
        }
        assert!(MetricsConfig::default().check().is_ok());
    }
}
