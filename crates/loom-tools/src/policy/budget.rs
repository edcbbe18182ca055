//! What one judgement may cost: whatever a line is, looking at it ends soon.

/// Scripts in scripts, statements in statements and words in words that are followed.
const MAX_DEPTH: usize = 64;

/// Statements that are looked at, those of loops and functions as often as they are gone through, and
/// parts of what cannot be parsed as a whole.
const MAX_STEPS: usize = 1_000;

/// Bytes that are parsed, those of scripts in scripts again.
const MAX_PARSED: usize = 256 << 10;

/// Characters that variables and substitutions put into words.
const MAX_EXPANDED: usize = 256 << 10;

/// What was spent so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    depth: usize,
    steps: usize,
    parsed: usize,
    expanded: usize,
}

impl Budget {
    /// Whether something was spent: nothing more is looked at then.
    pub(super) const fn is_spent(&self) -> bool {
        self.steps > MAX_STEPS || self.parsed > MAX_PARSED || self.expanded > MAX_EXPANDED
    }

    /// One level deeper; false when it is too deep. [`Self::leave`] ends it in any case.
    #[must_use]
    pub(super) const fn enter(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    pub(super) const fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Another statement.
    #[must_use]
    pub(super) const fn step(&mut self) -> bool {
        self.steps += 1;
        !self.is_spent()
    }

    /// Text is parsed.
    #[must_use]
    pub(super) const fn parse(&mut self, bytes: usize) -> bool {
        self.parsed = self.parsed.saturating_add(bytes);
        self.parsed <= MAX_PARSED
    }

    /// A word grows.
    #[must_use]
    pub(super) const fn expand(&mut self, chars: usize) -> bool {
        self.expanded = self.expanded.saturating_add(chars);
        self.expanded <= MAX_EXPANDED
    }
}
