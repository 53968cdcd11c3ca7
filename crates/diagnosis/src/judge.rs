//! Says what the facts mean: this machine, the clock, the name, the certificate. `path.rs` goes on with the way from outside.

mod clock;

use crate::facts::{Certificate, Chain, DatabaseState, Facts, Local, PortState, Setup};
use crate::path;
use crate::plain_date;
use crate::said::{Check, Finding};
use clock::{clock, span};
use core::net::IpAddr;

/// Below this, files of meetings and backups soon find no room.
const LITTLE_ROOM: u64 = 1 << 30;
/// Below this, the database may not be able to write.
const NO_ROOM: u64 = 64 << 20;
const DAY: i64 = 86_400;

/// What other checks have to know of a cause found before them.
pub(crate) struct Known<'a> {
    pub facts: &'a Facts,
    pub setup: &'a Setup,
    /// No server of ours runs: nothing can answer.
    pub down: bool,
    /// The public name leads to nobody, or to somebody else.
    pub dns: bool,
    /// Subtracted from the own clock gives the right time, seconds.
    pub ahead: f64,
}

impl Known<'_> {
    /// Whether the server that is meant answered at this address.
    pub fn is_ours(&self, address: IpAddr) -> bool {
        let there = self.facts.reached.iter().find(|r| r.address == address);
        let said = there.and_then(|r| r.web.as_ref().ok());
        self.is_meant(said.and_then(|a| a.instance.as_deref()))
    }

    fn is_meant(&self, instance: Option<&str>) -> bool {
        match (instance, self.facts.local.as_ref().map(|l| &l.port)) {
            (Some(there), Some(PortState::Ours(here))) => there == here,
            (Some(_), None) => true,
            _ => false,
        }
    }

    pub fn own_addresses(&self) -> &[IpAddr] {
        self.facts.local.as_ref().map_or(&[], |l| &l.addresses)
    }
}

/// The findings, in the order of [`Check`]. Only causes are [`crate::Level::Fail`].
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let setup = match &facts.setup {
        Ok(setup) => setup,
        Err(why) => {
            let todo = "Mend that line; `confab-server config check FILE` looks again. Nothing else was looked at.";
            return vec![Finding::fail(
                Check::Config,
                "config_bad",
                why.as_str(),
                todo,
            )];
        }
    };
    let mut all = Vec::new();
    if let Some(local) = &facts.local {
        all.push(Finding::pass(
            Check::Config,
            "config_ok",
            "The configuration can be used.",
        ));
        all.extend([
            data(local),
            disk(local),
            database(local),
            port(local, setup),
        ]);
    }
    let down = facts
        .local
        .as_ref()
        .is_some_and(|l| !matches!(l.port, PortState::Ours(_)));
    let mut known = Known {
        facts,
        setup,
        down,
        dns: false,
        ahead: 0.0,
    };
    all.push(clock(&mut known));
    all.push(dns(&mut known));
    all.push(certificate(&known));
    all.extend(path::judge(&known));
    all
}

fn data(local: &Local) -> Finding {
    match &local.data {
        Ok(()) => Finding::pass(Check::Data, "data_ok", "The data folder can be written to."),
        Err(why) => Finding::fail(
            Check::Data,
            "data_not_writable",
            format!("The data folder cannot be written to: {why}."),
            "Give it to the user the server runs as, or name another by data_dir.",
        ),
    }
}

fn disk(local: &Local) -> Finding {
    let Some(free) = local.free else {
        return Finding::skipped(
            Check::Disk,
            "disk_unknown",
            "How much room is left is not known here.",
        );
    };
    let said = format!("{} MB are left where the data folder is.", free >> 20);
    let todo = "Make room: with none left, nothing that is said or planned is kept.";
    match free {
        0..NO_ROOM => Finding::fail(Check::Disk, "disk_full", said, todo),
        NO_ROOM..LITTLE_ROOM => Finding::warn(Check::Disk, "disk_low", said, todo),
        _ => Finding::pass(Check::Disk, "disk_ok", said),
    }
}

