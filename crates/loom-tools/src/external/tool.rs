//! A tool of a server, as a task's prompt was frozen with it.
//!
//! What is run is what was on offer then: a tool that the server has changed or dropped since is
//! refused, since neither the model nor the human who agrees has seen the new one.

use super::connection::{CallError, Request};
use super::server::Server;
use super::{Servers, name, result, words};
use crate::changes::Watch;
use crate::tool::{CallOutcome, ToolOutput, first_line, refusal};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, Refusal, Risk, ToolSpec};
use serde_json::Value;
use std::sync::Arc;

/// Names the reason of a question to those who filter them.
const RULE: &str = "mcp.ask";

/// A tool that a server offered.
pub(crate) struct External {
    spec: ToolSpec,
    servers: Arc<Servers>,
}

impl External {
    /// The tool of a specification, if it is one of a server's. That the server is still configured
    /// is found out by a call.
    pub(crate) fn new(spec: &ToolSpec, servers: &Arc<Servers>) -> Option<Self> {
        name::server_in(&spec.name)?;
        Some(Self {
            spec: spec.clone(),
            servers: Arc::clone(servers),
        })
    }

    fn server(&self) -> &str {
        name::server_in(&self.spec.name).unwrap_or_default()
    }

    fn missing(&self) -> Refusal {
        let server = self.server();
        let message = format!(
            "the MCP server `{server}` is not configured any more, so nothing was called: go on \
             without it"
        );
        refusal("no_server", message)
    }

    fn changed(&self) -> Refusal {
        let message = format!(
            "the MCP server `{}` does not offer `{}` any more as it was when this attempt began, so \
             it was not called: go on without it",
            self.server(),
            self.spec.name
        );
        refusal("changed_tool", message)
    }

    fn held(&self, call: &Call<'_>, destructive: bool) -> CallOutcome {
        let server = self.server();
        let reason =
            format!("it is a tool of the MCP server `{server}`, which runs outside of the sandbox");
        let action = format!("{}\n{}", self.spec.name, words::json(call.arguments));
        let risk = match destructive {
            true => Risk::High,
            false => Risk::Medium,
        };
        call.hold(reason, action, risk, vec![RULE.to_owned()])
            .into()
    }

    async fn ask(&self, server: &Server, call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
        let context = call.context;
        let open = tokio::select! {
            open = server.open() => open.map_err(|why| self.not_there(&why.to_string()))?,
            () = context.cancel.cancelled() => return Err(self.not_there("cancelled")),
        };
        let Some(offered) = open.listing.get(&self.spec) else {
            return Err(self.changed().into());
        };
        let empty = serde_json::Map::new();
        let request = Request {
            tool: &offered.tool,
            arguments: call.arguments.as_object().unwrap_or(&empty),
            timeout: server.settings.call_timeout,
            cancel: context.cancel,
            recorder: context.recorder,
        };
        let watch = Watch::begin(call).await?;
        let answer = open.connection.call(&request).await;
        let found = watch.end(call).await;
        server.saw(answer.as_ref().map(drop)).await;
        let mut output = match answer {
            Ok(answer) => result::output(self.server(), answer),
            Err(error) => ToolOutput::negative(self.told(&error, server)),
        };
        output.touched = true;
        output.text.push_str(&found.listed());
        output.files_changed = found.files_changed();
        output.degraded.extend(found.degraded);
        Ok(output)
    }

    fn not_there(&self, why: &str) -> CallOutcome {
        let server = self.server();
        let message = format!(
            "the MCP server `{server}` is not there, so nothing was called: {why}. Go on without it"
        );
        ToolOutput::negative(message).into()
    }

    fn told(&self, error: &CallError, server: &Server) -> String {
        let name = self.server();
        match error {
            CallError::Refused(why) => format!("the MCP server `{name}` did not do it: {why}\n"),
            CallError::Lost(why) => format!(
                "the MCP server `{name}` was lost in the middle of the call ({why}): nobody knows \
                 whether it was done, so look before you call it again\n"
            ),
            CallError::TimedOut => format!(
                "the MCP server `{name}` gave no answer within {} s and was told to stop: it may \
                 have been done, so look before you call it again\n",
                server.settings.call_timeout.as_secs()
            ),
            CallError::Cancelled => "cancelled\n".to_owned(),
        }
    }
}

#[async_trait::async_trait]
impl Tool for External {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// Whatever a server says about it, nobody here can look up what it has done.
    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Unknowable
    }

    fn summary(&self, arguments: &Value) -> String {
        let arguments = words::one_line(&arguments.to_string(), 80);
        first_line(&format!("{} {arguments}", self.spec.name))
    }

    fn needs_workspace(&self) -> bool {
        false
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        let Some(server) = self.servers.get(self.server()) else {
            return self.missing().into();
        };
        if server.offers(&self.spec) == Some(false) {
            return self.changed().into();
        }
        if !server.settings.runs_freely(&self.spec.name) && !call.is_granted() {
            return self.held(call, server.is_destructive(&self.spec));
        }
        match self.ask(server, call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}
