//! What the program of a server is given of this machine.

use super::settings::ServerProgram;
use loom_workspace::ServiceSpec;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What every program of a server is given.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where programs are looked for.
    pub path_env: OsString,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Begins the label of every process, so that what a crash leaves is found.
    pub label: String,
}

impl Surroundings {
    pub(super) fn spec(&self, server: &str, program: &ServerProgram) -> ServiceSpec {
        let home = self.home.as_deref().unwrap_or(Path::new("/"));
        let mut env = vec![
            ("PATH".into(), self.path_env.clone()),
            ("HOME".into(), home.into()),
            ("LANG".into(), "C.UTF-8".into()),
        ];
        let given = program.env.iter();
        env.extend(given.map(|(name, value)| (name.into(), value.expose().into())));
        ServiceSpec {
            program: program.command.clone().into(),
            args: program.args.iter().map(Into::into).collect(),
            cwd: program.cwd.as_deref().unwrap_or(home).to_owned(),
            env,
            label: self.label(server),
        }
    }

    /// A label of its own for each start: the end of one must not end the next.
    fn label(&self, server: &str) -> String {
        static STARTS: AtomicU64 = AtomicU64::new(0);
        let start = STARTS.fetch_add(1, Ordering::Relaxed);
        format!("{}:{server}:{start}", self.label)
    }
}
