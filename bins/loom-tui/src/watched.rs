//! The task that is looked at: its view, its log, what its models say right now, and its pace.

use crate::log::{Kind, Log};
use crate::look::Tone;
use crate::story;
use crate::text::{self, clean, clean_lines, duration, short};
use loom_client::wire::Rated;
use loom_events::{
    EffectId, Envelope, Event, Limits, ModelReply, Record, Seq, SubtaskId, TaskId, Time, Work,
};
use loom_view::{Live, Signal, SubtaskStatus, TaskStatus, TaskView};
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes kept of what a model says while it says it; the trace has all of it.
const MAX_SPOKEN: usize = 8 * 1024;

/// Lines of what a model said that stay in the log.
const MAX_SAID: usize = 12;

/// Lines of what a model is saying that are shown while it says them.
const TAIL: usize = 4;

/// The task that is looked at.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Its id.
    pub(crate) id: TaskId,
    /// It, as shown.
    pub(crate) view: TaskView,
    /// Its log.
    pub(crate) log: Log,
    /// Its limits.
    pub(crate) limits: Limits,
    /// How fast it is.
    pub(crate) pace: Pace,
    /// That its files are no longer as it left them, in words.
    pub(crate) taken_back: Option<String>,
    /// What was said of its steps.
    pub(crate) ratings: Vec<Rated>,
    /// Why it cannot be followed, if it cannot.
    pub(crate) broken: Option<String>,
    /// The last event when it was opened; until it is reached the past is being read.
    spoken: BTreeMap<EffectId, Spoken>,
}

/// How fast a task is, by what it has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// Tokens a second, of the last reply.
    pub(crate) decode: Option<f64>,
    /// Percent of the last prompt that the server had in its cache.
    pub(crate) cached: Option<u64>,
    /// When each step that is not done was begun.
    begun: BTreeMap<SubtaskId, Time>,
    /// Steps that were completed, and how long they took together.
    done: (u32, Duration),
}

/// What one model says right now.
#[derive(Clone, Debug, Default)]
struct Spoken {
    text: String,
    thought: String,
    calling: Option<String>,
    reading: Option<(u64, u64, Option<u64>)>,
}

impl Watched {
    /// A task of which nothing is known yet.
    pub(crate) fn new(id: TaskId) -> Self {
        Self {
            id,
            view: TaskView::new(id),
            log: Log::default(),
            limits: Limits::default(),
            pace: Pace::default(),
            taken_back: None,
            ratings: Vec::new(),
            broken: None,
            spoken: BTreeMap::new(),
        }
    }

    /// Adds a record. One that was seen changes nothing.
    pub(crate) fn apply(&mut self, record: &Record) {
        let envelope = &record.envelope;
        if envelope.task_id != self.id || envelope.seq <= self.view.last_seq {
            return;
        }
        self.view.apply(envelope);
        self.notice(envelope);
        self.log.follow(envelope, &self.view);
    }

