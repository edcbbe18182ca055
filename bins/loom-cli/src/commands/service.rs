//! `loom service`: the service as something that the machine starts by itself.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::Tone;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use loom_workspace::{CommandLine, CommandSpec, RunStatus, Sandbox};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What stands in the file, so that only a file of Loom's own is ever replaced or removed.
const OURS: &str = "Made by `loom service install`";

/// How long the machine's own manager may take to start or stop a service.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of its answer that are shown.
const ANSWER: usize = 4 * 1024;

/// Arguments of `loom service`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom service install
  loom service status
  loom service uninstall")]
pub(crate) struct ServiceArgs {
    #[command(subcommand)]
    command: ServiceCommand,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum ServiceCommand {
    /// Let the machine start the service when you log in, and start it now
    Install,
    /// Say whether a service runs, and whether the machine starts one
    Status,
    /// Stop it, and do not start it any more; tasks and data stay
    Uninstall,
}

/// How this machine starts services of a user.
struct Manager {
    /// Where it looks for the description of one.
    file: PathBuf,
    /// The description.
    text: String,
    /// What makes it see a new one, in order.
    start: Vec<String>,
    /// What makes it let go of one.
    stop: Vec<String>,
}

pub(super) async fn run(arguments: &ServiceArgs, context: &mut Context) -> Outcome {
    match arguments.command {
        ServiceCommand::Install => install(context).await,
        ServiceCommand::Status => status(context).await,
        ServiceCommand::Uninstall => uninstall(context).await,
    }
}

async fn install(context: &mut Context) -> Outcome {
    let manager = manager(context)?;
    let file = manager.file.display();
    if foreign(&manager.file)? {
        let text = format!("{file} is there and not of Loom's making");
        return Err(Fault::usage(text).hint("move it away first"));
    }
    let place = || format!("write {file}");
    let dir = manager.file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(dir).with_context(place)?;
    std::fs::write(&manager.file, &manager.text).with_context(place)?;
    context.ui.line(Tone::Plain, &format!("written to {file}"));
    all(context, &manager.start, "start it by hand").await
}

async fn uninstall(context: &mut Context) -> Outcome {
    let manager = manager(context)?;
    let file = manager.file.display();
    if !manager.file.exists() {
        return Err(Fault::usage(format!(
            "nothing is installed: there is no {file}"
        )));
    }
    if foreign(&manager.file)? {
        return Err(Fault::usage(format!(
            "{file} is not of Loom's making, so it stays"
        )));
    }
    let done = all(context, &manager.stop, "stop it by hand").await?;
    std::fs::remove_file(&manager.file).with_context(|| format!("remove {file}"))?;
    context.ui.line(Tone::Plain, &format!("removed {file}"));
    Ok(done)
}

async fn status(context: &mut Context) -> Outcome {
    let running = context.joined().await?;
    match &running {
        Some(service) => {
            let health = service.client().health().await.map_err(client_fault)?;
            let text = format!("{} serves at {}", health.version, service.client().url());
            context.ui.line(Tone::Good, &text);
        }
        None => context.ui.line(Tone::Plain, "no service runs"),
    }
    let manager = manager(context)?;
    let file = manager.file.display();
    let text = match manager.file.exists() {
        true => format!("started at login by {file}"),
        false => "not started at login; `loom service install` changes that".to_owned(),
    };
    context.ui.line(Tone::Dim, &text);
    Ok(match running {
        Some(_) => Exit::Done,
        None => Exit::Failed,
    })
}

/// Whether a file is there that somebody else wrote.
fn foreign(file: &Path) -> Result<bool, Fault> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(!text.contains(OURS)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(anyhow::Error::new(error)
            .context(format!("read {}", file.display()))
            .into()),
    }
}

