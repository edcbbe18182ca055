//! Who is being asked, and about which subtask: told from what is in the request.
//!
//! The prompts of a harness change more often than its playbooks should. So the role is taken from the
//! name and the properties of the answer's schema first, then from whether tools are offered, and from
//! words only at last; the subtask is taken from the description that the plan itself gave it.

use crate::request::Request;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a model is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Makes every later plan.
    Replanner,
    /// Makes the first plan.
    Planner,
    /// Judges a subtask.
    Verifier,
    /// Writes memory entries.
    Extractor,
    /// Works on a subtask with tools.
    Executor,
}

/// What tells a role: either is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mark {
    /// Texts of which one is in the name of the schema.
    pub schema: Vec<String>,
    /// Texts of which one is in the prompt.
    pub contains: Vec<String>,
}

/// Tells roles, subtasks and retries. The default knows the usual words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recognizer {
    /// Marks that go before the built-in ones.
    pub roles: BTreeMap<Role, Mark>,
    /// Texts that tell a subtask: by its id, in descending order of trust. A playbook adds title and
    /// description of every subtask in its own plans.
    pub subtasks: BTreeMap<String, Vec<String>>,
    /// Texts of which one is in the prompt of every attempt but the first; upper and lower case do not
    /// matter.
    pub retry: Vec<String>,
}

