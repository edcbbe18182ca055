//! What a server lists, and what of it is offered: under which names, in which words, how much.

use super::{name, schema, words};
use loom_events::ToolSpec;
use rmcp::model::Tool as Listed;
use std::collections::{BTreeMap, BTreeSet};

/// Tools of one server that are offered. A model that is to choose among more chooses badly.
const MAX_TOOLS: usize = 100;

/// Bytes of all definitions of one server that are offered: some 16,000 tokens.
const MAX_BYTES: usize = 64 << 10;

/// Characters of a description.
const MAX_WORDS: usize = 800;

/// Notes that are kept; the first ones say what is wrong.
const MAX_NOTES: usize = 8;

/// Characters of the server's own names in notes.
const MAX_SHOWN: usize = 60;

/// A tool of a server, as it was listed and as it is offered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offered {
    /// The server's own name of it.
    pub(super) tool: String,
    /// What a model is shown.
    pub(super) spec: ToolSpec,
    /// Whether the server says that it may destroy something.
    pub(super) says_destructive: bool,
}

/// The tools that are offered, by the names under which they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Listing {
    pub(super) tools: BTreeMap<String, Offered>,
    /// What is not as it should be.
    pub(super) notes: Vec<String>,
}

impl Listing {
    /// Sorts out what was listed.
    pub(super) fn new(server: &str, listed: &[Listed], only: Option<&BTreeSet<String>>) -> Self {
        let mut listing = Self::default();
        let wanted = |tool: &&Listed| only.is_none_or(|only| only.contains(tool.name.as_ref()));
        let wanted: Vec<&Listed> = listed.iter().filter(wanted).collect();
        for tool in &wanted {
            listing.add(server, tool);
        }
        for name in only.into_iter().flatten() {
            if !listed.iter().any(|tool| tool.name == *name) {
                listing.note(format!("it has no tool `{}`", shown(name)));
            }
        }
        listing.keep_what_fits();
        listing
    }

    /// The tool that was offered like this, if it still is.
    pub(super) fn get(&self, spec: &ToolSpec) -> Option<&Offered> {
        let offered = self.tools.get(&spec.name)?;
        (offered.spec == *spec).then_some(offered)
    }

    /// The tools that fit into the room that is left, and how many do not.
    pub(super) fn fitting(&self, left: &mut usize) -> (Vec<ToolSpec>, usize) {
        let mut fitting = Vec::new();
        for offered in self.tools.values() {
            let Some(rest) = left.checked_sub(size(&offered.spec)) else {
                continue;
            };
            *left = rest;
            fitting.push(offered.spec.clone());
        }
        let left_out = self.tools.len() - fitting.len();
        (fitting, left_out)
    }

    fn add(&mut self, server: &str, listed: &Listed) {
        let (offered, why_not) = offered(server, listed);
        let tool = shown(&listed.name);
        if let Some(why) = why_not {
            self.note(format!("the schema of `{tool}` is not shown: {why}"));
        }
        // The first of a name has it: which one a call means must not be a guess.
        match self.tools.contains_key(&offered.spec.name) {
            true => self.note(format!("it lists `{tool}` twice")),
            false => drop(self.tools.insert(offered.spec.name.clone(), offered)),
        }
    }

    /// In order of names, until one of the bounds is reached.
    fn keep_what_fits(&mut self) {
        let all = self.tools.len();
        let mut bytes = 0;
        let mut kept = 0;
        self.tools.retain(|_, offered| {
            bytes += size(&offered.spec);
            let fits = kept < MAX_TOOLS && bytes <= MAX_BYTES;
            kept += usize::from(fits);
            fits
        });
        if kept < all {
            let note = format!(
                "it lists {all} tools, of which the first {kept} by name are offered: name those \
                 that you want in its `tools`"
            );
            self.notes.insert(0, note);
            self.notes.truncate(MAX_NOTES);
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

fn offered(server: &str, listed: &Listed) -> (Offered, Option<&'static str>) {
    let (parameters, why_not) = schema::shown(&listed.input_schema);
    let said = listed.description.as_deref().or(listed.title.as_deref());
    let said = words::visible(said.unwrap_or_default().trim(), MAX_WORDS);
    let description = match said.is_empty() {
        true => format!("A tool of the MCP server \"{server}\", which says nothing about it."),
        false => format!("From the MCP server \"{server}\", in its own words: {said}"),
    };
    let claims = listed.annotations.as_ref();
    let offered = Offered {
        tool: listed.name.to_string(),
        spec: ToolSpec::new(name::offered(server, &listed.name), description, parameters),
        says_destructive: claims.and_then(|claims| claims.destructive_hint) == Some(true),
    };
    (offered, why_not)
}

fn size(spec: &ToolSpec) -> usize {
    spec.name.len() + spec.description.len() + spec.parameters.to_string().len()
}

fn shown(name: &str) -> String {
    words::one_line(name, MAX_SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed(name: &str, description: &str) -> Listed {
        let tool =
            json!({"name": name, "description": description, "inputSchema": {"type": "object"}});
        serde_json::from_value(tool).unwrap()
    }

    #[test]
    fn words_of_a_server_are_named_as_such_and_bounded() {
        let listing = Listing::new(
            "git",
            &[listed("log", &"very\u{e0041} ".repeat(1000))],
            None,
        );
        let spec = &listing.tools["mcp__git__log"].spec;
        assert!(
            spec.description
                .starts_with("From the MCP server \"git\", in its own words: very very"),
            "{}",
            spec.description
        );
        assert!(spec.description.chars().count() < MAX_WORDS + 100);
        assert!(!spec.description.contains('\u{e0041}'));
        assert!(!spec.read_only, "what a server says of itself is a claim");
    }

    #[test]
    fn only_what_the_user_named_is_offered_and_what_is_not_there_is_said() {
        let only = BTreeSet::from(["b".to_owned(), "gone".to_owned()]);
        let listing = Listing::new("s", &[listed("a", ""), listed("b", "")], Some(&only));
        assert_eq!(listing.tools.keys().collect::<Vec<_>>(), ["mcp__s__b"]);
        assert_eq!(listing.notes, ["it has no tool `gone`"]);
    }

    #[test]
    fn too_many_and_too_large_tools_are_bounded_in_order_of_names() {
        let many: Vec<Listed> = (0..500)
            .rev()
            .map(|n| listed(&format!("t{n:03}"), ""))
            .collect();
        let listing = Listing::new("s", &many, None);
        assert_eq!(listing.tools.len(), MAX_TOOLS);
        assert!(listing.tools.contains_key("mcp__s__t099"));
        assert!(listing.notes[0].starts_with("it lists 500 tools, of which the first 100"));
        let large: Vec<Listed> = (0..100)
            .map(|n| listed(&format!("t{n}"), &"x".repeat(5000)))
            .collect();
        let listing = Listing::new("s", &large, None);
        let bytes: usize = listing.tools.values().map(|tool| size(&tool.spec)).sum();
        assert!(bytes <= MAX_BYTES && listing.tools.len() > 50, "{bytes}");
    }

    #[test]
    fn the_first_of_two_tools_of_one_name_has_it() {
        let listing = Listing::new("s", &[listed("a", "one"), listed("a", "two")], None);
        assert!(listing.tools["mcp__s__a"].spec.description.ends_with("one"));
        assert_eq!(listing.notes, ["it lists `a` twice"]);
    }
}
