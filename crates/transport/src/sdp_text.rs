//! Small cuts in SDP text that str0m's API has no word for. All work on whole lines of one m-section.

use crate::{Codec, Protocol};
use std::net::SocketAddr;

/// The `a=mid` of every m-section, in order.
pub(crate) fn mids(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=mid:"))
}

/// Where the other side can be reached, each once: its UDP candidates and its passive TCP ones.
pub(crate) fn candidates(sdp: &str) -> Vec<(Protocol, SocketAddr)> {
    let mut found = Vec::new();
    for line in sdp.lines() {
        let Some(text) = line.strip_prefix("a=candidate:") else {
            continue;
        };
        if let Some(candidate) = candidate(text)
            && !found.contains(&candidate)
        {
            found.push(candidate);
        }
    }
    found
}

/// `foundation component protocol priority address port typ kind ...` (RFC 8839 §5.1).
fn candidate(text: &str) -> Option<(Protocol, SocketAddr)> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let address = SocketAddr::new(fields.get(4)?.parse().ok()?, fields.get(5)?.parse().ok()?);
    if fields[2].eq_ignore_ascii_case("udp") {
        return Some((Protocol::Udp, address));
    }
    let passive = fields.windows(2).any(|w| w == ["tcptype", "passive"]);
    (fields[2].eq_ignore_ascii_case("tcp") && passive).then_some((Protocol::Tcp, address))
}

/// Removes SSRCs and groups of them from the section `mid`.
pub(crate) fn without_ssrcs(sdp: &str, mid: &str) -> String {
    edit_section(sdp, mid, |line| {
        let drop = line.starts_with("a=ssrc:") || line.starts_with("a=ssrc-group:");
        (!drop).then(|| line.to_owned())
    })
}

/// Leaves only the payload types of `codecs`, and their retransmissions, in the section `mid`.
pub(crate) fn with_codecs(sdp: &str, mid: &str, codecs: &[Codec]) -> String {
    let Some(section) = section(sdp, mid) else {
        return sdp.to_owned();
    };
    let mut keep: Vec<&str> = Vec::new();
    for line in section.lines() {
        let Some((pt, name)) = attribute(line, "a=rtpmap:") else {
            continue;
        };
        if codecs
            .iter()
            .any(|c| name.to_ascii_uppercase().starts_with(rtpmap_name(*c)))
        {
            keep.push(pt);
        }
    }
    for line in section.lines() {
        let Some((pt, parameters)) = attribute(line, "a=fmtp:") else {
            continue;
        };
        if parameters
            .strip_prefix("apt=")
            .is_some_and(|apt| keep.contains(&apt))
        {
            keep.push(pt);
        }
    }
    if keep.is_empty() {
        return sdp.to_owned();
    }
    edit_section(sdp, mid, |line| {
        if line.starts_with("m=") {
            let kept = line.split(' ').enumerate();
            let kept = kept.filter(|(i, field)| *i < 3 || keep.contains(field));
            return Some(kept.map(|(_, field)| field).collect::<Vec<_>>().join(" "));
        }
        let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"];
        let pt = about
            .iter()
            .find_map(|a| attribute(line, a))
            .map(|(pt, _)| pt);
        pt.is_none_or(|pt| keep.contains(&pt))
            .then(|| line.to_owned())
    })
}

/// Puts RED behind the plain codecs of every section: str0m names it first, and a browser sends the first.
pub(crate) fn red_last(sdp: &str) -> String {
    let mut out = String::with_capacity(sdp.len());
    for part in sections(sdp) {
        let (line, rest) = part.split_at(part.find("\r\n").unwrap_or(part.len()));
        let fields = line.split(' ').enumerate();
        let (red, others): (Vec<_>, Vec<_>) =
            fields.partition(|(i, field)| *i >= 3 && is_red(part, field));
        let fields = others.iter().chain(&red).map(|(_, field)| *field);
        out.push_str(&fields.collect::<Vec<_>>().join(" "));
        out.push_str(rest);
    }
    out
}

