//! The form of a history that a model's family wants.
//!
//! Whatever the form, it depends on nothing but what comes before: every request begins with the
//! messages of the one before it, or the server reads the whole prompt again.

use super::plain::plain;
use super::valid::{PARAGRAPH, valid};
use loom_dialect::{IdForm, Keeps, Traits};
use loom_events::Message;

/// The form of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    keeps: Keeps,
    ids: IdForm,
    alternates: bool,
    /// Switches thinking, in the system message.
    word: Option<&'static str>,
    plain: bool,
}

impl Style {
    /// For a model with these traits.
    pub(crate) const fn new(traits: &Traits, word: Option<&'static str>, plain: bool) -> Self {
        Self {
            keeps: traits.keeps,
            ids: traits.ids,
            alternates: traits.alternates,
            word,
            plain,
        }
    }

    /// The same in plain words.
    pub(crate) const fn plainly(self) -> Self {
        Self {
            plain: true,
            word: None,
            ..self
        }
    }

    /// The conversation in this form.
    pub(crate) fn render(&self, messages: &[Message]) -> Vec<Message> {
        let mut history = valid(messages);
        if let Some(word) = self.word {
            say_to_begin_with(&mut history, word);
        }
        if self.plain {
            // Once more, since several results in a row are now several messages of the user.
            return valid(&plain(history));
        }
        self.keep_thoughts(&mut history);
        self.number_calls(&mut history);
        if self.alternates {
            history = folded(history);
        }
        history
    }

    /// Thoughts of earlier turns are left to the template of a family that wants only the latest:
    /// leaving them out here would change what the server has in its cache.
    fn keep_thoughts(&self, history: &mut [Message]) {
        for message in history {
            if let Message::Assistant { thought, calls, .. } = message {
                let keeps = match self.keeps {
                    Keeps::Nothing => false,
                    Keeps::SinceUser => true,
                    Keeps::WithCalls => !calls.is_empty(),
                };
                if !keeps {
                    *thought = None;
                }
            }
        }
    }

    /// Gives calls and results ids of the family's form, by their place in the conversation. The
    /// results of an answer follow it in the order of its calls.
    fn number_calls(&self, history: &mut [Message]) {
        let (mut called, mut answered) = (0, 0);
        for message in history {
            match message {
                Message::Assistant { calls, .. } => {
                    for call in calls {
                        self.number(called, &call.name, &mut call.id);
                        called += 1;
                    }
                }
                Message::Tool { call_id, name, .. } => {
                    self.number(answered, name, call_id);
                    answered += 1;
                }
                Message::System { .. } | Message::User { .. } => {}
            }
        }
    }

    fn number(&self, place: usize, name: &str, id: &mut String) {
        match self.ids {
            IdForm::Any => {}
            IdForm::NineAlphanumerics => *id = format!("call{:05}", place % 100_000),
            IdForm::Numbered => *id = format!("functions.{name}:{place}"),
        }
    }
}

/// Puts a word into the system message, which is the one that never changes: at the end, where the
/// latest one counts, it would change the prompt of every turn.
fn say_to_begin_with(history: &mut Vec<Message>, word: &str) {
    if let Some(Message::System { text }) = history.first_mut() {
        text.push('\n');
        text.push_str(word);
        return;
    }
    let text = word.to_owned();
    history.insert(0, Message::System { text });
}

