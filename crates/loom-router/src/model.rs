//! One model at work: a call from its budget to its reply.
//!
//! Main type: [`Model`]. In order: what fits into the window, the place at the server's gate, the
//! slot whose cache is meant, the tries, and at the end whether the whole prompt was read.

use crate::cut::{Count, Expected, Trail};
use crate::gate::{Gate, Try};
use crate::outline::Outline;
use crate::queue::Asking;
use crate::seats::{Owner, Seats};
use crate::status::Record;
use crate::tokens::{Gauge, LEAST_ANSWER, Weight};
use crate::{
    Budget, CallError, Capabilities, ChatReply, ChatRequest, Deadline, Delta, DeltaSink,
    ModelEntry, Provider, retry,
};
use loom_events::{Role, Usage};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the first token may take beyond three times the expected: loading the model.
const LOADING: Duration = Duration::from_secs(60);

/// A shorter prompt is left as it was reported: whatever is wrong there, the sum does not show it.
const LEAST_COMPLETED: u64 = 1000;

/// A model, its place at its server, and what was learnt of it.
pub(crate) struct Model {
    pub(crate) entry: ModelEntry,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) record: Record,
    learnt: Mutex<Learnt>,
}

#[derive(Default)]
struct Learnt {
    capabilities: Option<Capabilities>,
    gauge: Gauge,
    trail: Trail,
    seats: Seats,
}

/// A request as it is sent, and what is expected of it.
struct Prepared {
    request: ChatRequest,
    weight: Weight,
    budget: Budget,
}

impl Model {
    pub(crate) fn new(entry: ModelEntry, provider: Arc<dyn Provider>, gate: Arc<Gate>) -> Self {
        Self {
            entry,
            provider,
            gate,
            record: Record::default(),
            learnt: Mutex::default(),
        }
    }

    /// Takes account of what the model can do.
    pub(crate) fn learn(&self, capabilities: Capabilities) {
        self.gate.learn(&capabilities);
        let mut learnt = self.learnt();
        let slots = capabilities.slots.filter(|_| capabilities.picks_slot);
        learnt
            .seats
            .set(usize::try_from(slots.unwrap_or(0)).unwrap_or(0));
        learnt.capabilities = Some(capabilities);
    }

    /// What was learnt.
    pub(crate) fn capabilities(&self) -> Option<Capabilities> {
        self.learnt().capabilities.clone()
    }

    /// Tokens of a window: the smaller one, if both the user and the server state it.
    pub(crate) fn window(&self) -> Option<u64> {
        let learnt = self.learnt();
        let server = learnt.capabilities.as_ref().and_then(|can| can.window);
        let windows = [server, self.entry.context_length];
        windows.into_iter().flatten().min().map(u64::from)
    }

    /// What a request takes of the window, by estimate.
    pub(crate) fn budget(&self, request: &ChatRequest) -> Budget {
        let prompt = self.learnt().gauge.tokens(Weight::of(request));
        self.budget_with(request, prompt, false)
    }

    fn budget_with(&self, request: &ChatRequest, prompt: u64, exact: bool) -> Budget {
        let window = self.window();
        let wanted = u64::from(self.wanted(request, window));
        let least = wanted.min(u64::from(LEAST_ANSWER));
        Budget {
            prompt,
            window,
            answer: window.map_or(wanted, |window| {
                wanted.min(window.saturating_sub(prompt).max(least))
            }),
            exact,
        }
    }

    /// Tokens that the answer may have. An answer as long as the window leaves no room for the
    /// question, so what no request has asked for is bounded by half of it.
    fn wanted(&self, request: &ChatRequest, window: Option<u64>) -> u32 {
        let half = window.map(|window| u32::try_from(window / 2).unwrap_or(u32::MAX));
        let own = self.entry.max_tokens;
        let default = half.map_or(own, |half| own.min(half));
        request.max_tokens.unwrap_or(default)
    }

    /// The budget as the server counts it, where it does.
    pub(crate) async fn count(&self, request: &ChatRequest) -> Result<Budget, CallError> {
        let counts = self
            .learnt()
            .capabilities
            .as_ref()
            .is_some_and(|can| can.counts_tokens);
        let counted = match counts {
            true => self.provider.count(request).await?,
            false => None,
        };
        Ok(match counted {
            Some(prompt) => self.budget_with(request, prompt, true),
            None => self.budget(request),
        })
    }

    /// How long reading so many tokens takes, by what was measured.
    pub(crate) fn expect(&self, tokens: u64) -> Option<Duration> {
        let probed = || self.learnt().capabilities.as_ref()?.prefill_per_s;
        let speed = self.record.prefill_per_s().or_else(probed)?;
        #[expect(clippy::cast_precision_loss, reason = "an estimate of seconds")]
        let seconds = tokens as f32 / speed.max(0.01);
        Duration::try_from_secs_f32(seconds).ok()
    }

