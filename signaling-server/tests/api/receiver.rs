//! A receiver of webhooks: a real HTTP server that answers what it is told to, and keeps what it got.

use crate::collector::read_post;
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Letter {
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Letter {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn is_signed_by(&self, secret: &str) -> bool {
        let secret = confab_webhook::Secret::parse(secret).unwrap();
        let seconds = self.headers["webhook-timestamp"].parse().unwrap();
        let signature = &self.headers["webhook-signature"];
        secret.verify(self.id(), seconds, self.body.as_bytes(), signature)
    }
}

pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Letter>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub fn start() -> Receiver {
        Receiver::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn on(listener: TcpListener) -> Receiver {
        let address = listener.local_addr().unwrap();
        let (got, status) = (Arc::default(), Arc::new(AtomicU16::new(204)));
        let (letters, answers) = (Arc::clone(&got), Arc::clone(&status));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (letters, answers) = (Arc::clone(&letters), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream.unwrap(), &letters, &answers));
            }
        });
        Receiver {
            address,
            got,
            status,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn got(&self) -> Vec<Letter> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until there are so many letters.
    pub async fn wait(&self, many: usize) -> Vec<Letter> {
        for _ in 0..400 {
            let got = self.got();
            if got.len() >= many {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{many} letters, but came {:?}", self.got());
    }
}

fn serve(stream: TcpStream, letters: &Mutex<Vec<Letter>>, answers: &AtomicU16) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    // The sender keeps connections.
    while let Some(letter) = read(&mut reader) {
        letters.lock().unwrap().push(letter);
        let status = answers.load(Ordering::SeqCst);
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Letter> {
    let (headers, body) = read_post(reader, "/hook")?;
    let body = String::from_utf8(body).unwrap();
    Some(Letter { headers, body })
}
