//! The probe: a few short calls that find out what a model at a server really does, whatever its
//! name and its server claim.
//!
//! [`probe`] only asks and waits; what is asked is in `questions`, what the answers mean in `judge`,
//! what can be done about it in `advice`, all of them pure. What the answers do not settle is said
//! to be unclear: a guess would be kept, and acted on, for weeks.

mod advice;
mod judge;
mod questions;

use crate::{
    CallError, Capabilities, ChatReply, ChatRequest, Deadline, Delta, ModelEntry, Provider,
};
use judge::Heard;
use questions::Words;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The first answer may have to wait until the model is loaded.
const FIRST_ANSWER: Duration = Duration::from_secs(300);

/// Two hundred tokens at two a second; what is slower cannot do the work either.
const NEXT_ANSWER: Duration = Duration::from_secs(120);

/// What the server says of itself is at hand, or not worth the wait.
const DESCRIPTION: Duration = Duration::from_secs(2);

/// What is probed.
pub struct Subject<'a> {
    /// The model at its server.
    pub provider: &'a dyn Provider,
    /// Its entry; thinking should be `Auto` in it, since it is switched to see what happens.
    pub entry: &'a ModelEntry,
    /// Any number that is not the same twice: words made of it are in no cache.
    pub salt: u64,
}

/// One call of the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A plain answer, without thinking.
    Plain,
    /// The same with thinking.
    Thinking,
    /// One call with an argument that is easily spoilt.
    Call,
    /// Two calls in one answer.
    Parallel,
    /// A call that must be made.
    Forced,
    /// An answer that must fit a schema.
    Schema,
}

impl Stage {
    /// Every stage in its order.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Thinking,
        Self::Call,
        Self::Parallel,
        Self::Forced,
        Self::Schema,
    ];

    /// What is asked for, in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "a plain answer",
            Self::Thinking => "an answer with thinking",
            Self::Call => "a tool call with code in it",
            Self::Parallel => "two tool calls at once",
            Self::Forced => "a tool call that must be made",
            Self::Schema => "an answer bound to a schema",
        }
    }
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What the server says of the model, overruled by what was seen.
    pub capabilities: Capabilities,
    /// What was seen, in sentences.
    pub seen: Vec<Finding>,
    /// Whether the start of the prompt reached the model.
    pub canary: Canary,
}

/// Whether the model could repeat a word that stood only at the very start of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// It did.
    Found,
    /// It repeated the word at the end and not the one at the start: the start was lost.
    Lost,
    /// It repeated neither, which says nothing about the prompt.
    Unclear,
}

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Good or bad.
    pub verdict: Verdict,
    /// What was seen, as a sentence without a period.
    pub text: String,
    /// What to do about it.
    pub way_out: Option<String>,
}

/// What a finding means for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing; Loom copes with it.
    Note,
    /// It will get in the way.
    Problem,
    /// The answers did not settle it.
    Unclear,
}

impl Finding {
    fn new(verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            verdict,
            text: text.into(),
            way_out: None,
        }
    }

    fn way_out(mut self, way_out: impl Into<String>) -> Self {
        self.way_out = Some(way_out.into());
        self
    }
}

/// Asks the model a few short questions and says what came of them. `progress` is told of each call
/// before it is made. Cancelling, or dropping the future, ends the call under way at the server.
///
/// # Errors
/// The first call failed, so that there is nothing to judge, or the probe was cancelled. What fails
/// later is a finding.
pub async fn probe(
    subject: &Subject<'_>,
    progress: &mut (dyn FnMut(Stage) + Send),
    cancel: &CancellationToken,
) -> Result<Probe, CallError> {
    let asked = run(subject, progress);
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(CallError::Cancelled { model: subject.entry.name.clone() }),
        probe = asked => probe,
    }
}