    /// Asks until there is a reply, a failure that will not pass, or something was delivered.
    pub(crate) async fn ask(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        self.gate.check(&self.entry)?;
        let mut prepared = self.prepare(request).await?;
        let _place = self.gate.enter(self.asking(request)).await;
        let mut sink = Watched {
            attempt: self.gate.admit(&self.entry)?,
            sink,
            delivered: false,
        };
        let _seat = self.sit(&mut prepared.request);
        let mut reply = self.try_repeatedly(&prepared.request, &mut sink).await?;
        self.settle(&prepared, &mut reply)?;
        Ok(reply)
    }

    fn asking(&self, request: &ChatRequest) -> Asking {
        Asking {
            task: request.task,
            model: self.gate.model(&self.entry),
            // Nothing waits for what an extractor writes down.
            aside: request.role == Some(Role::Extractor),
        }
    }

    /// Makes room for the answer, or says that there is none.
    async fn prepare(&self, request: &ChatRequest) -> Result<Prepared, CallError> {
        let weight = Weight::of(request);
        let mut budget = self.budget(request);
        let (least, most) = {
            let gauge = self.learnt().gauge;
            (gauge.at_least(weight), budget.prompt + budget.prompt / 2)
        };
        let answer = budget.answer.min(u64::from(LEAST_ANSWER));
        // Only then is the difference between an estimate and a count worth a question.
        if budget.window.is_some_and(|window| most + answer > window) {
            budget = self.count(request).await.unwrap_or(budget);
        }
        let least = if budget.exact { budget.prompt } else { least };
        if let Some(window) = budget.window.filter(|window| least + answer > *window) {
            return Err(CallError::Overflow {
                server: self.entry.base_url.clone(),
                model: self.entry.name.clone(),
                prompt: Some(budget.prompt),
                window: Some(window),
                said: "it was not sent, since it leaves no room for an answer".into(),
            });
        }
        Ok(Prepared {
            request: ChatRequest {
                max_tokens: Some(u32::try_from(budget.answer).unwrap_or(u32::MAX)),
                first_token: self.first_token(budget.prompt),
                slot: None,
                ..request.clone()
            },
            weight,
            budget,
        })
    }

    /// The limit for the first token, where the prompt needs longer than the entry grants.
    fn first_token(&self, prompt: u64) -> Option<Duration> {
        let needed = self
            .expect(prompt)?
            .saturating_mul(3)
            .saturating_add(LOADING);
        (needed > self.entry.deadlines.first_token).then_some(needed)
    }

    /// Chooses the slot, and so the cache.
    fn sit(&self, request: &mut ChatRequest) -> Option<Seat<'_>> {
        let owner = Owner::of(request.task, request.role);
        let place = self.learnt().seats.take(owner)?;
        request.slot = u32::try_from(place).ok();
        Some(Seat { model: self, place })
    }

    async fn try_repeatedly(
        &self,
        request: &ChatRequest,
        sink: &mut Watched<'_>,
    ) -> Result<ChatReply, CallError> {
        let mut tried = 0;
        loop {
            let error = match self.provider.chat(request, sink).await {
                Ok(reply) => {
                    sink.attempt.answered();
                    return Ok(reply);
                }
                Err(error) => in_its_own_time(error, request),
            };
            self.heed(&error);
            tried += 1;
            let is_useless = sink.attempt.failed(&error);
            let wait = retry::wait(&error, tried, self.entry.retries, retry::chance());
            let Some(wait) = wait.filter(|_| !sink.delivered && !is_useless) else {
                return Err(error);
            };
            tracing::debug!(model = self.entry.name, %error, tried, ?wait, "the call is tried again");
            tokio::time::sleep(wait).await;
        }
    }

    /// A server that refuses a prompt often says how large its window is: the next one is measured
    /// before it is sent.
    fn heed(&self, error: &CallError) {
        let CallError::Overflow {
            prompt: Some(prompt),
            window: Some(window),
            ..
        } = error
        else {
            return;
        };
        if let Ok(window) = u32::try_from(*window)
            && window >= LEAST_ANSWER
            && *prompt > u64::from(window)
        {
            let mut learnt = self.learnt();
            let known = &mut learnt.capabilities.get_or_insert_default().window;
            *known = Some(known.map_or(window, |known| known.min(window)));
        }
    }

    /// Holds the reported number of tokens against what was sent. What was reported in part is
    /// completed by our estimate, since everybody who adds up tokens means the whole prompt.
    fn settle(&self, prepared: &Prepared, reply: &mut ChatReply) -> Result<(), CallError> {
        let mut learnt = self.learnt();
        let outline = Outline::of(&prepared.request);
        let is_new = learnt.trail.is_new(&outline);
        let expected = Expected {
            tokens: prepared.budget.prompt,
            calibrated: prepared.budget.exact || learnt.gauge.is_calibrated(),
            window: prepared.budget.window,
        };
        let reported = reply.usage;
        match learnt.trail.judge(outline, expected, &reported) {
            Count::Whole => {
                learnt.gauge.report(prepared.weight, reported.prompt);
                drop(learnt);
                // Without a word on its cache, only a prompt without a known beginning was read whole.
                let evaluated = reported.prompt - reported.cached.min(reported.prompt);
                let is_measured = is_new || reported.cached > 0;
                self.record
                    .measured(reply, is_measured.then_some(evaluated));
                Ok(())
            }
            Count::Part => {
                drop(learnt);
                reply.usage = completed(reported, expected.tokens);
                self.record.measured(reply, None);
                Ok(())
            }
            Count::Cut => Err(CallError::Cut {
                server: self.entry.base_url.clone(),
                model: self.entry.name.clone(),
                sent: expected.tokens,
                reported: reported.prompt,
                setting: window_setting(learnt.capabilities.as_ref()),
            }),
        }
    }

    /// Its parts are whole after every call of theirs, so a panic elsewhere does not spoil them.
    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers whether anything was delivered: from then on another try would say it twice.
