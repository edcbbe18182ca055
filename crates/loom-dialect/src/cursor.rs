//! A place in a text, and the few ways to move it forward. It hardly ever moves back, so whatever is
//! read with it takes time in proportion to the text.

/// A place in a text.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    /// The start of a text.
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// A place in a text; it must be the start of a character.
    pub(crate) const fn at(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// How many bytes are behind.
    pub(crate) const fn place(&self) -> usize {
        self.at
    }

    /// What is ahead.
    pub(crate) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// What was passed since an earlier place.
    pub(crate) fn since(&self, place: usize) -> &'t str {
        &self.text[place..self.at]
    }

    /// Whether nothing is ahead.
    pub(crate) const fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The next character.
    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether this is next.
    pub(crate) fn sees(&self, what: &str) -> bool {
        self.rest().starts_with(what)
    }

    /// Passes the next character.
    pub(crate) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Passes this, if it is next.
    pub(crate) fn eat(&mut self, what: &str) -> bool {
        let sees = self.sees(what);
        if sees {
            self.at += what.len();
        }
        sees
    }

    /// Passes the first of these that is next.
    pub(crate) fn eat_any(&mut self, these: &[&str]) -> bool {
        these.iter().any(|what| self.eat(what))
    }

    /// Passes white space.
    pub(crate) fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
    }

    /// Passes the characters that fit, and gives them.
    pub(crate) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let taken = self.rest();
        let end = taken.find(|c| !fits(c)).unwrap_or(taken.len());
        self.at += end;
        &taken[..end]
    }

    /// Gives what is before the next `end` and passes both; nothing moves when there is none.
    pub(crate) fn until(&mut self, end: &str) -> Option<&'t str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len();
        Some(before)
    }

    /// Goes to the end.
    pub(crate) const fn finish(&mut self) {
        self.at = self.text.len();
    }

    /// Goes back to a place that was passed. Whoever does so says why that happens only once.
    pub(crate) const fn rewind(&mut self, place: usize) {
        if place < self.at {
            self.at = place;
        }
    }

    /// Goes so many bytes forward; they must end a character.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }
}

/// White space, and the invisible characters that servers and editors leave behind.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

/// The text without white space at its ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}
