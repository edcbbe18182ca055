//! The messages of one attempt, rebuilt from its journal entries. Always valid by construction:
//! every call is answered, roles alternate, and what was sent once is never changed afterwards, but
//! for old outputs that an entry of the journal leaves out.

use crate::broken::Broken;
use crate::ledger::{Entry, ResultText};
use crate::outputs::Outputs;
use loom_events::{Answer, Message, ModelReply, Seq};
use loom_view::Steering;
use std::collections::BTreeMap;

/// Shown in place of an answer without words: an empty assistant message is refused by many servers.
const NO_WORDS: &str = "(no answer)";

/// What the builder needs to look up: the content of blobs.
#[async_trait::async_trait]
pub(crate) trait Texts: Send + Sync {
    /// A model's answer.
    async fn answer(&self, reply: &ModelReply) -> Result<Answer, Broken>;
    /// A tool's text.
    async fn result(&self, text: &ResultText) -> Result<String, Broken>;
}

/// The messages so far: appending only, but for [`Conversation::trim`].
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    messages: Vec<Message>,
    outputs: Outputs,
    count: Option<Count>,
    heard: Seq,
    /// Ends every tool message.
    reminder: String,
    open: Option<OpenTurn>,
    /// Why calls of the last answer could not be read; the next nudge begins with it.
    unread: Vec<String>,
}

/// What the server counted, and what the conversation has gained and lost since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) tokens: u64,
    pub(crate) gained: usize,
    pub(crate) lost: usize,
}

/// A count, and where the conversation was when it was made.
#[derive(Clone, Copy, Debug)]
struct Count {
    tokens: u64,
    messages: usize,
    lost: usize,
}

/// A turn whose calls are not all answered yet.
#[derive(Clone, Debug)]
struct OpenTurn {
    turn: u32,
    answer: Answer,
    /// One line for each call, by position.
    summaries: Vec<String>,
    /// By position in the reply.
    results: BTreeMap<u32, CallResult>,
}

#[derive(Clone, Debug)]
struct CallResult {
    text: String,
    /// Whether `recall` finds it.
    kept: bool,
}