fn is_red(section: &str, pt: &str) -> bool {
    let mut names = section.lines().filter_map(|l| attribute(l, "a=rtpmap:"));
    names.any(|(p, name)| p == pt && name.to_ascii_lowercase().starts_with("red/"))
}

fn rtpmap_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "OPUS/",
        Codec::H264 => "H264/",
        Codec::Vp8 => "VP8/",
        Codec::Vp9 => "VP9/",
        Codec::Av1 => "AV1/",
    }
}

/// Payload type and the rest of a line such as `a=rtpmap:96 VP8/90000`.
fn attribute<'a>(line: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(name)?.split_once(' ')
}

/// Start of each section: the session part first, then every m-line.
fn sections(sdp: &str) -> Vec<&str> {
    let mut starts = vec![0];
    starts.extend(sdp.match_indices("\nm=").map(|(i, _)| i + 1));
    starts.push(sdp.len());
    starts.windows(2).map(|w| &sdp[w[0]..w[1]]).collect()
}

fn section<'a>(sdp: &'a str, mid: &str) -> Option<&'a str> {
    sections(sdp)
        .into_iter()
        .find(|s| mids(s).any(|m| m == mid))
}

fn edit_section(sdp: &str, mid: &str, edit: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(sdp.len());
    for part in sections(sdp) {
        if !mids(part).any(|m| m == mid) {
            out.push_str(part);
            continue;
        }
        for line in part.lines().filter_map(&edit) {
            out.push_str(&line);
            out.push_str("\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\ns=-\r\nm=audio 9 X 111\r\na=mid:a\r\na=ssrc:1 cname:x\r\n\
        m=video 9 X 108 109 96 97\r\na=mid:v\r\na=rtpmap:108 H264/90000\r\na=fmtp:108 packetization-mode=1\r\n\
        a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc:2 cname:x\r\na=ssrc-group:FID 2 3\r\n";

    #[test]
    fn other_sections_stay_as_they_are() {
        assert_eq!(mids(SDP).collect::<Vec<_>>(), ["a", "v"]);
        let text = without_ssrcs(SDP, "v");
        assert!(text.contains("a=ssrc:1") && !text.contains("a=ssrc:2") && !text.contains("FID"));
        assert_eq!(without_ssrcs(SDP, "nowhere"), SDP);
    }

    #[test]
    fn candidates_are_read_and_active_tcp_is_passed_over() {
        let sdp = "a=candidate:1 1 udp 2130706431 127.0.0.1 7000 typ host ufrag abc\r\n\
            a=candidate:1 1 udp 2130706431 127.0.0.1 7000 typ host\r\n\
            a=candidate:2 1 TCP 1518280447 ::1 443 typ host tcptype passive\r\n\
            a=candidate:3 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active\r\na=candidate:4 1 udp\r\n";
        let expected = [
            (Protocol::Udp, "127.0.0.1:7000".parse().unwrap()),
            (Protocol::Tcp, "[::1]:443".parse().unwrap()),
        ];
        assert_eq!(candidates(sdp), expected);
    }

    #[test]
    fn a_codec_is_kept_with_its_retransmissions() {
        let text = with_codecs(SDP, "v", &[Codec::Vp8]);
        assert!(text.contains("m=video 9 X 96 97\r\n"), "{text}");
        assert!(!text.contains("108") && text.contains("a=fmtp:97 apt=96"));
        assert!(text.contains("m=audio 9 X 111\r\n"));
    }

    #[test]
    fn red_comes_after_what_it_copies() {
        let with = |order: &str| {
            format!(
                "v=0\r\ns=a b c d\r\nm=audio 9 X {order}\r\na=mid:a\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\n\
                 m=video 9 X 108 63\r\na=mid:v\r\na=rtpmap:63 VP8/90000\r\n"
            )
        };
        assert_eq!(red_last(&with("63 111")), with("111 63"));
        assert_eq!(red_last(SDP), SDP);
    }

    #[test]
    fn a_line_is_never_left_without_codecs() {
        assert_eq!(with_codecs(SDP, "v", &[]), SDP);
    }
}
