//! How much of a request was sent before: what a server can take from its cache. For whoever watches
//! a task, and for a whole recorded one.

use crate::broken::{Broken, chain};
use crate::conversation::{Conversation, Texts, message_bytes};
use crate::effects::FrozenPrompt;
use crate::ledger::{Ledger, ResultText};
use crate::reader::{QueryError, Reader};
use loom_events::{
    Answer, AttemptId, BlobId, Event, FailureClass, Message, ModelReply, Record, Role, TaskId,
    ToolSpec, Work,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Logs how much of a request is the same as in the one before, and how much its server took from
/// its cache: when the first is large and the second is not, the cache is lost on the way.
pub(crate) fn log(turn: u32, (before, now): (&[Message], &[Message]), cached_tokens: u64) {
    let bytes: usize = now.iter().map(message_bytes).sum();
    let again = common(before, now);
    tracing::debug!(turn, bytes, again, cached_tokens, "asked a model");
}

/// Bytes that two requests begin with alike.
fn common(before: &[Message], now: &[Message]) -> usize {
    let mut bytes = 0;
    for (old, new) in before.iter().zip(now) {
        if old != new {
            return bytes + common_text(text(old), text(new));
        }
        bytes += message_bytes(new);
    }
    bytes
}

fn text(message: &Message) -> &str {
    match message {
        Message::System { text }
        | Message::User { text }
        | Message::Assistant { text, .. }
        | Message::Tool { text, .. } => text,
    }
}

fn common_text(old: &str, new: &str) -> usize {
    old.bytes()
        .zip(new.bytes())
        .take_while(|(a, b)| a == b)
        .count()
}

/// What the requests of a role had in common with those before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrefixShare {
    /// Requests of the role.
    pub requests: u64,
    /// Their bytes: tools and messages.
    pub bytes: u64,
    /// Bytes with which a request began just as the one before it did. The first of a role has none
    /// before it.
    pub again: u64,
}

impl PrefixShare {
    /// The share that was sent before, from 0 to 1; of nothing it is 0.
    #[must_use]
    pub fn share(&self) -> f64 {
        match self.bytes {
            0 => 0.0,
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share needs no more digits than a float has"
            )]
            bytes => self.again as f64 / bytes as f64,
        }
    }

    fn add(&mut self, bytes: usize, again: usize) {
        self.requests += 1;
        self.bytes += bytes as u64;
        self.again += again as u64;
    }
}

/// For a whole recorded task, by role. A request is compared with the one before it in its attempt,
/// else with the one before it of its role: that is what a server still has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrefixReport {
    /// By role.
    pub roles: BTreeMap<Role, PrefixShare>,
    /// Requests inside of attempts: those after the first of each.
    pub inside_attempts: PrefixShare,
    /// All of them together.
    pub all: PrefixShare,
}

/// One request as it was sent.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// The tools as JSON: templates of models put them first.
    tools: String,
    messages: Vec<Message>,
}

impl Sent {
    fn bytes(&self) -> usize {
        self.tools.len() + self.messages.iter().map(message_bytes).sum::<usize>()
    }

    fn again(&self, before: &Self) -> usize {
        match self.tools == before.tools {
            true => self.tools.len() + common(&before.messages, &self.messages),
            false => common_text(&before.tools, &self.tools),
        }
    }
}

/// An attempt whose conversation is built again.
struct Talk {
    tools: String,
    conversation: Conversation,
    taken: usize,
    last: Option<Sent>,
}

/// Builds the requests of a task again.
struct Replayed<'a> {
    reader: &'a Reader,
    ledger: Ledger,
    talks: BTreeMap<AttemptId, Talk>,
    last: BTreeMap<Role, Sent>,
    report: PrefixReport,
}

impl Reader {
    /// How much of each request of a task was the same as in the one before. A second question after an
    /// answer that did not fit its schema only adds to the first, and is not counted.
    ///
    /// # Errors
    /// There is no such task, or its journal cannot be read.
    pub async fn prefix_report(&self, task: TaskId) -> Result<PrefixReport, QueryError> {
        let records = self.records(task).await?;
        let mut replayed = Replayed {
            reader: self,
            ledger: Ledger::new(task),
            talks: BTreeMap::new(),
            last: BTreeMap::new(),
            report: PrefixReport::default(),
        };
        for record in &records {
            replayed.take(record).await?;
        }
        Ok(replayed.report)
    }
}

