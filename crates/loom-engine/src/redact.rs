//! What of an input to the kernel is shown, and loses its secrets before anything else happens to it;
//! and what is acted on, and stays exact to the byte.
//!
//! Every event is made from an input by pure code, so nothing reaches the journal, the prompts, the
//! views or a stream that was not here first. Live running and replay see the same words. The list of
//! what stays exact is in `docs/decisions/0017-…`; a new field has to take its place in these matches.

use loom_events::{
    Adjusted, Adjustment, Answer, Command, Failure, MemoryEntry, Message, ModelReply, NewTask,
    Note, Outcome, Prepared, Proposal, Question, Reconciled, Response, Said, ToolResult, Verdict,
};
use loom_kernel::Input;
use loom_redact::Redactor;

/// The input without secrets in what it shows.
pub(crate) fn input(redactor: &Redactor, mut input: Input) -> Input {
    let shown = Shown(redactor);
    match &mut input {
        Input::Command(command) => shown.command(command),
        Input::Queue { first, .. } => first.iter_mut().for_each(|first| shown.command(first)),
        Input::Outcome { outcome, .. } => shown.outcome(outcome),
        Input::Note { note, .. } => shown.note(note),
        Input::Abandon { reason, .. } => shown.text(reason),
        Input::Recover { .. } | Input::Tick => {}
    }
    input
}

/// An answer as it is kept: what it says without secrets, its calls as they will be run.
pub(crate) fn answer(redactor: &Redactor, mut answer: Answer) -> Answer {
    redactor.string(&mut answer.text);
    if let Some(thought) = &mut answer.thought {
        redactor.string(thought);
    }
    for unreadable in &mut answer.unreadable {
        redactor.string(&mut unreadable.raw);
        redactor.string(&mut unreadable.refusal.message);
    }
    answer
}

/// The first messages of a conversation without secrets.
pub(crate) fn messages(redactor: &Redactor, messages: &mut [Message]) {
    for message in messages {
        match message {
            Message::System { text } | Message::User { text } | Message::Tool { text, .. } => {
                redactor.string(text);
            }
            // Its own words, which it has to find as it wrote them.
            Message::Assistant { .. } => {}
        }
    }
}

/// Redacts what is shown.
struct Shown<'a>(&'a Redactor);

