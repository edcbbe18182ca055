//! What is known about each model from the calls so far.

use crate::model::Model;
use crate::{CallError, Capabilities, ChatReply};
use loom_events::{Latency, Role, Tier};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Replies of which the speed is kept: enough for a median that one cold load does not move.
const SAMPLES: usize = 32;

/// Fewer tokens are read in no time, and say nothing about the speed.
const LEAST_READ: u64 = 256;

/// Fewer tokens say nothing about the speed of writing.
const LEAST_WRITTEN: u64 = 8;

/// One line of `loom models`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelStatus {
    /// Name of the entry.
    pub name: String,
    /// Kind of provider.
    pub provider: &'static str,
    /// Address of the server.
    pub base_url: String,
    /// The model's id at the server, when configured.
    pub model: Option<String>,
    /// Size class.
    pub tier: Tier,
    /// What it may be asked to be.
    pub roles: Vec<Role>,
    /// Context window in tokens, as configured or learnt.
    pub context_length: Option<u32>,
    /// Whether its server is to be asked.
    pub health: Health,
    /// What it can do, once somebody has looked.
    pub capabilities: Option<Capabilities>,
    /// Calls that ended in a reply.
    pub succeeded: u64,
    /// Calls that failed, after their retries; cancelled ones and those that were not made, since
    /// the server was left alone, count as neither.
    pub failed: u64,
    /// Share of those that succeeded, between 0 and 1.
    pub success_rate: Option<f32>,
    /// Calls waiting for a slot or running.
    pub in_flight: u32,
    /// Those of them that wait.
    pub waiting: u32,
    /// Calls that its server is given at once.
    pub slots: u32,
    /// Times of the last reply.
    pub last_latency: Option<Latency>,
    /// How fast it was lately.
    pub speed: Speed,
    /// The last failure, unless a reply came since.
    pub last_error: Option<String>,
}

/// Whether a server is to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// It has not answered yet, or has failed since.
    #[default]
    Unknown,
    /// It answered the last call.
    Ok,
    /// It is left alone.
    Resting {
        /// For so many milliseconds more.
        for_ms: u64,
        /// What happened last.
        last: String,
    },
    /// One call finds out whether it answers again.
    Trying,
}

/// Medians over the last replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Speed {
    /// Milliseconds until the first token.
    pub first_token_ms: Option<u64>,
    /// Tokens of a prompt that are read in a second, cached ones not counted.
    pub prefill_per_s: Option<f32>,
    /// Tokens that are written in a second.
    pub decode_per_s: Option<f32>,
}

impl ModelStatus {
    /// How a model stands now.
    pub(crate) fn of(model: &Model) -> Self {
        let Model { entry, gate, .. } = model;
        let figures = model.record.figures().clone();
        let (waiting, slots) = gate.load(gate.model(entry));
        let window = model.window();
        Self {
            name: entry.name.clone(),
            provider: entry.provider.name(),
            base_url: entry.base_url.clone(),
            model: entry.model.clone(),
            tier: entry.tier,
            roles: entry.roles.clone(),
            context_length: window.and_then(|window| u32::try_from(window).ok()),
            health: gate.health(),
            capabilities: model.capabilities(),
            succeeded: figures.succeeded,
            failed: figures.failed,
            success_rate: rate(figures.succeeded, figures.failed),
            in_flight: figures.in_flight,
            waiting,
            slots,
            last_latency: figures.last_latency,
            speed: figures.speed(),
            last_error: figures.last_error,
        }
    }
}

/// The figures of one model.
#[derive(Default)]
pub(crate) struct Record(Mutex<Figures>);

#[derive(Clone, Default)]
struct Figures {
    succeeded: u64,
    failed: u64,
    in_flight: u32,
    last_latency: Option<Latency>,
    last_error: Option<String>,
    samples: VecDeque<Sample>,
}

/// The speed of one reply.
#[derive(Clone, Copy)]
struct Sample {
    first_token_ms: u64,
    prefill_per_s: Option<f32>,
    decode_per_s: Option<f32>,
}

