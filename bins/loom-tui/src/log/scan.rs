//! A search beyond the lines that are kept: the journal is looked through a page at a time, and the
//! window stays where it is until something is found.

use super::{Log, LogLine};
use crate::pager::contains;
use loom_events::{Record, Seq};
use loom_view::TaskView;

/// Events looked through at once.
const PAGE: u64 = 500;

/// A page to be looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Whether later events come next.
    pub(crate) forward: bool,
    /// The event before the page.
    pub(crate) after: Seq,
    /// The last event of it; none is wherever the service ends a page.
    pub(crate) until: Option<Seq>,
}

impl Scan {
    /// The page that ends with an event; none when there is nothing before.
    fn before(until: Seq) -> Option<Self> {
        (until > Seq::ZERO).then(|| Self {
            forward: false,
            after: Seq(until.0.saturating_sub(PAGE)),
            until: Some(until),
        })
    }

    /// The page behind an event.
    const fn behind(after: Seq) -> Self {
        Self {
            forward: true,
            after,
            until: None,
        }
    }

    /// The page after this one, which held these events; none when the journal has no more.
    pub(crate) fn next(self, events: &[Record]) -> Option<Self> {
        match self.forward {
            true => events
                .last()
                .map(|record| Self::behind(record.envelope.seq)),
            false => Self::before(self.after),
        }
    }
}

impl Log {
    /// The first page beyond the window; none when the window ends where the journal does.
    pub(crate) fn beyond(&self, forward: bool) -> Option<Scan> {
        match forward {
            true => (!self.live).then(|| Scan::behind(self.upto)),
            false => Scan::before(self.after),
        }
    }

    /// Goes to the match in a page that is nearest to where the search came from; whether there is
    /// one. Then the page is the window, and more is fetched around it as one scrolls.
    pub(crate) fn jump(&mut self, scan: Scan, events: &[Record], view: &TaskView) -> bool {
        let mut chunk = Self {
            after: scan.after,
            upto: scan.after,
            live: false,
            filter: self.filter,
            ..Self::default()
        };
        for record in events {
            chunk.absorb(&record.envelope, view);
        }
        let holds = |line: &LogLine| self.filter.admits(line) && contains(&line.text, &self.sought);
        let found = match scan.forward {
            true => chunk.lines.iter().position(holds),
            false => chunk.lines.iter().rposition(holds),
        };
        let Some(at) = found else {
            return false;
        };
        chunk.anchor = Some(chunk.first + at as u64);
        chunk.live = chunk.upto >= view.last_seq;
        chunk.sought = std::mem::take(&mut self.sought);
        *self = chunk;
        true
    }

    /// Whether so few lines are kept above the place that a screen may have room left.
    pub(crate) fn lacks_above(&self, rows: u16) -> bool {
        let above = self.anchor.map_or(0, |id| id.saturating_sub(self.first));
        self.after > Seq::ZERO && above < u64::from(rows)
    }
}