impl Role {
    /// The name used in playbooks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replanner => "replanner",
            Self::Planner => "planner",
            Self::Verifier => "verifier",
            Self::Extractor => "extractor",
            Self::Executor => "executor",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Recognizer {
    /// The role that a request is meant for.
    #[must_use]
    pub fn role(&self, request: &Request) -> Option<Role> {
        self.marked_role(request)
            .or_else(|| role_by_schema(request))
            .or_else(|| (!request.tools.is_empty()).then_some(Role::Executor))
            .or_else(|| role_by_words(request))
            .map(|role| sharpened(role, request))
    }

    /// The subtask that a request is about: the one whose description is in the prompt, else the one
    /// whose title is. When several are, the one that stands last, since a prompt shows the state of the
    /// whole task first and what is to be done now at its end.
    #[must_use]
    pub fn subtask(&self, request: &Request) -> Option<String> {
        let prompt = folded(&opening_text(request));
        let ranks = self.subtasks.values().map(Vec::len).max().unwrap_or(0);
        (0..ranks).find_map(|rank| self.last_named(&prompt, rank))
    }

    /// Whether the prompt carries feedback on an earlier attempt.
    #[must_use]
    pub fn is_retry(&self, request: &Request) -> bool {
        let prompt = opening_text(request).to_lowercase();
        self.retry
            .iter()
            .any(|mark| prompt.contains(&mark.to_lowercase()))
    }

    /// Learns title and description of each subtask of a plan.
    pub(crate) fn learn_plan(&mut self, plan: &Value) {
        for subtask in plan["subtasks"].as_array().into_iter().flatten() {
            let Some(id) = subtask["id"].as_str() else {
                continue;
            };
            let marks = self.subtasks.entry(id.to_owned()).or_default();
            marks.extend(
                ["description", "title"]
                    .into_iter()
                    .filter_map(|field| subtask[field].as_str())
                    .map(folded),
            );
        }
    }

    fn last_named(&self, prompt: &str, rank: usize) -> Option<String> {
        self.subtasks
            .iter()
            .filter_map(|(id, marks)| Some((prompt.rfind(&folded(marks.get(rank)?))?, id)))
            .max()
            .map(|(_, id)| id.clone())
    }

    fn marked_role(&self, request: &Request) -> Option<Role> {
        let prompt = opening_text(request);
        let schema = schema_name(request);
        let matches = |mark: &Mark| {
            mark.schema.iter().any(|text| schema.contains(text))
                || mark.contains.iter().any(|text| prompt.contains(text))
        };
        self.roles
            .iter()
            .find_map(|(role, mark)| matches(mark).then_some(*role))
    }
}

fn role_by_schema(request: &Request) -> Option<Role> {
    const BY_NAME: [(&str, Role); 8] = [
        ("replan", Role::Replanner),
        ("re-plan", Role::Replanner),
        ("plan", Role::Planner),
        ("verdict", Role::Verifier),
        ("verif", Role::Verifier),
        ("judg", Role::Verifier),
        ("memor", Role::Extractor),
        ("extract", Role::Extractor),
    ];
    const BY_PROPERTY: [(&str, Role); 4] = [
        ("subtasks", Role::Planner),
        ("criteria", Role::Verifier),
        ("entries", Role::Extractor),
        ("memories", Role::Extractor),
    ];
    let name = schema_name(request).to_lowercase();
    let by_name = BY_NAME.iter().find(|(part, _)| name.contains(part));
    let properties = &request.schema.as_ref()?.schema["properties"];
    let found = by_name.or_else(|| {
        BY_PROPERTY
            .iter()
            .find(|(property, _)| properties.get(property).is_some())
    });
    found.map(|(_, role)| *role)
}

/// The role whose name is the first to be spoken of.
fn role_by_words(request: &Request) -> Option<Role> {
    const WORDS: [(&str, Role); 12] = [
        ("planner", Role::Planner),
        ("you plan ", Role::Planner),
        ("\"subtasks\"", Role::Planner),
        ("verifier", Role::Verifier),
        ("you review ", Role::Verifier),
        ("\"criteria\"", Role::Verifier),
        ("extractor", Role::Extractor),
        ("you keep notes", Role::Extractor),
        ("\"entries\"", Role::Extractor),
        ("executor", Role::Executor),
        ("<tool_call>", Role::Executor),
        ("you do one step", Role::Executor),
    ];
    let prompt = opening_text(request).to_lowercase();
    WORDS
        .iter()
        .filter_map(|(word, role)| Some((prompt.find(word)?, *role)))
        .min()
        .map(|(_, role)| role)
}

/// A plan is a plan to the schema: only the rules say that it replaces another one.
fn sharpened(role: Role, request: &Request) -> Role {
    const REPLACES: [&str; 4] = ["new plan", "old plan", "replan", "re-plan"];
    let rules = request
        .opening()
        .first()
        .and_then(|message| message.text.as_deref())
        .unwrap_or_default()
        .to_lowercase();
    match role {
        Role::Planner if REPLACES.iter().any(|words| rules.contains(words)) => Role::Replanner,
        role => role,
    }
}

fn schema_name(request: &Request) -> &str {
    request.schema.as_ref().map_or("", |schema| &schema.name)
}

fn opening_text(request: &Request) -> String {
    let texts: Vec<_> = request
        .opening()
        .iter()
        .filter_map(|message| message.text.as_deref())
        .collect();
    texts.join("\n")
}

/// With every run of white space as one blank, since prompts indent and wrap.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(user: &str, extra: &Value) -> Request {
        let mut body = json!({"messages": [{"role": "system", "content": "You work."}, {"role": "user", "content": user}]});
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        Request::read(&body)
    }

    #[test]
    fn the_schema_tells_the_role_before_anything_else() {
        let format = |name: &str, property: &str| {
            json!({"response_format": {"type": "json_schema", "json_schema": {
                "name": name, "schema": {"properties": {property: {}}}}}, "tools": [{}]})
        };
        let role = |name, property| {
            Recognizer::default().role(&request("the executor", &format(name, property)))
        };
        assert_eq!(role("loom_plan", "x"), Some(Role::Planner));
        assert_eq!(role("replan", "subtasks"), Some(Role::Replanner));
        assert_eq!(role("answer", "criteria"), Some(Role::Verifier));
        assert_eq!(role("answer", "entries"), Some(Role::Extractor));
        assert_eq!(role("answer", "x"), Some(Role::Executor));
    }

    #[test]
    fn without_schema_and_tools_the_first_role_named_counts() {
        let ask = |text| Recognizer::default().role(&request(text, &json!({})));
        assert_eq!(
            ask("You are the verifier of the executor"),
            Some(Role::Verifier)
        );
        assert_eq!(ask("Hello"), None);
    }

    #[test]
    fn a_planner_whose_rules_speak_of_a_new_plan_is_a_replanner() {
        let ask = |rules| {
            let body = json!({"messages": [{"role": "system", "content": rules},
                {"role": "user", "content": "The goal: draw up a new plan"}]});
            Recognizer::default().role(&Request::read(&body))
        };
        assert_eq!(ask("You plan work."), Some(Role::Planner));
        assert_eq!(
            ask("You plan work. You write the new plan."),
            Some(Role::Replanner)
        );
    }

    #[test]
    fn a_configured_mark_goes_before_the_schema() {
        let recognizer: Recognizer =
            serde_json::from_value(json!({"roles": {"replanner": {"contains": ["Old plan"]}}}))
                .unwrap();
        let schema =
            json!({"response_format": {"json_schema": {"name": "plan", "schema": {"a": 1}}}});
        let role = |text| recognizer.role(&request(text, &schema));
        assert_eq!(role("Old plan: …"), Some(Role::Replanner));
        assert_eq!(role("Goal: …"), Some(Role::Planner));
    }

    #[test]
    fn a_description_outweighs_titles_and_the_last_one_counts() {
        let mut recognizer = Recognizer::default();
        recognizer.learn_plan(&json!({"subtasks": [
            {"id": "a", "title": "First", "description": "Mend the\n roof."},
            {"id": "b", "title": "Second", "description": "Paint the door."}]}));
        let subtask = |text| recognizer.subtask(&request(text, &json!({})));
        assert_eq!(
            subtask("Mend\n  the roof.\nnext: Second").as_deref(),
            Some("a")
        );
        assert_eq!(
            subtask("state: First, Second\nnow: First").as_deref(),
            Some("a")
        );
        assert_eq!(subtask("nothing known"), None);
    }
}
