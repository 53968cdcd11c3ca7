//! The address of a calendar, as people write it. Where it may lead is `confab_egress`'s to say.

use crate::Trouble;
use confab_egress::Reach;
use url::Url;

/// With or without `https://`, or a mail address, whose domain then says more (RFC 6764). No query.
pub fn parse(reach: Reach, text: &str) -> Result<Url, Trouble> {
    let text = text.trim();
    let whole = match text.split_once('@') {
        Some((_, domain)) if !text.contains("://") && !domain.contains('/') => {
            format!("https://{domain}/")
        }
        _ if text.contains("://") => text.to_owned(),
        _ => format!("https://{text}"),
    };
    let url = reach.parse(&whole)?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err(Trouble::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_addresses_in_many_ways() {
        for (text, url) in [
            ("cal.example.org", "https://cal.example.org/"),
            (
                " https://cal.example.org/dav/ada/ ",
                "https://cal.example.org/dav/ada/",
            ),
            ("ada@example.org", "https://example.org/"),
            (
                "cal.example.org:8443/dav",
                "https://cal.example.org:8443/dav",
            ),
        ] {
            let found = parse(Reach::Public, text).map(String::from);
            assert_eq!(found.as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn addresses_that_lead_inside_are_refused() {
        for text in [
            "",
            "http://cal.example.org/",
            "https://cal.example.org/?a=b",
            "127.0.0.1",
            "https://[::1]/",
            "ada@127.0.0.1",
        ] {
            assert_eq!(parse(Reach::Public, text), Err(Trouble::Address), "{text}");
        }
    }

    #[test]
    fn a_name_that_leads_inside_is_refused_when_it_is_looked_up() {
        let agent = |reach| crate::Dav::new(reach, None);
        let login = crate::Login::new("ada", "secret");
        // Nobody listens at port 1; the question is how far the request gets.
        let url = Url::parse("https://localhost:1/").expect("URL");
        let tried = |reach| agent(reach).send(&login, "PROPFIND", &url, &[], "");
        assert_eq!(tried(Reach::Public).err(), Some(Trouble::Address));
        assert_eq!(tried(Reach::Private).err(), Some(Trouble::Unreachable));
    }
}
