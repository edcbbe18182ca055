//! Playbooks: what a simulated model answers, as a file that a person can read. The format is described at
//! [`Playbook`].

use crate::fault::{Fault, Refused};
use crate::judge::Judge;
use crate::recognize::{Recognizer, Role};
use crate::reply::{Call, Finish, Reply, Responder};
use crate::request::Request;
use crate::server::SimModel;
use crate::when::When;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Mutex;

/// What a simulated model answers to what.
///
/// ```yaml
/// name: example
/// models: [{id: sim-small}]
/// rules:                       # from the top; the first that fits answers
///   - when: {role: planner}
///     reply: {json: {subtasks: [{id: fix, title: Fix it, description: Mend the roof.}]}}
///   - name: the server stumbles
///     when: {role: executor, turn: 0}
///     times: 1                 # then it is as if it were not there
///     fault: {http: 500}
///   - when: {role: executor, subtask: fix, not_called: {name: write_file, with: roof}}
///     reply:
///       text: I will mend it.
///       calls: [{name: write_file, arguments: {path: roof, content: whole}}]
/// ```
///
/// A request for which there is no rule is answered "Done." in the role of executor, as the weakest model
/// would, and Loom must notice; in any other role, or when the role is not recognised, with status 400
/// and a message that says so, because the playbook has a gap and neither a made-up plan nor a retry
/// would help. Either way the record of the request names no rule.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Playbook {
    /// For people.
    pub name: String,
    /// The models on offer; one called `sim-small` when there are none.
    pub models: Vec<SimModel>,
    /// What tells roles, subtasks and retries, where the usual words do not.
    pub recognize: Recognizer,
    /// From the top; the first that fits answers.
    pub rules: Vec<Rule>,
}

/// One rule: when it applies and what is answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// For the record; its number when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// When it applies; always when absent.
    #[serde(default)]
    pub when: When,
    /// How often it may be used; without a bound when absent.
    #[serde(default)]
    pub times: Option<usize>,
    /// What is answered.
    #[serde(default)]
    pub reply: ReplyForm,
    /// What goes wrong with it.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// What is answered the second time, the third time, …; the last one from then on.
    #[serde(default)]
    pub then: Vec<Step>,
}

/// One answer of a rule that answers differently each time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// What is answered.
    pub reply: ReplyForm,
    /// What goes wrong with it.
    pub fault: Option<Fault>,
}

/// An answer as a playbook gives it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplyForm {
    /// Visible text.
    pub text: Option<String>,
    /// Thoughts.
    pub thought: Option<String>,
    /// Tool calls.
    pub calls: Vec<CallForm>,
    /// A document; becomes the text.
    pub json: Option<Value>,
    /// A verdict on the criteria in the request; becomes the text.
    pub verdict: Option<Judge>,
    /// Why the model says that it stopped.
    pub finish: Option<Finish>,
}

/// A call as a playbook gives it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CallForm {
    /// With arguments that are an object.
    Object {
        /// The tool.
        name: String,
        /// The arguments.
        arguments: serde_json::Map<String, Value>,
    },
    /// With arguments as the model wrote them.
    Raw {
        /// The tool.
        name: String,
        /// The text.
        raw: String,
    },
}

