//! The description of the API in OpenAPI 3.1, made from the table of routes and the types of their
//! handlers. It cannot say anything else than what the service does.

use crate::access::Who;
use crate::fault::PROBLEM;
use crate::http::{Route, Wanted};
use axum::http::{Method, StatusCode};
use loom_client::wire::Problem;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The document.
pub(crate) fn document(table: &[Route]) -> Value {
    let mut generator = generator();
    let problem = generator.subschema_for::<Problem>().to_value();
    let mut paths: Map<String, Value> = Map::new();
    for route in table {
        let operation = operation(route, &mut generator);
        let at = paths
            .entry(route.path.to_owned())
            .or_insert_with(|| json!({}));
        at[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    link_tasks(&mut paths, table);
    let mut tags: Vec<&str> = table.iter().map(Route::tag).collect();
    tags.dedup();
    tags.sort_unstable();
    tags.dedup();
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|tag| json!({ "name": tag, "description": about_tag(tag) }))
        .collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Loom",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Loom works on a goal in a directory with models on your own machine, and brings back a result that was checked. Times are RFC 3339 in UTC. Every error is a problem with `error` (a word for programs), `detail` (a sentence) and, where it is about a task, `task_id`. Every answer names its request in `x-request-id`.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "http://127.0.0.1:9000", "description": "The usual place; `loom.toml` says another (`[server]`)." }],
        "security": [{ "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token in the file `token` of Loom's data directory. `loom token --for agent` prints one that cannot answer questions, `--for reader` one that only looks.",
                },
            },
            "responses": { "Problem": {
                "description": "Not done; the body says why.",
                "content": { PROBLEM: { "schema": problem } },
            } },
            "schemas": generator.take_definitions(true),
        },
    });
    complete(&mut document);
    document
}

/// Says the largest number of each width: a schema without it promises that any is taken. And, for readers
/// who know no `prefixItems`, that a row has items.
fn complete(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(complete),
        Value::Object(members) => {
            let largest = match members.get("format").and_then(Value::as_str) {
                Some("uint8") => Some(u64::from(u8::MAX)),
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64" | "uint") => Some(u64::MAX),
                _ => None,
            };
            if let Some(largest) = largest {
                members.entry("maximum").or_insert_with(|| largest.into());
            }
            if members.contains_key("prefixItems") {
                members.entry("items").or_insert_with(|| json!({}));
            }
            members.values_mut().for_each(complete);
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Says of the answer that begins a task where its id leads.
fn link_tasks(paths: &mut Map<String, Value>, table: &[Route]) {
    let of_a_task = table
        .iter()
        .filter(|route| route.parts().any(|part| part == "id"));
    let links: Map<String, Value> = of_a_task
        .map(|route| {
            let link = json!({
                "operationId": name(route),
                "parameters": { "id": "$response.body#/task_id" },
            });
            (name(route), link)
        })
        .collect();
    if let Some(created) = paths
        .get_mut("/tasks")
        .and_then(|at| at.pointer_mut("/post/responses/201"))
    {
        created["links"] = Value::Object(links);
    }
}

/// Schemas are those of what is written, since what is read is a part of it; they stand where
/// OpenAPI looks for them.
pub(crate) fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.into_generator()
}

fn about_tag(tag: &str) -> &'static str {
    match tag {
        "tasks" => "A goal given to Loom, from its beginning to its checked result.",
        "events" => "Everything that happens in all tasks.",
        "memory" => "What was worth keeping.",
        _ => "The service itself.",
    }
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let scope = match route.who {
        Who::Anyone => "none",
        Who::Bearer(scope) => scope.name(),
    };
    let mut operation = json!({
        "operationId": name(route),
        "x-loom-scope": scope,
        "summary": route.summary,
        "description": description(route),
        "tags": [route.tag()],
        "parameters": parameters(route, generator),
        "responses": responses(route, generator),
    });
    if let Some(schema) = (route.body)(generator) {
        operation["requestBody"] = json!({
            "required": route.wanted == Wanted::Required,
            "content": { route.media: { "schema": schema } },
        });
    }
    if route.who == Who::Anyone {
        operation["security"] = json!([]);
    }
    operation
}

/// A name for generated code: `postTasksIdApprove`.
fn name(route: &Route) -> String {
    let mut name = route.method.as_str().to_ascii_lowercase();
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        name.push_str(&word[..1].to_ascii_uppercase());
        name.push_str(&word[1..]);
    }
    name
}

fn description(route: &Route) -> String {
    let who = match route.who {
        Who::Anyone => "Needs no token.".to_owned(),
        Who::Bearer(scope) => format!("Takes a token of scope `{}` or wider.", scope.name()),
    };
    match route.about {
        "" => who,
        about => format!("{about} {who}"),
    }
}

