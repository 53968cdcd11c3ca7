//! `confab-server doctor`: what is wrong with this server's set-up, in plain words. Facts about this machine are collected
//! here, those about the way from outside by `confab-probe`; `confab-diagnosis` says what they mean.

use crate::config::Config;
use crate::media;
use crate::store;
use crate::tls::certificate_file;
use confab_diagnosis::{
    ClockSample, ClockSource, Facts, Finding, Level, Local, PortState, Setup, Udp, judge,
};
use confab_probe::{
    Authorities, Look, Looked, Place, ask_stun, ask_web, look, read_chain, resolve,
};
use futures_util::future::join_all;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Doctor {
    /// Another name server's word in place of this machine's: the addresses people get for the public name.
    pub resolve: Vec<IpAddr>,
    /// An authority of one's own, PEM.
    pub ca: Option<PathBuf>,
    /// Asked by SNTP; nobody is, without it.
    pub time_server: Option<String>,
}

impl Doctor {
    /// Looks at the server this configuration is for, from its own machine. Takes 15 s at most.
    pub async fn examine(&self, config: &Config) -> Vec<Finding> {
        let setup = match setup(config) {
            Ok(setup) => setup,
            Err(why) => return Doctor::unusable(why),
        };
        let (local, resolved) = tokio::join!(local(config, &setup), self.resolved(&setup.host));
        self.look(config, setup, Some(local), resolved).await
    }

    /// What there is to say of a configuration that cannot be read.
    pub fn unusable(why: String) -> Vec<Finding> {
        judge(&Facts::unusable(why))
    }

    /// The same from any other machine, by the public URL.
    pub async fn examine_url(&self, url: &str) -> Vec<Finding> {
        let mut setup = match public(url) {
            Ok(setup) => setup,
            Err(why) => return Doctor::unusable(why),
        };
        let resolved = self.resolved(&setup.host).await;
        // The server itself says where its media is.
        let (place, port) = (place(&setup), setup.port);
        let asked = resolved.iter().flatten().map(|address| {
            let at = SocketAddr::new(*address, port);
            ask_web(&place, at)
        });
        let seen = join_all(asked).await;
        if let Some(info) = seen.into_iter().find_map(|s| s.info) {
            setup.udp_port = info.udp_port;
            setup.tcp_port = info.tcp_port;
        }
        self.look(&Config::default(), setup, None, resolved).await
    }

    async fn resolved(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        match self.resolve.as_slice() {
            [] => resolve(host).await,
            told => Ok(told.to_vec()),
        }
    }

    async fn look(
        &self,
        config: &Config,
        setup: Setup,
        local: Option<Local>,
        resolved: Result<Vec<IpAddr>, String>,
    ) -> Vec<Finding> {
        let authorities = match Authorities::with(self.ca.as_deref()) {
            Ok(authorities) => authorities,
            Err(why) => return Doctor::unusable(format!("--ca {why}")),
        };
        let runs = local
            .as_ref()
            .is_none_or(|l| matches!(l.port, PortState::Ours(_)));
        let wanted = Look {
            place: place(&setup),
            addresses: resolved.clone().unwrap_or_default(),
            udp_port: setup.udp_port,
            announced: setup.public_addresses.clone(),
            tcp_port: setup.tcp_port.filter(|port| *port != setup.port),
        };
        let asked = async {
            match runs {
                true => look(&wanted, &authorities).await,
                false => Looked::default(),
            }
        };
        let (looked, time) = tokio::join!(asked, self.time());
        let (time, time_server_silent) = match time {
            Some(Ok(sample)) => (Some(sample), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        let mut clocks: Vec<ClockSample> = time.into_iter().collect();
        clocks.extend(looked.ahead.map(|ahead| ClockSample {
            source: ClockSource::PublicUrl,
            ahead,
        }));
        let certificate = looked
            .certificate
            .or_else(|| of_file(config, &setup.host, &authorities));
        judge(&Facts {
            now: now(),
            setup: Ok(setup),
            local,
            resolved,
            reached: looked.reached,
            media: looked.media,
            certificate,
            clocks,
            time_server_silent,
        })
    }

    async fn time(&self) -> Option<Result<ClockSample, String>> {
        let name = self.time_server.as_deref()?;
        let asked = confab_probe::time_server(name).await;
        let sample = asked.map(|ahead| ClockSample {
            source: ClockSource::TimeServer(name.to_owned()),
            ahead,
        });
        Some(sample.map_err(|why| format!("{name}: {why}")))
    }
}

/// Whether nothing is broken.
pub fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|f| f.level != Level::Fail)
}

/// For people. One line each, and what to do under it.
pub fn report(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let level = match finding.level {
            Level::Pass => "PASS",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
            Level::Skipped => "-   ",
        };
        let (check, code) = (finding.check.as_str(), finding.code);
        let _ = writeln!(text, "{level} {check:<11} {} [{code}]", finding.said);
        if let Some(todo) = &finding.todo {
            let _ = writeln!(text, "                 → {todo}");
        }
    }
    let failed = findings.iter().filter(|f| f.level == Level::Fail).count();
    let _ = match failed {
        0 => writeln!(text, "\nNothing is broken."),
        1 => writeln!(text, "\nOne thing is broken."),
        n => writeln!(text, "\n{n} things are broken; begin with the first."),
    };
    text
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| d.as_secs() as i64)
}

fn place(setup: &Setup) -> Place {
    Place {
        https: setup.https,
        host: setup.host.clone(),
        port: setup.port,
    }
}

