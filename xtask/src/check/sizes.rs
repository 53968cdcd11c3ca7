//! Small files and functions: reported above 400 lines and 60 lines, refused above 800 and 120 outside tests.

use crate::shell::{Result, read, root, tracked};

const FILE: (usize, usize) = (400, 800);
const FUNCTION: (usize, usize) = (60, 120);

/// Lists what is too big; prints what is getting there.
pub fn check() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in tracked()?.iter().filter(|f| counts(f)) {
        let text = read(root().join(file))?;
        let test = is_test(file);
        let code = if file.ends_with(".rs") {
            without_tests(&text)
        } else {
            &text
        };
        let lines = code.lines().count();
        if lines > FILE.1 && !test {
            wrong.push(format!("{file}: {lines} lines (limit {})", FILE.1));
        } else if lines > FILE.0 && !test {
            println!("  note: {file} has {lines} lines");
        }
        if file.ends_with(".rs") && !test {
            for (name, begin, length) in functions(code) {
                if length > FUNCTION.1 {
                    wrong.push(format!(
                        "{file}:{begin}: function {name} has {length} lines (limit {})",
                        FUNCTION.1
                    ));
                } else if length > FUNCTION.0 {
                    println!("  note: {file}:{begin}: function {name} has {length} lines");
                }
            }
        }
    }
    Ok(wrong)
}

fn counts(file: &str) -> bool {
    let source = [".rs", ".ts", ".svelte"].iter().any(|e| file.ends_with(e));
    source && !file.contains("/generated/")
}

fn is_test(file: &str) -> bool {
    file.starts_with("tests/")
        || file.contains("/tests/")
        || file.contains("/benches/")
        || file.contains(".test.")
        || file.ends_with("tests.rs")
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
}

/// Name, first line and length of each function, by the indentation that rustfmt guarantees.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else {
            continue;
        };
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[i..].iter().position(|l| *l == close) {
            found.push((name.to_owned(), i + 1, length + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let words = [
        "pub(crate) ",
        "pub(super) ",
        "pub ",
        "async ",
        "const ",
        "unsafe ",
        "extern \"C\" ",
    ];
    let mut rest = line;
    while let Some(cut) = words.iter().find_map(|w| rest.strip_prefix(w)) {
        rest = cut;
    }
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_functions_are_counted() {
        let code = "pub fn a(\n) {\n    x\n}\n\nimpl B {\n    const fn b() {\n    }\n}\n";
        assert_eq!(
            functions(code),
            [("a".to_owned(), 1, 4), ("b".to_owned(), 7, 2)]
        );
    }

    #[test]
    fn tests_do_not_count() {
        assert_eq!(
            without_tests("fn a() {}\n#[cfg(test)]\nmod tests {}"),
            "fn a() {}\n"
        );
    }
}