/// Why a playbook could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PlaybookError {
    /// It is no YAML.
    #[error("read the playbook as YAML")]
    Yaml(#[from] serde_yaml::Error),
    /// It has a field or a value that means nothing here.
    #[error("understand {path} of the playbook: {message}")]
    Shape {
        /// Where.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A rule that would answer nothing.
    #[error("understand rule {number} of the playbook: it has neither a reply nor a fault")]
    Nothing {
        /// Which, from 1.
        number: usize,
    },
    /// An answer that gives its text twice.
    #[error("understand rule {number} of the playbook: give one of text, json and verdict")]
    Ambiguous {
        /// Which, from 1.
        number: usize,
    },
}

impl Playbook {
    /// Reads a playbook.
    ///
    /// # Errors
    /// When it is no YAML, has unknown fields, or a rule makes no sense.
    pub fn from_yaml(text: &str) -> Result<Self, PlaybookError> {
        let mut playbook: Self = from_yaml(text)?;
        playbook.check()?;
        playbook.learn_plans();
        Ok(playbook)
    }

    /// A model that only ever says this.
    #[must_use]
    pub fn always(text: impl Into<String>) -> Self {
        let reply = ReplyForm {
            text: Some(text.into()),
            ..ReplyForm::default()
        };
        Self {
            name: "always".to_owned(),
            rules: vec![Rule {
                name: None,
                when: When::default(),
                times: None,
                reply,
                fault: None,
                then: Vec::new(),
            }],
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), PlaybookError> {
        for (number, rule) in (1..).zip(&self.rules) {
            for (reply, fault) in rule.steps() {
                if fault.is_none() && *reply == ReplyForm::default() {
                    return Err(PlaybookError::Nothing { number });
                }
                if reply.texts() > 1 {
                    return Err(PlaybookError::Ambiguous { number });
                }
            }
        }
        Ok(())
    }

    /// Subtasks are told by the very words of the plans that this playbook hands out.
    fn learn_plans(&mut self) {
        let plans = self.rules.iter().flat_map(Rule::steps);
        for plan in plans.filter_map(|(reply, _)| reply.json.as_ref()) {
            self.recognize.learn_plan(plan);
        }
    }
}

/// By way of a JSON value: YAML's own reading of enums wants tags, which nobody writes by hand.
pub(crate) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, PlaybookError> {
    let document: Value = serde_yaml::from_str(text)?;
    serde_path_to_error::deserialize(document).map_err(|error| PlaybookError::Shape {
        path: error.path().to_string(),
        message: error.inner().to_string(),
    })
}

impl Rule {
    fn steps(&self) -> impl Iterator<Item = (&ReplyForm, Option<&Fault>)> {
        let first = (&self.reply, self.fault.as_ref());
        let later = self.then.iter().map(|s| (&s.reply, s.fault.as_ref()));
        std::iter::once(first).chain(later)
    }

    fn answer(&self, used: usize, request: &Request) -> Reply {
        let step = used.min(self.then.len());
        let (form, fault) = match step.checked_sub(1).and_then(|later| self.then.get(later)) {
            Some(step) => (&step.reply, step.fault.as_ref()),
            None => (&self.reply, self.fault.as_ref()),
        };
        Reply {
            fault: fault.cloned(),
            ..form.render(request)
        }
    }
}

impl ReplyForm {
    fn texts(&self) -> usize {
        [
            self.text.is_some(),
            self.json.is_some(),
            self.verdict.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }

    fn render(&self, request: &Request) -> Reply {
        let document = match &self.verdict {
            Some(judge) => Some(judge.verdict(request)),
            None => self.json.clone(),
        };
        Reply {
            text: document.map_or_else(
                || self.text.clone().unwrap_or_default(),
                |document| document.to_string(),
            ),
            thought: self.thought.clone(),
            calls: self.calls.iter().map(CallForm::render).collect(),
            finish: self.finish,
            ..Reply::default()
        }
    }
}

impl CallForm {
    fn render(&self) -> Call {
        match self {
            Self::Object { name, arguments } => Call::new(name, &Value::Object(arguments.clone())),
            Self::Raw { name, raw } => Call {
                name: name.clone(),
                arguments: raw.clone(),
            },
        }
    }
}

/// A playbook at work: it counts how often each rule was used, for `times` and `then`.
pub(crate) struct Script {
    playbook: Playbook,
    used: Mutex<Vec<usize>>,
}

impl Script {
    pub(crate) fn new(playbook: Playbook) -> Self {
        let used = Mutex::new(vec![0; playbook.rules.len()]);
        Self { playbook, used }
    }
}

impl Responder for Script {
    fn respond(&self, request: &Request) -> Reply {
        let mut used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let fits = |(rule, used): &(&Rule, &mut usize)| {
            rule.times.is_none_or(|times| **used < times)
                && rule.when.holds(request, &self.playbook.recognize)
        };
        let mut rules = self.playbook.rules.iter().zip(used.iter_mut()).enumerate();
        let Some((index, (rule, used))) = rules.find(|(_, rule)| fits(rule)) else {
            return without_rule(&self.playbook.name, request);
        };
        let before = std::mem::replace(used, *used + 1);
        Reply {
            rule: Some(rule.name.clone().unwrap_or_else(|| (index + 1).to_string())),
            ..rule.answer(before, request)
        }
    }
}

fn without_rule(playbook: &str, request: &Request) -> Reply {
    if request.role == Some(Role::Executor) {
        return Reply::text("Done.");
    }
    let role = request.role.map_or("an unknown role", Role::name);
    Reply::default().with_fault(Fault::Http(Refused {
        status: 400,
        message: Some(format!(
            "playbook {playbook} has no rule for this request ({role})"
        )),
        retry_after: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(role: Role) -> Request {
        Request {
            role: Some(role),
            ..Request::default()
        }
    }

    fn script(text: &str) -> Script {
        Script::new(Playbook::from_yaml(text).unwrap())
    }

    #[test]
    fn the_first_rule_that_fits_answers_and_is_named() {
        let script = script(
            "rules:\n- {when: {role: planner}, reply: {json: {a: 1}}}\n- {name: rest, reply: {text: hello}}",
        );
        let planned = script.respond(&request(Role::Planner));
        assert_eq!(
            (planned.text.as_str(), planned.rule.as_deref()),
            (r#"{"a":1}"#, Some("1"))
        );
        let rest = script.respond(&request(Role::Executor));
        assert_eq!(
            (rest.text.as_str(), rest.rule.as_deref()),
            ("hello", Some("rest"))
        );
    }

    #[test]
    fn a_rule_is_used_as_often_as_it_says_and_answers_in_turn() {
        let script = script(
            "rules:\n- times: 3\n  fault: {http: 503}\n  then: [{reply: {text: a}}, {reply: {text: b}}]\n- reply: {text: later}",
        );
        let replies: Vec<_> = (0..4)
            .map(|_| script.respond(&Request::default()))
            .collect();
        assert_eq!(replies[0].fault, Some(Fault::http(503)));
        let texts: Vec<_> = replies.iter().map(|r| r.text.as_str()).collect();
        assert_eq!(texts, ["", "a", "b", "later"]);
    }

    #[test]
    fn without_a_rule_an_executor_claims_and_the_others_are_refused() {
        let script = script("name: gaps");
        assert_eq!(
            script.respond(&request(Role::Executor)),
            Reply::text("Done.")
        );
        let Some(Fault::Http(refused)) = script.respond(&request(Role::Verifier)).fault else {
            panic!("refused");
        };
        assert_eq!(refused.status, 400);
        assert!(refused.message().contains("verifier"));
    }

    #[test]
    fn a_playbook_with_a_mistake_is_refused_with_its_place() {
        let error = |text: &str| Playbook::from_yaml(text).unwrap_err().to_string();
        assert!(error("rules: [{when: {trun: 1}, reply: {text: a}}]").contains("rules[0].when"));
        assert!(error("rules: [{when: {turn: 1}}]").contains("rule 1"));
        assert!(error("rules: [{reply: {text: a, json: {}}}]").contains("one of"));
        assert!(error("rules: {").contains("YAML"));
    }

    #[test]
    fn raw_arguments_are_kept_as_they_are() {
        let script = script(
            r#"rules: [{reply: {calls: [{name: a, raw: '{"x'}, {name: b, arguments: {y: 1}}]}}]"#,
        );
        let calls = script.respond(&Request::default()).calls;
        assert_eq!(calls[0].arguments, r#"{"x"#);
        assert_eq!(calls[1], Call::new("b", &json!({"y": 1})));
    }

    #[test]
    fn subtasks_are_told_by_the_descriptions_in_the_playbooks_own_plan() {
        let playbook = Playbook::from_yaml(
            "rules: [{reply: {json: {subtasks: [{id: a, title: T, description: Mend it}]}}}]",
        )
        .unwrap();
        assert_eq!(playbook.recognize.subtasks["a"], ["Mend it", "T"]);
    }
}