impl Record {
    /// A call begins; it counts as in flight until the guard is dropped, however it ends.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.figures().in_flight += 1;
        InFlight(self)
    }

    /// A call has ended.
    pub(crate) fn end(&self, result: &Result<ChatReply, CallError>) {
        let mut figures = self.figures();
        match result {
            Ok(reply) => {
                figures.succeeded += 1;
                figures.last_latency = Some(reply.latency);
                figures.last_error = None;
            }
            Err(CallError::Cancelled { .. } | CallError::Resting { .. }) => {}
            Err(error) => {
                figures.failed += 1;
                figures.last_error = Some(format!("failed to {error}"));
            }
        }
    }

    /// Notes the speed of a reply whose prompt had so many tokens that were not cached, if known.
    pub(crate) fn measured(&self, reply: &ChatReply, evaluated: Option<u64>) {
        let Latency {
            first_token_ms,
            total_ms,
        } = reply.latency;
        let read = evaluated.filter(|tokens| *tokens >= LEAST_READ);
        let written = Some(reply.usage.completion).filter(|tokens| *tokens >= LEAST_WRITTEN);
        let sample = Sample {
            first_token_ms,
            prefill_per_s: read.and_then(|tokens| per_second(tokens, first_token_ms)),
            decode_per_s: written
                .and_then(|tokens| per_second(tokens, total_ms.saturating_sub(first_token_ms))),
        };
        let mut figures = self.figures();
        figures.samples.push_back(sample);
        if figures.samples.len() > SAMPLES {
            figures.samples.pop_front();
        }
    }

    /// Tokens of a prompt that are read in a second.
    pub(crate) fn prefill_per_s(&self) -> Option<f32> {
        self.figures().speed().prefill_per_s
    }

    /// Counters are whole after every statement, so a panic elsewhere does not spoil them.
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    fn speed(&self) -> Speed {
        let samples = || self.samples.iter();
        Speed {
            first_token_ms: median(samples().map(|sample| sample.first_token_ms), u64::cmp),
            prefill_per_s: median(
                samples().filter_map(|sample| sample.prefill_per_s),
                f32::total_cmp,
            ),
            decode_per_s: median(
                samples().filter_map(|sample| sample.decode_per_s),
                f32::total_cmp,
            ),
        }
    }
}

/// One call in flight.
pub(crate) struct InFlight<'a>(&'a Record);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.figures().in_flight -= 1;
    }
}

fn median<T: Copy>(
    of: impl Iterator<Item = T>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Option<T> {
    let mut sorted: Vec<T> = of.collect();
    sorted.sort_by(order);
    sorted.get(sorted.len() / 2).copied()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a speed for people and estimates"
)]
fn per_second(tokens: u64, ms: u64) -> Option<f32> {
    (ms > 0).then(|| tokens as f32 * 1000.0 / ms as f32)
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn rate(succeeded: u64, failed: u64) -> Option<f32> {
    let all = succeeded.saturating_add(failed);
    (all > 0).then(|| succeeded as f32 / all as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_ignore_one_cold_load_and_what_is_too_short_to_measure() {
        let record = Record::default();
        let reply = |first_token_ms, total_ms, completion| ChatReply {
            answer: Default::default(),
            usage: loom_events::Usage {
                completion,
                ..Default::default()
            },
            latency: Latency {
                first_token_ms,
                total_ms,
            },
            finish: loom_events::Finish::Stop,
            model: "m".into(),
            reported: None,
        };
        assert_eq!(record.figures().speed(), Speed::default());
        record.measured(&reply(90_000, 91_000, 20), Some(1000));
        record.measured(&reply(1000, 2000, 30), Some(1000));
        record.measured(&reply(1100, 2100, 2), Some(10));
        record.measured(&reply(2000, 3000, 40), Some(1000));
        let expected = Speed {
            first_token_ms: Some(2000),
            prefill_per_s: Some(500.0),
            decode_per_s: Some(30.0),
        };
        assert_eq!(record.figures().speed(), expected);
        for _ in 0..100 {
            record.measured(&reply(1, 2, 10), None);
        }
        assert_eq!(record.figures().samples.len(), SAMPLES);
    }
}
