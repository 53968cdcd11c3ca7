//! Two network namespaces with a TUN device in each, made and removed.

use super::system;
use crate::{Names, RunError};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `ip netns` keeps names.
const FOLDER: &str = "/var/run/netns";
/// The device's name in both. Programs take `tun0` for a VPN and like it less.
const DEVICE: &str = "eth0";
const MTU: u32 = 1500;
/// Packets the kernel keeps for us; what finds no room it drops and counts.
const KERNEL_QUEUE: u32 = 5000;

/// The namespaces, removed again in the end.
#[derive(Debug)]
pub struct Network {
    hosts: [Namespace; 2],
    /// IPv4 and IPv6 of a and b.
    pub addresses: [[String; 2]; 2],
}

impl Network {
    /// Makes them; with them come their devices, which are there as long as these files are open.
    pub fn make(names: &Names, subnet: u8) -> Result<(Network, [OwnedFd; 2]), RunError> {
        if !rustix::process::geteuid().is_root() {
            return Err(RunError::NeedsRoot);
        }
        if !Path::new(system::TUN).exists() {
            return Err(RunError::NoTun(io::ErrorKind::NotFound.into()));
        }
        for name in [&names.a, &names.b] {
            if path(name).symlink_metadata().is_ok() {
                return Err(RunError::NamespaceExists(name.clone()));
            }
        }
        let addresses = [1, 2].map(|host| addresses(subnet, host));
        let hosts = [Namespace::make(&names.a)?, Namespace::make(&names.b)?];
        let tuns = [make_tun(&names.a)?, make_tun(&names.b)?];
        for (host, [own, peer]) in hosts.iter().zip([[0, 1], [1, 0]]) {
            host.configure(&addresses[own], &addresses[peer])?;
        }
        Ok((Network { hosts, addresses }, tuns))
    }

    /// Packets that the kernel dropped because they were not read in time, from a and from b.
    pub fn kernel_dropped(&self) -> [Option<u64>; 2] {
        [0, 1].map(|i: usize| self.hosts[i].kernel_dropped())
    }
}

fn addresses(subnet: u8, host: u8) -> [String; 2] {
    let six = match subnet {
        0 => format!("fd99:cfab::{host}"),
        _ => format!("fd99:cfab:0:{subnet}::{host}"),
    };
    [format!("10.99.{subnet}.{host}"), six]
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Makes the device inside the namespace, so that it never shows outside, on a thread of its own that goes there.
fn make_tun(name: &str) -> Result<OwnedFd, RunError> {
    let namespace = path(name);
    let work = move || -> io::Result<OwnedFd> {
        let namespace = File::open(namespace)?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        system::make_tun(DEVICE)
    };
    let thread = std::thread::Builder::new().name("tun".into()).spawn(work);
    let thread = thread.map_err(|e| RunError::SetupFailed(e.to_string()))?;
    match thread.join() {
        Ok(made) => made.map_err(RunError::NoTun),
        Err(_) => Err(RunError::SetupFailed(
            "the thread for a TUN device died".into(),
        )),
    }
}

/// A namespace that we made.
#[derive(Debug)]
struct Namespace(String);

impl Namespace {
    fn make(name: &str) -> Result<Namespace, RunError> {
        // It fails where the name has come into being in the meantime, and there is then nothing to remove.
        ip(&["netns", "add", name], "")?;
        Ok(Namespace(name.to_owned()))
    }

    /// Addresses and routes. Nothing is sent that no program inside asked for: no link-local address, so no router
    /// solicitation; no duplicate detection; no multicast, so no reports of membership.
    fn configure(&self, own: &[String; 2], peer: &[String; 2]) -> Result<(), RunError> {
        let ([own4, own6], [peer4, peer6]) = (own, peer);
        let text = format!(
            "link set lo up\n\
             link set {DEVICE} mtu {MTU} txqueuelen {KERNEL_QUEUE} multicast off\n\
             link set {DEVICE} addrgenmode none\n\
             link set {DEVICE} up\n\
             address add {own4} peer {peer4} dev {DEVICE}\n\
             address add {own6} peer {peer6} dev {DEVICE} nodad\n\
             route add default dev {DEVICE}\n\
             route add ::/0 dev {DEVICE}\n"
        );
        ip(&["-n", &self.0, "-batch", "-"], &text).map(drop)
    }

    fn kernel_dropped(&self) -> Option<u64> {
        let text = ip(&["-n", &self.0, "-s", "-j", "link", "show", DEVICE], "").ok()?;
        let devices: serde_json::Value = serde_json::from_str(&text).ok()?;
        devices[0]["stats64"]["tx"]["dropped"].as_u64()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.0], "") {
            eprintln!("confab-impair: namespace {} is left: {error}", self.0);
        }
    }
}

/// Runs `ip` and gives what it says. In a process group of its own: a Ctrl-C at the terminal must not stop it half-way.
fn ip(arguments: &[&str], input: &str) -> Result<String, RunError> {
    let mut child = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(RunError::NoIproute2)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it has ended already, its status says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let failed = |why: String| RunError::SetupFailed(format!("ip {}: {why}", arguments.join(" ")));
    let output = child
        .wait_with_output()
        .map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(failed(said.trim().replace('\n', "; ")))
    }
}
