//! The client in Rust: a struct or enum for each schema, a method for each operation. Alternatives that Rust would need tags for
//! (a schedule's kinds) stay JSON values.

use super::document::{Document, Operation, Parameter, alternatives, kind, reference, sorted};
use serde_json::Value;
use std::fmt::Write;

const HEADER: &str = "// Made by `cargo xtask sdk` from docs/openapi.json. Do not edit.\n\
     #![allow(clippy::too_many_arguments, reason = \"the API's own shape\")]\n\n\
     use crate::{Client, Error};\nuse serde::{Deserialize, Serialize};\nuse std::collections::BTreeMap;\n\n";
const WORDS: [&str; 8] = ["type", "ref", "move", "match", "use", "where", "in", "loop"];

pub fn write(document: &Document) -> String {
    let mut text = String::from(HEADER);
    for name in document.named() {
        declare(&mut text, &name, document.schema(&name));
    }
    text.push_str("/// The operations of a server's API that a token can do.\nimpl Client {\n");
    for operation in document.operations() {
        method(&mut text, &operation);
    }
    text.push_str("}\n");
    text
}

fn say(text: &mut String, description: &Value) {
    if let Some(said) = description.as_str() {
        // Rustdoc would take brackets and angles for links and tags.
        let said = said.replace('<', "‹").replace('>', "›");
        let said = said.replace('[', "\\[").replace(']', "\\]");
        let _ = writeln!(text, "/// {said}");
    }
}

/// The type, and before it those it holds.
fn declare(text: &mut String, name: &str, schema: &Value) {
    if let Some(words) = schema["enum"].as_array() {
        return words_of(text, name, schema, words);
    }
    if schema["properties"].is_object() && alternatives(schema).is_none() {
        return structure(text, name, schema);
    }
    let mut inner = String::new();
    let kind = of(&mut inner, name, schema);
    text.push_str(&inner);
    say(text, &schema["description"]);
    let _ = writeln!(text, "pub type {name} = {kind};\n");
}

fn words_of(text: &mut String, name: &str, schema: &Value, words: &[Value]) {
    say(text, &schema["description"]);
    text.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]\n");
    let _ = writeln!(text, "pub enum {name} {{");
    let words = || words.iter().filter_map(Value::as_str);
    for word in words().filter(|word| *word != "other") {
        let _ = writeln!(text, "#[serde(rename = \"{word}\")]\n{},", camel(word));
    }
    let note = match words().any(|word| word == "other") {
        true => "rename = \"other\", other",
        false => "other",
    };
    let _ = writeln!(
        text,
        "/// Also one that this client does not know.\n#[serde({note})]\nOther,\n}}\n"
    );
}

fn structure(text: &mut String, name: &str, schema: &Value) {
    let (mut before, mut fields) = (String::new(), String::new());
    let required = |field: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|n| n == field))
    };
    for (field, kind) in sorted(&schema["properties"]) {
        let inner = of(&mut before, &format!("{name}{}", camel(field)), kind);
        say(&mut fields, &kind["description"]);
        let (own, renamed) = own_name(field);
        let optional = !required(field);
        let mut notes = Vec::new();
        if renamed {
            notes.push(format!("rename = \"{field}\""));
        }
        // Absent and null are two things: what is absent stays, null takes it away.
        let inner = match optional {
            true => format!("Option<{inner}>"),
            false => inner,
        };
        if optional {
            notes.push("default, skip_serializing_if = \"Option::is_none\"".into());
        }
        if !notes.is_empty() {
            let _ = writeln!(fields, "#[serde({})]", notes.join(", "));
        }
        let _ = writeln!(fields, "pub {own}: {inner},");
    }
    text.push_str(&before);
    say(text, &schema["description"]);
    let all_optional = schema["required"].as_array().is_none_or(Vec::is_empty);
    let default = if all_optional { ", Default" } else { "" };
    let _ = writeln!(
        text,
        "#[derive(Clone, Debug, PartialEq{default}, Serialize, Deserialize)]\npub struct {name} {{\n{fields}}}\n"
    );
}

