//! The log of a task: a window of bounded size on the lines of its journal. While nobody scrolls it
//! ends where the journal ends; older and newer lines are fetched when somebody wants to see them.

mod draw;
mod line;
mod scan;
mod scroll;

pub(crate) use line::{Filter, Kind, LogLine};
pub(crate) use scan::Scan;

use crate::story;
use loom_events::{EffectId, Envelope, Event, Record, Seq};
use loom_view::TaskView;
use std::collections::VecDeque;

/// Lines kept: an hour of a busy task. About 1 MiB at most.
pub(crate) const MAX_LINES: usize = 4_000;

/// Lines looked back for the call that an outcome belongs to; calls of one reply are closer.
const LOOK_BACK: usize = 200;

/// The number of the first line ever: there is room for older ones before it.
const FIRST: u64 = 1 << 40;

/// What the log lacks to show what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The events before its first one.
    Older,
    /// The events after its last one.
    Newer,
}

/// A window on the lines of a journal.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    /// Number of the first line; the numbers go up by one.
    first: u64,
    /// The last event that is before the window.
    pub(crate) after: Seq,
    /// The last event that is in it.
    pub(crate) upto: Seq,
    /// Whether it ends where the journal ends.
    live: bool,
    /// Number of the lowest line on the screen; none is the last one, whichever that is.
    anchor: Option<u64>,
    /// What is shown.
    pub(crate) filter: Filter,
    /// What is searched for.
    pub(crate) sought: String,
    /// Whether more of it is on its way.
    pub(crate) fetching: bool,
    /// The page in which a search goes on.
    pub(crate) scan: Option<Scan>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            first: FIRST,
            after: Seq::ZERO,
            upto: Seq::ZERO,
            live: true,
            anchor: None,
            filter: Filter::All,
            sought: String::new(),
            fetching: false,
            scan: None,
        }
    }
}

impl Log {
    /// Adds an event that was just followed; `view` has seen it.
    pub(crate) fn follow(&mut self, envelope: &Envelope, view: &TaskView) {
        // Who reads old lines is not to lose them to new ones: the window stays, and has a later end.
        if self.anchor.is_some() && self.lines.len() >= MAX_LINES {
            self.live = false;
        }
        if self.live && envelope.seq > self.upto {
            self.absorb(envelope, view);
            self.trim_front();
        }
    }

    /// Adds lines that belong to the last event and are in no record.
    pub(crate) fn say(&mut self, lines: Vec<LogLine>) {
        if self.live {
            self.lines.extend(lines);
            self.trim_front();
        }
    }

    /// Puts a page of older events in front. Only those before the window count.
    pub(crate) fn older(&mut self, asked_after: Seq, events: &[Record], view: &TaskView) {
        self.fetching = false;
        let mut chunk = Self::default();
        for record in events
            .iter()
            .filter(|record| record.envelope.seq <= self.after)
        {
            chunk.absorb(&record.envelope, view);
        }
        if chunk.upto < self.after {
            // Not what leads up to the window: there would be a gap.
            return;
        }
        self.after = asked_after;
        self.first -= chunk.lines.len() as u64;
        for line in chunk.lines.into_iter().rev() {
            self.lines.push_front(line);
        }
        while self.lines.len() > MAX_LINES {
            self.live = false;
            self.drop_last();
        }
    }

    /// Adds a page of newer events; whether the window ends where the journal ends.
    pub(crate) fn newer(&mut self, events: &[Record], view: &TaskView) -> bool {
        self.fetching = false;
        for record in events {
            if record.envelope.seq == self.upto.next() {
                self.absorb(&record.envelope, view);
                self.trim_front();
            }
        }
        self.live = self.upto >= view.last_seq;
        self.live
    }

    /// Begins anew with the first events of a journal, at the first line.
    pub(crate) fn beginning(&mut self, events: &[Record], view: &TaskView) {
        self.restart(Seq::ZERO);
        self.anchor = Some(self.first);
        self.newer(events, view);
    }

    /// Begins anew at the end of a journal, which is fetched from `after` on.
    pub(crate) fn restart(&mut self, after: Seq) {
        self.lines.clear();
        self.after = after;
        self.upto = after;
        self.anchor = None;
        self.live = false;
    }

    fn absorb(&mut self, envelope: &Envelope, view: &TaskView) {
        if self.upto == Seq::ZERO {
            self.after = Seq(envelope.seq.0.saturating_sub(1));
        }
        self.upto = envelope.seq;
        match &envelope.event {
            Event::FileChanged { effect, change } | Event::ForkChanged { effect, change } => {
                if let Some(line) = self.call(*effect) {
                    line.lines.added = line.lines.added.saturating_add(change.lines.added);
                    line.lines.removed = line.lines.removed.saturating_add(change.lines.removed);
                }
            }
            Event::ToolCallCompleted { effect, result } => match self.call(*effect) {
                Some(line) => story::finish(line, result),
                None => self.lines.push_back(story::outcome(envelope, result)),
            },
            Event::ToolCallHeld { effect, .. } => {
                if let Some(line) = self.call(*effect) {
                    line.text.push_str(" · held back");
                }
            }
            _ => self.lines.extend(story::lines(envelope, view)),
        }
    }

    /// The line of a tool call.
    fn call(&mut self, effect: EffectId) -> Option<&mut LogLine> {
        let mut last = self.lines.iter_mut().rev().take(LOOK_BACK);
        last.find(|line| line.effect == Some(effect))
    }

    /// Drops the oldest lines above the bound, all lines of an event together.
    fn trim_front(&mut self) {
        while self.lines.len() > MAX_LINES {
            let Some(dropped) = self.lines.front().map(|line| line.seq) else {
                return;
            };
            while self.lines.front().is_some_and(|line| line.seq == dropped) {
                self.lines.pop_front();
                self.first += 1;
            }
            self.after = dropped;
        }
    }

    fn drop_last(&mut self) {
        let Some(dropped) = self.lines.back().map(|line| line.seq) else {
            return;
        };
        while self.lines.back().is_some_and(|line| line.seq == dropped) {
            self.lines.pop_back();
        }
        self.upto = Seq(dropped.0 - 1);
    }

    /// All lines that are kept, for tests.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> Vec<String> {
        let indent = |line: &LogLine| "  ".repeat(usize::from(line.depth));
        let text = |line: &LogLine| match line.lines {
            loom_events::LineCount {
                added: 0,
                removed: 0,
            } => format!("{}{}", indent(line), line.text),
            lines => format!(
                "{}{} +{} −{}",
                indent(line),
                line.text,
                lines.added,
                lines.removed
            ),
        };
        self.lines.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests;
