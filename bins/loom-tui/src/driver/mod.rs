//! Everything that is not pure: the terminal, the streams, the clock, the requests. The loop takes
//! what happened, gives it to `update`, does what that asks for, and draws at most once a frame.

mod paths;
mod requests;
mod streams;
mod terminal;

use crate::keys::Key;
use crate::model::Model;
use crate::msg::{Cmd, Msg};
use crate::options::Options;
use crate::update::update;
use crate::view::view;
use crossterm::event::{Event, EventStream, MouseButton, MouseEventKind};
use futures_util::StreamExt as _;
use loom_client::Client;
use loom_events::Time;
use requests::Requests;
use std::io;
use std::time::Duration;
use terminal::Terminal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Messages that wait for the loop; a stream that is faster waits for it.
const QUEUE: usize = 256;

/// Messages taken in before the next picture.
const BATCH: usize = 512;

/// The shortest time between two pictures: 60 in a second.
const FRAME: Duration = Duration::from_millis(16);

/// How often the clock is looked at while something moves, and while nothing does. Times are shown in
/// seconds, ages in minutes.
const TICK: Duration = Duration::from_secs(1);
const SLOW_TICK: Duration = Duration::from_secs(30);

/// Lines that one turn of the wheel scrolls.
const WHEEL: i32 = 3;

/// Why the terminal UI ended.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal cannot be used.
    #[error("use the terminal")]
    Terminal(#[from] io::Error),
    /// A part of it panicked; the terminal is restored.
    #[error("BUG: the terminal UI panicked: {0}")]
    Panicked(String),
}

/// Shows the service of `client` until the user leaves or the process is asked to end. The terminal
/// is restored in every case.
///
/// # Errors
/// [`TuiError`].
pub async fn run(client: Client, options: Options) -> Result<(), TuiError> {
    let mut driver = Driver::start(client, &options)?;
    let ended = driver.turn().await;
    driver.stop();
    ended
}

struct Driver {
    model: Model,
    terminal: Terminal,
    inbox: mpsc::Receiver<Msg>,
    outbox: mpsc::Sender<Msg>,
    requests: Requests,
    all: JoinHandle<()>,
    watching: Option<JoinHandle<()>>,
    client: Client,
    signals: Signals,
    keys: EventStream,
    /// What was asked for before the loop began.
    first: Vec<Cmd>,
}

struct Signals {
    end: [Signal; 3],
    stop: Signal,
}

/// What the loop does next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    End,
}

/// What woke the loop.
enum Woken {
    Input(Option<io::Result<Event>>),
    Message(Option<Msg>),
    Frame,
    Tick,
    End,
    Stop,
}

