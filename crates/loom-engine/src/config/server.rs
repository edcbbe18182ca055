//! `[mcp.servers.NAME]`: a server of tools as it is configured, and what the tools make of it.

use super::Config;
use super::form::duration;
use loom_tools::{Free, Secret, ServerPlace, ServerProgram, ServerSettings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One `[mcp.servers.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The program that is started; or else there is a `url`.
    pub command: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of its environment; `$NAME` stands for a variable of Loom's own.
    pub env: BTreeMap<String, String>,
    /// Where it runs; none is the user's home directory.
    pub cwd: Option<PathBuf>,
    /// The address that is asked.
    pub url: Option<String>,
    /// The variable that holds the token it asks for.
    pub token_env: Option<String>,
    /// More headers, with the variables that hold their values.
    pub headers_env: BTreeMap<String, String>,
    /// The tools that are offered; none offers all.
    pub tools: Option<Vec<String>>,
    /// What a call needs.
    pub approval: ServerApproval,
    /// The tools that need no approval.
    pub allow: Vec<String>,
    /// Milliseconds that one call may take.
    pub timeout_ms: u64,
    /// Milliseconds that it may take to come up.
    pub startup_timeout_ms: u64,
    /// Whether it is used.
    pub enabled: bool,
}

/// What a call of a server's tool needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerApproval {
    /// A human who agrees to it.
    #[default]
    Ask,
    /// Nothing.
    Allow,
}

impl Default for ServerConfig {
    /// A minute for a call: what takes longer tells its progress and is worth a setting. Half a
    /// minute to come up: `npx` and `uvx` fetch a program first.
    fn default() -> Self {
        Self {
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            url: None,
            token_env: None,
            headers_env: BTreeMap::new(),
            tools: None,
            approval: ServerApproval::Ask,
            allow: Vec::new(),
            timeout_ms: 60_000,
            startup_timeout_ms: 30_000,
            enabled: true,
        }
    }
}

impl Config {
    /// The servers that are used, in the order of their names. Secrets are read from `env` now; one
    /// that is missing makes its server unusable, not Loom.
    #[must_use]
    pub fn server_settings(&self, env: &BTreeMap<String, String>) -> Vec<ServerSettings> {
        let used = self.servers.iter().filter(|(_, server)| server.enabled);
        used.map(|(name, server)| server.settings(name, env))
            .collect()
    }
}

impl ServerConfig {
    fn settings(&self, name: &str, env: &BTreeMap<String, String>) -> ServerSettings {
        ServerSettings {
            name: name.to_owned(),
            place: self.place(env),
            tools: self.tools.clone().map(|tools| tools.into_iter().collect()),
            free: match (self.approval, self.allow.is_empty()) {
                (ServerApproval::Allow, _) => Free::All,
                (ServerApproval::Ask, true) => Free::None,
                (ServerApproval::Ask, false) => Free::These(self.allow.iter().cloned().collect()),
            },
            call_timeout: duration(self.timeout_ms),
            start_timeout: duration(self.startup_timeout_ms),
        }
    }

    fn place(&self, env: &BTreeMap<String, String>) -> Result<ServerPlace, String> {
        let variable = |key: &str, variable: &str| match env.get(variable) {
            Some(value) if !value.trim().is_empty() => Ok(Secret::new(value.as_str())),
            _ => Err(format!(
                "its `{key}` names the variable {variable}, which is not set"
            )),
        };
        if let Some(command) = &self.command {
            let value = |(name, value): (&String, &String)| {
                let value = match value.strip_prefix('$') {
                    Some(named) => variable("env", named)?,
                    None => Secret::new(value.as_str()),
                };
                Ok((name.clone(), value))
            };
            return Ok(ServerPlace::Program(ServerProgram {
                command: command.clone(),
                args: self.args.clone(),
                env: self.env.iter().map(value).collect::<Result<_, String>>()?,
                cwd: self.cwd.clone(),
            }));
        }
        let Some(url) = &self.url else {
            return Err("it has neither a `command` nor a `url`".to_owned());
        };
        let header =
            |(name, named): (&String, &String)| Ok((name.clone(), variable("headers_env", named)?));
        let token = self.token_env.as_ref();
        Ok(ServerPlace::Http {
            url: url.clone(),
            token: token
                .map(|named| variable("token_env", named))
                .transpose()?,
            headers: self
                .headers_env
                .iter()
                .map(header)
                .collect::<Result<_, String>>()?,
        })
    }

    /// What is wrong with it as a whole: the key and the problem.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        const EITHER: &str = "needs a `command` such as \"npx\", or else a `url`";
        match (&self.command, &self.url) {
            (None, None) => return Some(("", EITHER)),
            (Some(_), Some(_)) => return Some(("url", "must not stand beside a `command`")),
            (Some(_), None) if self.token_env.is_some() => {
                return Some((
                    "token_env",
                    "is for a `url`; a program gets it in its `env`",
                ));
            }
            (Some(_), None) if !self.headers_env.is_empty() => {
                return Some((
                    "headers_env",
                    "is for a `url`; a program gets it in its `env`",
                ));
            }
            (Some(command), None) if command.contains('/') && !command.starts_with('/') => {
                return Some((
                    "command",
                    "must be a name on the search path or an absolute path",
                ));
            }
            (None, Some(_)) if !self.args.is_empty() => {
                return Some(("args", "is for a `command`"));
            }
            (None, Some(_)) if !self.env.is_empty() => {
                return Some((
                    "env",
                    "is for a `command`; for a `url` there is `headers_env`",
                ));
            }
            (None, Some(_)) if self.cwd.is_some() => return Some(("cwd", "is for a `command`")),
            _ => {}
        }
        let offered = |tool: &String| self.tools.as_ref().is_none_or(|all| all.contains(tool));
        match self.allow.iter().all(offered) {
            true => None,
            false => Some(("allow", "must name tools that are in `tools`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(env: &[(&str, &str)]) -> ServerConfig {
        ServerConfig {
            command: Some("npx".to_owned()),
            env: env
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..ServerConfig::default()
        }
    }

    #[test]
    fn a_variable_that_is_not_set_makes_the_server_unusable_and_is_named() {
        let server = program(&[("TOKEN", "$MY_TOKEN"), ("LEVEL", "debug")]);
        let settings = server.settings("s", &BTreeMap::new());
        let why = settings.place.unwrap_err();
        assert!(why.contains("`env`") && why.contains("MY_TOKEN"), "{why}");
        let env = BTreeMap::from([("MY_TOKEN".to_owned(), "x".to_owned())]);
        let Ok(ServerPlace::Program(program)) = server.settings("s", &env).place else {
            panic!("it is a program");
        };
        let expected = [("LEVEL", "debug"), ("TOKEN", "x")];
        let expected = expected.map(|(name, value)| (name.to_owned(), Secret::new(value)));
        assert_eq!(program.env, expected);
    }

    #[test]
    fn nothing_runs_freely_unless_the_user_says_so() {
        let free = |server: &ServerConfig| server.settings("s", &BTreeMap::new()).free;
        let mut server = program(&[]);
        assert_eq!(free(&server), Free::None);
        server.allow = vec!["read".to_owned()];
        assert_eq!(free(&server), Free::These(["read".to_owned()].into()));
        server.approval = ServerApproval::Allow;
        assert_eq!(free(&server), Free::All);
    }
}
