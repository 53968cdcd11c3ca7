//! The way from outside: HTTPS, WebSocket, the addresses announced for media, UDP and TCP.

use crate::facts::{Failure, Reached, Udp};
use crate::judge::{Known, is_global};
use crate::said::{Check, Finding};
use core::net::IpAddr;

pub(crate) fn judge(known: &Known<'_>) -> Vec<Finding> {
    let ours: Vec<&Reached> = known
        .facts
        .reached
        .iter()
        .filter(|r| known.is_ours(r.address))
        .collect();
    if known.down {
        let off = "Not asked: no server runs.";
        return [
            (Check::Https, "https_skipped"),
            (Check::Websocket, "websocket_skipped"),
            (Check::Address, "address_skipped"),
            (Check::Udp, "udp_skipped"),
            (Check::Tcp, "tcp_skipped"),
        ]
        .map(|(check, code)| Finding::skipped(check, code, off))
        .into();
    }
    let address = address(known);
    let is_announced = address.level == crate::Level::Pass;
    vec![
        https(known, &ours),
        websocket(&ours),
        address,
        udp(known, &ours, is_announced),
        tcp(known, &ours),
    ]
}

fn https(known: &Known<'_>, ours: &[&Reached]) -> Finding {
    let (facts, url) = (known.facts, known.setup.public_url.as_str());
    if known.dns {
        let said = "Not judged: the name does not lead here.";
        return Finding::skipped(Check::Https, "https_skipped", said);
    }
    let missed: Vec<&Reached> = facts
        .reached
        .iter()
        .filter(|r| !known.is_ours(r.address))
        .collect();
    let Some(first) = missed.first() else {
        return Finding::pass(
            Check::Https,
            "https_ok",
            format!("{url} is answered by this server."),
        );
    };
    if !ours.is_empty() {
        let said = format!(
            "{url} is answered by this server, but not at {}.",
            first.address
        );
        let todo = format!(
            "Take {} out of the name's records, or let it lead here.",
            first.address
        );
        return Finding::warn(Check::Https, "https_partly", said, todo);
    }
    match &first.web {
        Ok(answer) if matches!(answer.status, 502..=504) => Finding::fail(
            Check::Https,
            "proxy_no_upstream",
            format!(
                "A proxy answers {url} with status {}: it does not reach the server.",
                answer.status
            ),
            format!("Let the proxy pass on to {}.", known.setup.listen),
        ),
        Ok(answer) => Finding::fail(
            Check::Https,
            "https_other_server",
            format!(
                "Something other than this server answers {url} (status {}).",
                answer.status
            ),
            "Look at what listens there, or at the proxy's rules.",
        ),
        Err(Failure::Tls(why)) => Finding::fail(
            Check::Https,
            "tls_failed",
            format!("No TLS connection to {url}: {why}."),
            "Look at the server's log, and whether a proxy before it speaks TLS on that port.",
        ),
        Err(failure) => unreachable(known, first.address, failure),
    }
}

fn unreachable(known: &Known<'_>, address: IpAddr, failure: &Failure) -> Finding {
    let port = known.setup.port;
    let how = match failure {
        Failure::Refused => "is refused".to_owned(),
        Failure::Timeout => "is not answered".to_owned(),
        Failure::Unreachable => "finds no way".to_owned(),
        Failure::Closed => "is closed at once".to_owned(),
        Failure::Tls(why) | Failure::Other(why) => format!("fails: {why}"),
    };
    let said = format!("A connection to {address}, TCP port {port}, {how}.");
    let elsewhere = known.facts.local.is_some() && !known.own_addresses().contains(&address);
    let todo = match elsewhere {
        true => format!(
            "Let the router pass TCP port {port} on to this machine. If it does, but not for machines inside, ask from outside: confab-server doctor --url {}",
            known.setup.public_url
        ),
        false => format!(
            "Open TCP port {port} in the firewall and at the provider, and see that the server listens there."
        ),
    };
    Finding::fail(Check::Https, "tcp_closed", said, todo)
}

fn websocket(ours: &[&Reached]) -> Finding {
    let Some(first) = ours.first() else {
        let said = "Not judged: the server was not reached by its public URL.";
        return Finding::skipped(Check::Websocket, "websocket_skipped", said);
    };
    if ours.iter().all(|r| r.websocket == Ok(101)) {
        return Finding::pass(Check::Websocket, "websocket_ok", "WebSockets come through.");
    }
    let broken = ours
        .iter()
        .find(|r| r.websocket != Ok(101))
        .unwrap_or(first);
    let how = match &broken.websocket {
        Ok(status) => format!("is answered with status {status}"),
        Err(Failure::Timeout) => "is not answered".into(),
        Err(_) => "is cut off".into(),
    };
    Finding::fail(
        Check::Websocket,
        "websocket_dropped",
        format!(
            "Pages come through, but a WebSocket's opening {how}: a proxy on the way does not pass it on. Nobody can join."
        ),
        "Let the proxy pass on Upgrade and Connection over HTTP/1.1 for /ws (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\").",
    )
}