fn parameters(route: &Route, generator: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters: Vec<Value> = route.parts().map(in_path).collect();
    if let Some(schema) = (route.query)(generator) {
        let schema = schema.to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, of) in schema["properties"].as_object().into_iter().flatten() {
            let mut of = of.clone();
            let about = of.get("description").cloned().unwrap_or_default();
            if let Some(of) = of.as_object_mut() {
                of.remove("description");
                of.remove("default");
            }
            parameters.push(json!({
                "name": name,
                "in": "query",
                "required": required.contains(&json!(name)),
                "description": about,
                "schema": without_null(of),
            }));
        }
    }
    for (name, about) in route.headers {
        let schema = match *name {
            "Last-Event-ID" => json!({ "type": "string", "pattern": "^[0-9]{0,19}$" }),
            _ => {
                json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" })
            }
        };
        parameters.push(json!({
            "name": name,
            "in": "header",
            "required": false,
            "description": about,
            "schema": schema,
        }));
    }
    parameters
}

fn in_path(name: &'static str) -> Value {
    let (about, schema) = match name {
        "id" => (
            "The task: its id, or at least four of its last digits.",
            json!({ "type": "string", "minLength": 4 }),
        ),
        "sid" => (
            "The subtask.",
            json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64 }),
        ),
        "seq" => (
            "The event of the change, as the list of changes names it.",
            json!({ "type": "integer", "minimum": 1 }),
        ),
        _ => (
            "A path relative to the workspace, percent-encoded.",
            json!({ "type": "string", "minLength": 1 }),
        ),
    };
    json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
}

/// A parameter that is not given is left out; it is never `null`.
fn without_null(mut schema: Value) -> Value {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(any) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        any.retain(|one| one["type"] != "null");
        if let [only] = any.as_slice() {
            return only.clone();
        }
    }
    schema
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let forms = (route.forms)(generator);
    let content: Map<String, Value> = forms
        .into_iter()
        .map(|(media, schema)| (media.to_owned(), json!({ "schema": schema })))
        .collect();
    let done = match route.status {
        201 => "It was made.",
        _ => "Done.",
    };
    let mut responses = json!({ route.status.to_string(): {
        "description": done,
        "content": content,
    } });
    for (name, about) in route.says {
        responses[route.status.to_string()]["headers"][name] =
            json!({ "description": about, "schema": { "type": "string" } });
    }
    for (status, about) in route.also {
        responses[status.to_string()] = match status {
            204 => json!({ "description": about }),
            _ => json!({ "description": about, "content": content }),
        };
    }
    for status in refusals(route) {
        let key = status.to_string();
        if responses.get(&key).is_none() {
            responses[key] = json!({ "$ref": "#/components/responses/Problem" });
        }
    }
    responses
}

/// The statuses with which a route may refuse.
pub(crate) fn refusals(route: &Route) -> Vec<u16> {
    let mut statuses = vec![
        StatusCode::BAD_REQUEST,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let has_task = route.parts().next().is_some();
    if route.who != Who::Anyone {
        statuses.push(StatusCode::UNAUTHORIZED);
        statuses.push(StatusCode::TOO_MANY_REQUESTS);
    }
    if has_task {
        statuses.push(StatusCode::NOT_FOUND);
        statuses.push(StatusCode::CONFLICT);
    }
    if route.method != Method::GET {
        statuses.push(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        statuses.push(StatusCode::UNPROCESSABLE_ENTITY);
        statuses.push(StatusCode::PAYLOAD_TOO_LARGE);
        statuses.push(StatusCode::CONFLICT);
    }
    let mut statuses: Vec<u16> = statuses.into_iter().map(|status| status.as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::table;
    use std::collections::BTreeSet;

    fn refs(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    into.insert(to.clone());
                }
                map.values().for_each(|value| refs(value, into));
            }
            Value::Array(list) => list.iter().for_each(|value| refs(value, into)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_route_is_described() {
        let table = table();
        let document = document(&table);
        let mut used = BTreeSet::new();
        refs(&document, &mut used);
        for to in used {
            let at = to.strip_prefix('#').unwrap();
            assert!(document.pointer(at).is_some(), "{to}");
        }
        for route in &table {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.path][&method];
            assert!(
                operation["responses"].is_object(),
                "{method} {}",
                route.path
            );
            for (_, response) in operation["responses"].as_object().unwrap() {
                assert!(response.get("$ref").is_some() || response["description"].is_string());
            }
        }
    }

    #[test]
    fn the_names_of_operations_are_unique() {
        let table = table();
        let names: BTreeSet<String> = table.iter().map(name).collect();
        assert_eq!(names.len(), table.len());
    }
}
