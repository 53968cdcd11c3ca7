//! A CalDAV server of another make (Radicale) in a process of its own, and a client beside ours that looks into it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const USER: &str = "ada";
pub const PASSWORD: &str = "app-password-7241-xyzzy";

/// Ends when it is dropped.
pub struct Radicale {
    child: Option<Child>,
    pub port: u16,
    folder: tempfile::TempDir,
    tls: bool,
}

fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    cache.join("confab/tools/bin/python")
}

impl Radicale {
    /// `None`, and a word about it, where the Python package is missing; `./confab test` brings it. With `tls`, a certificate for
    /// `localhost` that is its own authority.
    pub fn start(tls: bool) -> Option<Radicale> {
        let there = Command::new(python())
            .args(["-c", "import radicale"])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            eprintln!(
                "not checked: the Python package radicale is missing; ./confab test brings it"
            );
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut radicale = Radicale {
            child: None,
            port: free.local_addr().unwrap().port(),
            folder: tempfile::tempdir().unwrap(),
            tls,
        };
        drop(free);
        radicale.password(PASSWORD);
        if tls {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            std::fs::write(radicale.authority(), made.cert.pem()).unwrap();
            std::fs::write(radicale.file("key.pem"), made.signing_key.serialize_pem()).unwrap();
        }
        radicale.up();
        Some(radicale)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn authority(&self) -> PathBuf {
        self.file("cert.pem")
    }

    /// Another one from now on.
    pub fn password(&self, password: &str) {
        std::fs::write(self.file("users"), format!("{USER}:{password}\n")).unwrap();
    }

    pub fn up(&mut self) {
        let path = |name| self.file(name).to_string_lossy().into_owned();
        let config = format!(
            "[server]\nhosts = 127.0.0.1:{}\nssl = {}\ncertificate = {}\nkey = {}\n\
             [auth]\ntype = htpasswd\nhtpasswd_filename = {}\nhtpasswd_encryption = plain\ndelay = 0\n\
             [storage]\nfilesystem_folder = {}\n[logging]\nlevel = warning\n",
            self.port,
            if self.tls { "True" } else { "False" },
            path("cert.pem"),
            path("key.pem"),
            path("users"),
            path("data"),
        );
        std::fs::write(self.file("config"), config).unwrap();
        let child = Command::new(python())
            .args(["-m", "radicale", "--config"])
            .arg(self.file("config"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("Radicale did not start");
    }

    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}/", self.port)
    }

    /// Status, tag and body of an answer.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        assert!(!self.tls, "looked into without TLS only");
        use base64::Engine;
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.port))
            .header("authorization", format!("Basic {login}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        let answer = match body.is_empty() {
            true => agent.run(request.body(()).unwrap()),
            false => agent.run(request.body(body.to_owned()).unwrap()),
        };
        let mut answer = answer.unwrap();
        let tag = answer.headers().get("etag");
        let tag = tag.map_or_else(String::new, |t| t.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (status, tag, answer.body_mut().read_to_string().unwrap())
    }

    /// A calendar of Ada's.
    pub fn calendar(&self, name: &str) -> String {
        let path = format!("/{USER}/{name}/");
        let body = format!(
            "<C:mkcalendar xmlns:C=\"urn:ietf:params:xml:ns:caldav\" xmlns:D=\"DAV:\"><D:set><D:prop>\
             <D:displayname>{name}</D:displayname></D:prop></D:set></C:mkcalendar>"
        );
        let (status, _, said) = self.ask("MKCALENDAR", &path, &[], &body);
        assert_eq!(status, 201, "{said}");
        path
    }

    /// The events in it: path and text.
    pub fn events(&self, calendar: &str) -> Vec<(String, String)> {
        let body = "<?xml version='1.0'?><propfind xmlns='DAV:'><prop><getetag/></prop></propfind>";
        let headers = [("depth", "1"), ("content-type", "application/xml")];
        let (status, _, said) = self.ask("PROPFIND", calendar, &headers, body);
        assert_eq!(status, 207, "{said}");
        let hrefs = said.split("<href>").skip(1);
        let hrefs = hrefs.filter_map(|piece| piece.split("</href>").next());
        let events = hrefs.filter(|href| href.ends_with(".ics"));
        // One may go between the list and the question.
        let mut all: Vec<_> = events
            .map(|href| (href, self.ask("GET", href, &[], "")))
            .filter(|(_, (status, _, _))| *status == 200)
            .map(|(href, (_, _, text))| (href.to_owned(), text))
            .collect();
        all.sort();
        all
    }

    /// Whether anything in its folder holds these words.
    pub fn is_stored(&self, dir: &Path, words: &str) -> bool {
        let entries = std::fs::read_dir(dir).unwrap().flatten();
        entries.map(|e| e.path()).any(|path| match path.is_dir() {
            true => self.is_stored(&path, words),
            false => {
                String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).contains(words)
            }
        })
    }
}

impl Drop for Radicale {
    fn drop(&mut self) {
        self.down();
    }
}
