//! Placeholders: SQLite has `?` (the next one), `?3` and `$3`; PostgreSQL has `$3` alone.

/// The same statement with `$n` for every placeholder. What stands between quotes stays as it is.
pub(super) fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut highest = 0;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) => {
                if letter == open {
                    quote = None;
                }
                out.push(letter);
            }
            (None, '\'' | '"') => {
                quote = Some(letter);
                out.push(letter);
            }
            (None, '?' | '$') => {
                let mut digits = String::new();
                while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                let number = digits.parse().unwrap_or(highest + 1);
                highest = highest.max(number);
                out.push('$');
                out.push_str(&number.to_string());
            }
            (None, _) => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_as_sqlite_numbers_them() {
        assert_eq!(numbered("a = ? AND b = ?"), "a = $1 AND b = $2");
        assert_eq!(numbered("?2, ?, ?1, ?"), "$2, $3, $1, $4");
        assert_eq!(numbered("$1 IS NULL OR x = $1"), "$1 IS NULL OR x = $1");
        assert_eq!(
            numbered("f('$.a', '?', \"?\") = ? -- 'it''s ?'"),
            "f('$.a', '?', \"?\") = $1 -- 'it''s ?'"
        );
    }
}