impl Shown<'_> {
    fn text(&self, text: &mut String) {
        self.0.string(text);
    }

    fn texts<'t>(&self, texts: impl IntoIterator<Item = &'t mut String>) {
        texts.into_iter().for_each(|text| self.text(text));
    }

    /// For what somebody must see as it is: only values that are known go.
    fn known(&self, text: &mut String) {
        if let std::borrow::Cow::Owned(redacted) = self.0.known(text) {
            *text = redacted;
        }
    }

    fn command(&self, command: &mut Command) {
        match command {
            Command::Create(new) => self.new_task(new),
            Command::Continue(continued) => {
                self.new_task(&mut continued.task);
                self.texts(continued.kept.iter_mut().map(|kept| &mut kept.summary));
                continued
                    .facts
                    .iter_mut()
                    .for_each(|fact| self.memory(fact));
            }
            Command::Cancel { reason } => self.text(reason),
            Command::Steer { text } => self.text(text),
            Command::Answer { response, .. } => match response {
                Response::Deny { reason } => self.text(reason),
                Response::Text { text } => self.text(text),
                Response::Retry { guidance } => self.text(guidance),
                // A plan is run.
                Response::EditPlan { .. }
                | Response::Grant { .. }
                | Response::Skip
                | Response::TakeOver
                | Response::Done
                | Response::Abort => {}
            },
            Command::Retry { guidance, .. } => self.text(guidance),
            // A plan is run.
            Command::EditPlan { .. } | Command::Pause | Command::Resume => {}
        }
    }

    fn new_task(&self, new: &mut NewTask) {
        self.text(&mut new.goal);
        self.texts(&mut new.context);
    }

    fn outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Planned { proposal, .. } => self.proposal(proposal),
            Outcome::Prepared(prepared) => self.prepared(prepared),
            Outcome::Replied(reply) => self.reply(reply),
            Outcome::ToolDone(result) | Outcome::Reconciled(Reconciled::Applied { result }) => {
                self.result(result);
            }
            Outcome::ToolHeld(question) => self.question(question),
            Outcome::Verified(verdict) | Outcome::Rechecked(verdict) => self.verdict(verdict),
            Outcome::Extracted { summary, .. } => self.text(summary),
            Outcome::Failed(failure) | Outcome::CallFailed { failure, .. } => {
                self.failure(failure);
            }
            Outcome::Reconciled(Reconciled::Clean | Reconciled::Recorded)
            | Outcome::Merged { .. }
            | Outcome::Conflicted { .. }
            | Outcome::Unmerged
            | Outcome::Interrupted { .. } => {}
        }
    }

    fn proposal(&self, proposal: &mut Proposal) {
        match proposal {
            // Its checks are commands that are run, and compared word for word.
            Proposal::Plan { .. } | Proposal::Checks { .. } => {}
            Proposal::Kept { why } => self.text(why),
            Proposal::Unreadable { errors } => self.texts(errors),
        }
    }

    fn prepared(&self, prepared: &mut Prepared) {
        self.texts(&mut prepared.trimmed);
        self.texts(&mut prepared.degraded);
    }

    fn reply(&self, reply: &mut ModelReply) {
        for call in &mut reply.calls {
            self.text(&mut call.summary);
            if let Some(refusal) = &mut call.refusal {
                self.text(&mut refusal.message);
            }
        }
        if let Said::Blocked { reason } = &mut reply.said {
            self.text(reason);
        }
        self.texts(&mut reply.discovery);
    }

    fn result(&self, result: &mut ToolResult) {
        self.text(&mut result.summary);
        self.texts(&mut result.degraded);
    }

    /// Whoever agrees to an action has to see it: a pattern could be made up to hide a part of it.
    fn question(&self, question: &mut Question) {
        self.text(&mut question.reason);
        self.known(&mut question.action);
        question
            .choices
            .iter_mut()
            .for_each(|choice| self.known(choice));
        question
            .default
            .iter_mut()
            .for_each(|text| self.known(text));
    }

    fn verdict(&self, verdict: &mut Verdict) {
        // The check in words is compared with those of later gates.
        self.texts(verdict.checks.iter_mut().map(|check| &mut check.detail));
        for criterion in &mut verdict.criteria {
            self.text(&mut criterion.quote);
            self.text(&mut criterion.why);
        }
        self.text(&mut verdict.feedback);
        self.texts(&mut verdict.degraded);
        for file in verdict.product.iter_mut().flat_map(|p| &mut p.files) {
            self.text(&mut file.patch);
        }
        self.texts(
            verdict
                .confidence
                .parts
                .iter_mut()
                .map(|part| &mut part.why),
        );
    }

    fn failure(&self, failure: &mut Failure) {
        self.text(&mut failure.message);
    }

    fn note(&self, note: &mut Note) {
        match note {
            Note::Prompt(prompt) => self.texts(&mut prompt.trimmed),
            Note::Progress { text } => self.text(text),
            Note::Memory(entry) => self.memory(entry),
            Note::Degraded { what } => self.text(what),
            // What was learned was journaled or kept without secrets; other ones may be known by now.
            Note::Learned(adjustment) => self.adjustment(adjustment),
            // Names of files, and what undoing needs.
            Note::FileChanged(_)
            | Note::ForkChanged(_)
            | Note::Snapshot { .. }
            | Note::Surveyed(_)
            | Note::ContextTrimmed { .. } => {}
        }
    }

    fn adjustment(&self, adjustment: &mut Adjustment) {
        self.text(&mut adjustment.why);
        match &mut adjustment.what {
            Adjusted::Plans { plans: texts } | Adjusted::Preferences { texts } => {
                self.texts(texts);
            }
            Adjusted::StartingTier { .. }
            | Adjusted::Caution(_)
            | Adjusted::Calibration(_)
            | Adjusted::Wording { .. } => {}
        }
    }

    fn memory(&self, entry: &mut MemoryEntry) {
        self.text(&mut entry.summary);
        self.text(&mut entry.detail);
        self.text(&mut entry.relevance_to);
        self.texts(&mut entry.tags);
    }
}
