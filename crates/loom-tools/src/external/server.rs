//! One server: connected when it is needed, brought back when it was lost, never without a rest.

use super::connection::{CallError, Connection};
use super::listing::Listing;
use super::settings::ServerSettings;
use super::{NotThere, Surroundings};
use loom_events::ToolSpec;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The longest rest between two starts.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A server, whether it is there or not.
pub(super) struct Server {
    pub(super) settings: ServerSettings,
    around: Arc<Surroundings>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// Times in a row that it was lost or did not come up.
    losses: u32,
    /// It is left alone until then.
    rest: Option<Instant>,
    /// Why it was not there last.
    last: Option<NotThere>,
    closed: bool,
}

/// A server that is there, and what it lists.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) connection: Arc<Connection>,
    pub(super) listing: Arc<Listing>,
}

/// A server, for people.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// Where it is, without secrets.
    pub place: String,
    /// Whether it is there.
    pub state: ServerState,
    /// What is not as it should be.
    pub notes: Vec<String>,
    /// Its tools, in order of names.
    pub tools: Vec<ServerTool>,
}

/// Whether a server is there.
#[derive(Clone, Debug)]
pub enum ServerState {
    /// It answers.
    Connected {
        /// The revision of the protocol that is spoken.
        revision: String,
        /// What it calls itself.
        calls_itself: Option<String>,
    },
    /// It does not.
    NotThere {
        /// Why.
        why: String,
        /// What its program wrote on standard error last.
        last_words: String,
    },
}

/// A tool of a server, for people.
#[derive(Clone, Debug)]
pub struct ServerTool {
    /// What a model is shown.
    pub spec: ToolSpec,
    /// The server's own name of it.
    pub own_name: String,
    /// Whether a call needs an approval.
    pub asks: bool,
}

impl Server {
    pub(super) fn new(settings: ServerSettings, around: Arc<Surroundings>) -> Self {
        Self {
            settings,
            around,
            state: Mutex::default(),
        }
    }

    /// The server with what it lists now. One that was lost is started again, once; one that is lost
    /// again and again has to rest in between.
    pub(super) async fn open(&self) -> Result<Open, NotThere> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(NotThere::because("Loom is about to end"));
        }
        if let Some(open) = state.open.take() {
            match self.as_it_is(open).await {
                Ok(open) => {
                    state.open = Some(open.clone());
                    return Ok(open);
                }
                Err(lost) => state.lose(lost),
            }
        }
        if let (Some(rest), Some(last)) = (state.rest, &state.last)
            && let Some(left @ 1..) = rest.checked_duration_since(Instant::now()).map(ceil_s)
        {
            let why = format!(
                "{}; it is tried again in {left} s at the earliest",
                last.why
            );
            return Err(NotThere {
                why,
                ..last.clone()
            });
        }
        match self.connect().await {
            Ok(open) => {
                state.open = Some(open.clone());
                Ok(open)
            }
            Err(lost) => {
                state.lose(lost.clone());
                Err(lost)
            }
        }
    }

    /// The same connection with an up-to-date list, or why there is none any more.
    async fn as_it_is(&self, open: Open) -> Result<Open, NotThere> {
        let lost = match open.connection.lost().await {
            Some(lost) => lost,
            None if !open.connection.take_change() => return Ok(open),
            None => match self.listed(Arc::clone(&open.connection)).await {
                Ok(open) => return Ok(open),
                Err(lost) => lost,
            },
        };
        open.connection.close().await;
        Err(lost)
    }

    async fn connect(&self) -> Result<Open, NotThere> {
        let connection = Connection::open(&self.settings, &self.around).await?;
        self.listed(Arc::new(connection)).await
    }

    async fn listed(&self, connection: Arc<Connection>) -> Result<Open, NotThere> {
        let listed = connection.list(self.settings.start_timeout).await?;
        let only = self.settings.tools.as_ref();
        let listing = Arc::new(Listing::new(&self.settings.name, &listed, only));
        Ok(Open {
            connection,
            listing,
        })
    }

    /// What a call showed about the server.
    pub(super) async fn saw(&self, answer: Result<(), &CallError>) {
        // A connection knows by itself that it is lost, and the next one who asks brings it back.
        if answer.is_ok() {
            self.state.lock().await.losses = 0;
        }
    }

    /// Whether a tool is offered as it was, as far as that is known without asking the server.
    pub(super) fn offers(&self, spec: &ToolSpec) -> Option<bool> {
        let state = self.state.try_lock().ok()?;
        let open = state.open.as_ref()?;
        Some(open.listing.get(spec).is_some())
    }

    /// Whether the server says of a tool that it may destroy something. It can only make a question
    /// more serious.
    pub(super) fn is_destructive(&self, spec: &ToolSpec) -> bool {
        let state = self.state.try_lock();
        let open = state.as_ref().ok().and_then(|state| state.open.as_ref());
        let offered = open.and_then(|open| open.listing.get(spec));
        offered.is_some_and(|offered| offered.says_destructive)
    }

    /// Connects if need be, and says how it stands.
    pub(super) async fn status(&self) -> ServerStatus {
        let (state, listing) = match self.open().await {
            Ok(open) => {
                let state = ServerState::Connected {
                    revision: open.connection.revision().unwrap_or_default(),
                    calls_itself: open.connection.calls_itself(),
                };
                (state, open.listing)
            }
            Err(NotThere { why, last_words }) => {
                (ServerState::NotThere { why, last_words }, Arc::default())
            }
        };
        let tool = |(name, offered): (&String, &super::listing::Offered)| ServerTool {
            spec: offered.spec.clone(),
            own_name: offered.tool.clone(),
            asks: !self.settings.runs_freely(name),
        };
        ServerStatus {
            name: self.settings.name.clone(),
            place: match &self.settings.place {
                Ok(place) => place.to_string(),
                Err(_) => String::new(),
            },
            state,
            notes: listing.notes.clone(),
            tools: listing.tools.iter().map(tool).collect(),
        }
    }

    /// Ends it for good.
    pub(super) async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        if let Some(open) = state.open.take() {
            open.connection.close().await;
        }
    }
}

impl State {
    fn lose(&mut self, lost: NotThere) {
        self.losses += 1;
        self.rest = Some(Instant::now() + rest_after(self.losses));
        self.last = Some(lost);
    }
}

/// None after the first loss, since one restart mends most; then 2 s, 4 s, 8 s and so on.
fn rest_after(losses: u32) -> Duration {
    match losses {
        0 | 1 => Duration::ZERO,
        more => Duration::from_secs(1 << (more - 1).min(6)).min(LONGEST_REST),
    }
}

fn ceil_s(left: Duration) -> u64 {
    left.as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_the_rest_grows_up_to_a_minute() {
        let rests: Vec<u64> = (0..9).map(|n| rest_after(n).as_secs()).collect();
        assert_eq!(rests, [0, 0, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(rest_after(u32::MAX), LONGEST_REST);
    }
}
