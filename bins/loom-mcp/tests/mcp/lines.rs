//! The four ways to speak with the server.

use crate::client::{ERAS, Era, Human, Peer, Program, Session, speak, start};
use crate::fake::{Service, TOKENS};
use loom_mcp::{Options, PATH, serve_http};
use loomd::Connect;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A session, with what keeps it going.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) session: Session,
    pub(crate) peer: Peer,
    _program: Option<Program>,
    _server: Option<DropGuard>,
}

impl Line {
    pub(crate) async fn call(&self, params: CallToolRequestParams) -> CallToolResult {
        self.session.call_tool(params).await.unwrap()
    }
}

/// Each era on each transport.
pub(crate) async fn lines(service: &Service, human: Human) -> Vec<Line> {
    let mut lines = Vec::new();
    for era in ERAS {
        lines.push(stdio(service, era, Peer::new(human), &[]).await);
        lines.push(http(service, era, Peer::new(human)).await);
    }
    lines
}

pub(crate) async fn stdio(service: &Service, era: Era, peer: Peer, arguments: &[&str]) -> Line {
    let mut program = start(service, arguments).await;
    Line {
        name: format!("stdio, {era:?}"),
        session: program.speak(era, peer.clone()).await,
        peer,
        _program: Some(program),
        _server: None,
    }
}

pub(crate) async fn http(service: &Service, era: Era, peer: Peer) -> Line {
    over(service.endpoint.clone(), era, peer).await
}

/// Over HTTP, with another way to the service.
pub(crate) async fn over(connect: impl Connect, era: Era, peer: Peer) -> Line {
    let (url, server) = serve(connect).await;
    Line {
        name: format!("http, {era:?}"),
        session: speak(&url, era, peer.clone()).await,
        peer,
        _program: None,
        _server: Some(server),
    }
}

/// Serves over HTTP until what is given back is dropped.
pub(crate) async fn serve(connect: impl Connect) -> (String, DropGuard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let tokens = Some(TOKENS.clone());
    tokio::spawn(serve_http(
        connect,
        Options::default(),
        listener,
        tokens,
        stop.clone(),
    ));
    (url, stop.drop_guard())
}
