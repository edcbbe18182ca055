//! Every effective value with its origin, as `loom config show` prints them.

use super::Origin;
use super::keys::{KEYS, Key, MODEL_KEYS, SERVER_KEYS};
use super::load::Loaded;
use std::collections::BTreeMap;

/// One effective value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// The dotted key.
    pub key: String,
    /// Its value as it would stand in a file; none when it is unset.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// What stands for a value that may be a secret.
const HIDDEN: &str = "(hidden)";

/// All values, in the order of the documentation. There are no secrets among them: a key is kept
/// only by the name of its variable, and what a server is given word for word is not shown.
#[must_use]
pub fn show(loaded: &Loaded) -> Vec<Shown> {
    let mut config = loaded.config.clone();
    let mut lines: Vec<_> = KEYS
        .iter()
        .map(|key| line(loaded, key.path.to_owned(), key, &mut config))
        .collect();
    for (name, model) in &mut config.models {
        let of = |key: &Key<_>| line(loaded, format!("models.{name}.{}", key.path), key, model);
        lines.extend(MODEL_KEYS.iter().map(of));
    }
    for (name, server) in &mut config.servers {
        let section = format!("mcp.servers.{name}");
        hide_values(&mut server.env);
        let of = |key: &Key<_>| line(loaded, format!("{section}.{}", key.path), key, server);
        lines.extend(SERVER_KEYS.iter().map(of));
    }
    lines
}

/// Hides what is given word for word. `$NAME` only says where the value comes from.
fn hide_values(env: &mut BTreeMap<String, String>) {
    let literal = |value: &&mut String| !value.is_empty() && !value.starts_with('$');
    for value in env.values_mut().filter(literal) {
        HIDDEN.clone_into(value);
    }
}