impl Conversation {
    /// A conversation that begins with frozen messages. Instructions up to `heard` are in them.
    pub(crate) const fn new(messages: Vec<Message>, heard: Seq, reminder: String) -> Self {
        Self {
            messages,
            outputs: Outputs::new(),
            count: None,
            heard,
            reminder,
            open: None,
            unread: Vec::new(),
        }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The newest count of the server; none before the first.
    pub(crate) fn counted(&self) -> Option<Counted> {
        let count = self.count?;
        let since = self.messages.get(count.messages..).unwrap_or_default();
        Some(Counted {
            tokens: count.tokens,
            gained: since.iter().map(message_bytes).sum(),
            lost: count.lost,
        })
    }

    /// The conversation as it is has so many tokens: the server has said it.
    pub(crate) fn count(&mut self, tokens: u64) {
        self.count = Some(Count {
            tokens,
            messages: self.messages.len(),
            lost: 0,
        });
    }

    /// The outputs that can be left out.
    pub(crate) const fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Leaves out the outputs of every turn before this one. Again is the same as once.
    pub(crate) fn trim(&mut self, before_turn: u32) {
        let lost = self.outputs.leave_out(before_turn, &mut self.messages);
        if let Some(count) = &mut self.count {
            count.lost += lost;
        }
    }

    /// Takes in one entry. When it fails nothing has changed, and it can be given again.
    pub(crate) async fn advance(
        &mut self,
        entry: &Entry,
        steering: &[Steering],
        texts: &dyn Texts,
    ) -> Result<(), Broken> {
        match entry {
            Entry::Answered { turn, reply } => {
                let answer = texts.answer(reply).await?;
                self.flush();
                self.answered(answer, *turn, reply);
            }
            Entry::Result { call, text } => {
                let kept = matches!(text, ResultText::Kept { .. });
                let text = texts.result(text).await?;
                let result = CallResult { text, kept };
                if let Some(open) = &mut self.open {
                    // The last word counts: a call that was asked about has its answer later.
                    open.results.insert(*call, result);
                }
            }
            Entry::Nudge { text } => {
                self.flush();
                let mut said = std::mem::take(&mut self.unread);
                said.push(text.clone());
                self.say(&said.join("\n\n"));
            }
            Entry::Asked { steer_upto } => {
                self.flush();
                self.steer(*steer_upto, steering);
            }
            Entry::Trimmed { before_turn } => self.trim(*before_turn),
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer, turn: u32, reply: &ModelReply) {
        let text = match (answer.text.trim().is_empty(), answer.calls.is_empty()) {
            (true, true) => NO_WORDS.to_owned(),
            (true, false) => String::new(),
            (false, _) => answer.text.clone(),
        };
        self.messages.push(Message::Assistant {
            text,
            thought: answer.thought.clone(),
            calls: answer.calls.clone(),
        });
        self.count(reply.usage.total());
        let refused = reply.calls.iter().enumerate().filter_map(|(at, call)| {
            let refusal = call.refusal.as_ref()?;
            let result = CallResult {
                text: refusal.message.clone(),
                kept: false,
            };
            Some((u32::try_from(at).ok()?, result))
        });
        let results = refused.collect();
        if answer.calls.is_empty() {
            let broken = answer.unreadable.into_iter();
            self.unread = broken.map(|call| call.refusal.message).collect();
        } else {
            self.open = Some(OpenTurn {
                turn,
                answer,
                summaries: reply.calls.iter().map(|c| c.summary.clone()).collect(),
                results,
            });
        }
    }

    /// Writes the results of the open turn, in the order of its calls.
    fn flush(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let last = open.answer.calls.len() - 1;
        for (at, call) in open.answer.calls.iter().enumerate() {
            let known = u32::try_from(at).ok().and_then(|at| open.results.get(&at));
            let mut text = match known {
                Some(result) => result.text.clone(),
                None => "This call was interrupted before it had a result.".to_owned(),
            };
            if known.is_some_and(|result| result.kept) {
                let summary = open.summaries.get(at).map_or("", String::as_str);
                let message = self.messages.len();
                self.outputs
                    .add((open.turn, message), (summary, &call.id), text.len());
            }
            if at == last {
                for broken in &open.answer.unreadable {
                    text.push_str("\n\nAnother call could not be read: ");
                    text.push_str(&broken.refusal.message);
                }
                text.push_str("\n\n");
                text.push_str(&self.reminder);
            }
            self.messages.push(Message::Tool {
                call_id: call.id.clone(),
                name: call.name.clone(),
                text,
            });
        }
    }

    fn steer(&mut self, upto: Seq, steering: &[Steering]) {
        let unheard = steering
            .iter()
            .filter(|s| s.seq > self.heard && s.seq <= upto);
        for instruction in unheard {
            let line = format!("The user says: {}", instruction.text);
            match self.messages.last_mut() {
                // At the end of what has not been sent yet; never a message in the middle.
                Some(Message::Tool { text, .. } | Message::User { text }) => {
                    text.push_str("\n\n");
                    text.push_str(&line);
                }
                _ => self.messages.push(Message::User { text: line }),
            }
        }
        self.heard = self.heard.max(upto);
    }

    fn say(&mut self, words: &str) {
        match self.messages.last_mut() {
            Some(Message::User { text }) => {
                text.push_str("\n\n");
                text.push_str(words);
            }
            Some(Message::Tool { text, .. }) => {
                text.push_str("\n\n");
                text.push_str(words);
            }
            _ => self.messages.push(Message::User {
                text: words.to_owned(),
            }),
        }
    }
}

/// Bytes of what is said in a message.
pub(crate) fn message_bytes(message: &Message) -> usize {
    match message {
        Message::System { text } | Message::User { text } | Message::Tool { text, .. } => {
            text.len()
        }
        Message::Assistant {
            text,
            thought,
            calls,
        } => {
            let call = |c: &loom_events::ToolCall| c.name.len() + c.arguments.to_string().len();
            text.len()
                + thought.as_ref().map_or(0, String::len)
                + calls.iter().map(call).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{
        BlobId, CallRecord, Class, Digest, Finish, Latency, Refusal, Said, ToolCall,
        UnreadableCall, Usage,
    };
    use serde_json::json;

    struct Given(Answer);

    #[async_trait::async_trait]
    impl Texts for Given {
        async fn answer(&self, _: &ModelReply) -> Result<Answer, Broken> {
            Ok(self.0.clone())
        }
        async fn result(&self, text: &ResultText) -> Result<String, Broken> {
            match text {
                ResultText::Inline(text) => Ok(text.clone()),
                ResultText::Kept { .. } => Ok(format!("{}\n", "output ".repeat(100))),
            }
        }
    }

    fn blob() -> BlobId {
        Digest::from_hex("0".repeat(64)).unwrap()
    }

    fn reply(calls: &[(&str, Option<&str>)]) -> ModelReply {
        ModelReply {
            answer: blob(),
            calls: calls
                .iter()
                .map(|(id, refusal)| CallRecord {
                    id: (*id).to_owned(),
                    tool: "read_file".into(),
                    summary: String::new(),
                    class: Class::Pure,
                    refusal: refusal.map(|message| Refusal {
                        code: "unknown_tool".into(),
                        message: message.to_owned(),
                    }),
                })
                .collect(),
            unreadable: 0,
            said: Said::Called,
            discovery: None,
            usage: Usage::default(),
            latency: Latency::default(),
            model: "m".into(),
            finish: Finish::Stop,
            context_percent: 0,
        }
    }

    fn answer(ids: &[&str]) -> Answer {
        Answer {
            calls: ids
                .iter()
                .map(|id| ToolCall {
                    id: (*id).to_owned(),
                    name: "read_file".into(),
                    arguments: json!({}),
                })
                .collect(),
            ..Answer::default()
        }
    }

    fn start() -> Conversation {
        let user = Message::User {
            text: "do it".into(),
        };
        Conversation::new(vec![user], Seq(0), "Goal: g.".into())
    }

    fn asked(upto: u64) -> Entry {
        Entry::Asked {
            steer_upto: Seq(upto),
        }
    }

    fn result(call: u32, text: &str) -> Entry {
        Entry::Result {
            call,
            text: ResultText::Inline(text.into()),
        }
    }

    async fn feed(talk: &mut Conversation, entries: &[Entry], says: &[Steering], texts: &Given) {
        for entry in entries {
            talk.advance(entry, says, texts).await.unwrap();
        }
    }

    #[tokio::test]
    async fn every_call_is_answered_in_order_and_the_reminder_comes_last() {
        let mut talk = start();
        let entries = [
            asked(0),
            Entry::Answered {
                turn: 0,
                reply: reply(&[("a", None), ("b", Some("no such tool")), ("c", None)]),
            },
            result(0, "one"),
            asked(0),
        ];
        let texts = Given(answer(&["a", "b", "c"]));
        feed(&mut talk, &entries, &[], &texts).await;
        let tools: Vec<_> = talk
            .messages()
            .iter()
            .filter_map(|m| match m {
                Message::Tool { call_id, text, .. } => Some((call_id.as_str(), text.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(tools[0], ("a", "one"));
        assert_eq!(tools[1], ("b", "no such tool"));
        assert!(tools[2].1.starts_with("This call was interrupted"));
        assert!(tools[2].1.ends_with("Goal: g."));
    }

    #[tokio::test]
    async fn what_was_sent_once_never_changes() {
        let mut talk = start();
        let steering = [Steering {
            seq: Seq(7),
            text: "use tabs".into(),
        }];
        let entries = [
            asked(0),
            Entry::Answered {
                turn: 0,
                reply: reply(&[("a", None)]),
            },
            result(0, "one"),
            asked(7),
        ];
        let texts = Given(answer(&["a"]));
        feed(&mut talk, &entries[..1], &steering, &texts).await;
        let sent = talk.messages().to_vec();
        feed(&mut talk, &entries[1..], &steering, &texts).await;
        assert_eq!(&talk.messages()[..sent.len()], &sent[..]);
        let Some(Message::Tool { text, .. }) = talk.messages().last() else {
            unreachable!("the last message is a result")
        };
        assert!(text.ends_with("The user says: use tabs"), "{text}");
    }

    #[tokio::test]
    async fn an_answer_without_words_is_not_sent_back_empty() {
        let mut talk = start();
        let mut texts = Given(Answer::default());
        texts.0.unreadable.push(UnreadableCall {
            name: None,
            raw: "{".into(),
            refusal: Refusal {
                code: "truncated_arguments".into(),
                message: "cut off".into(),
            },
        });
        let entries = [
            asked(0),
            Entry::Answered {
                turn: 0,
                reply: reply(&[]),
            },
            Entry::Nudge {
                text: "Send it again.".into(),
            },
            asked(0),
        ];
        feed(&mut talk, &entries, &[], &texts).await;
        assert_eq!(
            talk.messages()[1..],
            [
                Message::Assistant {
                    text: NO_WORDS.into(),
                    thought: None,
                    calls: Vec::new()
                },
                Message::User {
                    text: "cut off\n\nSend it again.".into()
                }
            ]
        );
    }
}
