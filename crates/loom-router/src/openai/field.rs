//! Optional fields of a request, and which of them a server does not want.
//!
//! Most servers ignore what they do not know, some refuse the whole request. A field that was
//! refused once is not sent to that server again.

use std::sync::atomic::{AtomicU8, Ordering};

/// A field that a request can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Asks for the usage at the end of the stream; without it usage is estimated.
    StreamOptions = 1,
    /// Switches thinking; without it the template's default holds.
    ChatTemplateKwargs = 2,
    /// Demands or forbids a call; without it the model does as it likes.
    ToolChoice = 4,
    /// Demands a schema; without it the schema goes into the instructions.
    ResponseFormat = 8,
}

impl Field {
    const ALL: [Self; 4] = [
        Self::StreamOptions,
        Self::ChatTemplateKwargs,
        Self::ToolChoice,
        Self::ResponseFormat,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::StreamOptions => "stream_options",
            Self::ChatTemplateKwargs => "chat_template_kwargs",
            Self::ToolChoice => "tool_choice",
            Self::ResponseFormat => "response_format",
        }
    }

    /// The first field that a refusal names and that has not been left out already.
    pub(super) fn named_in(said: &str, without: Fields) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|field| !without.has(*field) && said.contains(field.name()))
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(u8);

impl Fields {
    pub(super) const fn has(self, field: Field) -> bool {
        self.0 & field as u8 != 0
    }
}

/// What a server has refused so far.
#[derive(Debug, Default)]
pub(super) struct RefusedFields(AtomicU8);

impl RefusedFields {
    pub(super) fn known(&self) -> Fields {
        Fields(self.0.load(Ordering::Relaxed))
    }

    /// Adds a field; false when another call has added it meanwhile.
    pub(super) fn add(&self, field: Field) -> bool {
        let before = self.0.fetch_or(field as u8, Ordering::Relaxed);
        !Fields(before).has(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_taken_for_refused_once() {
        let refused = RefusedFields::default();
        let said = "Unexpected fields: response_format";
        let field = Field::named_in(said, refused.known()).unwrap();
        assert_eq!(field, Field::ResponseFormat);
        assert!(refused.add(field) && !refused.add(field));
        assert_eq!(Field::named_in(said, refused.known()), None);
    }
}