/// Gives the manager its commands. Where there is none, they are said.
async fn all(context: &mut Context, commands: &[String], otherwise: &str) -> Outcome {
    for command in commands {
        let (worked, answer) = give(context, command).await?;
        if !worked {
            let why = answer
                .lines()
                .next()
                .unwrap_or("it did not work")
                .to_owned();
            context
                .ui
                .labelled("note", &format!("{command}: {}", crate::ui::clean(&why)));
            let text = format!("{otherwise}: {}", commands.join(" && "));
            context.ui.labelled("hint", &text);
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Done)
}

async fn give(context: &Context, command: &str) -> Result<(bool, String), Fault> {
    let scratch = tempfile::tempdir().context("make a temporary directory")?;
    let passed = [
        "HOME",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
        "USER",
    ];
    let given = passed.iter().filter_map(|name| {
        let value = context.here.var(name)?;
        Some(((*name).into(), value.into()))
    });
    let spec = CommandSpec {
        command: CommandLine::Shell(command.to_owned()),
        workspace: scratch.path().to_owned(),
        cwd: scratch.path().to_owned(),
        env: given
            .chain([("PATH".into(), context.here.path_env.clone())])
            .collect(),
        timeout: PATIENCE,
        output_cap: ANSWER,
        // The commands are Loom's own, compiled in.
        sandbox: Sandbox::None,
        scratch: scratch.path().to_owned(),
        readable: Vec::new(),
        writable: Vec::new(),
        network: false,
        label: format!("loom-service-{}", std::process::id()),
    };
    let done = loom_workspace::run(&spec, &CancellationToken::new()).await?;
    Ok((done.status == RunStatus::Exit(0), done.output))
}

fn manager(context: &Context) -> Result<Manager, Fault> {
    let home = context.here.home.clone();
    let home = home.ok_or_else(|| Fault::usage("HOME is not set"))?;
    let program = std::env::current_exe().context("find this program")?;
    let data_dir = context.data_dir()?;
    Ok(match cfg!(target_os = "macos") {
        true => launchd(&home, &program, &data_dir),
        false => systemd(
            context.here.var("XDG_CONFIG_HOME"),
            &home,
            &program,
            &data_dir,
        ),
    })
}

fn systemd(config: Option<&str>, home: &Path, program: &Path, data_dir: &Path) -> Manager {
    let dir = config.map_or_else(|| home.join(".config"), PathBuf::from);
    let quoted = |path: &Path| {
        let text = path.display().to_string();
        // `%` begins a specifier, `$` a variable.
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace('%', "%%").replace('$', "$$"))
    };
    let start = format!("{} serve --data-dir {}", quoted(program), quoted(data_dir));
    let text = include_str!("../../../../config/loomd.service")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line.starts_with("ExecStart=") {
            true => format!("ExecStart={start}\n"),
            false => format!("{line}\n"),
        });
    Manager {
        file: dir.join("systemd/user/loomd.service"),
        text: format!("# {OURS}\n{}", text.collect::<String>()),
        start: vec![
            "systemctl --user daemon-reload".to_owned(),
            "systemctl --user enable --now loomd".to_owned(),
        ],
        stop: vec!["systemctl --user disable --now loomd".to_owned()],
    }
}

/// The template says how to install it by hand, which is done here.
fn without_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.split_once("-->").map_or("", |(_, rest)| rest);
        text + rest.trim_start_matches('\n')
    })
}

fn launchd(home: &Path, program: &Path, data_dir: &Path) -> Manager {
    let escaped = |path: &Path| {
        let text = path.display().to_string();
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let arguments = format!(
        "<string>{}</string>\n        <string>serve</string>\n        <string>--data-dir</string>\n        <string>{}</string>",
        escaped(program),
        escaped(data_dir)
    );
    let text = without_comments(include_str!("../../../../config/dev.loom.loomd.plist"))
        .replace("<string>/Users/USER/.cargo/bin/loomd</string>", &arguments)
        .replace("/Users/USER", &escaped(home))
        .replace(
            "<dict>\n    <key>Label",
            &format!("<!-- {OURS} -->\n<dict>\n    <key>Label"),
        );
    let file = home.join("Library/LaunchAgents/dev.loom.loomd.plist");
    let quoted = format!("'{}'", file.display().to_string().replace('\'', "'\\''"));
    Manager {
        start: vec![format!("launchctl bootstrap gui/$(id -u) {quoted}")],
        stop: vec!["launchctl bootout gui/$(id -u)/dev.loom.loomd".to_owned()],
        file,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_starts_this_very_program_whatever_its_path_holds() {
        let made = systemd(
            None,
            Path::new("/home/me"),
            Path::new("/opt/50% off/loom"),
            Path::new("/srv/$data"),
        );
        assert_eq!(
            made.file,
            Path::new("/home/me/.config/systemd/user/loomd.service")
        );
        assert!(made.text.contains(OURS));
        let start = r#"ExecStart="/opt/50%% off/loom" serve --data-dir "/srv/$$data""#;
        assert!(made.text.contains(start), "{}", made.text);
        assert!(made.text.contains("Type=notify"), "{}", made.text);
    }

    #[test]
    fn an_agent_starts_this_very_program_too() {
        let made = launchd(
            Path::new("/Users/me"),
            Path::new("/opt/a&b/loom"),
            Path::new("/d"),
        );
        assert!(made.text.contains(OURS));
        assert!(
            made.text.contains("<string>/opt/a&amp;b/loom</string>"),
            "{}",
            made.text
        );
        assert!(!made.text.contains("USER"), "{}", made.text);
    }
}
