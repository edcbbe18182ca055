//! `loom service`: the service as something that the machine starts by itself.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, first_line};
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
Programs are found where your shell finds them when it is installed: install it again when that has \
changed, or when this program is somewhere else.

Examples:
  loom service install
  loom service status
  loom service uninstall")]
pub(crate) struct ServiceArgs {
    #[command(subcommand)]
    command: ServiceCommand,
}

#[derive(Debug, Subcommand)]
enum ServiceCommand {
    /// Let the machine start the service when you log in, and start it now
    Install,
    /// Say whether a service runs, and whether the machine starts one
    Status {
        /// Print what is known as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop it, and do not start it any more; tasks and data stay
    Uninstall,
}

/// How this machine starts services of a user.
struct Manager {
    /// Where it looks for the description of one.
    file: PathBuf,
    /// The description.
    text: String,
    /// What makes it see a new one, in order. It may have been seen before.
    start: Vec<String>,
    /// Whether it starts it at login.
    is_started: String,
    /// What starts one that runs anew.
    again: String,
    /// What makes it let go of one.
    stop: Vec<String>,
    /// What is left to do once the file is gone.
    forget: Vec<String>,
    /// What it makes of the file, and would leave behind if it could not be asked.
    link: Option<PathBuf>,
}

pub(super) async fn run(arguments: &ServiceArgs, context: &mut Context) -> Outcome {
    match arguments.command {
        ServiceCommand::Install => install(context).await,
        ServiceCommand::Status { json } => status(context, json).await,
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
    let before = std::fs::read_to_string(&manager.file).ok();
    if before.is_none()
        && let Some(running) = context.joined().await?
    {
        let text = format!("a service runs already, at {}", running.client().url());
        let hint = "end it first: the machine's own could not begin beside it";
        return Err(Fault::usage(text).hint(hint));
    }
    let place = || format!("write {file}");
    let dir = manager.file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(dir).with_context(place)?;
    std::fs::write(&manager.file, &manager.text).with_context(place)?;
    context.ui.line(Tone::Plain, &format!("written to {file}"));
    let by_hand = manager.start.join(" && ");
    let done = all(
        context,
        &manager.start,
        &format!("start it by hand: {by_hand}"),
    )
    .await?;
    if done == Exit::Done && before.is_some_and(|before| before != manager.text) {
        let text = format!(
            "what runs goes on as it was; to start it anew: {}",
            manager.again
        );
        context.ui.labelled("hint", &text);
    }
    Ok(done)
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
    let otherwise = "if it runs, it goes on until it is ended or you log out";
    let done = all(context, &manager.stop, otherwise).await?;
    std::fs::remove_file(&manager.file).with_context(|| format!("remove {file}"))?;
    if let Some(link) = manager.link.filter(|link| link.is_symlink()) {
        std::fs::remove_file(&link).with_context(|| format!("remove {}", link.display()))?;
    }
    context.ui.line(Tone::Plain, &format!("removed {file}"));
    match done {
        Exit::Done => {
            let by_hand = format!("do it by hand: {}", manager.forget.join(" && "));
            all(context, &manager.forget, &by_hand).await
        }
        other => Ok(other),
    }
}

async fn status(context: &mut Context, json: bool) -> Outcome {
    let running = match context.joined().await? {
        Some(service) => {
            let health = service.client().health().await.map_err(client_fault)?;
            Some((health.version, service.client().url()))
        }
        None => None,
    };
    let manager = manager(context)?;
    let there = manager.file.exists();
    let (started, why) = match there {
        true => give(context, &manager.is_started).await?,
        false => (false, String::new()),
    };
    let done = match running {
        Some(_) => Exit::Done,
        None => Exit::Failed,
    };
    if json {
        let (version, url) = running.unzip();
        let value = serde_json::json!({
            "running": url.is_some(),
            "url": url,
            "version": version,
            "file": there.then_some(&manager.file),
            "started_at_login": started,
        });
        context.ui.raw(&format!("{value}\n"));
        return Ok(done);
    }
    match running {
        Some((version, url)) => {
            let text = format!("{version} serves at {url}");
            context.ui.line(Tone::Good, &text);
        }
        None => context.ui.line(Tone::Plain, "no service runs"),
    }
    let file = manager.file.display();
    let text = match (there, started) {
        (true, true) => format!("started at login by {file}"),
        (true, false) => format!(
            "not started at login: {file} is there, but {} says: {}",
            manager.is_started,
            first_line(&why)
        ),
        (false, _) => "not started at login; `loom service install` changes that".to_owned(),
    };
    context.ui.line(Tone::Dim, &text);
    Ok(done)
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

/// Gives the manager its commands. Where one does not work, it is said what is to be done otherwise.
async fn all(context: &mut Context, commands: &[String], otherwise: &str) -> Outcome {
    for command in commands {
        let (worked, answer) = give(context, command).await?;
        if !worked {
            let why = first_line(&answer);
            context.ui.labelled("note", &format!("{command}: {why}"));
            context.ui.labelled("hint", otherwise);
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

/// What a service is started with.
struct Started {
    program: PathBuf,
    data_dir: PathBuf,
    /// What was given with `--config`.
    config: Option<PathBuf>,
    /// Where it and the commands of its tasks find programs. What starts services knows only the usual
    /// places, and not those of the user's own tools.
    path: String,
}

impl Started {
    /// Its command line.
    fn words(&self) -> Vec<String> {
        let shown = |path: &Path| path.display().to_string();
        let mut words = vec![shown(&self.program), "serve".to_owned()];
        words.extend(["--data-dir".to_owned(), shown(&self.data_dir)]);
        if let Some(config) = &self.config {
            words.extend(["--config".to_owned(), shown(config)]);
        }
        words
    }
}

fn manager(context: &Context) -> Result<Manager, Fault> {
    let home = context.here.home.clone();
    let home = home.ok_or_else(|| Fault::usage("HOME is not set"))?;
    let config = context.global.config.as_deref();
    let started = Started {
        program: std::env::current_exe().context("find this program")?,
        data_dir: context.data_dir()?,
        config: config.map(|file| context.here.absolute(file)),
        path: context.here.path_env.to_string_lossy().into_owned(),
    };
    Ok(match cfg!(target_os = "macos") {
        true => launchd(&home, &started),
        false => systemd(context.here.var("XDG_CONFIG_HOME"), &home, &started),
    })
}

fn systemd(config: Option<&str>, home: &Path, started: &Started) -> Manager {
    let dir = config.map_or_else(|| home.join(".config"), PathBuf::from);
    let dir = dir.join("systemd/user");
    // `%` begins a specifier, and in a command line `$` a variable.
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace('%', "%%"))
    };
    let start: Vec<String> = started
        .words()
        .iter()
        .map(|word| quoted(word).replace('$', "$$"))
        .collect();
    let path = quoted(&format!("PATH={}", started.path));
    let text = include_str!("../../../../config/loomd.service")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line.starts_with("ExecStart=") {
            true => format!("ExecStart={}\nEnvironment={path}\n", start.join(" ")),
            false => format!("{line}\n"),
        });
    Manager {
        text: format!("# {OURS}\n{}", text.collect::<String>()),
        start: vec![
            "systemctl --user daemon-reload".to_owned(),
            "systemctl --user enable --now loomd".to_owned(),
        ],
        is_started: "systemctl --user is-enabled loomd".to_owned(),
        again: "systemctl --user restart loomd".to_owned(),
        stop: vec!["systemctl --user disable --now loomd".to_owned()],
        forget: vec!["systemctl --user daemon-reload".to_owned()],
        link: Some(dir.join("default.target.wants/loomd.service")),
        file: dir.join("loomd.service"),
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

fn launchd(home: &Path, started: &Started) -> Manager {
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;");
        text.replace('<', "&lt;").replace('>', "&gt;")
    };
    let words = started.words();
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("<string>{}</string>", escaped(word)))
        .collect();
    let path = format!(
        "<key>EnvironmentVariables</key>\n    <dict>\n        <key>PATH</key>\n        <string>{}</string>\n    </dict>\n    <key>RunAtLoad</key>",
        escaped(&started.path)
    );
    let text = without_comments(include_str!("../../../../config/dev.loom.loomd.plist"))
        .replace(
            "<string>/Users/USER/.cargo/bin/loomd</string>",
            &words.join("\n        "),
        )
        .replace("<key>RunAtLoad</key>", &path)
        .replace("/Users/USER", &escaped(&home.display().to_string()))
        .replace(
            "<dict>\n    <key>Label",
            &format!("<!-- {OURS} -->\n<dict>\n    <key>Label"),
        );
    let file = home.join("Library/LaunchAgents/dev.loom.loomd.plist");
    let quoted = format!("'{}'", file.display().to_string().replace('\'', "'\\''"));
    let name = "gui/$(id -u)/dev.loom.loomd";
    let is_started = format!("launchctl print {name} > /dev/null");
    // launchd refuses to take one twice, and to let go of one that it does not have.
    Manager {
        start: vec![format!(
            "{is_started} 2>&1 || launchctl bootstrap gui/$(id -u) {quoted}"
        )],
        again: format!("launchctl bootout {name}; launchctl bootstrap gui/$(id -u) {quoted}"),
        stop: vec![format!("! {is_started} 2>&1 || launchctl bootout {name}")],
        is_started,
        forget: Vec::new(),
        link: None,
        file,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(program: &str, data_dir: &str) -> Started {
        Started {
            program: program.into(),
            data_dir: data_dir.into(),
            config: Some("/etc/my loom.toml".into()),
            path: "/opt/a&b/bin:/opt/50% \"off\":/usr/bin".to_owned(),
        }
    }

    #[test]
    fn a_unit_starts_this_very_program_whatever_its_path_holds() {
        let started = started("/opt/50% off/loom", "/srv/$data");
        let made = systemd(None, Path::new("/home/me"), &started);
        assert_eq!(
            made.file,
            Path::new("/home/me/.config/systemd/user/loomd.service")
        );
        assert!(made.text.contains(OURS));
        for line in [
            r#"ExecStart="/opt/50%% off/loom" "serve" "--data-dir" "/srv/$$data" "--config" "/etc/my loom.toml""#,
            r#"Environment="PATH=/opt/a&b/bin:/opt/50%% \"off\":/usr/bin""#,
            "Type=notify",
        ] {
            let there = made.text.lines().any(|of| of == line);
            assert!(there, "{line} is not in: {}", made.text);
        }
    }

    #[test]
    fn an_agent_starts_this_very_program_too() {
        let made = launchd(Path::new("/Users/me"), &started("/opt/a&b/loom", "/d"));
        assert!(made.text.contains(OURS));
        for part in [
            "<string>/opt/a&amp;b/loom</string>\n        <string>serve</string>",
            "<string>--config</string>\n        <string>/etc/my loom.toml</string>",
            "<key>PATH</key>\n        <string>/opt/a&amp;b/bin:",
        ] {
            assert!(made.text.contains(part), "{part} is not in: {}", made.text);
        }
        assert!(!made.text.contains("USER"), "{}", made.text);
    }
}
