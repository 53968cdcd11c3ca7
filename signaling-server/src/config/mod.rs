//! The server's configuration: one TOML file, every key typed, every default in this file.
//!
//! `load.rs` turns text into a checked [`Config`] and names the line of whatever is wrong; `example.rs` holds one
//! sentence per key and prints the documented example from these types.

mod accounts;
mod caldav;
mod changes;
mod database;
mod example;
mod files;
mod init;
mod load;
mod mail;
mod oidc;
mod seeing;
mod tls;
mod traces;
mod turn;
mod webhooks;

pub use accounts::AccountsConfig;
pub use caldav::CaldavConfig;
pub use changes::{LIVE, changed_keys, is_live};
pub use database::DatabaseUrl;
pub use example::{KEYS, Key, example};
pub use files::{FilesConfig, S3Config};
pub use init::{Answers, Certificate, compose};
pub use load::{ConfigError, Fault};
pub use mail::{MailConfig, MailTls};
pub use oidc::OidcConfig;
pub(crate) use oidc::is_safe_address;
pub use seeing::{MetricsConfig, QualityConfig};
pub use tls::TlsConfig;
pub(crate) use tls::dns_name;
pub use traces::{Share, TracesConfig};
pub use turn::TurnConfig;
pub use webhooks::{EmbedConfig, WebhooksConfig};

pub use confab_protocol::LogLevel;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Everything an operator may say. [`Config::default`] works on a desk: loopback only, no TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    pub data_dir: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseUrl>,
    pub behind_proxy: bool,
    /// How long a process that another took over from keeps its meetings, 0 to 168; 0: until they are over.
    pub drain_hours: u32,
    pub tls: TlsConfig,
    pub media: MediaConfig,
    pub turn: TurnConfig,
    pub limits: Limits,
    pub access: Access,
    pub accounts: AccountsConfig,
    pub oidc: OidcConfig,
    pub mail: MailConfig,
    pub caldav: CaldavConfig,
    pub files: FilesConfig,
    pub webhooks: WebhooksConfig,
    pub embed: EmbedConfig,
    pub metrics: MetricsConfig,
    pub quality: QualityConfig,
    pub traces: TracesConfig,
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8480)),
            public_url: None,
            data_dir: PathBuf::from("confab-data"),
            database: None,
            behind_proxy: false,
            drain_hours: 4,
            tls: TlsConfig::default(),
            media: MediaConfig::default(),
            turn: TurnConfig::default(),
            limits: Limits::default(),
            access: Access::default(),
            accounts: AccountsConfig::default(),
            oidc: OidcConfig::default(),
            mail: MailConfig::default(),
            caldav: CaldavConfig::default(),
            files: FilesConfig::default(),
            webhooks: WebhooksConfig::default(),
            embed: EmbedConfig::default(),
            metrics: MetricsConfig::default(),
            quality: QualityConfig::default(),
            traces: TracesConfig::default(),
            log: LogConfig::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct MediaConfig {
    /// Absent: every address, but only loopback where HTTP listens on loopback and no proxy stands before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Absent: the number of the HTTP port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_port: Option<u16>,
    pub public_addresses: Vec<IpAddr>,
    /// Absent: shared, but off behind a proxy, which would not pass it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ice_tcp: Option<IceTcp>,
    /// Media threads; 0: one per core.
    pub workers: usize,
}

/// Where media over TCP comes in, for networks that let no UDP through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceTcp {
    /// On the HTTP port: the first bytes of a connection tell media from HTTP and TLS.
    Shared,
    Off,
    /// On a port of its own, at `media.address`.
    Port(u16),
}

impl Serialize for IceTcp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            IceTcp::Shared => s.serialize_str("shared"),
            IceTcp::Off => s.serialize_str("off"),
            IceTcp::Port(port) => s.serialize_u16(*port),
        }
    }
}

impl<'de> Deserialize<'de> for IceTcp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<IceTcp, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Port(u16),
            Word(String),
        }
        match Form::deserialize(d) {
            Ok(Form::Port(port)) => Ok(IceTcp::Port(port)),
            Ok(Form::Word(word)) if word == "shared" => Ok(IceTcp::Shared),
            Ok(Form::Word(word)) if word == "off" => Ok(IceTcp::Off),
            _ => Err(serde::de::Error::custom(
                "takes \"shared\", \"off\" or a port number",
            )),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub connections: usize,
    pub connections_per_address: usize,
    pub new_connections_per_minute: u32,
    pub meetings_per_minute: u32,
    pub joins_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4096,
            connections_per_address: 256,
            // A hundred people behind one address, who all come at once, with room to spare.
            new_connections_per_minute: 3000,
            meetings_per_minute: 10,
            joins_per_minute: 240,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    pub create: CreatePolicy,
    /// SHA-256 digests in hex, as `confab-server token` prints them.
    pub tokens: Vec<String>,
}

/// Who may create meetings by the HTTP API. The command line always may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatePolicy {
    #[default]
    Anyone,
    Token,
    Loopback,
    /// Whoever is signed in; while the server has no account, this machine.
    Account,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    pub level: LogLevel,
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            level: LogLevel::Info,
            format: LogFormat::Text,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// A server on loopback with ports the system picks, for tests and demonstrations. Where `CONFAB_TEST_DATABASE` names a
    /// PostgreSQL server, each data directory has a database there.
    pub fn ephemeral(data_dir: impl Into<PathBuf>) -> Config {
        let localhost = Ipv4Addr::LOCALHOST;
        let data_dir = data_dir.into();
        Config {
            listen: SocketAddr::from((localhost, 0)),
            database: DatabaseUrl::for_tests(&data_dir),
            data_dir,
            media: MediaConfig {
                workers: 1,
                ..MediaConfig::default()
            },
            limits: Limits {
                meetings_per_minute: 10_000,
                joins_per_minute: 100_000,
                new_connections_per_minute: 100_000,
                ..Limits::default()
            },
            ..Config::default()
        }
    }

    /// Where media over TCP comes in, after the default is applied.
    pub fn ice_tcp(&self) -> IceTcp {
        let default = if self.behind_proxy {
            IceTcp::Off
        } else {
            IceTcp::Shared
        };
        self.media.ice_tcp.unwrap_or(default)
    }

    /// Where media is bound, after the default is applied: whoever keeps HTTP to this machine does not mean to open media
    /// to the network. Behind a proxy HTTP is on loopback for another reason, and announced addresses are meant to be
    /// reached.
    pub fn media_address(&self) -> IpAddr {
        let http = self.listen.ip();
        let local =
            http.is_loopback() && !self.behind_proxy && self.media.public_addresses.is_empty();
        let default = match http {
            _ if local => http,
            // Takes IPv4 too.
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        self.media.address.unwrap_or(default)
    }

    /// Without a trailing slash. `bound` is where the server really listens, for the default.
    pub fn public_url(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let scheme = if self.tls.enabled() { "https" } else { "http" };
                format!("{scheme}://{bound}")
            }
        }
    }
}