/// What a public URL says by itself.
fn public(url: &str) -> Result<Setup, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{url}: {why}");
    let parsed = url::Url::parse(url).map_err(|e| wrong(&e))?;
    let https = match parsed.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(wrong(&"takes https:// or http://")),
    };
    let host = parsed.host_str().ok_or_else(|| wrong(&"no host in it"))?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = parsed
        .port_or_known_default()
        .ok_or_else(|| wrong(&"no port in it"))?;
    let near = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    Ok(Setup {
        public_url: url.trim_end_matches('/').to_owned(),
        own_machine_only: near || host == "localhost",
        host,
        port,
        https,
        behind_proxy: false,
        self_signed: false,
        listen: String::new(),
        udp_port: port,
        tcp_port: None,
        public_addresses: Vec::new(),
    })
}

fn setup(config: &Config) -> Result<Setup, String> {
    let setup = public(&config.public_url(config.listen))?;
    Ok(Setup {
        behind_proxy: config.behind_proxy,
        self_signed: config.tls.cert.is_none() && config.tls.self_signed,
        listen: config.listen.to_string(),
        udp_port: config.media.udp_port.unwrap_or(config.listen.port()),
        tcp_port: media::tcp_port(config, config.listen).map(|port| port.public),
        public_addresses: config.media.public_addresses.clone(),
        ..setup
    })
}

async fn local(config: &Config, setup: &Setup) -> Local {
    let here = near(config.listen);
    let own = Place {
        https: config.tls.enabled(),
        host: setup.host.clone(),
        port: here.port(),
    };
    let media = near(SocketAddr::new(config.media_address(), setup.udp_port));
    let (seen, database) = tokio::join!(ask_web(&own, here), store::look(config));
    let port = match seen.info {
        Some(info) => PortState::Ours(info.instance),
        None => free(config.listen),
    };
    let udp = match port {
        PortState::Ours(_) => ask_stun(media).await,
        _ => Udp::NotAsked,
    };
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    Local {
        data: writable(&config.data_dir),
        free: room(&config.data_dir),
        database,
        addresses: interfaces.iter().map(|i| i.ip()).collect(),
        port,
        udp,
    }
}

/// Where this machine reaches what is bound there.
fn near(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// Nobody of ours answers there: may the server open it?
fn free(at: SocketAddr) -> PortState {
    match std::net::TcpListener::bind(at) {
        Ok(_) => PortState::Free,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => PortState::Taken,
        Err(error) => PortState::Denied(error.to_string()),
    }
}

/// By writing: rights, mounts and quotas all have their say.
fn writable(dir: &Path) -> Result<(), String> {
    if !dir.exists() {
        // The server makes it, if it may.
        return match dir.ancestors().skip(1).find(|d| d.exists()) {
            Some(parent) => try_write(parent),
            None => try_write(Path::new(".")),
        };
    }
    try_write(dir)
}

fn try_write(dir: &Path) -> Result<(), String> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let file = dir.join(format!(".doctor-{:08x}", rand::random::<u32>()));
    let wrote = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .and_then(|mut f| io::Write::write_all(&mut f, b"confab"));
    let _ = std::fs::remove_file(&file);
    wrote.map_err(|e| format!("{}: {e}", dir.display()))
}

/// Bytes a server may still take there.
fn room(dir: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let dir = std::path::absolute(dir).ok()?;
        let there = dir.ancestors().find(|d| d.exists())?;
        let system = rustix::fs::statvfs(there).ok()?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        None
    }
}

/// The certificate as it lies on the disk, where none was served.
fn of_file(
    config: &Config,
    host: &str,
    authorities: &Authorities,
) -> Option<confab_diagnosis::Certificate> {
    let chain = confab_probe::read_pem(&certificate_file(config)?).ok()?;
    let read = read_chain(&chain, host, authorities)?;
    Some(confab_diagnosis::Certificate {
        from_file: true,
        ..read
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_becomes_what_is_looked_at() {
        let mut config = Config::default();
        let seen = setup(&config).unwrap();
        assert!(seen.own_machine_only && !seen.https);
        assert_eq!(
            (seen.port, seen.udp_port, seen.tcp_port),
            (8480, 8480, Some(8480))
        );
        config.public_url = Some("https://meet.example.org/".into());
        config.behind_proxy = true;
        config.media.udp_port = Some(3478);
        let seen = setup(&config).unwrap();
        assert!(!seen.own_machine_only && seen.https);
        assert_eq!(seen.public_url, "https://meet.example.org");
        assert_eq!((seen.port, seen.udp_port, seen.tcp_port), (443, 3478, None));
        assert!(public("ftp://x").is_err() && public("nonsense").is_err());
        assert_eq!(public("https://[::1]:8443").unwrap().host, "::1");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(writable(&dir.path().join("data")), Ok(()));
        assert_eq!(writable(dir.path()), Ok(()));
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "left as found"
        );
        assert!(writable(Path::new("/proc/confab")).is_err());
        assert!(room(dir.path()).is_some_and(|free| free > 0));
    }

    #[test]
    fn a_port_is_free_or_taken() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = held.local_addr().unwrap();
        assert_eq!(free(at), PortState::Taken);
        drop(held);
        assert_eq!(free(at), PortState::Free);
        assert!(matches!(
            free("192.0.2.1:1".parse().unwrap()),
            PortState::Denied(_)
        ));
    }
}