    fn notice(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::TaskCreated(new) => self.limits = new.settings.limits.clone(),
            Event::SubtaskStarted { subtask, .. } => {
                let begun = self.pace.begun.entry(subtask.clone());
                begun.or_insert(envelope.timestamp);
            }
            Event::SubtaskCompleted { subtask, .. } => {
                if let Some(begun) = self.pace.begun.remove(subtask) {
                    self.pace.done.0 += 1;
                    self.pace.done.1 += envelope.timestamp.since(begun);
                }
            }
            Event::ModelCallCompleted { effect, reply } => {
                self.pace.replied(reply);
                self.heard(*effect, envelope);
            }
            Event::ModelCallFailed { effect, .. } => self.heard(*effect, envelope),
            // Nothing is in flight any more.
            Event::RunnerStarted { .. } => self.spoken.clear(),
            event => {
                if let Some(effect) = event.outcome_of() {
                    self.spoken.remove(&effect);
                }
            }
        }
        if envelope.event.is_terminal() {
            self.spoken.clear();
        }
    }

    /// What was said stays in the log.
    fn heard(&mut self, effect: EffectId, envelope: &Envelope) {
        let Some(spoken) = self.spoken.remove(&effect) else {
            return;
        };
        let said: Vec<_> = clean_lines(&spoken.text)
            .filter(|line| !line.trim().is_empty())
            .collect();
        let mut lines: Vec<_> = said
            .iter()
            .take(MAX_SAID)
            .map(|text| story::line(envelope, Kind::Model, Tone::Dim, 2, text))
            .collect();
        if said.len() > MAX_SAID {
            let more = format!(
                "… {}, see the trace",
                text::plural(said.len() - MAX_SAID, "more line")
            );
            lines.push(story::line(envelope, Kind::Model, Tone::Dim, 2, &more));
        }
        self.log.say(lines);
    }

    /// Adds what happens right now.
    pub(crate) fn hear(&mut self, live: &Live) {
        // A signal that was overtaken by its record says nothing any more.
        let in_flight = self.view.running().any(|(effect, _)| effect == live.effect);
        if live.task_id != self.id || !in_flight {
            return;
        }
        let spoken = self.spoken.entry(live.effect).or_default();
        match &live.signal {
            Signal::Text { piece } => push(&mut spoken.text, piece),
            Signal::Thought { piece } => push(&mut spoken.thought, piece),
            Signal::Call { name } => spoken.calling = Some(clean(name)),
            Signal::Reading {
                done,
                total,
                left_s,
            } => {
                spoken.reading = Some((*done, *total, *left_s));
                return;
            }
            // Nothing that a model says; its effect is a record, and left out above.
            Signal::WebhookDelivered { .. } => return,
        }
        spoken.reading = None;
    }

    /// What is shown below the log: what models do right now.
    pub(crate) fn tail(&self) -> Vec<(Tone, String)> {
        let mut tail = Vec::new();
        for (effect, work) in self.view.running() {
            let who = match work {
                Work::Plan { .. } => "the planner",
                Work::Model { .. } => "the model",
                Work::Verify { .. } | Work::Recheck { .. } | Work::Final { .. } => {
                    tail.push((Tone::Dim, "    ◐ the gate judges".to_owned()));
                    continue;
                }
                Work::Merge { .. } => {
                    tail.push((Tone::Dim, "    ● the result is brought back".to_owned()));
                    continue;
                }
                // A tool call has a line of its own already; the rest is over at once.
                Work::Tool { .. }
                | Work::Prepare { .. }
                | Work::Unmerge { .. }
                | Work::Extract { .. }
                | Work::Reconcile { .. } => continue,
            };
            let spoken = self.spoken.get(&effect);
            tail.extend(spoken.map(Spoken::lines).unwrap_or_default());
            let doing = spoken.map_or_else(|| "is asked".to_owned(), Spoken::doing);
            tail.push((Tone::Dim, format!("    ● {who} {doing}")));
        }
        tail
    }

    /// Whether anything of it moves.
    pub(crate) fn moves(&self) -> bool {
        !self.view.status.is_final()
    }

    /// How long the rest will take, by what was done: none before a step is done.
    pub(crate) fn left(&self, now: Time) -> Option<Duration> {
        let (done, took) = self.pace.done;
        let rest = self.view.subtasks.iter().filter(|s| {
            !matches!(
                s.status,
                SubtaskStatus::Completed | SubtaskStatus::Skipped | SubtaskStatus::Failed
            )
        });
        let rest = u32::try_from(rest.count()).ok()?;
        let moves = matches!(
            self.view.status,
            TaskStatus::Planning | TaskStatus::Executing
        );
        // Nobody knows how long a human takes.
        if done == 0 || rest == 0 || !moves {
            return None;
        }
        let each = took / done;
        let running: Duration = self
            .pace
            .begun
            .values()
            .map(|begun| now.since(*begun).min(each))
            .sum();
        Some((each * rest).saturating_sub(running))
    }

    /// The step that runs, or else the one that ran last.
    pub(crate) fn current(&self) -> Option<usize> {
        let is = |status: &[SubtaskStatus]| {
            let found = |s: &loom_view::SubtaskView| status.contains(&s.status);
            self.view.subtasks.iter().position(found)
        };
        is(&[SubtaskStatus::WaitingApproval])
            .or_else(|| is(&[SubtaskStatus::Running, SubtaskStatus::Verifying]))
            .or_else(|| {
                self.view
                    .subtasks
                    .iter()
                    .rposition(|s| !s.attempts.is_empty())
            })
    }

    /// The last event that was seen.
    pub(crate) const fn last_seq(&self) -> Seq {
        self.view.last_seq
    }
}

impl Pace {
    fn replied(&mut self, reply: &ModelReply) {
        let writing = reply
            .latency
            .total_ms
            .saturating_sub(reply.latency.first_token_ms);
        if writing > 0 && reply.usage.completion > 0 {
            let tokens = u32::try_from(reply.usage.completion).unwrap_or(u32::MAX);
            let writing = u32::try_from(writing).unwrap_or(u32::MAX);
            self.decode = Some(f64::from(tokens) * 1000.0 / f64::from(writing));
        }
        self.cached = match reply.usage {
            usage if usage.cached > 0 => (usage.cached * 100).checked_div(usage.prompt),
            _ => None,
        };
    }
}

impl Spoken {
    fn lines(&self) -> Vec<(Tone, String)> {
        let said = if self.text.trim().is_empty() {
            &self.thought
        } else {
            &self.text
        };
        let lines: Vec<_> = clean_lines(said)
            .filter(|line| !line.trim().is_empty())
            .collect();
        let last = lines.len().saturating_sub(TAIL);
        let shown = lines.into_iter().skip(last);
        shown
            .map(|line| (Tone::Dim, format!("    {line}")))
            .collect()
    }

    fn doing(&self) -> String {
        match (&self.reading, &self.calling) {
            (Some((done, total, left)), _) => {
                let percent = (done * 100).checked_div(*total).unwrap_or(0);
                let left = left.map_or_else(String::new, |seconds| {
                    format!(", about {} left", duration(Duration::from_secs(seconds)))
                });
                format!(
                    "reads the prompt: {percent} % of {} tokens{left}",
                    short(*total)
                )
            }
            (None, Some(tool)) => format!("writes a call of {tool}"),
            (None, None) if self.text.trim().is_empty() => "thinks".to_owned(),
            (None, None) => "writes".to_owned(),
        }
    }
}

fn push(text: &mut String, piece: &str) {
    text.push_str(piece);
    if text.len() > MAX_SPOKEN {
        let mut cut = text.len() - MAX_SPOKEN / 2;
        while !text.is_char_boundary(cut) {
            cut += 1;
        }
        text.drain(..cut);
    }
}

#[cfg(test)]
#[path = "watched_tests.rs"]
mod tests;
