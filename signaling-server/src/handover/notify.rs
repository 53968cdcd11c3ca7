//! What systemd is told of a unit with `Type=notify`: one datagram to `$NOTIFY_SOCKET` (sd_notify(3)). Without that variable nothing
//! is said.

use std::io;
use std::os::unix::net::UnixDatagram;

/// This process serves now, and is the unit's main one.
pub fn ready() {
    let Some(to) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let said = format!("READY=1\nMAINPID={}\n", std::process::id());
    if let Err(error) = tell(&to, &said) {
        tracing::warn!(%error, "telling systemd");
    }
}

fn tell(to: &std::ffi::OsStr, said: &str) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let socket = UnixDatagram::unbound()?;
    match to.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(said.as_bytes(), &address)?;
        }
        _ => {
            socket.send_to(said.as_bytes(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_arrives_at_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listens = UnixDatagram::bind(&path).unwrap();
        tell(path.as_os_str(), "READY=1\n").unwrap();
        let mut buffer = [0; 64];
        let length = listens.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\n");
    }
}
