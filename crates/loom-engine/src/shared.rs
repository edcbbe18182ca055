//! What all tasks of an engine share, and the place of one task on disk.

use crate::forks::TaskForks;
use crate::learning::Learning;
use crate::metrics::Counts;
use crate::project::Skills;
use crate::vectors::Vectors;
use crate::webhooks::Webhooks;
use crate::window::{Room, Windows};
use crate::{Clock, Live, ProjectConfig};
use loom_events::{Role, TaskId, Tier};
use loom_prompts::Prompts;
use loom_redact::Redactor;
use loom_router::{NoModel, Router};
use loom_state::Journal;
use loom_tools::{Registry, Servers, ShellSettings};
use loom_workspace::{Store, Workspace};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

/// Everything that effects use and that outlives a task.
pub(crate) struct Shared {
    pub(crate) journal: Arc<dyn Journal>,
    /// Where tasks are worked on, if not where everything else runs.
    pub(crate) work: Option<Handle>,
    pub(crate) router: Arc<Router>,
    pub(crate) prompts: Arc<Prompts>,
    /// Our own tools; those of an attempt are [`crate::effects::Slot::registry`].
    pub(crate) registry: Arc<Registry>,
    pub(crate) servers: Arc<Servers>,
    pub(crate) shell: ShellSettings,
    pub(crate) store: Arc<Store>,
    /// What of a project goes into prompts.
    pub(crate) project: ProjectConfig,
    pub(crate) skills: Skills,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: broadcast::Sender<Arc<Live>>,
    pub(crate) build: String,
    /// Figures for whoever watches over the engine.
    pub(crate) counts: Counts,
    /// Who is told of the end of tasks, and of questions.
    pub(crate) webhooks: Webhooks,
    /// Says that there is something to send.
    pub(crate) outbox: Notify,
    /// Where the engine is served, once that is said.
    pub(crate) served_at: OnceLock<String>,
    /// Leaves secrets out of everything that is kept or shown.
    pub(crate) redactor: Arc<Redactor>,
    /// The most that the first snapshot of a task may take, in bytes.
    pub(crate) max_snapshot: u64,
    /// What earlier tasks taught.
    pub(crate) learning: Learning,
    /// Memory by meaning, where there is a model for it.
    pub(crate) vectors: Vectors,
    /// The windows that servers have shown.
    pub(crate) windows: Windows,
}

/// Where one task works: the user's directory, its scratch directory, its own files.
pub(crate) struct TaskPlace {
    pub(crate) workspace: Option<Arc<Workspace>>,
    pub(crate) scratch: PathBuf,
    /// The copies of the workspace in which attempts work side by side.
    pub(crate) forks: TaskForks,
    /// Marks every process of the task.
    pub(crate) label: String,
    dir: PathBuf,
}

impl TaskPlace {
    /// Makes `tasks/<id>/scratch` below the data directory.
    pub(crate) fn open(
        task: TaskId,
        dir: PathBuf,
        workspace: Option<Arc<Workspace>>,
    ) -> std::io::Result<Self> {
        let scratch = dir.join("scratch");
        std::fs::create_dir_all(&scratch)?;
        Ok(Self {
            workspace,
            scratch,
            forks: TaskForks::new(&dir),
            label: label(task),
            dir,
        })
    }

    /// Replaces `state.yaml`: temp, fsync, rename, fsync of the directory.
    pub(crate) async fn write_state(&self, text: String) -> std::io::Result<()> {
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || replace(&dir, "state.yaml", text.as_bytes()))
            .await
            .unwrap_or_else(|died| Err(std::io::Error::other(died)))
    }

    /// Removes the scratch directory; the task has ended.
    pub(crate) fn clear_scratch(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(&self.scratch) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn replace(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let temporary = dir.join(format!(".{name}.new"));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, dir.join(name))?;
    std::fs::File::open(dir)?.sync_all()
}

/// Marks every process that a task starts, so that survivors of a crash are found.
pub(crate) fn label(task: TaskId) -> String {
    format!("loom-{}", task.short())
}

impl Shared {
    /// Begins what works on a task: its runner, or an effect.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.work {
            Some(runtime) => runtime.spawn(job),
            None => tokio::spawn(job),
        }
    }

    /// The address below which tasks are found; empty when nobody serves them.
    pub(crate) fn base_url(&self) -> &str {
        match self.webhooks.base_url() {
            "" => self.served_at.get().map_or("", String::as_str),
            set => set,
        }
    }

    /// The largest tier that has a model for a role: plans and verdicts deserve the best there is.
    pub(crate) fn top_tier(&self, role: Role) -> Tier {
        let models = self.router.models();
        let of_role = models.iter().filter(|model| model.roles.contains(&role));
        of_role.map(|model| model.tier).max().unwrap_or_default()
    }

    /// Whether the roles that no task can do without have a model.
    pub(crate) fn check_roles(&self) -> Result<(), NoModel> {
        for role in [Role::Planner, Role::Executor] {
            self.router.select(role, Tier::Small)?;
        }
        Ok(())
    }

    /// Tokens that a first prompt may cost: half of the window, so that work fits into the rest.
    pub(crate) fn prompt_budget(&self, model: &str) -> Option<u64> {
        Some(u64::from(self.window(model)?) / 2)
    }

    /// Tokens that a question with one answer may cost: three quarters of the window of the model
    /// that will probably be asked.
    pub(crate) fn question_budget(&self, role: Role, tier: Tier) -> Option<u64> {
        let model = self.router.select(role, tier).ok()?;
        Some(u64::from(self.window(&model.name)?) / 4 * 3)
    }

    /// Tokens of a model's window: what it is set to, or less when its server has said so.
    pub(crate) fn window(&self, model: &str) -> Option<u32> {
        let known = self.router.window(model);
        let known = known.map(|window| u32::try_from(window).unwrap_or(u32::MAX));
        let shown = self.windows.get(model);
        known.into_iter().chain(shown).min().filter(|w| *w > 0)
    }

    /// What the window of a model has room for; none when nobody knows it.
    pub(crate) fn room(&self, model: &str) -> Option<Room> {
        let entry = self.router.entry(model)?;
        Some(Room::new(self.window(model)?, entry.max_tokens))
    }
}
