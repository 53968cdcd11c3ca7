//! The binary itself in a process of its own; killed without mercy when it is dropped.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use super::Invitation;
use confab_protocol::MeetingId;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub fn confab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confab-server"));
    command.env_remove("CONFAB_CONFIG");
    command
}

/// The line of a configuration for this data directory; empty: the tests run on SQLite.
pub fn database(data_dir: &Path) -> String {
    let database = confab_server::Config::ephemeral(data_dir).database;
    database.map_or(String::new(), |url| {
        format!("database = {:?}\n", url.secret())
    })
}

/// Puts what PostgreSQL has for this data directory into a file in it, so that a search through the files sees all there is. On
/// SQLite the database is a file there anyway.
pub async fn show_database(data_dir: &Path) {
    use sqlx::{Connection, PgConnection};
    let Some(url) = confab_server::Config::ephemeral(data_dir).database else {
        return;
    };
    let mut connection = PgConnection::connect(url.secret()).await.unwrap();
    let all: String = sqlx::query_scalar("SELECT CAST(database_to_xml(true, true, '') AS text)")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    std::fs::write(data_dir.join("postgresql.xml"), all).unwrap();
}

pub struct Process {
    pub child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Waits until it says where it listens.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit('/').next().unwrap().parse();
        Process {
            child,
            address: address.expect("the line names the address"),
        }
    }

    pub fn serve(config: &Path) -> Process {
        Process::start(confab().args(["serve", "--config"]).arg(config))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that has to do what it says.
pub fn done(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Made by the command line.
pub fn new_meeting(config: &Path) -> Invitation {
    let made = confab()
        .args(["meeting", "new", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let text = done(&made);
    let link = text.lines().find_map(|l| l.strip_prefix("host link:"));
    let (guest, host_key) = link.unwrap().trim().split_once("#host=").unwrap();
    Invitation {
        id: MeetingId::parse(guest.rsplit('/').next().unwrap()).unwrap(),
        host_key: host_key.to_owned(),
    }
}
