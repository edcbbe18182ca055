//! `loom tools`: what a model may call, where it comes from, and what stands in front of it.

use crate::context::Context;
use crate::fault::{Exit, Outcome};
use crate::render::{own_tool_lines, server_lines};
use clap::Args;
use loom_engine::own_tools;
use loom_events::ToolSpec;
use loom_tools::{ServerState, ServerStatus, Servers, Surroundings};
use serde_json::{Value, json};

/// The built-in tool whose calls are judged by the command policy.
const BY_POLICY: &str = "shell_execute";

/// Arguments of `loom tools`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom tools
  loom tools --json

Servers of tools are started, asked what they offer, and ended again. docs/mcp-servers.md explains \
how to add one.")]
pub(crate) struct ToolsArgs {
    /// Print each tool and each server as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ToolsArgs, context: &mut Context) -> Outcome {
    let config = context.load(&[])?.config;
    let around = Surroundings {
        path_env: context.here.path_env.clone(),
        home: context.here.home.clone(),
        // Not the label of an engine, which may be at work beside us.
        label: format!("loom-tools:{}", std::process::id()),
    };
    let servers = Servers::new(config.server_settings(&context.here.env), around);
    let status = servers.status().await;
    servers.shutdown().await;
    if arguments.json {
        let own = own_tools();
        let lines = own.iter().map(own_as_json);
        for line in lines.chain(status.iter().flat_map(server_as_json)) {
            context.ui.raw(&format!("{line}\n"));
        }
    } else {
        let columns = context.ui.columns();
        let lines = own_tool_lines(&own_tools(), columns);
        let servers = status.iter().flat_map(|one| server_lines(one, columns));
        for (tone, text) in lines.into_iter().chain(servers) {
            context.ui.line(tone, &text);
        }
        for name in config
            .servers
            .iter()
            .filter(|(_, server)| !server.enabled)
            .map(|(name, _)| name)
        {
            context
                .ui
                .labelled("note", &format!("the MCP server `{name}` is not enabled"));
        }
    }
    let is_there = |one: &ServerStatus| matches!(one.state, ServerState::Connected { .. });
    match status.iter().all(is_there) {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}

fn own_as_json(spec: &ToolSpec) -> Value {
    json!({
        "name": spec.name,
        "source": "built in",
        "approval": if spec.name == BY_POLICY { "policy" } else { "none" },
        "description": spec.description,
        "parameters": spec.parameters,
    })
}

fn server_as_json(one: &ServerStatus) -> Vec<Value> {
    let (connected, revision, calls_itself, error, last_words) = match &one.state {
        ServerState::Connected {
            revision,
            calls_itself,
        } => (true, Some(revision), calls_itself.as_ref(), None, None),
        ServerState::NotThere { why, last_words } => {
            (false, None, None, Some(why), Some(last_words))
        }
    };
    let server = json!({
        "server": one.name,
        "place": one.place,
        "connected": connected,
        "revision": revision,
        "calls_itself": calls_itself,
        "error": error,
        "stderr": last_words,
        "notes": one.notes,
        "tools": one.tools.len(),
    });
    let tools = one.tools.iter().map(|tool| {
        json!({
            "name": tool.spec.name,
            "source": one.name,
            "own_name": tool.own_name,
            "approval": if tool.asks { "ask" } else { "none" },
            "description": tool.spec.description,
            "parameters": tool.spec.parameters,
        })
    });
    std::iter::once(server).chain(tools).collect()
}