/// Whether the addresses announced for media can be the right ones.
fn address(known: &Known<'_>) -> Finding {
    let (facts, setup) = (known.facts, known.setup);
    let check = Check::Address;
    let resolved = facts.resolved.as_deref().unwrap_or_default();
    let Some(local) = &facts.local else {
        let said = "What the server announces was not compared: it is asked from its own machine.";
        return Finding::pass(check, "address_not_compared", said);
    };
    if local.udp != Udp::Answered {
        return Finding::skipped(
            check,
            "address_skipped",
            "Not judged: the media port does not answer, see udp.",
        );
    }
    if known.dns {
        let said = "Not judged: the name does not lead here.";
        return Finding::skipped(check, "address_skipped", said);
    }
    if setup.public_addresses.is_empty() {
        return found_address(known, resolved);
    }
    let answered = |a: &IpAddr| {
        facts
            .media
            .iter()
            .any(|m| m.address == *a && m.udp == Udp::Answered)
    };
    // A proxy on a machine of its own is what the name leads to then.
    let leads_here = resolved.iter().any(|a| {
        facts
            .reached
            .iter()
            .any(|r| r.address == *a && r.udp == Udp::Answered)
    });
    let is_wrong = |a: &&IpAddr| {
        !answered(a)
            && !local.addresses.contains(a)
            && !resolved.contains(a)
            && (leads_here || !setup.behind_proxy)
    };
    match setup.public_addresses.iter().find(is_wrong) {
        Some(wrong) => {
            let names: Vec<String> = resolved.iter().map(IpAddr::to_string).collect();
            Finding::fail(
                check,
                "public_address_wrong",
                format!(
                    "media.public_addresses says {wrong}, where no media is answered; {} leads to {}. People join, and hear and see nobody.",
                    setup.host,
                    names.join(", ")
                ),
                format!(
                    "Set media.public_addresses = [\"{}\"].",
                    names.join("\", \"")
                ),
            )
        }
        None => Finding::pass(check, "address_ok", "The announced addresses fit."),
    }
}

/// Without `media.public_addresses` this machine's own ones are announced.
fn found_address(known: &Known<'_>, resolved: &[IpAddr]) -> Finding {
    let own = known.own_addresses();
    let host_is_near = resolved.iter().all(|a| own.contains(a) || a.is_loopback());
    if known.setup.own_machine_only || host_is_near || own.iter().any(is_global) {
        let said =
            "This machine's own addresses are announced, and people reach it by one of them.";
        return Finding::pass(Check::Address, "address_ok", said);
    }
    let outside: Vec<String> = resolved
        .iter()
        .filter(|a| !own.contains(a))
        .map(IpAddr::to_string)
        .collect();
    Finding::fail(
        Check::Address,
        "public_address_missing",
        format!(
            "This machine is behind a router: it has private addresses only, and announces these, but people come by {}. They join, and hear and see nobody.",
            outside.join(", ")
        ),
        format!(
            "Set media.public_addresses = [\"{}\"] and let the router pass UDP port {} on.",
            outside.join("\", \""),
            known.setup.udp_port
        ),
    )
}

fn udp(known: &Known<'_>, ours: &[&Reached], is_announced: bool) -> Finding {
    let (facts, port) = (known.facts, known.setup.udp_port);
    if let Some(local) = &facts.local
        && local.udp != Udp::Answered
    {
        let how = match &local.udp {
            Udp::NotSent(why) => format!("could not be asked: {why}"),
            _ => "does not answer, though the server runs".into(),
        };
        return Finding::fail(
            Check::Udp,
            "media_port_silent",
            format!("On this machine itself, UDP port {port} {how}."),
            "A firewall on this machine drops it, or the server was started with another configuration (media.udp_port, media.address): restart it.",
        );
    }
    let tried = targets(known);
    if tried.iter().any(|(_, udp)| *udp == Udp::Answered) {
        let seen = match facts.local {
            Some(_) => {
                "answers, seen from this machine; a firewall before it is seen from outside only (--url, or the page /check)"
            }
            None => "answers",
        };
        return Finding::pass(Check::Udp, "udp_ok", format!("UDP port {port} {seen}."));
    }
    if known.dns || !is_announced || ours.is_empty() {
        let said = "Not judged: see the faults above.";
        return Finding::skipped(Check::Udp, "udp_skipped", said);
    }
    let at: Vec<String> = tried.iter().map(|(a, _)| a.to_string()).collect();
    Finding::fail(
        Check::Udp,
        "udp_closed",
        format!(
            "TCP comes through, but UDP port {port} at {} is not answered: something drops it.",
            at.join(", ")
        ),
        format!(
            "Open UDP port {port} in the firewall, at the provider and in the router. Without it sound and picture go over TCP, if at all, and stutter."
        ),
    )
}

/// Where media should be answered.
fn targets(known: &Known<'_>) -> Vec<(IpAddr, Udp)> {
    let facts = known.facts;
    if known.setup.public_addresses.is_empty() || facts.local.is_none() {
        return facts
            .reached
            .iter()
            .map(|r| (r.address, r.udp.clone()))
            .collect();
    }
    facts
        .media
        .iter()
        .map(|m| (m.address, m.udp.clone()))
        .collect()
}

fn tcp(known: &Known<'_>, ours: &[&Reached]) -> Finding {
    let check = Check::Tcp;
    let Some(port) = known.setup.tcp_port else {
        let said =
            "Media over TCP is off: people in networks without UDP get no sound and picture.";
        return Finding::skipped(check, "tcp_off", said);
    };
    let own_port: Vec<bool> = known
        .facts
        .media
        .iter()
        .filter_map(|m| m.tcp.as_ref().map(Result::is_ok))
        .collect();
    match own_port.as_slice() {
        [] if ours.is_empty() => Finding::skipped(check, "tcp_skipped", "Not judged: see https."),
        [] => Finding::pass(
            check,
            "tcp_ok",
            format!("TCP port {port} comes through; media may take it where UDP does not."),
        ),
        some if some.contains(&true) => Finding::pass(
            check,
            "tcp_ok",
            format!("TCP port {port} for media comes through."),
        ),
        _ => Finding::warn(
            check,
            "tcp_media_closed",
            format!("TCP port {port} for media does not come through."),
            format!(
                "Open TCP port {port} for people in networks without UDP, or set media.ice_tcp = \"shared\"."
            ),
        ),
    }
}
