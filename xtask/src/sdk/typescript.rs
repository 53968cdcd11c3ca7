//! The client in TypeScript: a type for each schema, a method for each operation.

use super::document::{Document, Operation, alternatives, kind, reference, sorted};
use serde_json::Value;
use std::fmt::Write;

const HEADER: &str = "// Made by `cargo xtask sdk` from docs/openapi.json. Do not edit.\n\nimport { Connection } from \"../connection\";\n";

pub fn write(document: &Document) -> String {
    let mut text = String::from(HEADER);
    for name in document.named() {
        let schema = document.schema(&name);
        say(&mut text, "", &schema["description"]);
        let _ = writeln!(text, "export type {name} = {};", of(schema));
    }
    text.push_str("\n/** The operations of a server's API that a token can do. */\nexport class Confab extends Connection {\n");
    for operation in document.operations() {
        method(&mut text, &operation);
    }
    text.push_str("}\n");
    text
}

fn say(text: &mut String, indent: &str, description: &Value) {
    if let Some(said) = description.as_str() {
        let _ = write!(text, "\n{indent}/** {said} */\n");
    } else {
        text.push('\n');
    }
}

fn method(text: &mut String, operation: &Operation) {
    say(text, "  ", &Value::String(operation.summary.clone()));
    let mut takes: Vec<String> = Vec::new();
    for parameter in &operation.in_path {
        takes.push(format!("{}: string", parameter.name));
    }
    let mut more = Vec::new();
    if let Some(body) = &operation.body {
        let mark = if body.required { "" } else { "?" };
        takes.push(format!("body{mark}: {}", of(&body.schema)));
        more.push("body".to_owned());
    }
    if !operation.in_query.is_empty() {
        let fields: Vec<String> = operation
            .in_query
            .iter()
            .map(|p| {
                let mark = if p.required { "" } else { "?" };
                format!("{}{mark}: {}", p.name, of(&p.schema))
            })
            .collect();
        let needed = operation.in_query.iter().any(|p| p.required);
        let default = if needed { "" } else { " = {}" };
        takes.push(format!("query: {{ {} }}{default}", fields.join("; ")));
        more.push("query".to_owned());
    }
    if operation.if_match {
        takes.push("ifMatch?: string".to_owned());
        more.push("ifMatch".to_owned());
    }
    let answer = operation.answer.as_ref().map_or("void".to_owned(), of);
    let mut path = operation.path.clone();
    for parameter in &operation.in_path {
        let name = &parameter.name;
        let filled = format!("${{encodeURIComponent({name})}}");
        path = path.replace(&format!("{{{name}}}"), &filled);
    }
    let more = match more.is_empty() {
        true => String::new(),
        false => format!(", {{ {} }}", more.join(", ")),
    };
    let _ = write!(
        text,
        "  {}({}): Promise<{answer}> {{\n    return this.call(\"{}\", `{path}`{more});\n  }}\n",
        operation.id,
        takes.join(", "),
        operation.method
    );
}

fn of(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if !schema["const"].is_null() {
        return schema["const"].to_string();
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(Value::to_string).collect();
        return words.join(" | ");
    }
    if let Some((all, null)) = alternatives(schema) {
        let null = null.then(|| "null".to_owned());
        let all: Vec<String> = all.into_iter().map(of).chain(null).collect();
        return all.join(" | ");
    }
    let (kind, null) = kind(schema);
    let plain = match kind {
        "string" => "string".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "boolean".to_owned(),
        "array" => format!("({})[]", of(&schema["items"])),
        "object" => object(schema),
        _ => "unknown".to_owned(),
    };
    match null {
        true => format!("{plain} | null"),
        false => plain,
    }
}

fn object(schema: &Value) -> String {
    let required = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|n| n == name))
    };
    match (&schema["properties"], &schema["additionalProperties"]) {
        (fields @ Value::Object(_), _) => {
            let fields = sorted(fields).into_iter().map(|(name, field)| {
                let mark = if required(name) { "" } else { "?" };
                format!("{name}{mark}: {}", of(field))
            });
            format!("{{ {} }}", fields.collect::<Vec<_>>().join("; "))
        }
        (_, Value::Object(_)) => {
            format!("Record<string, {}>", of(&schema["additionalProperties"]))
        }
        _ => "Record<string, unknown>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_become_types() {
        for (schema, expected) in [
            (json!({"$ref": "#/components/schemas/A"}), "A"),
            (json!({"type": ["integer", "null"]}), "number | null"),
            (
                json!({"type": "string", "enum": ["a", "b"]}),
                "\"a\" | \"b\"",
            ),
            (
                json!({"type": "array", "items": {"type": "string"}}),
                "(string)[]",
            ),
            (
                json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}, "b": {"type": "string"}}}),
                "{ a: boolean; b?: string }",
            ),
            (
                json!({"oneOf": [{"type": "string", "const": "never"}, {"type": "null"}]}),
                "\"never\" | null",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "integer"}}),
                "Record<string, number>",
            ),
        ] {
            assert_eq!(of(&schema), expected);
        }
    }
}
