//! The layers in their order, each key set by the last one that has it.

use super::error::{ConfigError, Origin};
use super::form::Raw;
use super::keys::{self, Place};
use super::{Config, ModelConfig, SandboxMode, environment, file};
use loom_router::ProviderKind;
use loom_tools::{LONGEST_SERVER_NAME, is_server_name};
use std::collections::BTreeMap;
use std::path::Path;

/// What a configuration is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Its `loom.toml` is read when it is there.
    pub data_dir: Option<&'a Path>,
    /// A file that was named; it must be there.
    pub file: Option<&'a Path>,
    /// The environment; only `LOOM_SECTION__KEY` counts.
    pub env: &'a BTreeMap<String, String>,
    /// Flags, in the order given.
    pub flags: &'a [Flag],
}

/// A flag that sets a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// As it is typed, such as `--approval`.
    pub name: &'static str,
    /// The key it sets, such as `approval.mode`.
    pub key: &'static str,
    /// The value as it was typed.
    pub value: String,
}

/// A configuration and where its values came from.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Origins by dotted key; what is missing here is a default.
    pub origins: BTreeMap<String, Origin>,
}

impl Config {
    /// Puts the layers on top of each other.
    ///
    /// # Errors
    /// The first thing that is wrong in any layer, with its place.
    pub fn load(sources: &Sources<'_>) -> Result<Loaded, ConfigError> {
        let mut loaded = Loaded::default();
        if let Some(dir) = sources.data_dir {
            file::read_if_there(&dir.join(Self::FILE_NAME), &mut loaded)?;
        }
        if let Some(path) = sources.file {
            file::read(path, &mut loaded)?;
        }
        environment::read(sources.env, &mut loaded)?;
        for flag in sources.flags {
            let parts: Vec<_> = flag.key.split('.').map(str::to_owned).collect();
            let origin = Origin::Flag {
                name: flag.name.to_owned(),
            };
            loaded.set(&parts, &Raw::Word(flag.value.clone()), origin)?;
        }
        loaded.check()?;
        Ok(loaded)
    }

    /// Name of the configuration file in the data directory.
    pub const FILE_NAME: &'static str = "loom.toml";
}

impl Loaded {
    /// Where the value of a key came from.
    #[must_use]
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// Sets one key.
    pub(super) fn set(
        &mut self,
        parts: &[String],
        raw: &Raw,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let key = parts.join(".");
        let bad = |origin: &Origin, problem: String| ConfigError::BadValue {
            origin: origin.clone(),
            key: key.clone(),
            problem,
        };
        let (form, slot) = match keys::find(parts) {
            Place::Key(found) => (found.form, (found.slot)(&mut self.config)),
            Place::ModelKey(name, found) => {
                let model = self.config.models.entry(name).or_default();
                (found.form, (found.slot)(model))
            }
            Place::ServerKey(name, found) => {
                let server = self.config.servers.entry(name).or_default();
                (found.form, (found.slot)(server))
            }
            Place::Section => return Err(bad(&origin, "is a section and takes no value".into())),
            Place::Nothing(suggestion) => {
                return Err(ConfigError::UnknownKey {
                    origin,
                    key,
                    suggestion,
                });
            }
        };
        let value = form.read(raw).map_err(|problem| bad(&origin, problem))?;
        let value = form.on_top_of(&slot.get(), value);
        slot.put(value)
            .map_err(|error| bad(&origin, format!("cannot be this: {error}")))?;
        self.origins.insert(key, origin);
        Ok(())
    }

    /// A model that was only named exists, with nothing set.
    pub(super) fn name_model(&mut self, name: &str, origin: Origin) {
        self.config.models.entry(name.to_owned()).or_default();
        self.origins
            .entry(format!("models.{name}"))
            .or_insert(origin);
    }

    /// The same for a server of tools.
    pub(super) fn name_server(&mut self, name: &str, origin: Origin) {
        self.config.servers.entry(name.to_owned()).or_default();
        self.origins
            .entry(format!("mcp.servers.{name}"))
            .or_insert(origin);
    }