fn line<Of>(loaded: &Loaded, path: String, key: &Key<Of>, of: &mut Of) -> Shown {
    Shown {
        value: key.form.toml(&(key.slot)(of).get()),
        origin: loaded.origin(&path).clone(),
        key: path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};
    use std::path::Path;

    /// The repository's `config` directory.
    fn config_dir() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config"))
    }

    fn load(path: &Path) -> Loaded {
        let env = BTreeMap::new();
        let sources = Sources {
            data_dir: None,
            file: Some(path),
            env: &env,
            flags: &[],
        };
        Config::load(&sources).unwrap_or_else(|error| panic!("{error}"))
    }

    /// In `config/loom.toml` a comment has a space after `#` and a setting has none.
    fn uncommented(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') && !setting.is_empty() => setting.to_owned(),
            _ => line.to_owned(),
        };
        text.lines().map(|l| line(l) + "\n").collect()
    }

    #[test]
    fn the_documented_file_changes_nothing_as_it_is() {
        assert_eq!(load(&config_dir().join("loom.toml")), Loaded::default());
    }

    #[test]
    fn the_documented_file_has_every_key_with_its_default() {
        let text = std::fs::read_to_string(config_dir().join("loom.toml")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("loom.toml");
        std::fs::write(&file, uncommented(&text)).unwrap();
        let mut loaded = load(&file);

        let documented = |key: &str| matches!(loaded.origin(key), Origin::File { .. });
        let missing: Vec<_> = KEYS
            .iter()
            .map(|key| key.path.to_owned())
            .chain(
                MODEL_KEYS
                    .iter()
                    .map(|key| format!("models.local.{}", key.path)),
            )
            .filter(|key| !documented(key))
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "not in config/loom.toml");
        // A server has either a program or an address, so its keys are in two examples.
        let in_example = |key: &Key<_>| {
            let examples = ["files", "remote"].iter();
            let mut keys = examples.map(|name| format!("mcp.servers.{name}.{}", key.path));
            keys.any(|key| documented(&key))
        };
        let missing = SERVER_KEYS.iter().filter(|key| !in_example(key));
        let missing: Vec<_> = missing.map(|key| key.path).collect();
        assert_eq!(missing, Vec::<&str>::new(), "not in config/loom.toml");
        let files = loaded.config.servers.remove("files").unwrap();
        assert!(loaded.config.servers.remove("remote").is_some());
        let default = crate::config::ServerConfig {
            command: files.command.clone(),
            args: files.args.clone(),
            env: files.env.clone(),
            cwd: files.cwd.clone(),
            tools: files.tools.clone(),
            allow: files.allow.clone(),
            ..crate::config::ServerConfig::default()
        };
        assert_eq!(files, default);

        let example = loaded.config.models.remove("local").unwrap();
        // They have no default, so the file has an example of each.
        let embedding = loaded.config.memory.embedding.take();
        assert_eq!(embedding.as_deref(), Some("vectors"));
        assert!(loaded.config.models.remove("vectors").is_some());
        assert!(loaded.config.prompts.take().is_some());
        assert!(loaded.config.sandbox.image.take().is_some());
        assert!(loaded.config.sandbox.socket.take().is_some());
        assert!(loaded.config.sandbox.memory_mib.take().is_some());
        assert!(loaded.config.webhooks.secret_env.take().is_some());
        assert!(loaded.config.telemetry.endpoint.take().is_some());
        assert_eq!(std::mem::take(&mut loaded.config.policy.rules).len(), 1);
        assert_eq!(loaded.config, Config::default());
        // What has no default is an example; everything else in the model is the default.
        let default = crate::config::ModelConfig {
            base_url: example.base_url.clone(),
            model: example.model.clone(),
            max_concurrency: example.max_concurrency,
            reasoning_budget: example.reasoning_budget,
            family: example.family,
            keep_alive: example.keep_alive.clone(),
            temperature: example.temperature,
            context_length: example.context_length,
            api_key_env: example.api_key_env.clone(),
            ..crate::config::ModelConfig::default()
        };
        assert_eq!(example, default);
    }

    #[test]
    fn every_profile_is_a_configuration_with_all_roles_covered() {
        let mut seen = 0;
        for entry in std::fs::read_dir(config_dir().join("profiles")).unwrap() {
            let path = entry.unwrap().path();
            let config = load(&path).config;
            for role in loom_events::Role::ALL {
                let covered = config.models.values().any(|m| m.roles.contains(&role));
                assert!(covered, "{}: no model for {role}", path.display());
            }
            let entries = config.model_entries(&BTreeMap::new());
            assert!(entries.is_ok(), "{}: {entries:?}", path.display());
            seen += 1;
        }
        assert!(seen >= 3);
    }

    #[test]
    fn what_a_server_is_given_word_for_word_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(
            &file,
            "[mcp.servers.s]\ncommand = 'x'\nenv = { A = '$B', KEY = 's3cret', NONE = '' }",
        )
        .unwrap();
        let shown = show(&load(&file));
        let env = shown.iter().find(|line| line.key == "mcp.servers.s.env");
        let env = env.unwrap();
        let expected = r#"{ "A" = "$B", "KEY" = "(hidden)", "NONE" = "" }"#;
        assert_eq!(env.value.as_deref(), Some(expected));
        assert!(env.origin.to_string().ends_with("c.toml:3"));
        assert!(!format!("{shown:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_shown_can_be_read_back_and_names_its_origin() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(
            &file,
            "[models.a]\nbase_url = 'http://h'\nroles = ['planner', 'executor']\n\
             [[policy.rules]]\ncommand = 'npm install'\ndecision = 'allow'\nreason = 'a \"b\"'\n\
             [mcp.servers.s]\ncommand = 'x'\nargs = ['', 'a \"b\"']\nenv = { A = '$B', \"c d\" = '' }",
        )
        .unwrap();
        let loaded = load(&file);
        let shown = show(&loaded);
        let text: String = shown
            .iter()
            .filter_map(|line| Some(format!("{} = {}\n", line.key, line.value.as_ref()?)))
            .collect();
        let again = dir.path().join("again.toml");
        std::fs::write(&again, text).unwrap();
        assert_eq!(load(&again).config, loaded.config);
        let roles = shown
            .iter()
            .find(|line| line.key == "models.a.roles")
            .unwrap();
        assert_eq!(roles.value.as_deref(), Some(r#"["planner", "executor"]"#));
        assert!(roles.origin.to_string().ends_with("c.toml:3"));
        let rules = shown.iter().find(|line| line.key == "policy.rules");
        let rules = rules.and_then(|line| line.value.as_deref());
        let expected = r#"[{ command = "npm install", decision = "allow", reason = "a \"b\"" }]"#;
        assert_eq!(rules, Some(expected));
    }
}
