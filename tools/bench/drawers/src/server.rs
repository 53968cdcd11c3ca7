//! The server as a process of its own: behind the bad network where `confab-impair` runs this program, else on loopback.

use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

pub struct Server {
    program: PathBuf,
    folder: tempfile::TempDir,
    address: String,
    child: Child,
}

impl Server {
    pub async fn start(program: &Path) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let address = match std::env::var("IMPAIR_THERE") {
            Ok(there) => format!("{there}:8480"),
            Err(_) => {
                let probe = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                probe.local_addr().expect("bound").to_string()
            }
        };
        let data = folder.path().join("data");
        // As behind a proxy that ends TLS: what is measured is the lane.
        let config = format!(
            "listen = \"{address}\"\npublic_url = \"http://{address}\"\nbehind_proxy = true\ndata_dir = \"{}\"\n",
            data.display()
        );
        std::fs::write(folder.path().join("confab.toml"), config).expect("written");
        let child = spawn(program, folder.path());
        let server = Server {
            program: program.to_owned(),
            folder,
            address,
            child,
        };
        server.up().await;
        server
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    async fn up(&self) {
        for _ in 0..600 {
            if TcpStream::connect(&self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not answer");
    }

    /// A new meeting's id.
    pub async fn meeting(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).await.expect("the server");
        let body = r#"{"title":"Drawing"}"#;
        let request = format!(
            "POST /api/v1/meetings HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let json = answer.find('{').map(|at| &answer[at..]).unwrap_or_default();
        let end = json.rfind('}').map_or(0, |at| at + 1);
        let made: serde_json::Value = serde_json::from_str(&json[..end]).expect("JSON");
        made["id"].as_str().expect("an id").to_owned()
    }

    /// As a power cut ends it.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    pub async fn again(&mut self) {
        self.child = spawn(&self.program, self.folder.path());
        self.up().await;
    }
}

fn spawn(program: &Path, folder: &Path) -> Child {
    let mut command = match std::env::var("IMPAIR_B") {
        Ok(namespace) => {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &namespace]).arg(program);
            command
        }
        Err(_) => Command::new(program),
    };
    command
        .arg("serve")
        .arg("--config")
        .arg(folder.join("confab.toml"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true);
    command.spawn().expect("the server's program")
}
