//! The last look at a line before it is in the log. Nothing of ours says a mail address or whose network address something came
//! from; texts of libraries and of other servers may, and go through here.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use tracing_subscriber::fmt::MakeWriter;

/// Standard error, masked.
pub(super) struct Masked;

impl<'a> MakeWriter<'a> for Masked {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

/// Gets a whole line at once, as `tracing-subscriber` writes them.
pub(super) struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().write_all(masked(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The line without mail addresses, and with network addresses cut to their network: `192.0.x.x`, `2001:db8:x`. This machine's
/// own (127.0.0.1, ::1) and those that mean all (0.0.0.0) stay.
fn masked(line: &str) -> Cow<'_, str> {
    // Neither a mail address nor a network address does without these.
    if !line.contains(['@', '.', ':']) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(begin) = rest.find(is_part) {
        let (before, after) = rest.split_at(begin);
        let length = after.find(|c| !is_part(c)).unwrap_or(after.len());
        let (word, next) = after.split_at(length);
        out.push_str(before);
        out.push_str(&masked_word(word));
        rest = next;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A letter that mail addresses or network addresses have.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || ".:@_%+-".contains(c)
}

fn masked_word(word: &str) -> Cow<'_, str> {
    // A sentence's own signs are no part of an address.
    let bare = word.trim_matches(['.', '-', '+']).trim_end_matches(':');
    if let Some((local, domain)) = bare.split_once('@')
        && !local.is_empty()
        && !domain.is_empty()
    {
        // What stands before it, as in `mail:ada@example.org`, may be part of it: it goes too.
        return Cow::Owned(word.replace(bare, "[mail]"));
    }
    let (address, port) = match (bare.parse::<IpAddr>(), bare.parse::<SocketAddr>()) {
        (Ok(address), _) => (address, None),
        (_, Ok(address)) => (address.ip(), Some(address.port())),
        _ => return Cow::Borrowed(word),
    };
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() {
        return Cow::Borrowed(word);
    }
    let network = match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            format!("{a}.{b}.x.x")
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            format!("{a:x}:{b:x}:x")
        }
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Cow::Owned(word.replace(bare, &format!("{network}{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_and_networks_of_people_do_not_get_into_the_log() {
        for (line, wanted) in [
            ("mailbox ada@example.org: no", "mailbox [mail]: no"),
            ("<Ada.L+x@sub.example.org>", "<[mail]>"),
            ("\"to\":\"bob@localhost\",", "\"to\":\"[mail]\","),
            ("from 192.0.2.77.", "from 192.0.x.x."),
            ("peer 203.0.113.9:51820 left", "peer 203.0.x.x:51820 left"),
            ("[2001:db8:1:2::7]:443 x", "[2001:db8:x]:443 x"),
            ("via ::ffff:192.0.2.1", "via 192.0.x.x"),
        ] {
            assert_eq!(masked(line), wanted);
        }
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        for line in [
            "2026-11-22T20:41:35.123456Z  INFO confab_server::rooms: meeting awake meeting=meeting:4fzz… seats=2",
            "listening http_addr=127.0.0.1:8480 udp_addr=0.0.0.0:8480 and [::1]:1",
            "version 1.2.3 and 10:20:30, 1.5 ms, confab::b",
            "plain words",
            "@ alone, a@ and @b",
            "",
        ] {
            assert_eq!(masked(line), line);
        }
    }
}
