//! Ways out of the folder (path traversal), as bytes on a socket: a client library would tidy them up.

use crate::World;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub fn raw(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // A server that has had enough may have closed already.
    let _ = socket.write_all(bytes);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    answer
}

const UP: [&str; 11] = [
    "..",
    "%2e%2e",
    "%2E%2e",
    "..%2f..",
    "..%5c..",
    "%252e%252e",
    "..;",
    ".%00.",
    "%c0%ae%c0%ae",
    "....//",
    "\\..",
];
const AIMS: [&str; 6] = [
    "etc/passwd",
    "confab.db",
    "confab.toml",
    "Cargo.toml",
    "src/main.rs",
    "index.html",
];
const BEFORE: [&str; 8] = [
    "/",
    "/assets/",
    "/m/",
    "/m/x/",
    "/feed/",
    "/rooms/",
    "/api/v1/meetings/",
    "/account/",
];

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let world = World::new().await;
    let marker = "the-data-directory-is-not-served";
    let data = world.server.dir.path();
    std::fs::write(data.join("confab.toml"), marker).unwrap();
    let server = world.server.http();
    let data_path = data.to_string_lossy().into_owned();
    let tried = tokio::task::spawn_blocking(move || {
        let mut tried = 0;
        let deep = |up: &str, aim: &str| (0..9).map(|_| format!("{up}/")).collect::<String>() + aim;
        for before in BEFORE {
            let mut paths: Vec<String> = UP
                .iter()
                .flat_map(|up| AIMS.map(|aim| deep(up, aim)))
                .collect();
            paths.push(format!("/{data_path}/confab.db"));
            paths.push(format!("%2f{}%2fconfab.db", data_path.replace('/', "%2f")));
            paths.push("file:///etc/passwd".into());
            for path in paths {
                let request = format!(
                    "GET {before}{path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n"
                );
                let answer = raw(server, request.as_bytes());
                let text = String::from_utf8_lossy(&answer);
                let status = text.split(' ').nth(1).unwrap_or_default();
                // `/account/{page}` is the UI's page whatever the page is called; the others know what they have.
                let page = before == "/account/" && text.contains("<title>");
                assert!(
                    ["400", "401", "403", "404", "405"].contains(&status) || page,
                    "{before}{path}: {text}"
                );
                for leak in ["root:x:", "SQLite format", marker, "[workspace]", "fn main"] {
                    assert!(!text.contains(leak), "{before}{path} tells {leak}");
                }
                tried += 1;
            }
        }
        tried
    });
    println!("{} paths", tried.await.unwrap());
}
