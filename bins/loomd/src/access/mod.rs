//! Who may ask for what: stands in front of every route.
//!
//! Three things must hold. The request names a host that this service is (a web page can reach a
//! loopback port through a name of its own); it does not come from another site's page; and it bears
//! a token whose scope is wide enough. **Invariant:** nothing of a request is read before this, and
//! what is not in the table of routes needs a token as well.

mod origin;
mod token;

pub use token::{TokenError, Tokens};

use crate::fault::Fault;
use axum::http::{HeaderMap, Uri, header};
pub(crate) use origin::Hosts;

/// What a token is good for; each scope includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Looks at tasks.
    Reader,
    /// Begins, steers and ends tasks: for programs. It answers no question that is put to a human.
    Agent,
    /// Everything.
    Owner,
}

impl Scope {
    /// The word used in tokens and documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Agent => "agent",
            Self::Owner => "owner",
        }
    }
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody who reaches the port: nothing of the user is in it.
    Anyone,
    /// Whoever bears a token of at least this scope.
    Bearer(Scope),
}

/// The checks of one service.
#[derive(Debug)]
pub(crate) struct Access {
    hosts: Hosts,
    /// None: whoever passes the other checks may do everything.
    tokens: Option<Tokens>,
}

impl Access {
    pub(crate) const fn new(hosts: Hosts, tokens: Option<Tokens>) -> Self {
        Self { hosts, tokens }
    }

    /// Whether the request is for this service and from no other site's page.
    pub(crate) fn check_origin(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
        self.hosts.check(uri, headers)
    }

    /// Whether the bearer of the token may use a route.
    pub(crate) fn admit(&self, who: Who, headers: &HeaderMap) -> Result<Scope, Fault> {
        let Some(tokens) = &self.tokens else {
            return Ok(Scope::Owner);
        };
        let Who::Bearer(needed) = who else {
            return Ok(Scope::Reader);
        };
        let scope = bearer(headers).and_then(|token| tokens.scope_of(token));
        match scope {
            None => Err(Fault::unauthorized()),
            Some(scope) if scope < needed => Err(Fault::forbidden(
                "scope",
                format!(
                    "this takes the token of the {}; the {} may not do it",
                    needed.name(),
                    scope.name()
                ),
            )),
            Some(scope) => Ok(scope),
        }
    }
}

/// The token of a request. Two `Authorization` headers are as good as none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}