impl Driver {
    fn start(client: Client, options: &Options) -> Result<Self, TuiError> {
        let terminal = Terminal::open()?;
        let (outbox, inbox) = mpsc::channel(QUEUE);
        let (model, first) = Model::new(options, terminal.size(), now());
        let signals = Signals {
            end: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
            ],
            stop: signal(SignalKind::from_raw(terminal::SIGTSTP))?,
        };
        Ok(Self {
            model,
            terminal,
            inbox,
            requests: Requests::new(client.clone(), outbox.clone()),
            all: tokio::spawn(streams::all(client.clone(), outbox.clone())),
            watching: None,
            outbox,
            client,
            signals,
            keys: EventStream::new(),
            first,
        })
    }

    fn stop(self) {
        self.all.abort();
        if let Some(watching) = self.watching {
            watching.abort();
        }
    }

    async fn turn(&mut self) -> Result<(), TuiError> {
        let first = std::mem::take(&mut self.first);
        if self.act(first)? == Flow::End {
            return Ok(());
        }
        self.draw()?;
        let mut drawn = Instant::now();
        let mut dirty = false;
        loop {
            if let Some(what) = terminal::panicked() {
                return Err(TuiError::Panicked(what));
            }
            let woken = self.wait(dirty.then_some(drawn + FRAME)).await;
            let flow = match woken {
                Woken::End => Flow::End,
                Woken::Stop => {
                    self.suspend()?;
                    Flow::On
                }
                Woken::Frame => Flow::On,
                Woken::Tick => self.take(Vec::new())?,
                Woken::Input(None) => Flow::End,
                Woken::Input(Some(event)) => {
                    let msg = input(event?);
                    match msg {
                        Some(msg) => self.take(vec![msg])?,
                        None => Flow::On,
                    }
                }
                // Every sender has gone: only when a task was lost.
                Woken::Message(None) => Flow::End,
                Woken::Message(Some(msg)) => {
                    let mut batch = vec![msg];
                    while batch.len() < BATCH {
                        let Ok(msg) = self.inbox.try_recv() else {
                            break;
                        };
                        batch.push(msg);
                    }
                    self.take(batch)?
                }
            };
            if flow == Flow::End {
                return Ok(());
            }
            dirty = true;
            if drawn.elapsed() >= FRAME {
                self.draw()?;
                drawn = Instant::now();
                dirty = false;
            }
        }
    }

    /// Waits for something to happen. Keys come before records: whoever types is not to wait.
    async fn wait(&mut self, frame: Option<Instant>) -> Woken {
        let tick = if self.model.moves() { TICK } else { SLOW_TICK };
        let deadline = frame.unwrap_or_else(|| Instant::now() + tick);
        let [terminate, hang_up, interrupt] = &mut self.signals.end;
        tokio::select! {
            biased;
            _ = terminate.recv() => Woken::End,
            _ = hang_up.recv() => Woken::End,
            _ = interrupt.recv() => Woken::End,
            _ = self.signals.stop.recv() => Woken::Stop,
            event = self.keys.next() => Woken::Input(event),
            () = tokio::time::sleep_until(deadline), if frame.is_some_and(|at| at <= Instant::now()) => Woken::Frame,
            msg = self.inbox.recv() => Woken::Message(msg),
            () = tokio::time::sleep_until(deadline) => match frame {
                Some(_) => Woken::Frame,
                None => Woken::Tick,
            },
        }
    }

    fn take(&mut self, batch: Vec<Msg>) -> Result<Flow, TuiError> {
        let mut cmds = update(&mut self.model, Msg::Clock(now()));
        for msg in batch {
            cmds.extend(update(&mut self.model, msg));
        }
        self.act(cmds)
    }

    fn act(&mut self, cmds: Vec<Cmd>) -> Result<Flow, TuiError> {
        for cmd in cmds {
            match cmd {
                Cmd::Quit => return Ok(Flow::End),
                Cmd::Suspend => self.suspend()?,
                Cmd::Redraw => self.terminal.clear()?,
                Cmd::Bell => self.terminal.bell()?,
                Cmd::Watch(task) => {
                    self.unwatch();
                    let watching = streams::watch(self.client.clone(), task, self.outbox.clone());
                    self.watching = Some(tokio::spawn(watching));
                }
                Cmd::Unwatch => self.unwatch(),
                Cmd::Load(load) => self.requests.load(load),
                Cmd::Complete(path) => paths::complete(path, self.outbox.clone()),
                Cmd::Submit(request) => self.requests.submit(*request),
                Cmd::Ask(task, wish) => self.requests.ask(task, wish),
            }
        }
        Ok(Flow::On)
    }

    fn unwatch(&mut self) {
        if let Some(watching) = self.watching.take() {
            watching.abort();
        }
    }

    fn suspend(&mut self) -> Result<(), TuiError> {
        self.terminal.suspend()?;
        let size = self.terminal.size();
        update(&mut self.model, Msg::Clock(now()));
        update(&mut self.model, Msg::Resize(size.0, size.1));
        Ok(())
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        let model = &mut self.model;
        // In a storm of resizes the screen is ahead of its events.
        model.size = self.terminal.size();
        self.terminal.draw(|frame| view(model, frame))?;
        Ok(())
    }
}

/// An event of the terminal, as a message.
fn input(event: Event) -> Option<Msg> {
    Some(match event {
        Event::Key(key) => Msg::Key(Key::of(key)?),
        Event::Paste(text) => Msg::Paste(text),
        Event::Resize(columns, rows) => Msg::Resize(columns, rows),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Msg::Click(mouse.column, mouse.row),
            MouseEventKind::ScrollUp => Msg::Wheel(-WHEEL),
            MouseEventKind::ScrollDown => Msg::Wheel(WHEEL),
            _ => return None,
        },
        Event::FocusGained | Event::FocusLost => return None,
    })
}

/// The time. The core gets it as data.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver owns the clock of the terminal UI"
)]
fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Time::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
