//! The seam between a protocol and the call that is made with it.

use super::{Fields, Http, Settings};
use crate::assembly::{Abort, Assembly};
use crate::history::Style;
use crate::thinking::Switch;
use crate::{ChatRequest, DeltaSink, JsonSchema};
use loom_events::Message;
use serde_json::Value;

/// A protocol: pure functions from a request to bytes and from bytes to pieces of an answer.
pub(crate) trait Wire: Sync {
    /// How its stream is divided.
    const FRAMING: Framing;

    /// Where a question goes, below the address of the entry.
    fn path(&self) -> &'static str;

    /// The body of a request.
    fn body(&self, ask: &Ask<'_>) -> Vec<u8>;

    /// Takes one event, or an answer in one piece.
    ///
    /// # Errors
    /// It is no piece of an answer, or the answer is to go no further.
    fn take(
        &self,
        data: &[u8],
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, Bad>;
}

/// How a stream is divided into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `data:` lines with empty lines between them.
    Events,
    /// A JSON object on each line.
    Lines,
}

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Took {
    /// A piece of the answer, or nothing.
    Piece,
    /// The server reads the prompt.
    Reading {
        /// Tokens that it has read.
        done: u64,
        /// Tokens that there are.
        total: u64,
    },
    /// The last one.
    End,
}

/// Why an event cannot be taken.
#[derive(Debug)]
pub(crate) enum Bad {
    /// It is not of the protocol.
    Malformed(String),
    /// It is an error that the server reports.
    Reported,
    /// The server stopped the answer before its end, and names this reason.
    Interrupted(String),
    /// It is one piece too many.
    Abort(Abort),
}

impl From<serde_json::Error> for Bad {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(format!("an event is not the expected JSON ({error})"))
    }
}

impl From<Abort> for Bad {
    fn from(abort: Abort) -> Self {
        Self::Abort(abort)
    }
}

/// One request as it is to be put into bytes.
pub(crate) struct Ask<'a> {
    pub(crate) request: &'a ChatRequest,
    /// The history, rendered for the model's family.
    pub(crate) messages: Vec<Message>,
    /// How it was rendered.
    pub(crate) style: Style,
    pub(crate) id: Option<&'a str>,
    pub(crate) settings: &'a Settings,
    pub(crate) switch: Switch,
    /// The optional fields that must not be there.
    pub(crate) without: Fields,
    pub(crate) stream: bool,
    /// Makes a second try another one.
    pub(crate) seed: Option<u32>,
}

impl<'a> Ask<'a> {
    /// As the server wants it by what is known of it now.
    pub(crate) fn new(http: &'a Http, request: &'a ChatRequest) -> Self {
        let without = http.without();
        let in_words = http.settings.schema_in_prompt || without.has(super::Field::ResponseFormat);
        let schema = request.schema.as_ref().filter(|_| in_words);
        let order = schema.and_then(|schema| instruction(schema, request.messages.last()));
        let said = request.messages.iter().cloned();
        let said: Vec<_> = said.chain(order).collect();
        let style = http.style(request);
        Self {
            messages: style.render(&said),
            style,
            request,
            id: http.place.id.as_deref(),
            settings: &http.settings,
            switch: http.settings.switch(request),
            without,
            stream: true,
            seed: Some(request.vary).filter(|vary| *vary > 0),
        }
    }

    /// Whether the history would be another one in plain words. Where it would not, it is not what
    /// the server refuses.
    pub(crate) fn differs_in_plain_words(&self) -> bool {
        self.style.plainly().render(&self.messages) != self.messages
    }

    /// The bound on the tokens of the answer.
    pub(crate) fn max_tokens(&self) -> u32 {
        self.request.max_tokens.unwrap_or(self.settings.max_tokens)
    }

    /// The temperature.
    pub(crate) fn temperature(&self) -> Option<f32> {
        let usual = self.request.temperature.or(self.settings.temperature);
        match self.request.vary {
            0 => usual,
            times => Some(warmer(usual, times)),
        }
    }

    /// The tools by name, whatever order they came in: the same ones give the same bytes.
    pub(crate) fn tools(&self) -> Vec<&'a loom_events::ToolSpec> {
        let mut specs: Vec<_> = self.request.tools.iter().collect();
        specs.sort_by(|a, b| a.name.cmp(&b.name));
        specs
    }
}

/// What most servers take where nobody says a temperature.
const USUAL_TEMPERATURE: f32 = 0.7;

/// By how much each further sampling is warmer: enough to leave a rut.
const WARMER: f32 = 0.3;

/// Above this small models begin to write nonsense, and one service refuses more.
const WARMEST: f32 = 1.0;

/// Another temperature than the usual one, never a lower one.
fn warmer(usual: Option<f32>, times: u32) -> f32 {
    let usual = usual.unwrap_or(USUAL_TEMPERATURE);
    let steps = f32::from(u8::try_from(times).unwrap_or(u8::MAX));
    WARMER.mul_add(steps, usual).min(WARMEST).max(usual)
}

/// The schema in words, at the very end, unless whoever asks has said it there.
fn instruction(schema: &JsonSchema, last: Option<&Message>) -> Option<Message> {
    let schema = schema.schema.to_string();
    let is_said = matches!(last, Some(Message::User { text }) if text.ends_with(&schema));
    (!is_said).then(|| Message::User {
        text: format!(
            "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{schema}"
        ),
    })
}

/// A number in a field, if it is one.
pub(crate) fn integer(value: &Value, field: &str) -> Option<u64> {
    value.get(field).and_then(Value::as_u64)
}