async fn run(
    subject: &Subject<'_>,
    progress: &mut (dyn FnMut(Stage) + Send),
) -> Result<Probe, CallError> {
    let described = timeout(DESCRIPTION, subject.provider.describe()).await;
    let described = described.ok().and_then(Result::ok).unwrap_or_default();
    let entry = subject.entry;
    let about = judge::About {
        kind: entry.provider,
        traits: entry.traits(),
    };
    let words = Words::of(subject.salt);
    let others = Words::of(subject.salt.wrapping_add(1));
    let mut report = Report::default();

    progress(Stage::Plain);
    let request = questions::plain(&words, false);
    let plain = subject.ask(&request, FIRST_ANSWER).await?;
    let canary = judge::canary(&plain, &words);
    report.add(judge::canary_finding(canary, about));
    report.add(judge::counted(&plain, &request, about));
    let follows = canary != Canary::Unclear;

    progress(Stage::Thinking);
    let thinking = subject
        .ask(&questions::plain(&others, true), NEXT_ANSWER)
        .await;
    if let Some(thought) = report.heard(Stage::Thinking, thinking) {
        let (thinking, finding) = judge::thinking(&plain, &thought, follows, about);
        report.seen.thinking = thinking;
        report.add(Some(finding));
        report.timed.push(thought);
    }
    report.timed.push(plain);

    progress(Stage::Call);
    let call = subject.ask(&questions::call(), NEXT_ANSWER).await;
    let has_tools = !matches!(call, Err(CallError::NoTools { .. }));
    if let Some(call) = report.heard_call(call, about) {
        let (calls, family, findings) = judge::call(&call, follows, about);
        report.seen.calls = calls;
        report.seen.family = family;
        report.findings.extend(findings);
        report.timed.push(call);
    }
    if has_tools {
        progress(Stage::Parallel);
        let two = subject.ask(&questions::two_calls(), NEXT_ANSWER).await;
        if let Some(two) = report.heard(Stage::Parallel, two) {
            report.add(Some(judge::two_calls(&two)));
        }
        progress(Stage::Forced);
        let forced = subject.ask(&questions::forced_call(), NEXT_ANSWER).await;
        if let Some(forced) = report.heard(Stage::Forced, forced) {
            let (honoured, finding) = judge::forced(&forced);
            report.seen.forced_calls = honoured;
            report.add(Some(finding));
        }
    }
    progress(Stage::Schema);
    let bound = subject.ask(&questions::bound(), NEXT_ANSWER).await;
    if let Some(bound) = report.heard(Stage::Schema, bound) {
        let (honoured, finding) = judge::schema(&bound);
        report.seen.schema = honoured;
        report.add(Some(finding));
    }
    let mut probe = report.finish(described, canary);
    let window = entry.context_length.or(probe.capabilities.window);
    probe.seen.extend(judge::window(window, about));
    Ok(probe)
}

impl Subject<'_> {
    async fn ask(&self, request: &ChatRequest, limit: Duration) -> Result<Heard, CallError> {
        let mut text = String::new();
        let mut calls = 0;
        let mut sink = |delta: Delta<'_>| match delta {
            Delta::Text(piece) => text.push_str(piece),
            Delta::Call(_) => calls += 1,
            Delta::Thought(_) => {}
        };
        let reply: Result<ChatReply, _> = timeout(limit, self.provider.chat(request, &mut sink))
            .await
            .unwrap_or_else(|_| {
                Err(CallError::TimedOut {
                    server: self.entry.base_url.clone(),
                    model: self.entry.name.clone(),
                    deadline: Deadline::Total,
                    limit,
                    partial: None,
                })
            });
        Ok(Heard {
            reply: reply?,
            text,
            calls,
        })
    }
}

/// What has been seen so far.
#[derive(Default)]
struct Report {
    seen: Capabilities,
    findings: Vec<Finding>,
    /// The answers whose times count.
    timed: Vec<Heard>,
}

impl Report {
    fn add(&mut self, finding: Option<Finding>) {
        self.findings.extend(finding);
    }

    /// The answer; a failure is a finding.
    fn heard(&mut self, stage: Stage, answer: Result<Heard, CallError>) -> Option<Heard> {
        answer
            .map_err(|error| {
                let text = format!("asking for {} failed: cannot {error}", stage.name());
                self.add(Some(Finding::new(Verdict::Problem, text)));
            })
            .ok()
    }

    /// The same for the first call with tools, which a server may refuse outright.
    fn heard_call(
        &mut self,
        answer: Result<Heard, CallError>,
        about: judge::About,
    ) -> Option<Heard> {
        if let Err(CallError::NoTools { said, .. }) = &answer {
            self.seen.calls = crate::Calls::None;
            let finding = Finding::new(
                Verdict::Problem,
                format!("the server takes no tools for this model: {said}"),
            );
            self.add(Some(finding.way_out(advice::no_tools(about.kind))));
            return None;
        }
        self.heard(Stage::Call, answer)
    }

    fn finish(mut self, described: Capabilities, canary: Canary) -> Probe {
        let (prefill, decode) = judge::speed(&self.timed);
        self.seen.prefill_per_s = prefill;
        self.seen.decode_per_s = decode;
        Probe {
            capabilities: described.updated(&self.seen),
            seen: self.findings,
            canary,
        }
    }
}
