//! The container of one command: what is let in, and what is taken away.

use super::connect::{Engine, Identity, Kind};
use crate::process::{CommandLine, CommandSpec, RunError, git, survivors};
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType,
};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The label of every container of a command.
pub(super) const LABEL: &str = "loom.run";

/// The first process: it starts the command, takes in orphans, and ends with the command's status.
/// Both outputs go the same way, so that they stay in the order in which they were written; what the
/// shell itself says of a killed command goes elsewhere and is not read.
const FIRST: &str = r#"( exec "$@" ) 2>&1; exit $?"#;

/// A build on a large machine runs hundreds of processes; what forks without end is stopped here.
const MAX_PROCESSES: i64 = 4096;

/// Programs run from temporary directories: test binaries, scripts of build systems.
const TEMPORARY: &str = "rw,exec,nosuid,nodev,mode=1777";

/// The request that makes it.
pub(super) fn describe(
    engine: &Engine,
    spec: &CommandSpec,
) -> Result<ContainerCreateBody, RunError> {
    let own = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    Ok(ContainerCreateBody {
        image: Some(engine.image_id.clone()),
        entrypoint: own(&["/bin/sh", "-c", FIRST, "loom"]),
        cmd: Some(words(engine, &spec.command)?),
        user: Some(format!("{}:{}", engine.identity.uid, engine.identity.gid)),
        hostname: Some("loom".to_owned()),
        working_dir: Some(directory(&spec.cwd)?),
        env: Some(environment(spec)?),
        labels: Some(HashMap::from([(LABEL.to_owned(), spec.label.clone())])),
        attach_stdout: Some(true),
        stop_timeout: Some(0),
        healthcheck: engine.has_health_check.then(|| HealthConfig {
            test: own(&["NONE"]),
            ..HealthConfig::default()
        }),
        host_config: Some(limits(engine, spec)?),
        ..ContainerCreateBody::default()
    })
}

fn limits(engine: &Engine, spec: &CommandSpec) -> Result<HostConfig, RunError> {
    let own = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let memory = engine
        .memory
        .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    Ok(HostConfig {
        // Of the engine's networks only the usual one is ever used.
        network_mode: (!spec.network).then(|| "none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        userns_mode: engine.identity.userns.map(str::to_owned),
        readonly_rootfs: Some(true),
        cap_drop: own(&["ALL"]),
        // Labels of SELinux would have to be written onto the user's files.
        security_opt: own(&["no-new-privileges:true", "label=disable"]),
        pids_limit: Some(MAX_PROCESSES),
        memory,
        // The same for memory and swap together: no swap.
        memory_swap: memory,
        // The output is read as it comes; a log would keep it all on the engine's disk.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        mounts: Some(mounts(spec)?),
        tmpfs: Some(temporary(engine, spec)?),
        ..HostConfig::default()
    })
}

fn words(engine: &Engine, command: &CommandLine) -> Result<Vec<String>, RunError> {
    let words = match command {
        CommandLine::Shell(line) => {
            vec![engine.shell.clone(), "-c".to_owned(), line.clone()]
        }
        CommandLine::Program(words) => words
            .iter()
            .map(|word| text(word))
            .collect::<Result<_, _>>()?,
    };
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(RunError::Empty),
    }
}

/// What was given, but for the search path: programs are those of the image, and so are the
/// variables that it sets for them. The label makes the processes known also to the host.
fn environment(spec: &CommandSpec) -> Result<Vec<String>, RunError> {
    let own = [
        "TMPDIR=/tmp".to_owned(),
        format!("{}={}", survivors::LABEL, spec.label),
    ];
    let given = spec.env.iter().filter(|(name, _)| name != "PATH");
    given
        .map(|(name, value)| Ok(format!("{}={}", text(name)?, text(value)?)))
        .chain(own.map(Ok))
        .collect()
}

/// Everything at its own path, so that paths in the output are true.
fn mounts(spec: &CommandSpec) -> Result<Vec<Mount>, RunError> {
    // By their target: two mounts on one place are refused, and the engine mounts outer ones first.
    let mut by_target = BTreeMap::new();
    let granted = |paths: &[PathBuf], writable: bool| {
        let there = paths.iter().filter(|path| path.exists());
        let named = there.map(|path| Ok((text(path.as_os_str())?, writable)));
        named.collect::<Result<Vec<_>, RunError>>()
    };
    by_target.extend(granted(&spec.readable, false)?);
    by_target.extend(granted(&spec.writable, true)?);
    for path in [&spec.workspace, &spec.scratch] {
        by_target.insert(directory(path)?, true);
    }
    for kept in git::kept(&spec.workspace) {
        by_target.insert(text(kept.path.as_os_str())?, kept.writable);
    }
    let mounts = by_target.into_iter();
    Ok(mounts
        .map(|(path, writable)| bind(path, writable))
        .collect())
}

fn bind(path: String, writable: bool) -> Mount {
    Mount {
        source: Some(path.clone()),
        target: Some(path),
        typ: Some(MountType::BIND),
        read_only: Some(!writable),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    }
}

/// Temporary directories and an empty home, unless that would hide what the command works on or what
/// it was granted.
fn temporary(engine: &Engine, spec: &CommandSpec) -> Result<HashMap<String, String>, RunError> {
    // Over a directory of the image the mode may become that one's, so the command's user owns it.
    let Identity { uid, gid, .. } = engine.identity;
    let options = match engine.kind {
        Kind::Docker => format!("{TEMPORARY},uid={uid},gid={gid}"),
        Kind::Podman => format!("{TEMPORARY},U,notmpcopyup"),
    };
    let home = spec.env.iter().find(|(name, _)| name == "HOME");
    let home = home.map(|(_, home)| Path::new(home));
    let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
    let shown = [&spec.workspace, &spec.scratch];
    let shown: Vec<_> = shown
        .into_iter()
        .chain(&spec.readable)
        .chain(&spec.writable)
        .collect();
    let hides = |path: &Path| shown.iter().any(|shown| path.starts_with(shown));
    [Path::new("/tmp"), Path::new("/var/tmp")]
        .into_iter()
        .chain(home)
        .filter(|path| !hides(path))
        .map(|path| Ok((text(path.as_os_str())?, options.clone())))
        .collect()
}

/// A directory that is there: engines make a missing one, as root.
fn directory(path: &Path) -> Result<String, RunError> {
    if !path.is_dir() {
        return Err(RunError::Sandbox {
            complaint: format!("there is no directory {}", path.display()),
        });
    }
    text(path.as_os_str())
}

fn text(given: &OsStr) -> Result<String, RunError> {
    given
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| RunError::Sandbox {
            complaint: format!(
                "`{}` is not UTF-8, and engines know nothing else",
                given.display()
            ),
        })
}