    /// What can only be judged when every layer is known.
    fn check(&self) -> Result<(), ConfigError> {
        for (name, model) in &self.config.models {
            let key = format!("models.{name}");
            if !is_model_name(name) {
                return Err(self.bad(
                    &key,
                    "must have a name of letters, digits and `-_.:`, at most 64",
                ));
            }
            if model.address().is_none() {
                return Err(self.bad(
                    &key,
                    "needs a `base_url` such as \"http://127.0.0.1:8080/v1\", or a `provider` that has a usual address (ollama, lm_studio, llama_cpp, mlx, vllm)",
                ));
            }
            self.check_timeouts(&key, model)?;
        }
        self.check_embedding()?;
        let sandbox = &self.config.sandbox;
        if sandbox.mode == SandboxMode::Docker && sandbox.image.is_none() {
            return Err(self.bad(
                "sandbox.mode",
                "\"docker\" needs `sandbox.image`: the image whose programs commands use",
            ));
        }
        self.check_servers()
    }

    fn check_embedding(&self) -> Result<(), ConfigError> {
        let Some(name) = &self.config.memory.embedding else {
            return Ok(());
        };
        let problem = match self.config.models.get(name) {
            None => format!("there is no [models.{name}]: it says where the embedding model is"),
            Some(model) if model.provider == ProviderKind::Anthropic => {
                "servers of the kind \"anthropic\" make no vectors".to_owned()
            }
            Some(_) => return Ok(()),
        };
        Err(self.bad("memory.embedding", &problem))
    }

    fn check_servers(&self) -> Result<(), ConfigError> {
        for (name, server) in &self.config.servers {
            let section = format!("mcp.servers.{name}");
            if !is_server_name(name) {
                let problem = format!(
                    "must have a name of letters, digits, `-` and single `_`, at most {LONGEST_SERVER_NAME}"
                );
                return Err(self.bad(&section, &problem));
            }
            match server.problem() {
                None => {}
                Some(("", problem)) => return Err(self.bad(&section, problem)),
                Some((key, problem)) => {
                    return Err(self.bad(&format!("{section}.{key}"), problem));
                }
            }
        }
        Ok(())
    }

    /// A clock that can never ring before the total one has is a mistake.
    fn check_timeouts(&self, key: &str, model: &ModelConfig) -> Result<(), ConfigError> {
        let times = &model.timeouts;
        for (name, millis) in [("connect", times.connect_ms), ("stall", times.stall_ms)] {
            if millis > times.total_ms {
                let key = format!("{key}.timeouts.{name}");
                return Err(self.bad(&key, "must not be longer than `timeouts.total`"));
            }
        }
        Ok(())
    }