fn database(local: &Local) -> Finding {
    let at = &local.database.at;
    let check = Check::Database;
    match &local.database.state {
        DatabaseState::Well => Finding::pass(
            check,
            "database_ok",
            format!("The database {at} can be read and written to."),
        ),
        DatabaseState::Missing => Finding::pass(
            check,
            "database_missing",
            format!("There is no database {at} yet; the server makes it when it first starts."),
        ),
        DatabaseState::Older { found, known } => Finding::warn(
            check,
            "database_older",
            format!(
                "The tables of {at} are of level {found}, this program knows those up to {known}."
            ),
            "Nothing is wrong: the next start of this program brings them up to date. There is no way back but a backup, so make one before.",
        ),
        DatabaseState::TooNew { found, known } => Finding::fail(
            check,
            "database_too_new",
            format!(
                "The tables of {at} are of level {found}, this program knows those up to {known}: a newer program wrote them."
            ),
            "Run that program or a newer one, or restore a backup made before the update.",
        ),
        DatabaseState::Unreachable(why) => Finding::fail(
            check,
            "database_unreachable",
            format!("The database {at} cannot be opened: {why}."),
            "Look whether it runs and lets this user in. A file that is damaged comes back out of a backup: `confab-server restore`.",
        ),
        DatabaseState::NotWritable(why) => Finding::fail(
            check,
            "database_not_writable",
            format!("The database {at} can be read, but not written to: {why}."),
            "Give it to the user the server runs as, and end other programs that hold it.",
        ),
    }
}

fn port(local: &Local, setup: &Setup) -> Finding {
    let at = &setup.listen;
    match &local.port {
        PortState::Ours(_) => Finding::pass(
            Check::Port,
            "port_ok",
            format!("The server runs and answers at {at}."),
        ),
        PortState::Free => Finding::warn(
            Check::Port,
            "server_down",
            format!("No server runs at {at}, so nothing could be asked through the network."),
            "Start it, for example by `systemctl start confab-server`, and ask again.",
        ),
        PortState::Taken => Finding::fail(
            Check::Port,
            "port_taken",
            format!("Another program has {at}, or a Confab that does not answer."),
            "Stop the other program (`ss -ltnp` shows it), or choose another port by listen.",
        ),
        PortState::Denied(why) => Finding::fail(
            Check::Port,
            "port_denied",
            format!("{at} cannot be opened: {why}."),
            "Ports below 1024 need CAP_NET_BIND_SERVICE; the packaged service has it. The address must be this machine's.",
        ),
    }
}

fn list(addresses: &[IpAddr]) -> String {
    let all: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    all.join(", ")
}

fn dns(known: &mut Known<'_>) -> Finding {
    let (facts, host) = (known.facts, known.setup.host.as_str());
    let resolved = match &facts.resolved {
        Ok(found) if !found.is_empty() => found.as_slice(),
        found => {
            known.dns = true;
            let why = found.as_ref().err().map_or("no address", String::as_str);
            return Finding::fail(
                Check::Dns,
                "dns_no_address",
                format!("The name {host} leads to no address: {why}."),
                format!("Add an A or AAAA record for {host}, or mend public_url."),
            );
        }
    };
    let said = format!("{host} leads to {}", list(resolved));
    if host.parse::<IpAddr>().is_ok() {
        return Finding::pass(
            Check::Dns,
            "dns_not_needed",
            "The public URL names an address, no name has to be looked up.",
        );
    }
    let Some(local) = &facts.local else {
        return Finding::pass(Check::Dns, "dns_ok", format!("{said}."));
    };
    if known.setup.own_machine_only {
        return Finding::pass(Check::Dns, "dns_ok", format!("{said}, this machine."));
    }
    let elsewhere: Vec<IpAddr> = resolved
        .iter()
        .copied()
        .filter(|a| !local.addresses.contains(a) && !known.setup.public_addresses.contains(a))
        .filter(|a| !known.is_ours(*a))
        .collect();
    let somebody = facts
        .reached
        .iter()
        .any(|r| elsewhere.contains(&r.address) && r.web.is_ok());
    if resolved.iter().all(IpAddr::is_loopback) && !somebody {
        return Finding::warn(
            Check::Dns,
            "dns_hidden",
            format!("On this machine {said}, itself, so what others are told could not be seen."),
            format!(
                "Take {host} out of /etc/hosts, or ask from another machine: confab-server doctor --url {}",
                known.setup.public_url
            ),
        );
    }
    if elsewhere.is_empty() {
        return Finding::pass(Check::Dns, "dns_ok", format!("{said}."));
    }
    dns_elsewhere(known, local, (resolved, &elsewhere), somebody)
}

