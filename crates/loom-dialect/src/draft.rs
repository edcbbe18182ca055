//! A call as it was found, before anybody has judged it.

use crate::json::{Fault, Notes, Read};
use crate::refuse::code;
use loom_events::UnreadableCall;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A call as it was found.
#[derive(Debug)]
pub(crate) struct Draft<'t> {
    /// The name as it stands there.
    pub(crate) name: Option<Cow<'t, str>>,
    pub(crate) given: Given<'t>,
    /// Where it stands, for the refusal.
    pub(crate) raw: &'t str,
    /// What had to be inferred to read it.
    pub(crate) doubt: Option<Doubt>,
}

/// The arguments of a draft.
#[derive(Debug)]
pub(crate) enum Given<'t> {
    /// None at all.
    Nothing,
    /// One or more JSON values.
    Json(Vec<Read>),
    /// Texts between tags, whose types the schema knows.
    Fields(Vec<Field<'t>>),
    /// The same where JSON should be.
    Tagged(Vec<Field<'t>>),
    /// Python literals.
    Python {
        positional: Vec<Value>,
        named: Map<String, Value>,
        notes: Notes,
    },
    /// A text that may be the one argument.
    Bare(&'t str),
}

/// A text between tags.
#[derive(Debug)]
pub(crate) struct Field<'t> {
    pub(crate) key: &'t str,
    pub(crate) text: Cow<'t, str>,
    /// Whether the mark itself says that it is JSON.
    pub(crate) is_json: bool,
}

/// Something that had to be inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// The refusal for a tool that changes something.
    pub(crate) code: &'static str,
    pub(crate) what: &'static str,
}

impl Doubt {
    pub(crate) const fn markup(what: &'static str) -> Self {
        Self {
            code: code::MARKUP,
            what,
        }
    }

    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self {
            code: code::MALFORMED,
            what,
        }
    }
}

/// What stands at a mark.
#[derive(Debug)]
pub(crate) enum Found<'t> {
    Draft(Draft<'t>),
    Bad {
        name: Option<Cow<'t, str>>,
        raw: &'t str,
        why: Why,
    },
}

impl Found<'_> {
    /// The name as it stands there.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Draft(draft) => draft.name.as_deref(),
            Self::Bad { name, .. } => name.as_deref(),
        }
    }
}

/// Why something at a mark is no call.
#[derive(Debug)]
pub(crate) enum Why {
    Truncated,
    Malformed(String),
    Collision,
    Nameless,
}

impl From<Fault> for Why {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Truncated | Fault::Cut { .. } => Self::Truncated,
            Fault::Malformed { what, .. } => Self::Malformed(what),
        }
    }
}

/// A call that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The server's id, if it gave one.
    pub id: Option<String>,
    /// The tool's own name.
    pub name: String,
    /// Arguments that fit the tool's schema.
    pub arguments: Value,
}

/// A call that must not run.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The server's id, if it gave one.
    pub id: Option<String>,
    /// What it was and why it is refused.
    pub call: UnreadableCall,
    /// The arguments, when they could be read and only what they say is wrong.
    pub arguments: Option<Value>,
}

/// One call of an answer, in its place.
pub type Item = Result<Call, Box<Refused>>;
