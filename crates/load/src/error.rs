//! Why a measurement could not be made.

use confab_protocol::Code;

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("bad_link: {0}; give a meeting's link, as `confab-server meeting new` prints it")]
    Link(String),
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("refused: person {person}: {code}: {message}{}", hint(*code))]
    Refused {
        person: u32,
        code: Code,
        message: String,
    },
    #[error(
        "lobby: person {0} was left waiting to be let in; switch the lobby off, or give the host link"
    )]
    Lobby(u32),
    #[error(
        "open_files: {people} people need {need} open files, and this process may have {most}; raise it (`ulimit -n {need}`)"
    )]
    OpenFiles { people: u32, need: u64, most: u64 },
    #[error("ports: no UDP port for person {person}: {why}; see net.ipv4.ip_local_port_range")]
    Ports { person: u32, why: std::io::Error },
    #[error("media: {0}")]
    Media(String),
    #[error(
        "not_connected: {up} of {people} media connections came up; is UDP let through to the media port?"
    )]
    NotConnected { up: usize, people: usize },
    #[error("lost: person {0} lost its connection: {1}")]
    Lost(u32, String),
    #[error("system: {0}")]
    System(#[from] std::io::Error),
}

/// Which of the server's bounds stands in the way.
fn hint(code: Code) -> &'static str {
    match code {
        Code::TooFast => " (limits.joins_per_minute of the server)",
        Code::Overloaded => {
            " (limits.connections and limits.connections_per_address of the server)"
        }
        _ => "",
    }
}