/// No user after a tool: what the user says then stands below the result.
fn folded(history: Vec<Message>) -> Vec<Message> {
    let mut folded: Vec<Message> = Vec::with_capacity(history.len());
    for message in history {
        match (folded.last_mut(), message) {
            (Some(Message::Tool { text: result, .. }), Message::User { text }) => {
                result.push_str(PARAGRAPH);
                result.push_str(&text);
            }
            (_, message) => folded.push(message),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::ToolCall;
    use proptest::prelude::*;
    use serde_json::json;

    /// Each with something of its own in its history.
    const MODELS: [&str; 7] = [
        "unknown",
        "qwen3:8b",
        "devstral-2",
        "kimi-k2-thinking",
        "minimax-m2",
        "nemotron-nano-v2",
        "gemma-3",
    ];

    fn style(id: &str, plain: bool) -> Style {
        let traits = Traits::of(id);
        let switch =
            crate::thinking::Switch::new(&traits, crate::ThinkingSetting::Off, false, None);
        Style::new(&traits, switch.word(), plain)
    }

    /// Answers with so many calls and these words, some of them none.
    fn turn() -> impl Strategy<Value = Vec<(u8, String)>> {
        prop::collection::vec((0_u8..3, "[a-c ]{0,2}"), 0..8)
    }

    /// A conversation as the engine records it: calls are answered before the model is asked again,
    /// whatever the harness says between.
    fn conversation(turns: Vec<(u8, String)>, system: bool) -> Vec<Message> {
        let mut messages = Vec::new();
        if system {
            messages.push(Message::System {
                text: "rules".into(),
            });
        }
        for (number, (calls, said)) in turns.into_iter().enumerate() {
            let ids: Vec<_> = (0..calls).map(|call| format!("{number}/{call}")).collect();
            messages.push(Message::User {
                text: format!("step {number}"),
            });
            messages.push(Message::Assistant {
                text: said.clone(),
                thought: Some("hm".into()),
                calls: ids.iter().map(|id| call(id)).collect(),
            });
            messages.extend(ids.into_iter().map(|call_id| Message::Tool {
                call_id,
                name: "f".into(),
                text: said.clone(),
            }));
            messages.extend((calls == 2).then(|| Message::User {
                text: "and quickly".into(),
            }));
        }
        messages
    }

    fn call(id: &str) -> ToolCall {
        ToolCall {
            id: id.into(),
            name: "f".into(),
            arguments: json!({"x": 1}),
        }
    }

    /// Whether `long` goes on where `short` ends. More may be said within the last message, when the
    /// model answered nothing to it: that message was open to the end.
    fn goes_on(short: &[Message], long: &[Message]) -> bool {
        let Some((last, before)) = short.split_last() else {
            return true;
        };
        let Some(same) = long.get(before.len()) else {
            return false;
        };
        let open = match (last, same) {
            (Message::User { text: a }, Message::User { text: b }) => b.starts_with(a.as_str()),
            (
                Message::Tool {
                    text: a, call_id, ..
                },
                Message::Tool {
                    text: b,
                    call_id: id,
                    ..
                },
            ) => b.starts_with(a.as_str()) && call_id == id,
            _ => last == same,
        };
        open && long.starts_with(before)
    }

    proptest! {
        #[test]
        fn a_longer_conversation_begins_with_every_request_before_it(
            turns in turn(), system: bool, plain: bool,
        ) {
            let messages = conversation(turns, system);
            for id in MODELS {
                let style = style(id, plain);
                let long = style.render(&messages);
                let asked = messages.iter().enumerate();
                let asked = asked.filter(|(_, message)| matches!(message, Message::Assistant { .. }));
                for (at, _) in asked {
                    let short = style.render(&messages[..at]);
                    prop_assert!(goes_on(&short, &long), "{id}: {short:?} {long:?}");
                }
            }
        }

        #[test]
        fn every_history_is_one_that_its_template_accepts(
            turns in turn(), system: bool, plain: bool,
        ) {
            let messages = conversation(turns, system);
            for id in MODELS {
                let history = style(id, plain).render(&messages);
                prop_assert!(is_valid(&history, plain, Traits::of(id).alternates), "{id}: {history:?}");
            }
        }
    }

    fn is_valid(history: &[Message], plain: bool, alternates: bool) -> bool {
        let roles: String = history
            .iter()
            .map(|message| match message {
                Message::System { .. } => 's',
                Message::User { .. } => 'u',
                Message::Assistant { calls, .. } if calls.is_empty() => 'a',
                Message::Assistant { .. } => 'c',
                Message::Tool { .. } => 't',
            })
            .collect();
        let bare = roles.trim_start_matches('s');
        let (s, c, t) = (
            roles.len() - bare.len(),
            bare.contains('c'),
            bare.contains('t'),
        );
        let wrong = ["uu", "aa", "ca", "cc", "cu", "as", "ut", "at"];
        s <= 1
            && bare.starts_with('u')
            && bare.ends_with(['u', 't'])
            && !wrong.iter().any(|pair| bare.contains(pair))
            && !(plain && (s > 0 || c || t))
            && !(alternates && bare.contains("tu"))
    }

    fn ids(model: &str) -> Vec<String> {
        let calls = vec![call("x"), call("y")];
        let messages = [
            Message::User { text: "do".into() },
            Message::Assistant {
                text: String::new(),
                thought: None,
                calls,
            },
        ];
        let mut ids = Vec::new();
        for message in style(model, false).render(&messages) {
            match message {
                Message::Assistant { calls, .. } => ids.extend(calls.into_iter().map(|c| c.id)),
                Message::Tool { call_id, .. } => ids.push(call_id),
                Message::System { .. } | Message::User { .. } => {}
            }
        }
        ids
    }

    #[test]
    fn ids_have_the_form_of_the_family_and_tie_results_to_calls() {
        assert_eq!(ids("qwen3:8b"), ["x", "y", "x", "y"]);
        let nine = ["call00000", "call00001"];
        assert_eq!(ids("mistral-small"), [nine, nine].concat());
        let numbered = ["functions.f:0", "functions.f:1"];
        assert_eq!(ids("kimi-k2"), [numbered, numbered].concat());
    }

    #[test]
    fn thoughts_go_back_to_those_who_need_them() {
        let thoughts = |model: &str| {
            let messages = conversation(vec![(0, "a".into()), (1, "b".into())], false);
            let history = style(model, false).render(&messages);
            let has = |message: &Message| match message {
                Message::Assistant { thought, .. } => Some(thought.is_some()),
                _ => None,
            };
            history.iter().filter_map(has).collect::<Vec<_>>()
        };
        assert_eq!(thoughts("deepseek-r1"), [false, false]);
        assert_eq!(thoughts("minimax-m2"), [true, true]);
        assert_eq!(thoughts("kimi-k2-thinking"), [false, true]);
    }

    #[test]
    fn what_is_said_in_plain_words_has_the_arguments_and_the_result() {
        let messages = conversation(vec![(1, "b".into())], true);
        assert_eq!(
            style("unknown", true).render(&messages),
            [
                Message::User {
                    text: "rules\n\nstep 0".into()
                },
                Message::Assistant {
                    text: "b\n\nI used f with {\"x\":1}.".into(),
                    thought: None,
                    calls: Vec::new()
                },
                Message::User {
                    text: "Result of f:\nb".into()
                },
            ]
        );
    }
}