struct Watched<'a> {
    sink: &'a mut dyn DeltaSink,
    attempt: Try<'a>,
    delivered: bool,
}

impl DeltaSink for Watched<'_> {
    fn progress(&mut self, done: u64, total: u64) {
        self.sink.progress(done, total);
    }

    fn delta(&mut self, delta: Delta<'_>) {
        if !self.delivered {
            self.delivered = true;
            self.attempt.spoke();
        }
        self.sink.delta(delta);
    }
}

/// A slot that was chosen, until the call is over.
struct Seat<'a> {
    model: &'a Model,
    place: usize,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.model.learnt().seats.leave(self.place);
    }
}

/// The error with the limit that was in force.
fn in_its_own_time(mut error: CallError, request: &ChatRequest) -> CallError {
    if let (
        CallError::TimedOut {
            deadline: Deadline::FirstToken,
            limit,
            ..
        },
        Some(granted),
    ) = (&mut error, request.first_token)
    {
        *limit = granted;
    }
    error
}

/// The figures of a server that does not count the whole prompt.
fn completed(reported: Usage, estimate: u64) -> Usage {
    if reported.estimated || reported.prompt >= estimate || estimate < LEAST_COMPLETED {
        return reported;
    }
    Usage {
        prompt: estimate,
        cached: estimate - reported.prompt + reported.cached,
        estimated: true,
        ..reported
    }
}

/// Where the window is set, at this kind of server.
fn window_setting(capabilities: Option<&Capabilities>) -> &'static str {
    let server = capabilities.and_then(|can| can.server.as_deref());
    let server = server.unwrap_or("").to_lowercase();
    let named = [
        (
            "ollama",
            "Ollama's `num_ctx`, or OLLAMA_CONTEXT_LENGTH for the whole server",
        ),
        ("llama", "llama-server's `-c`"),
        ("lm studio", "\"context length\" of the model in LM Studio"),
        ("vllm", "vLLM's `--max-model-len`"),
    ];
    let known = named.iter().find(|(kind, _)| server.contains(kind));
    known.map_or(
        "the server's context size (Ollama `num_ctx` or OLLAMA_CONTEXT_LENGTH, llama-server `-c`, LM Studio \"context length\", vLLM `--max-model-len`)",
        |(_, setting)| setting,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_is_named_is_the_servers() {
        let setting = |server: &str| {
            window_setting(Some(&Capabilities {
                server: Some(server.into()),
                ..Capabilities::default()
            }))
        };
        assert!(setting("Ollama 0.9").contains("num_ctx"));
        assert!(setting("llama-server b11669").contains("`-c`"));
        assert!(setting("LM Studio").contains("LM Studio"));
        assert!(setting("vLLM 0.12").contains("--max-model-len"));
        let any = window_setting(None);
        assert!(any.contains("num_ctx") && any.contains("`-c`"), "{any}");
    }

    #[test]
    fn what_is_counted_in_part_is_completed_and_marked() {
        let reported = Usage {
            prompt: 310,
            cached: 0,
            completion: 7,
            estimated: false,
        };
        let expected = Usage {
            prompt: 3300,
            cached: 2990,
            completion: 7,
            estimated: true,
        };
        assert_eq!(completed(reported, 3300), expected);
        assert_eq!(completed(reported, 300), reported);
        assert_eq!(completed(reported, 999), reported);
    }
}
