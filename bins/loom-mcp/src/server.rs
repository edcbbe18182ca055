//! What this server answers to each request of the protocol. The tools, the resources and the tasks
//! extension are in files of their own; here they are only called.

use crate::caller::{Caller, Calls};
use crate::{extension, resources, tools};
use loom_client::wire::CancelRequest;
use loomd::{Connect, Way};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
    GetTaskParams, GetTaskResult, Implementation, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig, Tool, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a model is told of the server as a whole.
const INSTRUCTIONS: &str = "\
Loom does a piece of work in a directory by itself, with local models: it plans, edits files, runs \
commands in a sandbox, verifies the result, and can take everything back. Give it a whole goal with \
loom_execute_task, not single steps. With `wait` the call ends when the task does; without, or when \
the call is lost, the task goes on by its id: loom_wait, loom_task_status, loom_list_tasks. When a \
question waits, put it to your user: only a human may approve. loom_diff shows what was changed, \
loom_revert takes it back.";

/// How the server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether `loom_approve` works without a human who is asked: for programs that stand in for
    /// one. Without it an agent cannot approve anything by itself.
    pub allow_approve: bool,
}

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) service: Way,
    pub(crate) options: Options,
    /// Cancelled when the server ends.
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn new(
        connect: Arc<dyn Connect>,
        options: Options,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            service: Way::new(connect),
            options,
            stop,
        })
    }
}

/// One session; over HTTP from 2026-07-28 on, one request.
pub(crate) struct Server {
    shared: Arc<Shared>,
    calls: Calls,
}

impl Server {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            calls: Calls::default(),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_tasks()
            .build();
        let me = Implementation::new("loom", env!("CARGO_PKG_VERSION")).with_title("Loom");
        ServerConfig::new(capabilities)
            .with_server_info(me)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::list().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = Caller {
            shared: Arc::clone(&self.shared),
            context,
            calls: self.calls.clone(),
            answers: call.input_responses,
            state: call.request_state,
        };
        let arguments = call.arguments.unwrap_or_default();
        tools::call(&call.name, &caller, arguments).await
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        resources::list(&self.shared.service).await
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        wanted: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = resources::read(&self.shared.service, &wanted.uri).await?;
        Ok(ReadResourceResponse::Complete(read))
    }

    async fn get_task(
        &self,
        wanted: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        extension::get(&self.shared.service, &wanted.task_id, &context).await
    }

    async fn update_task(
        &self,
        given: UpdateTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        extension::update(&self.shared.service, &given.task_id, given.input_responses).await
    }

    async fn cancel_task(
        &self,
        wanted: CancelTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        extension::cancel(&self.shared.service, &wanted.task_id).await
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if let Some(info) = context.peer.peer_info() {
            tracing::info!(client = %info.client_info.name, version = %info.protocol_version, "a client is here");
        }
    }

    async fn on_cancelled(
        &self,
        cancelled: CancelledNotificationParam,
        _context: NotificationContext<RoleServer>,
    ) {
        let task = cancelled
            .request_id
            .and_then(|call| self.calls.cancelled(&call));
        if let Some(task) = task {
            cancel_with_call(&self.shared.service, task).await;
        }
    }
}

/// Ends a task since the call that waits for it was cancelled, as that call wished.
pub(crate) async fn cancel_with_call(service: &Way, task: loom_events::TaskId) {
    let request = CancelRequest {
        reason: Some("the call that waited for it was cancelled".to_owned()),
    };
    let cancelled = service.call(|client| {
        let request = request.clone();
        async move { client.cancel(task, &request).await }
    });
    match cancelled.await {
        Ok(_) => tracing::info!(%task, "cancelled with its call"),
        Err(error) => tracing::warn!(%task, error = %error.sentence(), "not cancelled"),
    }
}
