//! `[traces]`: whose collector is told how long the server's work took. Absent, as it is unless an operator says otherwise: nobody's.

use super::load::{Fault, fault};
use super::seeing::is_near;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Base address of an OpenTelemetry collector that takes OTLP over HTTP; `/v1/traces` is put behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
    pub sample: Share,
}

/// A share of all, 0 to 1. It is a plain number and never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Eq for Share {}

impl Default for Share {
    fn default() -> Share {
        Share(0.1)
    }
}

impl Share {
    /// None: not 0 to 1.
    pub fn new(share: f64) -> Option<Share> {
        (0.0..=1.0).contains(&share).then_some(Share(share))
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Share, D::Error> {
        let wrong = || serde::de::Error::custom("takes 0 to 1");
        Share::new(f64::deserialize(d)?).ok_or_else(wrong)
    }
}

impl TracesConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match &self.otlp {
            Some(otlp) if !is_collector(otlp) => fault(
                "traces.otlp",
                "takes http:// or https:// with a host and perhaps a port and a path, without a password; to an address of the \
                 Internet https:// alone",
            ),
            _ => Ok(()),
        }
    }
}

fn is_collector(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let near = match url.host() {
        Some(Host::Ipv4(v4)) => is_near(v4.into()),
        Some(Host::Ipv6(v6)) => is_near(v6.into()),
        // Where a name leads is the operator's to know: a container's neighbours have names alone.
        Some(Host::Domain(_)) => true,
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    let bare = url.query().is_none() && url.fragment().is_none();
    plain
        && bare
        && match url.scheme() {
            "https" => true,
            "http" => near,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_where_an_operator_can_mean() {
        let check = |otlp: &str| {
            let otlp = Some(otlp.to_owned());
            let sample = Share::default();
            TracesConfig { otlp, sample }.check().is_ok()
        };
        for good in [
            "http://127.0.0.1:4318",
            "http://127.0.0.1:4318/",
            "http://[::1]:4318",
            "http://10.0.0.7:4318/otlp",
            "http://collector:4318",
            "https://collector.example.org",
            "https://203.0.113.7",
        ] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1:4318",
            "http://203.0.113.7:4318",
            "https://ada:secret@collector.example.org",
            "https://collector.example.org/?key=1",
            "https://collector.example.org/#a",
            "grpc://collector:4317",
            "file:///tmp/x",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(TracesConfig::default().check().is_ok());
    }

    #[test]
    fn a_share_is_between_nothing_and_all() {
        let read = |value: &str| toml::from_str::<TracesConfig>(&format!("sample = {value}"));
        for (value, share) in [("0", 0.0), ("0.1", 0.1), ("1", 1.0), ("1.0", 1.0)] {
            assert_eq!(read(value).unwrap().sample.get(), share);
        }
        for value in ["-0.1", "1.1", "nan", "inf", "2", "\"all\""] {
            assert!(read(value).is_err(), "{value}");
        }
    }
}
