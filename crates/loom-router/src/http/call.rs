//! One call, from the request to the reply, the same for every protocol.
//!
//! What can be put right without asking anybody is put right here, each thing once: an optional field
//! that the server refuses is left out, a history that the template refuses is flattened, a question
//! whose answer the server could not encode is put again, an answer that the server could not parse
//! is read out of its error, and an answer whose stream lost the end of a call is fetched whole.

use super::refusal::{Meaning, Refused};
use super::stream::{self, Begun, Lost};
use super::{Ask, Bad, Clock, Http, MAX_ANSWER_BODY_BYTES, Took, Wire};
use crate::assembly::{Abort, Assembly, BYTES_PER_TOKEN, Limits, MAX_ANSWER_BYTES};
use crate::{CallError, ChatReply, ChatRequest, DeltaSink, Discard, Provider};
use futures_util::StreamExt;
use loom_dialect::RawArguments;
use loom_events::{Finish, Latency, Refusal, UnreadableCall, Usage};
use reqwest::Response;
use serde::de::IgnoredAny;
use std::sync::atomic::Ordering;
use tokio::time::timeout_at;

/// Asks once.
pub(crate) async fn chat<W: Wire + Provider>(
    http: &Http,
    wire: &W,
    request: &ChatRequest,
    sink: &mut dyn DeltaSink,
) -> Result<ChatReply, CallError> {
    let call = Call {
        http,
        wire,
        request,
    };
    let (heard, latency) = call.hear(true, sink).await?;
    if !heard.lost_its_end() {
        return Ok(call.reply(heard, latency));
    }
    tracing::debug!(
        model = http.place.model,
        "the stream lost the end of a call, so the answer is fetched whole"
    );
    // What was delivered cannot be taken back, so the second answer is not delivered.
    let again = call.hear(false, &mut Discard).await;
    let first = call.reply(heard, latency);
    Ok(match again {
        Ok((heard, latency)) => with_cost_of(call.reply(heard, latency), &first),
        Err(_) => first,
    })
}

/// A call under way.
struct Call<'a, W> {
    http: &'a Http,
    wire: &'a W,
    request: &'a ChatRequest,
}

/// An answer and what it took to get it.
struct Heard {
    assembly: Assembly,
    /// Bytes of the request.
    sent: u64,
    /// What the server said when it could not parse the answer, which was in these words.
    unparsed: Option<String>,
}

/// What came of a request.
enum Opened {
    Response(Response),
    /// The server could not parse what the model wrote, and quotes it.
    Unparsed {
        raw: String,
        said: String,
    },
}