    /// An error at the place of a key, or of the first key below it.
    fn bad(&self, key: &str, problem: &str) -> ConfigError {
        let below = |other: &str| {
            other == key
                || other
                    .strip_prefix(key)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let origin = self
            .origins
            .iter()
            .find(|(other, _)| below(other))
            .map(|(_, origin)| origin);
        ConfigError::BadValue {
            origin: origin.cloned().unwrap_or(Origin::Default),
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

/// Names end up in events, messages and columns.
fn is_model_name(name: &str) -> bool {
    /// Enough for `Qwen3-Coder-30B-A3B-Instruct-Q4_K_M`, short enough for a column.
    const LONGEST: usize = 64;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::ApprovalMode;
    use loom_tools::policy::{Decision, Where};

    fn load_with(toml: &str, env: &[(&str, &str)], flags: &[Flag]) -> Result<Loaded, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, toml).unwrap();
        let env = env
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::load(&Sources {
            data_dir: None,
            file: Some(&file),
            env: &env,
            flags,
        })
    }

    fn refused(toml: &str) -> String {
        let text = load_with(toml, &[], &[]).unwrap_err().to_string();
        // The directory is a temporary one.
        text.find("c.toml")
            .map(|at| text[at..].to_owned())
            .unwrap_or(text)
    }

    #[test]
    fn nothing_given_gives_the_defaults() {
        let env = BTreeMap::new();
        let empty = tempfile::tempdir().unwrap();
        let sources = Sources {
            data_dir: Some(empty.path()),
            file: None,
            env: &env,
            flags: &[],
        };
        assert_eq!(Config::load(&sources).unwrap(), Loaded::default());
    }

    #[test]
    fn each_layer_wins_over_the_one_before_and_is_remembered_as_origin() {
        let dir = tempfile::tempdir().unwrap();
        let in_data_dir = "[execution]\nmax_parallel_tasks = 2\nreplan_interval = 2\n[approval]\nmode = 'manual'\nthreshold = 0.5\n";
        std::fs::write(dir.path().join("loom.toml"), in_data_dir).unwrap();
        let named = dir.path().join("named.toml");
        std::fs::write(
            &named,
            "execution.replan_interval = 3\napproval.mode = 'manual'\napproval.threshold = 0.6",
        )
        .unwrap();
        let env = BTreeMap::from([
            ("LOOM_APPROVAL__THRESHOLD".to_owned(), "0.7".to_owned()),
            ("LOOM_APPROVAL__MODE".to_owned(), "manual".to_owned()),
        ]);
        let flags = [Flag {
            name: "--approval",
            key: "approval.mode",
            value: "threshold".into(),
        }];
        let sources = Sources {
            data_dir: Some(dir.path()),
            file: Some(&named),
            env: &env,
            flags: &flags,
        };
        let loaded = Config::load(&sources).unwrap();
        let task = &loaded.config.task;
        assert_eq!(loaded.config.max_parallel_tasks, 2);
        assert_eq!(task.replan_interval, 3);
        assert!((task.verification.threshold - 0.7).abs() < f64::EPSILON);
        assert_eq!(task.approval, ApprovalMode::Threshold);
        let origin = |key: &str| loaded.origin(key).to_string();
        assert!(origin("execution.max_parallel_tasks").ends_with("loom.toml:2"));
        assert!(origin("execution.replan_interval").ends_with("named.toml:1"));
        assert_eq!(origin("approval.threshold"), "LOOM_APPROVAL__THRESHOLD");
        assert_eq!(origin("approval.mode"), "--approval");
        assert_eq!(origin("state.durability"), "default");
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_key_and_the_way_out() {
        for (toml, said) in [
            (
                "\n[execution]\nmax_paralel_tasks = 2",
                "c.toml:3: unknown key `execution.max_paralel_tasks`; did you mean `execution.max_parallel_tasks`?",
            ),
            (
                "[execution]\nmax_parallel_tasks = \"two\"",
                "c.toml:2: `execution.max_parallel_tasks` must be a whole number from 1 to 1000, not \"two\"",
            ),
            (
                "approval.threshold = 1.5",
                "c.toml:1: `approval.threshold` must be a number from 0 to 1, not 1.5",
            ),
            (
                "execution.limits.working_time = 30",
                "c.toml:1: `execution.limits.working_time` must be a duration above zero such as \"30s\", \"5m\" or \"2h\", not 30",
            ),
            (
                "approval = 3",
                "c.toml:1: `approval` is a section and takes no value",
            ),
            ("[zzz]\na = 1", "c.toml:1: unknown key `zzz`"),
            (
                "[models.a]\nbase_url = 'http://h'\ntier = 4",
                "c.toml:3: `models.a.tier` must be a whole number from 1 to 3, not 4",
            ),
            (
                "[models.a]\nbase_ulr = 'http://h'",
                "c.toml:2: unknown key `models.a.base_ulr`; did you mean `models.a.base_url`?",
            ),
            (
                "[models.a]\ntier = 1",
                "c.toml:1: `models.a` needs a `base_url` such as \"http://127.0.0.1:8080/v1\", or a `provider` that has a usual address (ollama, lm_studio, llama_cpp, mlx, vllm)",
            ),
            (
                "[models.a]\nprovider = 'olama'",
                "c.toml:2: `models.a.provider` must be one of \"openai_compatible\", \"ollama\", \"mlx\", \"llama_cpp\", \"lm_studio\", \"vllm\", \"anthropic\", \"scripted\", not \"olama\"; did you mean \"ollama\"?",
            ),
            (
                "[models.a]\nprovider = \"vLLM\"\n",
                "c.toml:2: `models.a.provider` must be one of \"openai_compatible\", \"ollama\", \"mlx\", \"llama_cpp\", \"lm_studio\", \"vllm\", \"anthropic\", \"scripted\", not \"vLLM\"; did you mean \"vllm\"?",
            ),
            (
                "[models.a]\nprovider = 'anthropic'",
                "c.toml:1: `models.a` needs a `base_url` such as \"http://127.0.0.1:8080/v1\", or a `provider` that has a usual address (ollama, lm_studio, llama_cpp, mlx, vllm)",
            ),
            (
                "[models.a]\nprovider = 'vllm'\nthinking = 'of'",
                "c.toml:3: `models.a.thinking` must be one of \"auto\", \"on\", \"off\", not \"of\"; did you mean \"off\"?",
            ),
            (
                "[models.a]\nprovider = 'ollama'\nkeep_alive = 30",
                "c.toml:3: `models.a.keep_alive` must be a duration such as \"30m\" or \"2h\", or \"forever\", not 30",
            ),
            (
                "[mcp.servers.a]\ncomand = 'npx'",
                "c.toml:2: unknown key `mcp.servers.a.comand`; did you mean `mcp.servers.a.command`?",
            ),
            (
                "[mcp.server.a]\ncommand = 'npx'",
                "c.toml:1: unknown key `mcp.server`; did you mean `mcp.servers`?",
            ),
            (
                "[mcp.servers.a]",
                "c.toml:1: `mcp.servers.a` needs a `command` such as \"npx\", or else a `url`",
            ),
            (
                "[mcp.servers.a__b]\ncommand = 'npx'",
                "c.toml:1: `mcp.servers.a__b` must have a name of letters, digits, `-` and single `_`, at most 24",
            ),
            (
                "[mcp.servers.a]\ncommand = 'npx'\nurl = 'http://h'",
                "c.toml:3: `mcp.servers.a.url` must not stand beside a `command`",
            ),
            (
                "[mcp.servers.a]\ncommand = './x'",
                "c.toml:2: `mcp.servers.a.command` must be a name on the search path or an absolute path",
            ),
            (
                "[mcp.servers.a]\nurl = 'http://h'\nheaders_env = { X-Key = 'a b' }",
                "c.toml:3: `mcp.servers.a.headers_env` must be a table of names of environment variables such as { X-Api-Key = \"MY_API_KEY\" }, not {\"X-Key\":\"a b\"}",
            ),
            (
                "[mcp.servers.a]\ncommand = 'npx'\ntools = ['x']\nallow = ['y']",
                "c.toml:4: `mcp.servers.a.allow` must name tools that are in `tools`",
            ),
            (
                "[learning]\nenabled = 3",
                "c.toml:2: `learning.enabled` must be true or false, not 3",
            ),
            (
                "[models.a]\nbase_url = 'http://h'\ntimeouts.stall = '2h'",
                "c.toml:3: `models.a.timeouts.stall` must not be longer than `timeouts.total`",
            ),
            (
                "policy.rules = 3",
                "c.toml:1: `policy.rules` must be a list of rules such as [{ command = \"npm install\", decision = \"allow\" }]",
            ),
            (
                "[[policy.rules]]\ncommand = 'a'\ndecision = 'ask'\n[[policy.rules]]\ncommand = 'a | b'\ndecision = 'ask'",
                "c.toml:4: `policy.rules` has a rule whose `command` is no plain command, it has '|': write one program and the words it starts with, such as \"npm install\"; every command of a line is matched by itself",
            ),
            (
                "[[policy.rules]]\ncommand = ''\ndecision = 'ask'",
                "c.toml:1: `policy.rules` has a rule whose `command` is empty: write a program and the words it starts with, such as \"npm install\"",
            ),
            (
                "[[policy.rules]]\ncommand = 'a'\ndecision = 'denny'",
                "c.toml:1: `policy.rules` has a rule for \"a\" whose `decision` must be one of \"allow\", \"ask\", \"deny\", not \"denny\"; did you mean \"deny\"?",
            ),
            (
                "[[policy.rules]]\ncommand = 'a'",
                "c.toml:1: `policy.rules` has a rule for \"a\" without `decision`: add one of \"allow\", \"ask\", \"deny\"",
            ),
            (
                "[[policy.rules]]\ncomand = 'a'\ndecision = 'ask'",
                "c.toml:1: `policy.rules` has a rule with the unknown key `comand`; did you mean `command`? A rule has `command`, `decision` and perhaps `reason`",
            ),
        ] {
            assert_eq!(refused(toml), said);
        }
        assert!(refused("a = [").starts_with("c.toml:1: not valid TOML: "));
    }

    #[test]
    fn rules_of_a_further_file_are_added_and_cannot_drop_any() {
        let dir = tempfile::tempdir().unwrap();
        let rule = |command: &str, decision: &str| {
            format!("[[policy.rules]]\ncommand = '{command}'\ndecision = '{decision}'\n")
        };
        std::fs::write(dir.path().join("loom.toml"), rule("git push", "deny")).unwrap();
        let named = dir.path().join("named.toml");
        std::fs::write(&named, rule("git push", "allow") + &rule("npm ci", "allow")).unwrap();
        let loaded = Config::load(&Sources {
            data_dir: Some(dir.path()),
            file: Some(&named),
            env: &BTreeMap::new(),
            flags: &[],
        })
        .unwrap();
        let policy = loaded.config.policy().unwrap();
        let decision = |line: &str| policy.judge(line, &Where::default()).decision;
        assert_eq!(policy.rules().len(), 3);
        assert_eq!(decision("git push origin"), Decision::Deny);
        assert_eq!(decision("npm ci"), Decision::Allow);
        assert!(
            loaded
                .origin("policy.rules")
                .to_string()
                .ends_with("named.toml:4")
        );
    }

    #[test]
    fn a_secret_in_an_address_is_refused() {
        let said = refused("[models.a]\nbase_url = 'http://me:pw@h'");
        assert!(said.contains("no user or password in it"), "{said}");
    }

    #[test]
    fn a_named_file_must_be_there() {
        let env = BTreeMap::new();
        let path = Path::new("/nonexistent/loom.toml");
        let sources = Sources {
            data_dir: None,
            file: Some(path),
            env: &env,
            flags: &[],
        };
        let error = Config::load(&sources).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the configuration file /nonexistent/loom.toml"
        );
    }

    #[test]
    fn the_environment_reaches_nested_keys_and_models() {
        let loaded = load_with(
            "[models.Qwen-3]\nbase_url = 'http://h'",
            &[
                ("LOOM_EXECUTION__LIMITS__ITERATIONS", "7"),
                ("LOOM_EXECUTION__LADDER", "planned,feedback"),
                ("LOOM_MODELS__QWEN_3__TIER", "2"),
                ("LOOM_MODELS__NEW__BASE_URL", "http://n"),
                ("LOOM_HOME", "/x"),
                ("OTHER__THING", "1"),
            ],
            &[],
        )
        .unwrap();
        assert_eq!(loaded.config.task.limits.iterations, 7);
        assert_eq!(loaded.config.task.ladder.len(), 2);
        assert_eq!(u8::from(loaded.config.models["Qwen-3"].tier), 2);
        assert_eq!(
            loaded.config.models["new"].base_url.as_deref(),
            Some("http://n")
        );
    }

    #[test]
    fn a_variable_that_is_meant_for_loom_and_fits_nothing_is_refused() {
        let refused = |name: &str| load_with("", &[(name, "1")], &[]).unwrap_err().to_string();
        assert_eq!(
            refused("LOOM_EXECUTION__MAX_PARALEL_TASKS"),
            "LOOM_EXECUTION__MAX_PARALEL_TASKS: unknown key `execution.max_paralel_tasks`; did you mean `execution.max_parallel_tasks`?"
        );
        assert_eq!(
            refused("LOOM_APPROVAL_MODE"),
            "LOOM_APPROVAL_MODE: unknown key `approval_mode`; did you mean `LOOM_APPROVAL__MODE`?"
        );
    }
}
