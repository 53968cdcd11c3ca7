//! What was seen, before anybody says what it means.

use core::net::IpAddr;

/// Everything that was seen in one look. Times are seconds since 1970 (UTC).
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// By the clock of the machine that looks.
    pub now: i64,
    /// Err: the configuration cannot be used, and why; nothing else was looked at then.
    pub setup: Result<Setup, String>,
    /// None: asked from another machine, by the public URL alone.
    pub local: Option<Local>,
    /// What the public name leads to. A literal address leads to itself.
    pub resolved: Result<Vec<IpAddr>, String>,
    /// One entry for each address that was asked.
    pub reached: Vec<Reached>,
    /// The announced addresses, asked on the media ports.
    pub media: Vec<Media>,
    /// The one that was served, else the one in the configured file. None: no TLS, or none was seen.
    pub certificate: Option<Certificate>,
    pub clocks: Vec<ClockSample>,
    /// The time server that was named did not answer, and why.
    pub time_server_silent: Option<String>,
}

/// What the configuration says; from another machine, what the URL and the server say.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Without a trailing slash.
    pub public_url: String,
    /// Of the public URL, without brackets.
    pub host: String,
    pub port: u16,
    pub https: bool,
    pub behind_proxy: bool,
    /// Meant for this machine alone: the public URL is a loopback address.
    pub own_machine_only: bool,
    pub self_signed: bool,
    /// Where the server listens, for words only.
    pub listen: String,
    pub udp_port: u16,
    /// Media over TCP comes in there; None: it is off.
    pub tcp_port: Option<u16>,
    pub public_addresses: Vec<IpAddr>,
}

/// What is seen on the server's own machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// Whether the data folder can be written to.
    pub data: Result<(), String>,
    /// Bytes left where the data folder is; None: not known.
    pub free: Option<u64>,
    pub database: Database,
    /// Of this machine's interfaces, loopback included.
    pub addresses: Vec<IpAddr>,
    pub port: PortState,
    /// The media port, asked from this machine.
    pub udp: Udp,
}

/// What a look at the database of the configuration showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// A file's name, or user, host, port and database; no password.
    pub at: String,
    pub state: DatabaseState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseState {
    /// It can be read and written to.
    Well,
    /// There is none: a server makes it when it first starts.
    Missing,
    /// The same as [`DatabaseState::Well`], but its tables are of level `found`, which is below `known`.
    Older { found: i64, known: i64 },
    /// Its tables are of a newer program.
    TooNew { found: i64, known: i64 },
    /// It cannot be opened, and why.
    Unreachable(String),
    /// It can be opened and not written to, and why.
    NotWritable(String),
}

/// Who has the TCP port of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortState {
    /// The server, which calls itself this.
    Ours(String),
    Free,
    /// Another program.
    Taken,
    /// It cannot be opened, and why.
    Denied(String),
}

/// What happened at one address of the public name.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    pub address: IpAddr,
    /// The answer to a question only Confab answers. TLS is not judged here: any certificate is taken.
    pub web: Result<Answer, Failure>,
    /// The status of a WebSocket's opening: 101 is the right one.
    pub websocket: Result<u16, Failure>,
    pub udp: Udp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// What the server calls itself; None: no Confab answered.
    pub instance: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    pub address: IpAddr,
    pub udp: Udp,
    /// A TCP connection to the media's own port; None: it shares the web's, or is off.
    pub tcp: Option<Result<(), Failure>>,
}

/// What became of STUN binding requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Udp {
    Answered,
    Silent,
    NotSent(String),
    NotAsked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Refused,
    Timeout,
    /// No route from here.
    Unreachable,
    /// The connection ended early.
    Closed,
    Tls(String),
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub not_before: i64,
    pub not_after: i64,
    /// Whether it is for the public URL's host.
    pub name_fits: bool,
    pub chain: Chain,
    /// Seen in the configured file, since no server answered.
    pub from_file: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    Trusted,
    /// No known authority stands at its end, or a certificate between is missing.
    UnknownIssuer,
    Broken(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ClockSample {
    pub source: ClockSource,
    /// Our clock less theirs, seconds.
    pub ahead: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The `Date` of the public URL's answer.
    PublicUrl,
    /// SNTP, by name.
    TimeServer(String),
}

impl Facts {
    /// For a configuration that cannot be read.
    pub fn unusable(why: String) -> Facts {
        Facts {
            now: 0,
            setup: Err(why),
            local: None,
            resolved: Ok(Vec::new()),
            reached: Vec::new(),
            media: Vec::new(),
            certificate: None,
            clocks: Vec::new(),
            time_server_silent: None,
        }
    }
}
