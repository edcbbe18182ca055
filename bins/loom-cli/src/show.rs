//! How a running task is shown: as JSON, as plain lines, or as a picture that is redrawn in place.

use crate::log;
use crate::render::{Catch, Line, Moment, Narrator, tree};
use crate::ui::{Style, Tone, Ui, clean, clip, count, first_line};
use crossterm::cursor::{Hide, MoveToColumn, MoveUp, Show as ShowCursor};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, size};
use loom_engine::{Live, Signal, TaskView};
use loom_events::{EffectId, Event, ModelReply, Record, Time};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Instant;

/// Characters of model text that are kept to show its last line: several screen widths.
const MAX_WRITING: usize = 1000;

/// A token has about four characters; only used for the live speed, which says "about" by being round.
const CHARS_PER_TOKEN: f64 = 4.0;

/// Shortest time over which a live speed is measured; below it is noise.
const MIN_MEASURE: f64 = 0.5;

/// Where the lines and the picture go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output: what is shown is the result.
    Out,
    /// Standard error: what is shown is only on the way to it.
    Err,
}

/// Says something about a kind of mistake.
pub(crate) type Remark = fn(Catch) -> &'static str;

/// A way to show a task.
#[derive(Debug)]
pub(crate) enum Show {
    /// One record a line, for programs.
    Json,
    /// One line for each event that matters.
    Plain(Plain),
    /// A picture, with lasting lines above it.
    Picture(Box<Picture>),
}

/// Lines, as they come.
#[derive(Debug)]
pub(crate) struct Plain {
    narrator: Narrator,
    stream: Stream,
    remark: Option<Remark>,
}

/// The live picture of one task.
#[derive(Debug)]
pub(crate) struct Picture {
    narrator: Narrator,
    stream: Stream,
    style: Style,
    moment: Moment,
    /// Lines of the picture that stands on the screen now.
    drawn: u16,
    writing: BTreeMap<EffectId, Writing>,
    remark: Option<Remark>,
}

/// What a model is writing.
#[derive(Debug, Default)]
struct Writing {
    text: String,
    characters: f64,
    since: Option<Instant>,
}

impl Show {
    /// The way that fits the stream. `remark` adds a line to each mistake that is caught.
    pub(crate) fn new(ui: &Ui, json: bool, stream: Stream, remark: Option<Remark>) -> Self {
        let (style, screen) = match stream {
            Stream::Out => (ui.out, ui.out_screen),
            Stream::Err => (ui.err, ui.err_screen),
        };
        let narrator = Narrator::default();
        match (json, screen) {
            (true, _) => Self::Json,
            (false, false) => Self::Plain(Plain {
                narrator,
                stream,
                remark,
            }),
            (false, true) => Self::Picture(Box::new(Picture::new(narrator, stream, style, remark))),
        }
    }

    /// Shows a record; `view` has seen it already.
    pub(crate) fn record(&mut self, ui: &mut Ui, record: &Record, view: &TaskView) {
        match self {
            Self::Json => {
                // A record was decoded from JSON, so it can be encoded.
                if let Ok(text) = serde_json::to_string(record) {
                    ui.raw(&format!("{text}\n"));
                }
            }
            Self::Plain(plain) => {
                let lines = plain.narrator.lines(&record.envelope, view);
                plain.say(ui, &lines);
            }
            Self::Picture(picture) => picture.record(record, view),
        }
    }

    /// Shows what is being written.
    pub(crate) fn live(&mut self, live: &Live) {
        if let Self::Picture(picture) = self {
            picture.live(live);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, view: &TaskView, now: Time) {
        if let Self::Picture(picture) = self {
            picture.moment.now = now;
            picture.moment.frame = picture.moment.frame.wrapping_add(1);
            picture.redraw(view);
        }
    }

    /// Takes the picture away, so that something else can be written.
    pub(crate) fn clear(&mut self) {
        if let Self::Picture(picture) = self {
            picture.clear();
        }
    }
}

impl Plain {
    fn say(&self, ui: &mut Ui, lines: &[Line]) {
        for (tone, text) in texts(lines, self.remark) {
            match self.stream {
                Stream::Out => ui.line(tone, &text),
                Stream::Err => ui.note(tone, &text),
            }
        }
    }
}

/// The lines of one record, then what there is to remark on the mistakes among them.
fn texts(lines: &[Line], remark: Option<Remark>) -> Vec<(Tone, String)> {
    let mut texts: Vec<_> = lines
        .iter()
        .map(|line| (line.tone, line.indented()))
        .collect();
    for line in lines {
        let Some(catch) = line.catch else { continue };
        if let Some(remark) = remark {
            let indent = line.depth * 2 + 2;
            let text = format!("{:indent$}{}", "", remark(catch));
            texts.push((Tone::Dim, text));
        }
    }
    texts
}

/// A prompt that is read sooner is not worth a line.
const LONG_READING_S: u64 = 3;

impl Picture {
    fn new(narrator: Narrator, stream: Stream, style: Style, remark: Option<Remark>) -> Self {
        log::hold(true);
        Self {
            narrator,
            stream,
            style,
            moment: Moment {
                style: Some(style),
                ..Moment::default()
            },
            drawn: 0,
            writing: BTreeMap::new(),
            remark,
        }
    }