impl Replayed<'_> {
    async fn take(&mut self, record: &Record) -> Result<(), QueryError> {
        self.ledger.note(record);
        match &record.envelope.event {
            Event::PromptAssembled { prompt, .. } => {
                if let Some(messages) = self.json::<Vec<Message>>(&prompt.prompt).await? {
                    let sent = Sent {
                        tools: String::new(),
                        messages,
                    };
                    self.sent(prompt.role, None, sent);
                }
            }
            Event::AttemptPrepared {
                attempt, prepared, ..
            } => {
                if let Some(frozen) = self.json::<FrozenPrompt>(&prepared.prompt).await? {
                    let tools = tools(&frozen.tools);
                    let FrozenPrompt {
                        messages,
                        heard,
                        reminder,
                        ..
                    } = frozen;
                    self.talks.insert(
                        *attempt,
                        Talk {
                            tools,
                            conversation: Conversation::new(messages, heard, reminder),
                            taken: 0,
                            last: None,
                        },
                    );
                }
            }
            _ => {}
        }
        if let Event::ModelCallStarted {
            work: Work::Model { attempt, .. },
            ..
        } = &record.envelope.event
        {
            self.asked(*attempt).await?;
        }
        Ok(())
    }

    /// An executor is asked: the conversation is brought up to here.
    async fn asked(&mut self, attempt: AttemptId) -> Result<(), QueryError> {
        let (Some(log), Some(mut talk)) = (
            self.ledger.attempts.get(&attempt),
            self.talks.remove(&attempt),
        ) else {
            return Ok(());
        };
        let texts = Kept(self.reader);
        for entry in log.entries.get(talk.taken..).unwrap_or_default() {
            let steering = &self.ledger.view.steering;
            let advanced = talk.conversation.advance(entry, steering, &texts).await;
            advanced.map_err(|Broken(failure)| QueryError::Payload(failure.message))?;
        }
        talk.taken = log.entries.len();
        let sent = Sent {
            tools: talk.tools.clone(),
            messages: talk.conversation.messages().to_vec(),
        };
        self.sent(Role::Executor, talk.last.replace(sent.clone()), sent);
        self.talks.insert(attempt, talk);
        Ok(())
    }

    fn sent(&mut self, role: Role, in_attempt: Option<Sent>, sent: Sent) {
        let bytes = sent.bytes();
        let before = in_attempt.as_ref().or_else(|| self.last.get(&role));
        let again = before.map_or(0, |before| sent.again(before));
        if in_attempt.is_some() {
            self.report.inside_attempts.add(bytes, again);
        }
        self.report.roles.entry(role).or_default().add(bytes, again);
        self.report.all.add(bytes, again);
        self.last.insert(role, sent);
    }

    /// A payload; none when it is not kept, or another build wrote it.
    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        id: &BlobId,
    ) -> Result<Option<T>, QueryError> {
        let bytes = self.reader.blob(id).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

fn tools(tools: &[ToolSpec]) -> String {
    let shown = tools
        .iter()
        .map(|tool| format!("{} {} {}\n", tool.name, tool.description, tool.parameters));
    shown.collect()
}

/// What a conversation is rebuilt from, read from the journal.
struct Kept<'a>(&'a Reader);

impl Kept<'_> {
    async fn bytes(&self, id: &BlobId) -> Result<Vec<u8>, Broken> {
        let found = self.0.blob(id).await;
        let found = found.map_err(|error| Broken::new(FailureClass::Environment, chain(&error)))?;
        found.ok_or_else(|| Broken::damaged(&format!("payload {id}")))
    }
}

#[async_trait::async_trait]
impl Texts for Kept<'_> {
    async fn answer(&self, reply: &ModelReply) -> Result<Answer, Broken> {
        serde_json::from_slice(&self.bytes(&reply.answer).await?)
            .map_err(|error| Broken::environment("a stored answer is not what it was", &error))
    }

    async fn result(&self, text: &ResultText) -> Result<String, Broken> {
        match text {
            ResultText::Inline(text) => Ok(text.clone()),
            ResultText::Kept { shown, .. } => {
                Ok(String::from_utf8_lossy(&self.bytes(shown).await?).into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Message {
        Message::User { text: text.into() }
    }

    #[test]
    fn what_two_requests_begin_with_is_counted_into_the_first_that_differs() {
        let before = [user("abc"), user("defg")];
        assert_eq!(common(&before, &before), 7);
        assert_eq!(common(&before, &[user("abc"), user("deXX"), user("h")]), 5);
        assert_eq!(common(&[], &before), 0);
    }

    #[test]
    fn tools_come_first_and_other_tools_cost_all_that_follows() {
        let sent = |tools: &str, text: &str| Sent {
            tools: tools.to_owned(),
            messages: vec![user(text)],
        };
        assert_eq!(sent("ab", "xyz").again(&sent("ab", "xyy")), 4);
        assert_eq!(sent("ab", "xyz").again(&sent("ac", "xyz")), 1);
        assert_eq!(sent("ab", "xyz").bytes(), 5);
    }
}
