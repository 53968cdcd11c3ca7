//! Takes secrets out of texts that leave this machine: keys, tokens, meeting codes, and whose home folder it is.

/// Words before a value that nobody else may see, as `word=value`, `word: value` or `"word": "value"`.
const SECRET_WORDS: [&str; 9] = [
    "host",
    "host_key",
    "hostkey",
    "token",
    "resume",
    "secret",
    "password",
    "key",
    "authorization",
];

/// A run of letters and digits this long that holds both is a code or a key, not a word.
const LONGEST_WORD: usize = 20;

/// The text with secrets as `***`; `home` is the user's folder and becomes `~`.
pub fn mask(text: &str, home: Option<&str>) -> String {
    let text = match home.filter(|h| h.len() > 1) {
        Some(home) => text.replace(home, "~"),
        None => text.to_owned(),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if looks_random(word) {
            out.push_str("***");
        } else {
            out.push_str(word);
        }
        rest = after;
        if SECRET_WORDS.contains(&word.to_ascii_lowercase().as_str()) {
            let skipped = separator(rest);
            out.push_str(&rest[..skipped]);
            rest = &rest[skipped..];
            if skipped > 0 {
                let value = value(rest);
                if value > 0 {
                    out.push_str("***");
                }
                rest = &rest[value..];
            }
        }
        let next = rest.find(is_word).unwrap_or(rest.len());
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn looks_random(word: &str) -> bool {
    // Names in code are words joined by underscores.
    word.split('_').any(|part| {
        part.len() >= LONGEST_WORD
            && part.bytes().filter(u8::is_ascii_digit).count() >= 2
            && part.bytes().any(|b| b.is_ascii_alphabetic())
    })
}

/// Length of `=`, `: `, `": "` and the like; 0 where none follows.
fn separator(text: &str) -> usize {
    let end = text
        .find(|c: char| !matches!(c, '=' | ':' | '"' | '\'' | ' '))
        .unwrap_or(text.len());
    if text[..end].contains(['=', ':']) {
        end
    } else {
        0
    }
}

fn value(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "\"',;&}])>".contains(c))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_tokens_codes_and_the_home_folder_go() {
        let masked = |text| mask(text, Some("/home/ada"));
        assert_eq!(
            masked("https://a.b/m/0123456789abcdefghjkmnpqrs#host=abc"),
            "https://a.b/m/***#host=***"
        );
        assert_eq!(
            masked("ws://127.0.0.1:4000/bus?token=x1&v=1"),
            "ws://127.0.0.1:4000/bus?token=***&v=1"
        );
        assert_eq!(
            masked(r#"{"host_key": "x y", "name": 1}"#),
            r#"{"host_key": "*** y", "name": 1}"#
        );
        assert_eq!(masked("Authorization: Bearer"), "Authorization: ***");
        assert_eq!(
            masked("open /home/ada/.config/x: denied"),
            "open ~/.config/x: denied"
        );
    }

    #[test]
    fn what_support_needs_stays() {
        let line = "2026-03-01T10:00:00.123456Z  INFO confab_client::desk: joined generation=2 media=udp h264_encoder_frame_rate";
        assert_eq!(mask(line, None), line);
        assert_eq!(mask("meeting:0123…", None), "meeting:0123…");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Wherever a meeting's code or a key stands, it does not come out.
        #[test]
        fn no_code_survives(before in "\\PC{0,20}", after in "[^0-9A-Za-z_]\\PC{0,20}", id in "[0-9a-hjkmnp-tv-z]{26}", random in any::<u128>()) {
            prop_assume!(id.bytes().filter(u8::is_ascii_digit).count() >= 2 && id.bytes().any(|b| b.is_ascii_alphabetic()));
            let secret = confab_base::MeetingId::from_random(random).as_str().to_owned();
            let text = format!("{before} {id}{after} host={secret}");
            let masked = mask(&text, None);
            prop_assert!(!masked.contains(&id) && !masked.contains(&secret), "{}", masked);
        }
    }
}