    fn record(&mut self, record: &Record, view: &TaskView) {
        let envelope = &record.envelope;
        match &envelope.event {
            Event::ModelCallCompleted { reply, .. } => {
                self.moment.speed = speed(reply).or(self.moment.speed);
            }
            Event::RunnerStarted { .. } => {
                self.writing.clear();
                self.moment.spoken.clear();
            }
            _ => {}
        }
        if let Some(effect) = envelope.event.outcome_of() {
            self.writing.remove(&effect);
            self.moment.spoken.remove(&effect);
        }
        let lines = self.narrator.lines(envelope, view);
        let lasting: Vec<_> = lines.into_iter().filter(|line| line.lasting).collect();
        if lasting.is_empty() {
            return;
        }
        let texts = texts(&lasting, self.remark);
        self.above(&texts);
        self.redraw(view);
    }

    fn live(&mut self, live: &Live) {
        let writing = self.writing.entry(live.effect).or_default();
        let spoken = self.moment.spoken.entry(live.effect).or_default();
        match &live.signal {
            Signal::Text { piece } | Signal::Thought { piece } => {
                writing.add(piece);
                spoken.line = writing.last_line();
                self.moment.speed = writing.speed().or(self.moment.speed);
            }
            Signal::Call { name } => spoken.calling = Some(name.clone()),
            Signal::Reading {
                total,
                left_s: Some(left),
                ..
            } if *left >= LONG_READING_S => {
                spoken.line = format!(
                    "reading a prompt of {} tokens, about {left} s left",
                    count(*total)
                );
            }
            Signal::Reading { .. } | Signal::WebhookDelivered { .. } => {}
        }
    }

    /// Lines that stay, above the picture.
    fn above(&mut self, lines: &[(Tone, String)]) {
        self.clear();
        let painted = lines
            .iter()
            .map(|(tone, text)| self.style.paint(*tone, text));
        let text: String = painted.map(|line| line + "\r\n").collect();
        self.write(|out| out.write_all(text.as_bytes()));
    }

    fn redraw(&mut self, view: &TaskView) {
        let held = log::take();
        if !held.is_empty() {
            let lines: Vec<_> = held.iter().map(|line| (Tone::Dim, clean(line))).collect();
            self.above(&lines);
        }
        // What cannot be measured is taken for the size that every terminal has.
        let (columns, rows) = size().unwrap_or((80, 24));
        self.moment.columns = usize::from(columns);
        self.moment.rows = usize::from(rows);
        let lines = tree(view, &self.moment);
        let up = self.drawn;
        self.drawn = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        self.write(|out| {
            queue!(out, BeginSynchronizedUpdate, Hide)?;
            back(out, up)?;
            for line in &lines {
                queue!(out, Clear(ClearType::UntilNewLine))?;
                out.write_all(line.as_bytes())?;
                out.write_all(b"\r\n")?;
            }
            queue!(out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)
        });
    }

    fn clear(&mut self) {
        let up = std::mem::take(&mut self.drawn);
        self.write(|out| {
            back(out, up)?;
            queue!(out, Clear(ClearType::FromCursorDown), ShowCursor)
        });
    }

    /// Writes all at once, so that nothing flickers. A screen that is gone is not drawn on.
    fn write(&self, content: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) {
        let mut bytes = Vec::new();
        if content(&mut bytes).is_err() {
            return;
        }
        match self.stream {
            Stream::Out => io::stdout().lock().write_all(&bytes).ok(),
            Stream::Err => io::stderr().lock().write_all(&bytes).ok(),
        };
        io::stdout().flush().ok();
    }
}

fn back(out: &mut Vec<u8>, up: u16) -> io::Result<()> {
    if up > 0 {
        queue!(out, MoveUp(up))?;
    }
    queue!(out, MoveToColumn(0))
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.clear();
        log::hold(false);
        for line in log::take() {
            let line = clean(&line);
            self.write(|out| writeln!(out, "{line}"));
        }
    }
}

impl Writing {
    fn add(&mut self, piece: &str) {
        self.since.get_or_insert_with(Instant::now);
        self.characters += piece.chars().count() as f64;
        self.text.push_str(piece);
        if self.text.len() > MAX_WRITING {
            let cut = self.text.len() - MAX_WRITING / 2;
            let cut = (cut..)
                .find(|at| self.text.is_char_boundary(*at))
                .unwrap_or(0);
            self.text.drain(..cut);
        }
    }

    fn last_line(&self) -> String {
        let line = self.text.lines().rev().find(|line| !line.trim().is_empty());
        clip(&first_line(line.unwrap_or_default()), MAX_WRITING)
    }

    fn speed(&self) -> Option<f64> {
        let seconds = self.since?.elapsed().as_secs_f64();
        (seconds >= MIN_MEASURE).then(|| self.characters / CHARS_PER_TOKEN / seconds)
    }
}

/// Tokens per second of a finished answer, without the time until its first token.
fn speed(reply: &ModelReply) -> Option<f64> {
    let millis = reply
        .latency
        .total_ms
        .checked_sub(reply.latency.first_token_ms)?;
    let tokens = reply.usage.completion;
    // Integers this small are exact as floats.
    (millis > 0 && tokens > 1).then(|| tokens as f64 * 1000.0 / millis as f64)
}