/// How a schema is written where it is used; what has no name of its own is declared as `name`.
fn of(before: &mut String, name: &str, schema: &Value) -> String {
    if let Some(named) = reference(schema) {
        return named.to_owned();
    }
    if let Some((all, null)) = alternatives(schema) {
        let inner = match all[..] {
            [one] => of(before, name, one),
            _ => "serde_json::Value".to_owned(),
        };
        return optional(inner, null);
    }
    if let Some(words) = schema["enum"].as_array() {
        words_of(before, name, &Value::Null, words);
        return name.to_owned();
    }
    let (kind, null) = kind(schema);
    let inner = match kind {
        "string" => "String".to_owned(),
        "integer" if schema["minimum"].as_i64().is_some_and(|m| m >= 0) => "u64".to_owned(),
        "integer" => "i64".to_owned(),
        "number" => "f64".to_owned(),
        "boolean" => "bool".to_owned(),
        "array" => format!("Vec<{}>", of(before, name, &schema["items"])),
        "object" if schema["properties"].is_object() => {
            structure(before, name, schema);
            name.to_owned()
        }
        "object" if schema["additionalProperties"].is_object() => {
            let inner = of(before, name, &schema["additionalProperties"]);
            format!("BTreeMap<String, {inner}>")
        }
        _ => "serde_json::Value".to_owned(),
    };
    optional(inner, null)
}

fn optional(inner: String, null: bool) -> String {
    match null {
        true => format!("Option<{inner}>"),
        false => inner,
    }
}

fn method(text: &mut String, operation: &Operation) {
    say(text, &Value::String(operation.summary.clone()));
    let mut takes = vec!["&self".to_owned()];
    for parameter in &operation.in_path {
        takes.push(format!("{}: &str", own_name(&snake(&parameter.name)).0));
    }
    if let Some(body) = &operation.body {
        let kind = of(&mut String::new(), "", &body.schema);
        takes.push(match body.required {
            true => format!("body: &{kind}"),
            false => format!("body: Option<&{kind}>"),
        });
    }
    for parameter in &operation.in_query {
        takes.push(format!(
            "{}: {}",
            own_name(&snake(&parameter.name)).0,
            in_query(parameter)
        ));
    }
    if operation.if_match {
        takes.push("if_match: Option<&str>".into());
    }
    let kind = |schema: &Value| of(&mut String::new(), "", schema);
    let answer = operation.answer.as_ref().map_or("()".to_owned(), kind);
    let _ = writeln!(
        text,
        "pub fn {}({}) -> Result<{answer}, Error> {{\n{}\n}}\n",
        snake(&operation.id),
        takes.join(", "),
        call(operation)
    );
}

fn call(operation: &Operation) -> String {
    let parts = operation.path.split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| match part.strip_prefix('{') {
        Some(name) => own_name(&snake(name.trim_end_matches('}'))).0,
        None => format!("\"{part}\""),
    });
    let mut code = format!(
        "let call = self.call(\"{}\", &[{}])",
        operation.method,
        parts.collect::<Vec<_>>().join(", ")
    );
    for parameter in &operation.in_query {
        let own = own_name(&snake(&parameter.name)).0;
        let _ = write!(code, ".query(\"{}\", {own})", parameter.name);
    }
    if operation.if_match {
        code.push_str(".if_match(if_match)");
    }
    code.push(';');
    let body = match &operation.body {
        Some(body) if body.required => "Some(body)",
        Some(_) => "body",
        None => "None::<&()>",
    };
    let end = match operation.answer {
        Some(_) => "answered",
        None => "done",
    };
    format!("{code}\ncall.{end}({body})")
}

fn in_query(parameter: &Parameter) -> &'static str {
    match (kind(&parameter.schema).0, parameter.required) {
        ("integer", true) => "u64",
        ("integer", false) => "Option<u64>",
        (_, true) => "&str",
        (_, false) => "Option<&str>",
    }
}

/// The name, and whether it is another one than on the wire.
fn own_name(name: &str) -> (String, bool) {
    match WORDS.contains(&name) {
        true => (format!("{name}_"), true),
        false => (name.to_owned(), false),
    }
}

/// `meeting.started`, `meetings:read`, `own_calendar` as `MeetingStarted`, `MeetingsRead`, `OwnCalendar`.
fn camel(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let parts = parts.map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect()
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_of_the_language() {
        assert_eq!(camel("meeting.started"), "MeetingStarted");
        assert_eq!(snake("listOwnTokens"), "list_own_tokens");
        assert_eq!(own_name("type"), ("type_".into(), true));
    }

    #[test]
    fn schemas_become_types() {
        let mut before = String::new();
        let mut of = |schema: Value| of(&mut before, "AB", &schema);
        assert_eq!(
            of(json!({"type": ["integer", "null"], "minimum": 0})),
            "Option<u64>"
        );
        assert_eq!(
            of(json!({"type": "array", "items": {"$ref": "#/x/A"}})),
            "Vec<A>"
        );
        assert_eq!(
            of(json!({"oneOf": [{"$ref": "#/x/A"}, {"type": "null"}]})),
            "Option<A>"
        );
        assert_eq!(of(json!({"type": "string", "enum": ["a"]})), "AB");
        assert!(before.contains("pub enum AB"), "{before}");
    }
}
