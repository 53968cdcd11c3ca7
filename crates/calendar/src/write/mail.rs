//! The calendar part of a mail (iMIP, RFC 6047), as data: who sends mail puts it in.

use super::Ics;

/// One MIME part. Beside it belongs a `text/plain` part, together as `multipart/alternative`; mail programs show buttons to answer
/// with only for a part of that place and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPart {
    /// The value of `Content-Type`.
    pub content_type: String,
    /// For programs that take attachments only.
    pub file_name: &'static str,
    /// UTF-8 with CRLF, lines of at most 75 octets: goes as `8bit` or `base64`.
    pub body: String,
}

impl Ics {
    /// The value of `Content-Type`, for mail and for HTTP. Its method is the file's own, as RFC 6047, 2.4 demands.
    pub fn content_type(&self) -> String {
        match self.method {
            Some(method) => format!(
                "text/calendar; charset=utf-8; method={}; component=VEVENT",
                method.as_str()
            ),
            None => "text/calendar; charset=utf-8; component=VEVENT".into(),
        }
    }

    pub fn into_mail_part(self) -> MailPart {
        MailPart {
            content_type: self.content_type(),
            file_name: "invite.ics",
            body: self.text,
        }
    }
}
