//! Answers of WebDAV servers (RFC 4918, `multistatus`), taken apart into what is asked for here. No document types, so no entities
//! that unfold; elements and their depth are counted.

use roxmltree::{Document, Node, ParsingOptions};

const DAV: &str = "DAV:";
const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
const MOST_NODES: u32 = 50_000;
/// The parser goes down by calling itself.
const DEEPEST: usize = 64;

/// What one resource says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) href: String,
    /// `current-user-principal`
    pub(crate) principal: Option<String>,
    /// `calendar-home-set`
    pub(crate) home: Option<String>,
    pub(crate) name: String,
    pub(crate) is_calendar: bool,
    /// Takes `VEVENT`; servers that do not say what they take, take all.
    pub(crate) takes_events: bool,
    /// May be written; servers that do not say so are tried.
    pub(crate) is_writable: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

pub(crate) fn multistatus(text: &str) -> Result<Vec<Resource>, Unreadable> {
    if depth(text) > DEEPEST {
        return Err(Unreadable);
    }
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|_| Unreadable)?;
    let root = document.root_element();
    match root.has_tag_name((DAV, "multistatus")) {
        true => Ok(children(root, (DAV, "response")).map(resource).collect()),
        false => Err(Unreadable),
    }
}

/// An upper bound of how deep elements lie: comments and text count as well.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    for piece in text.split('<').skip(1) {
        match piece.as_bytes().first() {
            Some(b'/') => now = now.saturating_sub(1),
            Some(b'?' | b'!') => {}
            _ => {
                let tag = piece.split('>').next().unwrap_or_default();
                now += usize::from(!tag.ends_with('/'));
            }
        }
        deepest = deepest.max(now);
    }
    deepest
}

fn children<'a, 'i>(
    node: Node<'a, 'i>,
    name: (&'static str, &'static str),
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |n| n.has_tag_name(name))
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: (&'static str, &'static str)) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

fn href(node: Option<Node<'_, '_>>) -> Option<String> {
    let text = child(node?, (DAV, "href"))?.text()?.trim();
    Some(text.to_owned()).filter(|t| !t.is_empty())
}

fn resource(response: Node<'_, '_>) -> Resource {
    let mut found = Resource {
        href: href(Some(response)).unwrap_or_default(),
        takes_events: true,
        is_writable: true,
        ..Resource::default()
    };
    for propstat in children(response, (DAV, "propstat")) {
        let status = child(propstat, (DAV, "status")).and_then(|s| s.text());
        if let Some(prop) = child(propstat, (DAV, "prop"))
            && status.is_none_or(|s| s.contains(" 200"))
        {
            read(prop, &mut found);
        }
    }
    found
}

fn read(prop: Node<'_, '_>, into: &mut Resource) {
    into.principal = href(child(prop, (DAV, "current-user-principal"))).or(into.principal.take());
    into.home = href(child(prop, (CALDAV, "calendar-home-set"))).or(into.home.take());
    if let Some(name) = child(prop, (DAV, "displayname")).and_then(|n| n.text()) {
        name.trim().clone_into(&mut into.name);
    }
    if let Some(kind) = child(prop, (DAV, "resourcetype")) {
        into.is_calendar = child(kind, (CALDAV, "calendar")).is_some();
    }
    if let Some(kinds) = child(prop, (CALDAV, "supported-calendar-component-set")) {
        let mut kinds = children(kinds, (CALDAV, "comp")).filter_map(|c| c.attribute("name"));
        into.takes_events = kinds.any(|k| k.eq_ignore_ascii_case("VEVENT"));
    }
    if let Some(rights) = child(prop, (DAV, "current-user-privilege-set")) {
        let mut rights = children(rights, (DAV, "privilege")).flat_map(|p| p.children());
        into.is_writable = rights.any(|right| {
            let name = right.tag_name();
            name.namespace() == Some(DAV) && matches!(name.name(), "all" | "write" | "bind")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(prop: &str) -> String {
        format!(
            "<?xml version='1.0'?><d:multistatus xmlns:d='DAV:' xmlns:c='{CALDAV}'><d:response><d:href>/a/</d:href>\
             <d:propstat><d:prop>{prop}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
             <d:propstat><d:prop><d:displayname>not there</d:displayname></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>\
             </d:response></d:multistatus>"
        )
    }

    #[test]
    fn a_calendar_says_what_it_is() {
        let text = answer(
            "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname> Work </d:displayname>\
             <d:current-user-principal><d:href>/p/</d:href></d:current-user-principal>\
             <c:supported-calendar-component-set><c:comp name='VTODO'/></c:supported-calendar-component-set>\
             <d:current-user-privilege-set><d:privilege><d:read/></d:privilege></d:current-user-privilege-set>",
        );
        let found = multistatus(&text).expect("an answer");
        let expected = Resource {
            href: "/a/".into(),
            principal: Some("/p/".into()),
            home: None,
            name: "Work".into(),
            is_calendar: true,
            takes_events: false,
            is_writable: false,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn answers_that_unfold_are_refused() {
        let entities = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>";
        let deep = "<a>".repeat(200_000);
        let wide = answer(&"<d:x/>".repeat(100_000));
        for text in [
            String::new(),
            "<html></html>".into(),
            format!("{entities}<d:multistatus xmlns:d='DAV:'>&b;</d:multistatus>"),
            format!("<d:multistatus xmlns:d='DAV:'>{deep}"),
            wide,
        ] {
            assert_eq!(multistatus(&text), Err(Unreadable), "{:.80}", text);
        }
    }
}
