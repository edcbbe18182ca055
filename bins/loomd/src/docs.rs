//! The page that shows the API: one file without scripts, made from the same table. It works without
//! a network, and there is nothing in it that could call the service.

use crate::access::Who;
use crate::http::{Route, Wanted};
use crate::openapi::{document, generator, refusals};
use serde_json::Value;
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
code,pre{font-family:ui-monospace,monospace;font-size:.9em}\
pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.4rem}\
details{border-top:1px solid #8884;padding:.35rem 0}\
summary{cursor:pointer}\
summary b{display:inline-block;min-width:4.5rem}\
td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}\
.dim{opacity:.7}";

/// The page.
pub(crate) fn page(table: &[Route]) -> String {
    let document = document(table);
    let mut html = String::new();
    // Writing to a string cannot fail, here and below.
    write!(
        html,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Loom API</title><style>{STYLE}</style><h1>Loom API</h1><p>{}</p>\
         <p>Machines read <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1).</p>\
         <pre>curl -H \"Authorization: Bearer $(cat DATA_DIR/token)\" http://127.0.0.1:9000/tasks</pre>",
        escaped(document["info"]["description"].as_str().unwrap_or_default()),
    )
    .ok();
    let mut tag = "";
    for route in table {
        if route.tag() != tag {
            tag = route.tag();
            write!(html, "<h2>{}</h2>", escaped(tag)).ok();
        }
        row(&mut html, route, &document);
    }
    html.push_str("<h2>Types</h2>");
    let types = document["components"]["schemas"].as_object();
    for (name, schema) in types.into_iter().flatten() {
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        write!(
            html,
            "<details id=\"{0}\"><summary><code>{0}</code></summary><pre>{1}</pre></details>",
            escaped(name),
            escaped(&text)
        )
        .ok();
    }
    html.push_str("</html>\n");
    html
}

fn row(html: &mut String, route: &Route, document: &Value) {
    let method = route.method.as_str();
    let operation = &document["paths"][route.path][method.to_ascii_lowercase()];
    let who = match route.who {
        Who::Anyone => "open",
        Who::Bearer(scope) => scope.name(),
    };
    write!(
        html,
        "<details><summary><b>{method}</b> <code>{}</code> — {} <span class=dim>({who})</span></summary><p>{}</p>",
        escaped(route.path),
        escaped(route.summary),
        escaped(operation["description"].as_str().unwrap_or_default()),
    )
    .ok();
    let parameters = operation["parameters"].as_array();
    if parameters.is_some_and(|list| !list.is_empty()) {
        html.push_str("<table>");
        for one in parameters.into_iter().flatten() {
            let text = |key: &str| escaped(one[key].as_str().unwrap_or_default());
            write!(
                html,
                "<tr><td><code>{}</code></td><td class=dim>{}</td><td>{}</td></tr>",
                text("name"),
                text("in"),
                text("description")
            )
            .ok();
        }
        html.push_str("</table>");
    }
    let mut generator = generator();
    if let Some(schema) = (route.body)(&mut generator) {
        let may = match route.wanted {
            Wanted::Required => "",
            Wanted::Optional | Wanted::No => " (may be left out)",
        };
        write!(html, "<p>Body{may}: {}</p>", link(&schema.to_value())).ok();
    }
    for (media, schema) in (route.forms)(&mut generator) {
        write!(
            html,
            "<p>{}: <code>{}</code> {}</p>",
            route.status,
            escaped(media),
            link(&schema)
        )
        .ok();
    }
    for (status, about) in route.also {
        write!(html, "<p>{status}: {}</p>", escaped(about)).ok();
    }
    let refusals: Vec<String> = refusals(route).iter().map(ToString::to_string).collect();
    write!(
        html,
        "<p class=dim>Refuses with {}.</p></details>",
        refusals.join(", ")
    )
    .ok();
}

/// The name of a type, leading to it.
fn link(schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next());
    name.map_or_else(String::new, |name| {
        format!("<a href=\"#{0}\"><code>{0}</code></a>", escaped(name))
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::table;

    #[test]
    fn every_route_is_on_the_page_and_nothing_is_loaded_from_elsewhere() {
        let page = page(&table());
        for route in table() {
            assert!(page.contains(&escaped(route.path)), "{}", route.path);
        }
        for loads in ["<script", "src=", "@import", "https://cdn", "<link"] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
}
