//! The document as clients need it: operations that a token can do, and the schemas they name.

use crate::shell::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub struct Document(Value);

/// A value in the path or behind `?`.
pub struct Parameter {
    pub name: String,
    pub schema: Value,
    pub required: bool,
}

pub struct Operation {
    pub id: String,
    pub summary: String,
    /// Upper case.
    pub method: String,
    pub path: String,
    pub in_path: Vec<Parameter>,
    pub in_query: Vec<Parameter>,
    /// Takes `If-Match`.
    pub if_match: bool,
    pub body: Option<Body>,
    /// None: the answer is empty.
    pub answer: Option<Value>,
}

pub struct Body {
    pub schema: Value,
    pub required: bool,
}

impl Document {
    pub fn parse(text: &str) -> Result<Document> {
        let value = serde_json::from_str(text).map_err(|e| format!("docs/openapi.json: {e}"))?;
        Ok(Document(value))
    }

    /// By path and method.
    pub fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, item) in sorted(&self.0["paths"]) {
            for (method, said) in sorted(item) {
                if method != "parameters" {
                    all.extend(operation(path, method, item, said));
                }
            }
        }
        all
    }

    pub fn schema(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }

    /// All schemas that operations name, and those that these name.
    pub fn named(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for operation in self.operations() {
            let body = operation.body.map(|body| body.schema);
            for schema in body.iter().chain(&operation.answer) {
                self.follow(schema, &mut found);
            }
        }
        found
    }

    fn follow(&self, schema: &Value, into: &mut BTreeSet<String>) {
        if let Some(name) = reference(schema)
            && into.insert(name.to_owned())
        {
            self.follow(self.schema(name), into);
        }
        match schema {
            Value::Object(fields) => fields.values().for_each(|v| self.follow(v, into)),
            Value::Array(items) => items.iter().for_each(|v| self.follow(v, into)),
            _ => {}
        }
    }
}

/// The fields of an object by their names: what is made is the same, in whichever order JSON keeps them.
pub fn sorted(object: &Value) -> BTreeMap<&String, &Value> {
    object.as_object().into_iter().flatten().collect()
}

/// The name behind `$ref`.
pub fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The alternatives but null, and whether null is one.
pub fn alternatives(schema: &Value) -> Option<(Vec<&Value>, bool)> {
    let all = schema["oneOf"].as_array()?;
    let (null, rest): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|s| s["type"] == "null");
    Some((rest, !null.is_empty()))
}

/// The type, and whether null will do too.
pub fn kind(schema: &Value) -> (&str, bool) {
    match &schema["type"] {
        Value::String(one) => (one, false),
        Value::Array(all) => {
            let words = || all.iter().filter_map(Value::as_str);
            let kind = words().find(|word| *word != "null").unwrap_or_default();
            (kind, words().any(|word| word == "null"))
        }
        _ => ("", false),
    }
}

/// None: not for a token, or not JSON both ways.
fn operation(path: &str, method: &str, item: &Value, said: &Value) -> Option<Operation> {
    let scope = said["x-scope"].as_str()?;
    // Whether a meeting runs is asked by everybody.
    let open = scope == "open" && said["operationId"] == "meetingInfo";
    if matches!(scope, "open" | "session") && !open {
        return None;
    }
    let json = |content: &Value| content["application/json"]["schema"].clone();
    let body = match &said["requestBody"] {
        Value::Null => None,
        body if json(&body["content"]).is_null() => return None,
        body => Some(Body {
            schema: json(&body["content"]),
            required: body["required"] != Value::Bool(false),
        }),
    };
    let answers = said["responses"].as_object()?;
    let mut answers = answers.iter();
    let (_, answer) = answers.find(|(code, _)| code.starts_with('2'))?;
    let answer = match &answer["content"] {
        Value::Null => None,
        content if json(content).is_null() => return None,
        content => Some(json(content)),
    };
    let parameters = |place: &str| {
        let all = [&item["parameters"], &said["parameters"]];
        let all = all.into_iter().filter_map(Value::as_array).flatten();
        let all = all.filter(|p| p["in"] == place);
        let all = all.map(|p| Parameter {
            name: p["name"].as_str().unwrap_or_default().to_owned(),
            schema: p["schema"].clone(),
            required: p["required"] == true,
        });
        all.collect::<Vec<_>>()
    };
    Some(Operation {
        id: said["operationId"].as_str()?.to_owned(),
        summary: said["summary"].as_str().unwrap_or_default().to_owned(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        in_path: parameters("path"),
        in_query: parameters("query"),
        if_match: parameters("header").iter().any(|p| p.name == "If-Match"),
        body,
        answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        let ok = json!({"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}});
        let file = json!({"200": {"content": {"text/csv": {}}}});
        Document(json!({
            "paths": {"/a/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "get": {"operationId": "getA", "x-scope": "meetings:read", "responses": ok},
                "put": {"operationId": "table", "x-scope": "meetings:read", "responses": file},
                "post": {"operationId": "signIn", "x-scope": "open", "responses": ok},
            }},
            "components": {"schemas": {"A": {"properties": {"b": {"$ref": "#/components/schemas/B"}}}, "B": {}, "C": {}}},
        }))
    }

    #[test]
    fn only_what_a_token_can_do_in_json_is_there() {
        let operations = document().operations();
        let ids: Vec<&str> = operations.iter().map(|o| o.id.as_str()).collect();
        assert_eq!(ids, ["getA"]);
        assert_eq!(operations[0].in_path[0].name, "id");
    }

    #[test]
    fn schemas_are_followed() {
        let named: Vec<String> = document().named().into_iter().collect();
        assert_eq!(named, ["A", "B"]);
    }
}
