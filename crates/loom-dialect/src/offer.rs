//! What was offered to the model, and how its answer ended: all that a reader of calls needs to know.

use crate::arguments::Arguments;
use crate::names;
use loom_events::{Finish, Refusal, ToolSpec};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The tools of one question.
pub(crate) struct Offer<'a> {
    pub(crate) tools: &'a [ToolSpec],
    /// Why the model stopped, as reported.
    pub(crate) finish: Finish,
    /// Compiled schemas, of the tools that were called only.
    compiled: RefCell<BTreeMap<&'a str, Rc<Arguments>>>,
}

impl<'a> Offer<'a> {
    pub(crate) const fn new(tools: &'a [ToolSpec], finish: Finish) -> Self {
        Self {
            tools,
            finish,
            compiled: RefCell::new(BTreeMap::new()),
        }
    }

    /// The tool of this name.
    pub(crate) fn resolve(&self, name: &str) -> Result<Rc<Arguments>, Refusal> {
        names::resolve(name, self.tools).map(|tool| self.arguments(tool))
    }

    /// The compiled schema of a tool.
    pub(crate) fn arguments(&self, tool: &'a ToolSpec) -> Rc<Arguments> {
        let mut compiled = self.compiled.borrow_mut();
        let compiled = compiled
            .entry(tool.name.as_str())
            .or_insert_with(|| Rc::new(Arguments::new(tool)));
        Rc::clone(compiled)
    }

    /// The tool of this name, for messages.
    pub(crate) fn spec(&self, name: Option<&str>) -> Option<&'a ToolSpec> {
        names::resolve(name?, self.tools).ok()
    }

    /// Whether this names a tool.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.spec(Some(name)).is_some()
    }

    /// Whether the model was stopped by the limit of tokens.
    pub(crate) fn is_cut(&self) -> bool {
        self.finish == Finish::Length
    }
}