/// Some addresses are neither ours, nor did our server answer there.
fn dns_elsewhere(
    known: &mut Known<'_>,
    local: &Local,
    (resolved, elsewhere): (&[IpAddr], &[IpAddr]),
    somebody: bool,
) -> Finding {
    let host = known.setup.host.as_str();
    let global: Vec<IpAddr> = local.addresses.iter().copied().filter(is_global).collect();
    let expected = match known.setup.public_addresses.as_slice() {
        [] => global.as_slice(),
        some => some,
    };
    let said = format!("{host} leads to {}", list(elsewhere));
    let should = match expected {
        [] => format!("Point {host} to this machine's public address."),
        some => format!(
            "Point {host} to {} (A and AAAA records), and take other records away.",
            list(some)
        ),
    };
    let all = elsewhere.len() == resolved.len();
    if known.down {
        let said = format!(
            "{said}, which is no address of this machine; no server runs that could answer there."
        );
        return Finding::warn(Check::Dns, "dns_unproven", said, should);
    }
    if somebody {
        known.dns = all;
        let said = format!("{said}, where another server answers.");
        return Finding::fail(Check::Dns, "dns_wrong_address", said, should);
    }
    if !expected.is_empty() && all && !known.setup.behind_proxy {
        known.dns = true;
        let said = format!(
            "{said}, which is not this server's address ({}).",
            list(expected)
        );
        return Finding::fail(Check::Dns, "dns_wrong_address", said, should);
    }
    if all {
        // A router's or a proxy's, by all that is known: whether it passes anything on is said by `https`.
        let said = format!("{said}: a router's or a proxy's address, as nothing here has it.");
        return Finding::pass(Check::Dns, "dns_elsewhere", said);
    }
    let said =
        format!("{said} too, where nothing answers; whoever tries that address first has to wait.");
    Finding::warn(Check::Dns, "dns_dead_address", said, should)
}

/// Whether an address means the same everywhere.
pub(crate) fn is_global(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b); // RFC 6598
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || shared)
        }
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000,
    }
}

fn certificate(known: &Known<'_>) -> Finding {
    let setup = known.setup;
    let host = setup.host.as_str();
    if !setup.https {
        let said = "The public URL is plain http: no certificate is used.";
        return Finding::skipped(Check::Certificate, "certificate_not_used", said);
    }
    let Some(cert) = &known.facts.certificate else {
        return Finding::skipped(
            Check::Certificate,
            "certificate_not_seen",
            "No certificate was shown; see https.",
        );
    };
    if known.dns && !cert.from_file {
        let said = format!("What was shown is another machine's, since {host} does not lead here.");
        return Finding::skipped(Check::Certificate, "certificate_elsewhere", said);
    }
    let right_now = known.facts.now - known.ahead.round() as i64;
    let until = plain_date(cert.not_after);
    let renew = "Renew it, and see to it that it is renewed by itself.";
    if cert.not_after < right_now {
        let said = format!(
            "The certificate expired on {until}. Browsers refuse the page, and apps cannot join."
        );
        return Finding::fail(Check::Certificate, "certificate_expired", said, renew);
    }
    if cert.not_before > right_now {
        let said = format!(
            "The certificate is valid only from {}.",
            plain_date(cert.not_before)
        );
        let todo = "Use it from then on, or have it made anew.";
        return Finding::fail(Check::Certificate, "certificate_not_yet_valid", said, todo);
    }
    if !cert.name_fits {
        let said = format!("The certificate is not for {host}.");
        let todo = format!("Get one for {host}, or set public_url to a name in it.");
        return Finding::fail(Check::Certificate, "certificate_wrong_name", said, todo);
    }
    if let Some(finding) = chain(cert, setup) {
        return finding;
    }
    let left = cert.not_after - right_now;
    let early = (14 * DAY).min((cert.not_after - cert.not_before) / 4);
    if left < early {
        let said = format!(
            "The certificate expires on {until}, in {}.",
            span(left as f64)
        );
        return Finding::warn(Check::Certificate, "certificate_expires_soon", said, renew);
    }
    let said =
        format!("The certificate is for {host}, from a known authority, valid until {until}.");
    Finding::pass(Check::Certificate, "certificate_ok", said)
}

fn chain(cert: &Certificate, setup: &Setup) -> Option<Finding> {
    let untrusted = |said: String| {
        let todo = "Use the full chain file (`fullchain.pem`), not the certificate alone. With an authority of your own, add it by --ca FILE.";
        Finding::fail(Check::Certificate, "certificate_untrusted", said, todo)
    };
    match &cert.chain {
        Chain::Trusted => None,
        _ if setup.self_signed => Some(Finding::warn(
            Check::Certificate,
            "certificate_self_signed",
            "The certificate is self-signed: browsers warn everybody.",
            "Good for a try. For others, get one for a name of yours.",
        )),
        Chain::UnknownIssuer => Some(untrusted(
            "No known authority stands behind the certificate, or a certificate between is missing.".into(),
        )),
        Chain::Broken(why) => Some(untrusted(format!("The certificate's chain does not hold: {why}."))),
    }
}

#[cfg(test)]
mod tests;
