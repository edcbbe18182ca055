//! Tools and the servers that they come from.

use crate::ui::{Tone, clean, clip, fit, plural, width};
use loom_events::ToolSpec;
use loom_tools::{ServerState, ServerStatus};

/// Columns that are assumed when lines go to a file.
const COLUMNS: usize = 100;

type Lines = Vec<(Tone, String)>;

/// Loom's own tools.
pub(crate) fn own_tool_lines(specs: &[ToolSpec], columns: Option<usize>) -> Lines {
    let rows: Vec<_> = specs
        .iter()
        .map(|spec| row(spec, &spec.description, ""))
        .collect();
    let mut lines = vec![(Tone::Dim, "built in".to_owned())];
    lines.extend(table(&rows, columns));
    lines
}

/// A server with its tools.
pub(crate) fn server_lines(one: &ServerStatus, columns: Option<usize>) -> Lines {
    let mut lines = vec![(Tone::Plain, String::new())];
    let place = clean(&one.place);
    match &one.state {
        ServerState::Connected {
            revision,
            calls_itself,
        } => {
            let itself = calls_itself
                .as_ref()
                .map_or(String::new(), |name| format!(", {}", clean(name)));
            let tools = plural(one.tools.len(), "tool");
            let text = format!(
                "✓ {}: {place} ({tools}, MCP {}{itself})",
                one.name,
                clean(revision)
            );
            lines.push((Tone::Plain, text));
        }
        ServerState::NotThere { why, last_words } => {
            lines.push((Tone::Bad, format!("✗ {}: {place}", one.name)));
            lines.push((Tone::Bad, format!("  {}", clean(why))));
            let said = last_words
                .lines()
                .map(|line| format!("  | {}", clean(line)));
            lines.extend(said.map(|line| (Tone::Dim, line)));
        }
    }
    lines.extend(
        one.notes
            .iter()
            .map(|note| (Tone::Caught, format!("  {}", clean(note)))),
    );
    let rows: Vec<_> = one
        .tools
        .iter()
        .map(|tool| {
            let said = tool
                .spec
                .description
                .split_once(": ")
                .map_or("", |(_, said)| said);
            row(
                &tool.spec,
                said,
                if tool.asks { "asks" } else { "runs freely" },
            )
        })
        .collect();
    lines.extend(table(&rows, columns));
    lines
}

type Row = [String; 3];

fn row(spec: &ToolSpec, description: &str, approval: &str) -> Row {
    let description: Vec<&str> = description.split_whitespace().collect();
    [
        clean(&spec.name),
        approval.to_owned(),
        clean(&description.join(" ")),
    ]
}

fn table(rows: &[Row], columns: Option<usize>) -> Lines {
    let widest = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let (name, approval) = (widest(0), widest(1));
    let line = |row: &Row| {
        let mut text = format!("  {}  ", fit(&row[0], name));
        if approval > 0 {
            text.push_str(&format!("{}  ", fit(&row[1], approval)));
        }
        text.push_str(&row[2]);
        (Tone::Plain, clip(&text, columns.unwrap_or(COLUMNS)))
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_tools::ServerTool;
    use serde_json::json;

    fn text(lines: &Lines) -> String {
        lines
            .iter()
            .map(|(_, line)| format!("{}\n", line.trim_end()))
            .collect()
    }

    #[test]
    fn a_server_is_shown_with_its_tools_and_what_stands_in_front_of_them() {
        let said = "From the MCP server \"git\", in its own words: Shows\nthe log.";
        let one = ServerStatus {
            name: "git".to_owned(),
            place: "uvx mcp-server-git".to_owned(),
            state: ServerState::Connected {
                revision: "2025-11-25".to_owned(),
                calls_itself: Some("mcp-git 1.2\u{1b}[2K".to_owned()),
            },
            notes: vec!["it lists `log` twice".to_owned()],
            tools: vec![ServerTool {
                spec: ToolSpec::new("mcp__git__log", said, json!({})),
                own_name: "log".to_owned(),
                asks: true,
            }],
        };
        let shown = text(&server_lines(&one, None));
        let expected = "\n✓ git: uvx mcp-server-git (1 tool, MCP 2025-11-25, mcp-git 1.2";
        assert!(
            shown.starts_with(expected) && !shown.contains('\u{1b}'),
            "{shown}"
        );
        assert!(
            shown.ends_with("\n  it lists `log` twice\n  mcp__git__log  asks  Shows the log.\n"),
            "{shown}"
        );
    }

    #[test]
    fn one_that_is_not_there_says_why_and_what_it_said_last() {
        let one = ServerStatus {
            name: "db".to_owned(),
            place: "db-server".to_owned(),
            state: ServerState::NotThere {
                why: "it ended with exit status 1 before it answered".to_owned(),
                last_words: "cannot open\nthe database".to_owned(),
            },
            notes: Vec::new(),
            tools: Vec::new(),
        };
        assert_eq!(
            text(&server_lines(&one, None)),
            "\n✗ db: db-server\n  it ended with exit status 1 before it answered\n  | cannot open\n  | the database\n"
        );
    }
}
