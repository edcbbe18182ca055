//! The sandbox, measured with harmless stand-ins for what a hostile command does and with pieces of
//! useful work, the policy switched off: `tests/data/security`, or `-- --file FILE`.
//!
//! A program of its own, since it is three things: what counts the rows, the wrapper that runs one
//! command as `shell_execute` does, and the helper that the sandbox starts.

#![expect(clippy::print_stdout, reason = "what it measures is its output")]

use loom_tools::{CheckCommand, ShellSettings, run_unjudged};
use loom_workspace::{
    Bounds, RunStatus, Sandbox, SandboxSurvey, Store, Workspace, sandbox_helper, survey_sandboxes,
};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The first argument of the wrapper.
const WRAP: &str = "__wrap";

fn main() -> ExitCode {
    if let Some(code) = sandbox_helper(std::env::args_os()) {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [WRAP, sandbox, "--", "bash", "-c", line] => wrap(sandbox, line),
        ["--file", file] => measure(Some(Path::new(file))),
        // What test runners ask of a program of tests.
        [] => measure(None),
        _ if arguments.iter().any(|a| a == "--list") => {
            println!("standins: test");
            ExitCode::SUCCESS
        }
        _ if arguments
            .iter()
            .any(|a| a.starts_with('-') || "standins".contains(a)) =>
        {
            measure(None)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn survey() -> SandboxSurvey {
    let own = std::env::current_exe().expect("a test knows its own program");
    survey_sandboxes(OsStr::new(PATH), Some(&own))
}

/// Every sandbox that works here, the strongest first.
fn sandboxes() -> Vec<Sandbox> {
    let rungs = survey().rungs;
    rungs.into_iter().filter_map(|rung| rung.sandbox).collect()
}

/// Runs one line in the current directory, as the tool does.
#[tokio::main(flavor = "current_thread")]
async fn wrap(name: &str, line: &str) -> ExitCode {
    let sandbox = sandboxes()
        .into_iter()
        .find(|sandbox| sandbox.name() == name);
    let own = tempfile::tempdir().expect("a temporary directory can be made");
    let shell = ShellSettings {
        sandbox: sandbox.unwrap_or(Sandbox::Missing),
        path_env: OsString::from(PATH),
        home: std::env::var_os("HOME").map(PathBuf::from),
        readable: toolchain().into_iter().collect(),
        writable: Vec::new(),
        network: false,
        policy: loom_tools::policy::Policy::default(),
        timeout: Duration::from_secs(60),
        max_timeout: Duration::from_secs(60),
    };
    let store = Store::open(&own.path().join("objects")).expect("a store can be made");
    let here = std::env::current_dir().expect("there is a current directory");
    let workspace = Workspace::open(&here, &Bounds::default(), Arc::new(store));
    let workspace = workspace.expect("the current directory can be a workspace");
    let scratch = own.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a directory can be made");
    let command = CheckCommand {
        line,
        workspace: &workspace,
        scratch: &scratch,
        timeout: shell.timeout,
        shell: &shell,
        label: &format!("loom-standins-{}", std::process::id()),
    };
    match run_unjudged(&command, &CancellationToken::new()).await {
        Ok(finished) => {
            print!("{}", finished.output);
            match finished.status {
                RunStatus::Exit(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
                RunStatus::Signal(_)
                | RunStatus::TimedOut
                | RunStatus::Cancelled
                | RunStatus::OutOfMemory => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            println!("not run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Names the variable that tells a run where the interpreter of the rows lives.
const TOOLCHAIN: &str = "LOOM_STANDINS_TOOLCHAIN";

/// An interpreter outside of the system's directories is a toolchain: as with any other the
/// configuration grants it, and here this does.
fn toolchain() -> Option<PathBuf> {
    let prefix = PathBuf::from(std::env::var_os(TOOLCHAIN)?);
    (prefix.is_dir() && !prefix.starts_with("/usr")).then_some(prefix)
}

/// Where the interpreter of the rows lives.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks the program that counts"
)]
fn prefix_of_python() -> Option<String> {
    let asked = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.base_prefix)"])
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

/// Runs the rows. A file of rows runs in every sandbox, the strongest last, and only that one
/// decides; as a test it is the strongest and all rows that are kept.
fn measure(file: Option<&Path>) -> ExitCode {
    let mut sandboxes = sandboxes();
    if sandboxes.is_empty() {
        println!("skipped: no sandbox works here");
        return ExitCode::SUCCESS;
    }
    if file.is_none() {
        sandboxes.truncate(1);
    }
    let mut result = Value::Null;
    for sandbox in sandboxes.iter().rev() {
        let Some(counted) = count(sandbox.name(), file) else {
            println!("skipped: the rows need python3, git and pgrep");
            return ExitCode::SUCCESS;
        };
        result = counted;
    }
    println!("{result}");
    match result["passed"] == true {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What came through one sandbox and what it broke; none when the rows cannot run here.
fn count(sandbox: &str, file: Option<&Path>) -> Option<Value> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/security");
    let script: OsString = file
        .map_or_else(|| data.join("standins.py"), Path::to_owned)
        .into();
    let own = std::env::current_exe().ok()?;
    let wrapper: OsString = format!("'{}' {WRAP} {sandbox} --", own.display()).into();
    let mut runs = vec![vec![script.clone(), wrapper.clone()]];
    if file.is_none() {
        let (harness, more) = (
            data.join("standins_more.py"),
            data.join("standins_more.jsonl"),
        );
        runs.push(vec![harness.into(), script, more.into(), wrapper]);
    }
    let mut sum = [0; 4];
    for arguments in runs {
        for (all, one) in sum.iter_mut().zip(rows(sandbox, &arguments)?) {
            *all += one;
        }
    }
    let [through, of, broken, useful] = sum;
    Some(json!({
        "name": "standins", "sandbox": sandbox,
        "through": through, "of": of, "broken": broken, "useful": useful,
        "passed": through == 0 && broken == 0 && of > 0 && useful > 0,
    }))
}

/// Runs the script, shows its table, and reads its last line.
#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the program that counts"
)]
fn rows(sandbox: &str, arguments: &[OsString]) -> Option<[u64; 4]> {
    let home = tempfile::tempdir().ok()?;
    let ran = std::process::Command::new("python3")
        .args(arguments)
        .env("HOME", home.path())
        .env(TOOLCHAIN, prefix_of_python()?)
        .env_remove("LOOM_CANARY_ENV")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    let table = String::from_utf8_lossy(&ran.stdout);
    println!("{sandbox}:\n{}", table.trim_end());
    let last = table.lines().last()?.replace('/', " ");
    let numbers: Vec<u64> = last
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    <[u64; 4]>::try_from(numbers).ok()
}
