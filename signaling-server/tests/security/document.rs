//! The API's document as a table of operations, and bodies as it wants them.

use crate::people::Browser;
use serde_json::{Map, Value, json};

pub struct Document(Value);

pub struct Operation {
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// Asks for no key, token or account.
    pub open: bool,
    /// As small as its schema allows; null: none is taken.
    pub body: Value,
}

impl Document {
    pub async fn of(anyone: &Browser) -> Document {
        Document(anyone.get("/api/v1/openapi.json").await.json())
    }

    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            let methods = methods.filter(|(method, _)| *method != "parameters");
            methods.map(move |(method, said)| self.operation(path, method, said))
        });
        all.collect()
    }

    fn operation(&self, path: &str, method: &str, said: &Value) -> Operation {
        let security = said["security"].as_array();
        let free = |s: &Value| s.as_object().is_some_and(Map::is_empty);
        let content = &said["requestBody"]["content"]["application/json"];
        Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            open: security.is_none_or(|all| all.is_empty() || all.iter().any(free)),
            body: match content.is_object() {
                true => self.sample(&content["schema"]),
                false => Value::Null,
            },
        }
    }

    /// The smallest value a schema takes, or nearly: patterns are met where they are times.
    fn sample(&self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap();
            return self.sample(&self.0["components"]["schemas"][name]);
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        for first in [&schema["enum"][0], &schema["examples"][0]] {
            if !first.is_null() {
                return first.clone();
            }
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            if schema[choice].is_array() {
                return self.sample(&schema[choice][0]);
            }
        }
        let kind = schema["type"].as_str().or(schema["type"][0].as_str());
        match kind {
            Some("object") => {
                let names = schema["required"].as_array().into_iter().flatten();
                let names = names.filter_map(Value::as_str);
                let fields = names.map(|n| (n.to_owned(), self.sample(&schema["properties"][n])));
                Value::Object(fields.collect())
            }
            Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            _ if schema["pattern"].as_str().is_some_and(|p| p.contains('T')) => {
                json!("2030-11-26T09:00:00")
            }
            _ => json!("UTC"),
        }
    }
}

impl Operation {
    pub fn is_safe(&self) -> bool {
        self.method == "GET"
    }

    /// With one id for every parameter.
    pub fn path_with(&self, id: &str) -> String {
        let parts = self.path.split('/');
        let parts = parts.map(|part| match part.starts_with('{') {
            true => id,
            false => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    pub fn names_something(&self) -> bool {
        self.path.contains('{')
    }
}