impl<W: Wire + Provider> Call<'_, W> {
    async fn hear(
        &self,
        stream: bool,
        sink: &mut dyn DeltaSink,
    ) -> Result<(Heard, Latency), CallError> {
        let mut clock = Clock::start(self.request.deadlines(self.http.settings.deadlines));
        let (opened, sent) = self.open(stream, &clock).await?;
        let mut heard = Heard {
            assembly: Assembly::new(self.limits()),
            sent,
            unparsed: None,
        };
        let read = match opened {
            Opened::Response(response) => self.read(response, &mut heard, &mut clock, sink).await,
            Opened::Unparsed { raw, said } => self.quoted(&mut heard, &raw, said, sink),
        };
        heard.assembly.flush(sink);
        match read {
            Ok(()) => Ok((heard, clock.latency())),
            Err(error) => Err(error.with_partial(heard.assembly.partial())),
        }
    }

    fn limits(&self) -> Limits {
        let settings = &self.http.settings;
        Limits {
            in_thought: settings.traits.opens_thought && settings.switch(self.request).is_on(),
            thoughts: settings.reasoning_budget,
        }
    }

    /// Sends the request; a history in plain words that is refused too was not at fault.
    async fn open(&self, stream: bool, clock: &Clock) -> Result<(Opened, u64), CallError> {
        let mut flattened = false;
        let opened = self.open_somehow(stream, clock, &mut flattened).await;
        if flattened && opened.is_err() {
            self.http.plain_history.store(false, Ordering::Relaxed);
        }
        opened
    }

    /// Sends the request, once more for everything that turns out not to suit the server.
    async fn open_somehow(
        &self,
        stream: bool,
        clock: &Clock,
        flattened: &mut bool,
    ) -> Result<(Opened, u64), CallError> {
        let http = self.http;
        let mut seed = None;
        loop {
            let usual = Ask::new(http, self.request);
            let ask = Ask {
                stream,
                seed: seed.or(usual.seed),
                ..usual
            };
            let body = self.wire.body(&ask);
            let sent = body.len() as u64;
            let url = http.url(self.wire.path());
            let response = http.send(url, body, clock).await?;
            if response.status().is_success() {
                return Ok((Opened::Response(response), sent));
            }
            let refused = http.refusal(response).await;
            match refused.meaning(ask.without) {
                // Ends: a field is new only once.
                Meaning::Field(field) if http.refused_fields.add(field) => {
                    tracing::debug!(
                        model = http.place.model,
                        ?field,
                        "the server refuses a field, which is left out from now on"
                    );
                }
                Meaning::Field(_) => {}
                // Ends: what is in plain words cannot be flattened again.
                Meaning::History(_) if ask.differs_in_plain_words() => {
                    *flattened = true;
                    http.plain_history.store(true, Ordering::Relaxed);
                    tracing::debug!(
                        model = http.place.model,
                        "the template refuses the history, which is said in plain words from now on"
                    );
                }
                // The request was fine; what the model wrote was not.
                Meaning::Garbled(_) if seed.is_none() => {
                    seed = Some(self.request.vary.saturating_add(1));
                }
                Meaning::Unparsed { raw, said } => {
                    return Ok((Opened::Unparsed { raw, said }, sent));
                }
                Meaning::NoModel => return Err(self.no_such_model().await),
                Meaning::NoPath(error) => return Err(self.no_path(error).await),
                Meaning::History(error) | Meaning::Garbled(error) | Meaning::Error(error) => {
                    return Err(error);
                }
            }
        }
    }

    /// The model is not there: says which ones are.
    async fn no_such_model(&self) -> CallError {
        let listed = self.wire.list().await.unwrap_or_default();
        let place = &self.http.place;
        CallError::NoSuchModel {
            server: place.server.clone(),
            model: place.model.clone(),
            asked: place.id.clone(),
            available: listed.into_iter().map(|model| model.id).collect(),
        }
    }

    /// A 404 without a reason: either the model is unknown or the address is wrong. The list tells.
    async fn no_path(&self, refused: CallError) -> CallError {
        let Ok(listed) = self.wire.list().await else {
            let nothing = self.http.url(self.wire.path());
            return self.http.protocol(format!("there is nothing at {nothing}"));
        };
        match &self.http.place.id {
            Some(id) if listed.iter().all(|model| model.id != *id) => self.no_such_model().await,
            _ => refused,
        }
    }

    /// Reads an answer to its end, handing on the pieces.
    async fn read(
        &self,
        response: Response,
        heard: &mut Heard,
        clock: &mut Clock,
        sink: &mut dyn DeltaSink,
    ) -> Result<(), CallError> {
        let begun = clock.until_first_token(stream::begin(response, W::FRAMING));
        let begun = begun
            .await
            .map_err(|deadline| self.http.timed_out(deadline))?
            .map_err(|error| self.http.lost(&error))?;
        let bytes = match begun {
            Begun::Stream(bytes) => bytes,
            Begun::Whole(bytes) => {
                let body = stream::collect(bytes, MAX_ANSWER_BODY_BYTES);
                let body = clock.until_first_token(body).await;
                let body = body
                    .map_err(|deadline| self.http.timed_out(deadline))?
                    .map_err(|error| self.http.lost(&error))?;
                clock.event(true);
                return self.read_whole(&body, heard, sink);
            }
        };
        let mut events = stream::events(bytes, W::FRAMING);
        loop {
            let (at, deadline) = clock.next();
            let data = match timeout_at(at, events.next()).await {
                Ok(Some(Ok(data))) => data,
                // After the finish chunk nothing is owed any more.
                Ok(_) | Err(_) if heard.assembly.is_finished() => return Ok(()),
                Ok(Some(Err(lost))) => return Err(self.lost(lost)),
                Ok(None) => return Err(self.cut(&heard.assembly)),
                Err(_) => return Err(self.http.timed_out(deadline)),
            };
            for data in stream::parts(&data) {
                let before = heard.assembly.written();
                let took = match self.take(data, heard, sink) {
                    // The same holds for what is owed no more.
                    Err(CallError::Broken { .. }) if heard.assembly.is_finished() => return Ok(()),
                    took => took?,
                };
                clock.event(heard.assembly.written() > before || heard.assembly.is_finished());
                match took {
                    Took::End => return Ok(()),
                    Took::Piece => {}
                    Took::Reading { done, total } => {
                        clock.reading();
                        sink.progress(done, total);
                    }
                }
            }
            if heard.assembly.is_finished() {
                clock.finished();
            }
        }
    }

    /// An answer in one piece: one that was asked for so, or of a server that does not stream. One
    /// that has the pieces of a stream behind one another is the same.
    fn read_whole(
        &self,
        body: &[u8],
        heard: &mut Heard,
        sink: &mut dyn DeltaSink,
    ) -> Result<(), CallError> {
        if body.trim_ascii().is_empty() {
            return Err(self.http.broken("an empty answer came".into()));
        }
        for document in stream::documents(body) {
            match self.wire.take(document, &mut heard.assembly, sink) {
                Err(Bad::Malformed(_)) => return Err(self.no_answer(body)),
                took => match self.took(took, document, heard, sink)? {
                    Took::End => return Ok(()),
                    Took::Piece | Took::Reading { .. } => {}
                },
            }
        }
        match heard.assembly.is_finished() || heard.assembly.written() > 0 {
            true => Ok(()),
            false => Err(self.no_answer(body)),
        }
    }

    fn no_answer(&self, body: &[u8]) -> CallError {
        self.http.protocol(format!(
            "neither a stream nor a whole answer came, but {:?}",
            String::from_utf8_lossy(&body[..body.len().min(80)])
        ))
    }

    /// Takes one event.
    fn take(
        &self,
        data: &[u8],
        heard: &mut Heard,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, CallError> {
        let took = self.wire.take(data, &mut heard.assembly, sink);
        self.took(took, data, heard, sink)
    }

    /// What follows from what an event was.
    fn took(
        &self,
        took: Result<Took, Bad>,
        data: &[u8],
        heard: &mut Heard,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, CallError> {
        match took {
            Ok(took) => Ok(took),
            Err(Bad::Malformed(reason)) => Err(self.http.broken(reason)),
            Err(Bad::Abort(abort)) => Err(self.aborted(abort)),
            Err(Bad::Interrupted(reason)) => Err(self.http.broken(format!(
                "the server stopped the answer before its end ({reason})"
            ))),
            Err(Bad::Reported) => {
                let refused =
                    Refused::in_stream(&self.http.place, data, heard.assembly.written() > 0);
                let Some(raw) = refused.quoted_answer() else {
                    return Err(refused.error());
                };
                self.quoted(heard, &raw, refused.into_words(), sink)?;
                Ok(Took::End)
            }
        }
    }

    /// Takes an answer that the server only quotes. One that had begun goes on with it.
    fn quoted(
        &self,
        heard: &mut Heard,
        raw: &str,
        said: String,
        sink: &mut dyn DeltaSink,
    ) -> Result<(), CallError> {
        heard.unparsed = Some(said);
        heard.assembly.finished(Finish::Other);
        let taken = heard.assembly.text(raw, sink);
        taken.map_err(|abort| self.aborted(abort))
    }

    fn aborted(&self, abort: Abort) -> CallError {
        let model = self.http.place.model.clone();
        let partial = None;
        match abort {
            Abort::TooLarge => CallError::TooLarge {
                model,
                what: "it",
                limit: MAX_ANSWER_BYTES,
                partial,
            },
            Abort::Repeating(sample) => CallError::Repeating {
                model,
                sample,
                partial,
            },
            Abort::Overthinking(limit) => CallError::Overthinking {
                model,
                limit,
                partial,
            },
        }
    }

    fn lost(&self, lost: Lost) -> CallError {
        match lost {
            Lost::Http(error) => self.http.lost(&error),
            Lost::TooLarge(what, limit) => CallError::TooLarge {
                model: self.http.place.model.clone(),
                what,
                limit,
                partial: None,
            },
            Lost::NoEvents(reason) => self.http.broken(reason.into()),
        }
    }

    fn cut(&self, assembly: &Assembly) -> CallError {
        self.http.broken(format!(
            "the stream ended after {} bytes of the answer without an end mark",
            assembly.written()
        ))
    }

    fn reply(&self, heard: Heard, latency: Latency) -> ChatReply {
        let written = heard.assembly.written();
        let done = heard.assembly.finish();
        let estimated = Usage {
            prompt: heard.sent.div_ceil(BYTES_PER_TOKEN),
            cached: 0,
            completion: written.div_ceil(BYTES_PER_TOKEN),
            estimated: true,
        };
        let mut reading = self.request.reading();
        // A server that sets thoughts apart has closed the one that the template opened.
        reading.in_thought = self.limits().in_thought && done.answer.thought.is_empty();
        let (finish, text) = (done.answer.finish, done.answer.text.clone());
        let read = loom_dialect::read(&done.answer, &reading);
        if read.calls_in_text && !self.http.calls_in_text.swap(true, Ordering::Relaxed) {
            tracing::info!(
                model = self.http.place.model,
                "the server leaves calls in the text, where Loom reads them; `loom models --probe` says which option of the server would set them apart"
            );
        }
        let mut answer = read.into_answer(&self.request.messages, done.answer.dropped_calls);
        if let Some(said) = heard.unparsed
            && reading.may_call
            && answer.calls.is_empty()
            && answer.unreadable.is_empty()
        {
            answer.unreadable.push(unparsed(text, &said));
        }
        ChatReply {
            usage: done.usage.unwrap_or(estimated),
            latency,
            finish,
            answer,
            model: self.http.place.model.clone(),
            reported: done.reported,
        }
    }
}

impl Heard {
    /// Whether arguments are cut off although the model had ended by itself: several servers lose the
    /// last bytes of a streamed call.
    fn lost_its_end(&self) -> bool {
        let by_itself = !matches!(self.assembly.reason(), Some(Finish::Length));
        let cut = |arguments: &RawArguments| match arguments {
            RawArguments::Text(text) if !text.trim().is_empty() => {
                serde_json::from_str::<IgnoredAny>(text).is_err_and(|error| error.is_eof())
            }
            _ => false,
        };
        by_itself && self.assembly.arguments().any(cut)
    }
}

/// What the model wrote was meant as a call, or the server would not have tried to parse it: taken as
/// its last words, half a call would end the work.
fn unparsed(raw: String, said: &str) -> UnreadableCall {
    UnreadableCall {
        name: None,
        raw,
        refusal: Refusal {
            code: "malformed_arguments".into(),
            message: format!(
                "the server could not read your answer as a call, and nothing was run: {said}. Send the call again, with its arguments as one JSON object."
            ),
        },
    }
}

/// A reply with what an earlier one to the same prompt cost. The prompt counts once: whoever reads
/// its size, to see how full the window is or whether the next prompt was cut, means one conversation.
fn with_cost_of(reply: ChatReply, earlier: &ChatReply) -> ChatReply {
    ChatReply {
        usage: Usage {
            completion: earlier
                .usage
                .completion
                .saturating_add(reply.usage.completion),
            estimated: earlier.usage.estimated || reply.usage.estimated,
            ..reply.usage
        },
        latency: Latency {
            first_token_ms: earlier.latency.first_token_ms,
            total_ms: earlier
                .latency
                .total_ms
                .saturating_add(reply.latency.total_ms),
        },
        ..reply
    }
}
