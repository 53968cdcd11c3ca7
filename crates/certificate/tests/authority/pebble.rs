//! Starts Pebble and its DNS server on free ports, and asks for its root.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What its DNS server leads to this machine, as all names.
pub const NAME: &str = "meet.example.org";

pub struct Pebble {
    dir: tempfile::TempDir,
    /// Where it is, and where its management is.
    ports: (u16, u16),
    dns: u16,
    looks_at: u16,
    valid_seconds: Option<u32>,
    children: Vec<Child>,
}

impl Pebble {
    /// It looks for proofs on `looks_at`. None: not installed.
    pub fn start(looks_at: u16, valid_seconds: Option<u32>) -> Option<Pebble> {
        let known = |program: &str| {
            let mut command = Command::new(program);
            command
                .arg("-h")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok()
        };
        if !known("pebble") || !known("pebble-challtestsrv") {
            eprintln!("not checked: Pebble is missing (Debian: apt install pebble)");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        std::fs::write(dir.path().join("own.pem"), made.cert.pem()).unwrap();
        let key = made.signing_key.serialize_pem();
        std::fs::write(dir.path().join("own.key"), key).unwrap();
        let mut pebble = Pebble {
            dir,
            ports: (free(), free()),
            dns: free(),
            looks_at,
            valid_seconds,
            children: Vec::new(),
        };
        pebble.up();
        Some(pebble)
    }

    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.ports.0)
    }

    /// PEM of who signed the certificate of its HTTPS.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("own.pem")
    }

    /// Forgets all accounts, orders and roots.
    pub fn restart(&mut self) {
        self.down();
        self.up();
    }

    pub fn look_at(&mut self, port: u16) {
        self.looks_at = port;
        self.restart();
    }

    /// What it signs with.
    pub fn roots(&self) -> rustls::RootCertStore {
        let tls = ureq::tls::TlsConfig::builder()
            .disable_verification(true)
            .build();
        let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
        let at = format!("https://localhost:{}/roots/0", self.ports.1);
        let mut answer = agent.get(&at).call().unwrap();
        let pem = answer.body_mut().read_to_vec().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        roots
    }

    fn up(&mut self) {
        let config = self.dir.path().join("pebble.json");
        std::fs::write(&config, self.config()).unwrap();
        let dns = format!("127.0.0.1:{}", self.dns);
        let management = format!("127.0.0.1:{}", free());
        let mut names = Command::new("pebble-challtestsrv");
        names.args([
            "-dns01",
            &dns,
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
        ]);
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.args(["-management", &management]);
        let mut authority = Command::new("pebble");
        authority
            .arg("-config")
            .arg(&config)
            .args(["-dnsserver", &dns]);
        authority.env("PEBBLE_VA_NOSLEEP", "1");
        for mut command in [names, authority] {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            self.children.push(command.spawn().unwrap());
        }
        let there = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        let ports = [self.ports.0, self.ports.1, self.dns];
        for _ in 0..600 {
            if ports.into_iter().all(there) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("Pebble does not come up");
    }

    fn config(&self) -> String {
        let file = |name| self.dir.path().join(name).display().to_string();
        let own = serde_json::json!({
            "listenAddress": format!("127.0.0.1:{}", self.ports.0),
            "managementListenAddress": format!("127.0.0.1:{}", self.ports.1),
            "certificate": file("own.pem"),
            "privateKey": file("own.key"),
            "httpPort": free(),
            "tlsPort": self.looks_at,
            "certificateValidityPeriod": self.valid_seconds,
        });
        serde_json::json!({ "pebble": own }).to_string()
    }

    pub fn down(&mut self) {
        for mut child in self.children.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.down();
    }
}

fn free() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
