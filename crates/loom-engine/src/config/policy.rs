//! `[[policy.rules]]`: what the user says of commands, beside the built-in rules.

use super::Config;
use super::error::most_like;
use loom_tools::policy::{Decision, PatternError, Policy, UserRule};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `[policy]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyConfig {
    /// The rules of all layers; their order means nothing, the strictest that matches wins.
    pub rules: Vec<PolicyRule>,
}

/// One `[[policy.rules]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// A program and the words that a command starts with.
    pub command: String,
    /// What is to be done with such a command.
    pub decision: RuleDecision,
    /// Why, for whoever reads the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is to be done with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleDecision {
    /// It is not asked for; what is built in as forbidden stays so.
    Allow,
    /// A human is asked.
    Ask,
    /// It does not run.
    Deny,
}

impl From<RuleDecision> for Decision {
    fn from(decision: RuleDecision) -> Self {
        match decision {
            RuleDecision::Allow => Self::Allow,
            RuleDecision::Ask => Self::Ask,
            RuleDecision::Deny => Self::Deny,
        }
    }
}

impl PolicyRule {
    fn rule(&self) -> Result<UserRule, PatternError> {
        UserRule::new(&self.command, self.decision.into(), self.reason.as_deref())
    }
}

impl Config {
    /// The policy that commands are judged by.
    ///
    /// # Errors
    /// A rule whose command cannot be matched; a configuration that was loaded has none.
    pub fn policy(&self) -> Result<Policy, PatternError> {
        let rules = self.policy.rules.iter().map(PolicyRule::rule);
        rules.collect::<Result<Vec<_>, _>>().map(Policy::new)
    }
}

/// The keys of a rule, and the words of its decision.
const KEYS: [&str; 3] = ["command", "decision", "reason"];
const DECISIONS: [&str; 3] = ["allow", "ask", "deny"];

/// Checks a list of rules; what is wrong is said in words that follow the key.
pub(super) fn read_rules(value: &Value) -> Result<Value, String> {
    let example = "[{ command = \"npm install\", decision = \"allow\" }]";
    let Some(list) = value.as_array() else {
        return Err(format!("must be a list of rules such as {example}"));
    };
    for rule in list {
        let Some(rule) = rule.as_object() else {
            return Err(format!("must have only rules such as {example}"));
        };
        check_rule(rule)?;
    }
    Ok(value.clone())
}

fn check_rule(rule: &Map<String, Value>) -> Result<(), String> {
    if let Some(unknown) = rule.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let near = most_like(unknown, KEYS);
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let known = "A rule has `command`, `decision` and perhaps `reason`";
        let end = if near.is_empty() { "." } else { "" };
        return Err(format!(
            "has a rule with the unknown key `{unknown}`{near}{end} {known}"
        ));
    }
    let text = |key: &str| match rule.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(format!(
            "has a rule whose `{key}` must be text, not {other}"
        )),
    };
    let Some(command) = text("command")? else {
        return Err(
            "has a rule without `command`: add the program and the words that it is \
                    about, such as \"npm install\""
                .to_owned(),
        );
    };
    let named = |problem: String| format!("has a rule for {command:?} {problem}");
    let words = "\"allow\", \"ask\", \"deny\"";
    match text("decision")? {
        Some(word) if DECISIONS.contains(&word) => {}
        Some(word) => {
            let near = most_like(word, DECISIONS);
            let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            let problem = format!("whose `decision` must be one of {words}, not {word:?}{near}");
            return Err(named(problem));
        }
        None => return Err(named(format!("without `decision`: add one of {words}"))),
    }
    let reason = text("reason")?;
    UserRule::new(command, Decision::Ask, reason)
        .map(drop)
        .map_err(|error| format!("has a rule whose `command` {error}"))
}

/// The rules as they would stand in a file, in one line.
pub(super) fn rules_toml(rules: &Value) -> Option<String> {
    let one = |rule: &Value| {
        let pairs: Vec<String> = rule
            .as_object()?
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        Some(format!("{{ {} }}", pairs.join(", ")))
    };
    let rules: Option<Vec<String>> = rules.as_array()?.iter().map(one).collect();
    Some(format!("[{}]", rules?.join(", ")))
}
