//! Clients with a human behind them, of both eras and on both transports.

use crate::fake::{Service, agent};
use loom_state::DataDirLock;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams,
    ElicitResult, ElicitationAction, Implementation, ProgressNotificationParam, ProtocolVersion,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, NotificationContext, RequestContext, RunningService,
};
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use rmcp::{ClientHandler, ErrorData, RoleClient};
use serde_json::Value;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// The era that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    Handshake,
    Stateless,
}

pub(crate) const ERAS: [Era; 2] = [Era::Handshake, Era::Stateless];

/// What the human does with a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Human {
    /// There is no way to ask.
    #[default]
    Absent,
    Approves,
    Declines,
    /// Presses the key without looking: what is preselected is sent.
    Confirms,
    /// Looks at it and does nothing.
    Waits,
}

/// A client.
#[derive(Clone, Default)]
pub(crate) struct Peer {
    pub(crate) human: Human,
    pub(crate) tasks: bool,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    pub(crate) progress: Arc<Mutex<Vec<ProgressNotificationParam>>>,
    pub(crate) heard: watch::Sender<usize>,
}

impl Peer {
    pub(crate) fn new(human: Human) -> Self {
        Self {
            human,
            ..Self::default()
        }
    }

    /// Waits until so many progress notifications have come.
    pub(crate) async fn progress(&self, least: usize) -> Vec<ProgressNotificationParam> {
        let mut heard = self.heard.subscribe();
        heard
            .wait_for(|_| self.progress.lock().unwrap().len() >= least)
            .await
            .unwrap();
        self.progress.lock().unwrap().clone()
    }

    /// Waits until the human has a form before them.
    pub(crate) async fn asked(&self) {
        let mut heard = self.heard.subscribe();
        heard
            .wait_for(|_| !self.asked.lock().unwrap().is_empty())
            .await
            .unwrap();
    }

    fn hear(&self) {
        self.heard.send_modify(|n| *n += 1);
    }
}

impl ClientHandler for Peer {
    fn get_info(&self) -> ClientConfig {
        let mut can = ClientCapabilities::default();
        if self.human != Human::Absent {
            can.elicitation = Some(Default::default());
        }
        if self.tasks {
            can.extensions = ClientCapabilities::builder()
                .enable_tasks()
                .build()
                .extensions;
        }
        ClientConfig::new(can, Implementation::new("peer", "1"))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams {
            message,
            requested_schema,
            ..
        } = request
        else {
            return Err(ErrorData::invalid_params("a form was expected", None));
        };
        self.asked.lock().unwrap().push(message);
        self.hear();
        let form = serde_json::to_value(requested_schema).unwrap();
        Ok(match self.human {
            Human::Absent | Human::Declines => ElicitResult::new(ElicitationAction::Decline),
            Human::Approves => accept("approve"),
            Human::Confirms => accept(form["properties"]["decision"]["default"].as_str().unwrap()),
            Human::Waits => {
                context.ct.cancelled().await;
                ElicitResult::new(ElicitationAction::Cancel)
            }
        })
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.progress.lock().unwrap().push(progress);
        self.hear();
    }
}

fn accept(decision: &str) -> ElicitResult {
    ElicitResult::new(ElicitationAction::Accept)
        .with_content(serde_json::json!({ "decision": decision }))
}

pub(crate) type Session = RunningService<RoleClient, Peer>;

fn lifecycle(era: Era) -> ClientLifecycleMode {
    match era {
        Era::Handshake => ClientLifecycleMode::Initialize,
        Era::Stateless => ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
    }
}

/// The real program, on its standard input and output.
pub(crate) struct Program {
    pub(crate) child: Child,
    lock: DataDirLock,
    _dir: tempfile::TempDir,
}

/// Starts the program, with arguments beside the address of the service.
pub(crate) async fn start(service: &Service, arguments: &[&str]) -> Program {
    let dir = tempfile::tempdir().unwrap();
    let lock = service.publish(dir.path());
    let child = Command::new(env!("CARGO_BIN_EXE_loom-mcp"))
        .arg("--data-dir")
        .arg(dir.path())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Program {
        child,
        lock,
        _dir: dir,
    }
}

impl Program {
    /// Speaks with it.
    pub(crate) async fn speak(&mut self, era: Era, peer: Peer) -> Session {
        let streams = (
            self.child.stdout.take().unwrap(),
            self.child.stdin.take().unwrap(),
        );
        peer.serve_with_lifecycle(streams, lifecycle(era))
            .await
            .unwrap()
    }

    /// Says where the service is now.
    pub(crate) fn moved(&self, service: &Service) {
        self.lock.publish(&service.endpoint.url).unwrap();
    }
}

/// Speaks over HTTP.
pub(crate) async fn speak(url: &str, era: Era, peer: Peer) -> Session {
    // Makes the choice of cryptography that every client needs, also where there is none.
    let endpoint = loom_client::Endpoint {
        url: url.to_owned(),
        token: None,
    };
    drop(loom_client::Client::new(&endpoint).unwrap());
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(agent());
    let transport = StreamableHttpClientTransport::with_client(http, config);
    peer.serve_with_lifecycle(transport, lifecycle(era))
        .await
        .unwrap()
}

pub(crate) fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object");
    };
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

/// The structured result of a call that did what it was asked to.
pub(crate) fn structured(result: &CallToolResult) -> Value {
    assert_ne!(result.is_error, Some(true), "{}", text(result));
    result.structured_content.clone().unwrap()
}

pub(crate) fn text(result: &CallToolResult) -> String {
    let blocks = result.content.iter().filter_map(|block| block.as_text());
    blocks.map(|block| block.text.as_str()).collect()
}
