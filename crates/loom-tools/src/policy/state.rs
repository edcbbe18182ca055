//! What a shell remembers from one command to the next, and what is left of it where several ways
//! through a line meet again.

use super::place::{Place, UNKNOWN};
use std::collections::HashMap;

/// Values that are kept of one variable.
pub(super) const MAX_VALUES: usize = 16;

/// Variables that are kept; more of them are a program that somebody should look at.
const MAX_VARIABLES: usize = 256;

/// What is known at one point of a line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// Where the line is now.
    pub(super) cwd: Place,
    /// Where it was before, and what `pushd` keeps.
    before: Option<Place>,
    pushed: Vec<Place>,
    /// `$1` and what follows it, where they are known.
    pub(super) arguments: Option<Vec<String>>,
    /// The values that a variable may have.
    variables: HashMap<String, Vec<String>>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            cwd: Place::root(),
            before: None,
            pushed: Vec::new(),
            arguments: None,
            variables: HashMap::new(),
        }
    }

    /// The values that a variable may have, where something is known of it.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.variables.get(name).map(Vec::as_slice)
    }

    /// A variable has one of these values from here on; false when not all of that can be kept.
    #[must_use]
    pub(super) fn set(&mut self, name: &str, mut values: Vec<String>) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
        let fits = values.len() <= MAX_VALUES
            && (self.variables.len() < MAX_VARIABLES || self.variables.contains_key(name));
        if fits {
            self.variables.insert(name.to_owned(), values);
        }
        fits
    }

    /// `cd`: the line goes on there.
    pub(super) fn enter(&mut self, there: Place) {
        self.before = Some(std::mem::replace(&mut self.cwd, there));
    }

    /// `cd -`: where Loom started the line nobody was before; somewhere else it was.
    pub(super) fn before(&self) -> Place {
        self.before.clone().unwrap_or(Place::Parent(String::new()))
    }

    /// `pushd`
    pub(super) fn push(&mut self, there: Place) {
        if self.pushed.len() < MAX_VALUES {
            self.pushed.push(self.cwd.clone());
        }
        self.enter(there);
    }

    /// `popd`
    pub(super) fn pop(&mut self) {
        let there = self.pushed.pop().unwrap_or(Place::Unknown);
        self.enter(there);
    }

    /// Forgets a variable.
    pub(super) fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// `shift`: the first arguments are gone.
    pub(super) fn shift(&mut self, by: usize) {
        if let Some(arguments) = &mut self.arguments {
            arguments.drain(..by.min(arguments.len()));
        }
    }

    /// Where this way and another one meet: a variable may have the values of both.
    pub(super) fn or(mut self, other: Self) -> Self {
        if self == other {
            return self;
        }
        for (name, known) in &mut self.variables {
            if !other.variables.contains_key(name) {
                add(known, UNKNOWN.to_string());
            }
        }
        for (name, values) in other.variables {
            let known = self.variables.entry(name);
            let known = known.or_insert_with(|| vec![UNKNOWN.to_string()]);
            values.into_iter().for_each(|value| add(known, value));
        }
        // The way that left the workspace counts, then the one that went anywhere.
        if other.cwd.is_outside() || (other.cwd == Place::Unknown && !self.cwd.is_outside()) {
            self.cwd = other.cwd;
        }
        if self.arguments != other.arguments {
            self.arguments = None;
        }
        self
    }
}

fn add(known: &mut Vec<String>, value: String) {
    if !known.contains(&value) {
        known.push(value);
    }
}
