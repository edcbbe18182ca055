//! Optional fields of a request, and which of them a server does not want.
//!
//! Most servers ignore what they do not know, some refuse the whole request. A field that was
//! refused once is not sent to that server again.

use std::sync::atomic::{AtomicU16, Ordering};

/// A field that a request can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Asks for the usage at the end of the stream; without it usage is estimated.
    StreamOptions = 1,
    /// Switches thinking by the template; without it the template's default holds.
    ChatTemplateKwargs = 1 << 1,
    /// Demands or forbids a call; without it the model does as it likes.
    ToolChoice = 1 << 2,
    /// Demands a schema; without it the schema goes into the instructions.
    ResponseFormat = 1 << 3,
    /// Says how much is to be thought; without it the model's default holds.
    ReasoningEffort = 1 << 4,
    /// Demands that the cache is used, whatever the server was started with.
    CachePrompt = 1 << 5,
    /// Picks the slot, and so the cache.
    IdSlot = 1 << 6,
    /// Asks for reports while the prompt is read.
    ReturnProgress = 1 << 7,
    /// Makes a second try another one.
    Seed = 1 << 8,
    /// Ollama's switch for thoughts.
    Think = 1 << 9,
    /// Anthropic's switch for thoughts.
    Thinking = 1 << 10,
    /// Says how far answers may differ; without it the server's own holds.
    Temperature = 1 << 11,
}

impl Field {
    const ALL: [Self; 12] = [
        Self::StreamOptions,
        Self::ChatTemplateKwargs,
        Self::ToolChoice,
        Self::ResponseFormat,
        Self::ReasoningEffort,
        Self::CachePrompt,
        Self::IdSlot,
        Self::ReturnProgress,
        Self::Seed,
        Self::Think,
        Self::Thinking,
        Self::Temperature,
    ];

    /// The words of a refusal that are about this field: its name, but where the name is a common word;
    /// and what a server makes of it.
    const fn marks(self) -> &'static [&'static str] {
        match self {
            Self::StreamOptions => &["stream_options"],
            Self::ChatTemplateKwargs => &["chat_template_kwargs"],
            Self::ToolChoice => &["tool_choice"],
            Self::ResponseFormat => &["response_format", "json_schema", "grammar"],
            Self::ReasoningEffort => &["reasoning_effort"],
            Self::CachePrompt => &["cache_prompt"],
            Self::IdSlot => &["id_slot"],
            Self::ReturnProgress => &["return_progress"],
            Self::Seed => &["'seed'"],
            Self::Think => &["does not support thinking"],
            Self::Thinking => &["thinking"],
            Self::Temperature => &["temperature"],
        }
    }

    /// The first field that a refusal names and that has not been left out already.
    pub(crate) fn named_in(said: &str, without: Fields) -> Option<Self> {
        Self::ALL.into_iter().find(|field| {
            let names = || field.marks().iter().any(|mark| said.contains(mark));
            !without.has(*field) && names()
        })
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(u16);

impl Fields {
    /// These fields.
    pub(crate) const fn of(fields: &[Field]) -> Self {
        Self(0).and(fields)
    }

    /// These fields too.
    pub(crate) const fn and(self, more: &[Field]) -> Self {
        let (mut set, mut at) = (self.0, 0);
        while at < more.len() {
            set |= more[at] as u16;
            at += 1;
        }
        Self(set)
    }

    pub(crate) const fn has(self, field: Field) -> bool {
        self.0 & field as u16 != 0
    }

    /// Every field that is not in this set.
    const fn others(self) -> Self {
        Self(!self.0)
    }

    const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a server does not want: what its kind does not take, and what it has refused so far.
#[derive(Debug)]
pub(crate) struct RefusedFields {
    by_kind: Fields,
    learned: AtomicU16,
}

impl RefusedFields {
    /// For a server that takes these.
    pub(crate) const fn except(takes: Fields) -> Self {
        Self {
            by_kind: takes.others(),
            learned: AtomicU16::new(0),
        }
    }

    pub(crate) fn known(&self) -> Fields {
        Fields(self.learned.load(Ordering::Relaxed)).union(self.by_kind)
    }

    /// Adds a field; false when another call has added it meanwhile.
    pub(crate) fn add(&self, field: Field) -> bool {
        let before = self.learned.fetch_or(field as u16, Ordering::Relaxed);
        !Fields(before).has(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_taken_for_refused_once() {
        let takes = Fields::of(&[Field::ToolChoice, Field::ResponseFormat]);
        let refused = RefusedFields::except(takes);
        assert!(refused.known().has(Field::IdSlot) && !refused.known().has(Field::ToolChoice));
        let said = "Unexpected fields: response_format";
        let field = Field::named_in(said, refused.known()).unwrap();
        assert_eq!(field, Field::ResponseFormat);
        assert!(refused.add(field) && !refused.add(field));
        assert_eq!(Field::named_in(said, refused.known()), None);
    }
}
