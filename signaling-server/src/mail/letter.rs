//! A letter as the server means it, and as it goes on the wire (RFC 5322, MIME; calendar parts by RFC 6047).

use super::MailError;
use crate::secrets::fresh_secret;
use confab_calendar::MailPart;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};

/// Longest subject, in characters; what is more is cut off.
const MAX_SUBJECT: usize = 200;

/// One letter to one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// `ada@example.org` or `Ada <ada@example.org>`.
    pub to: String,
    /// Where answers go; absent: to the sender of the configuration.
    pub reply_to: Option<String>,
    /// One line: line breaks become spaces.
    pub subject: String,
    pub text: String,
    /// The same as HTML, with everything foreign in it escaped already.
    pub html: Option<String>,
    /// Calendar parts. Each stands beside the text, where mail programs look for buttons to answer with, and once more as an
    /// attachment for those that know only these.
    pub parts: Vec<MailPart>,
}

/// The letter as it is sent. It carries an id of its own, so that a second copy after a lost answer is known as one.
pub(super) fn compose(from: &Mailbox, letter: Letter) -> Result<Message, MailError> {
    let address = |text: &str| -> Result<Mailbox, MailError> {
        text.parse().map_err(|_| MailError::BadAddress)
    };
    let id = format!("<{}@{}>", fresh_secret(), from.email.domain());
    let mut builder = Message::builder()
        .from(from.clone())
        .to(address(&letter.to)?)
        .subject(one_line(&letter.subject))
        .message_id(Some(id));
    if let Some(reply_to) = &letter.reply_to {
        builder = builder.reply_to(address(reply_to)?);
    }
    let mut message = builder
        .multipart(body(letter)?)
        .map_err(|_| MailError::BadAddress)?;
    // Nobody's vacation answers this (RFC 3834).
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let automatic = HeaderValue::new(automatic, "auto-generated".into());
    message.headers_mut().insert_raw(automatic);
    Ok(message)
}

fn body(letter: Letter) -> Result<MultiPart, MailError> {
    let mut same = MultiPart::alternative().singlepart(SinglePart::plain(letter.text));
    if let Some(html) = letter.html {
        same = same.singlepart(SinglePart::html(html));
    }
    let mut attached = Vec::new();
    for part in letter.parts {
        let kind = ContentType::parse(&part.content_type).map_err(|_| MailError::BadPart)?;
        let file = ContentType::parse("application/ics").map_err(|_| MailError::BadPart)?;
        same = same.singlepart(SinglePart::builder().header(kind).body(coded(&part.body)));
        attached.push(Attachment::new(part.file_name.to_owned()).body(coded(&part.body), file));
    }
    if attached.is_empty() {
        return Ok(same);
    }
    let whole = MultiPart::mixed().multipart(same);
    Ok(attached.into_iter().fold(whole, MultiPart::singlepart))
}

/// Calendar files have to arrive to the byte; relays change line ends and trailing spaces of plain text.
fn coded(text: &str) -> Body {
    let bytes = text.as_bytes().to_vec();
    Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).unwrap_or_else(Body::new)
}

fn one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_SUBJECT).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(letter: Letter) -> Result<String, MailError> {
        let from = "Confab <confab@example.org>".parse().unwrap();
        let message = compose(&from, letter)?;
        Ok(String::from_utf8(message.formatted()).unwrap())
    }

    fn letter(to: &str, subject: &str) -> Letter {
        Letter {
            to: to.into(),
            subject: subject.into(),
            text: "Hello".into(),
            ..Letter::default()
        }
    }

    #[test]
    fn a_subject_cannot_add_headers() {
        let mail = composed(letter("a@b.example", "Hi\r\nBcc: x@y.example")).unwrap();
        assert!(!mail.lines().any(|l| l.starts_with("Bcc:")), "{mail}");
        assert!(mail.contains("Auto-Submitted: auto-generated\r\n"));
        assert!(mail.contains("@example.org>\r\n"), "{mail}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "ada",
            "a@b\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
        ] {
            let refused = composed(letter(bad, "x"));
            assert!(matches!(refused, Err(MailError::BadAddress)), "{bad:?}");
        }
    }
}
