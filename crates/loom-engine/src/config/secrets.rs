//! Which values are known to be secret, by the configuration and the environment.

use super::Config;
use loom_redact::{Redactor, Secret};
use std::collections::BTreeMap;

impl Config {
    /// What leaves secrets out of everything that Loom keeps or shows: the values of variables that the
    /// configuration names, of those that are called like a secret, and what servers of tools are given
    /// word for word. `more` is what only the caller knows, such as the token of a service.
    #[must_use]
    pub fn redactor(
        &self,
        env: &BTreeMap<String, String>,
        more: impl IntoIterator<Item = Secret>,
    ) -> Redactor {
        let servers = || self.servers.values();
        let named = self
            .models
            .values()
            .filter_map(|model| model.api_key_env.as_ref())
            .chain(servers().filter_map(|server| server.token_env.as_ref()))
            .chain(servers().flat_map(|server| server.headers_env.values()))
            .chain(&self.webhooks.secret_env)
            .chain(self.telemetry.headers_env.values())
            .map(|name| (name, env.get(name)));
        let named = named.filter_map(|(name, value)| Some(Secret::new(name, value?)));
        let given = servers().flat_map(|server| &server.env);
        let given = given.filter_map(|(name, value)| match value.strip_prefix('$') {
            Some(variable) => Some(Secret::new(variable, env.get(variable)?)),
            None => Secret::of_environment([(name, value)]).pop(),
        });
        let found = Secret::of_environment(env);
        Redactor::new(more.into_iter().chain(named).chain(given).chain(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ModelConfig, ServerConfig};

    #[test]
    fn values_are_known_by_the_configuration_and_by_their_names() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let env = BTreeMap::from(
            [
                ("HOUSE_MODEL", "q7RtYx2LmZ9c"),
                ("TRACKER", "VbN4wKsJ8hGf"),
                ("HEADER", "D3pQaE6uT1oX"),
                ("GIVEN", "iB5yCvM0nHgF"),
                ("GITHUB_TOKEN", "rS7dWzUkLjPe"),
                ("EDITOR", "A2b9X4t8q7Rt"),
                ("SIGNING", "mN0pLk9jH8gF"),
            ]
            .map(pair),
        );
        let mut config = Config::default();
        let model = ModelConfig {
            api_key_env: Some("HOUSE_MODEL".into()),
            ..ModelConfig::default()
        };
        config.models.insert("big".into(), model);
        let server = ServerConfig {
            token_env: Some("TRACKER".into()),
            headers_env: BTreeMap::from([pair(("X-Key", "HEADER"))]),
            env: BTreeMap::from([
                pair(("A", "$GIVEN")),
                pair(("API_TOKEN", "Yx2LmZ9cVbN4")),
                pair(("MODE", "LmZ9cVbN4wKs")),
            ]),
            ..ServerConfig::default()
        };
        config.servers.insert("tracker".into(), server);
        config.webhooks.secret_env = Some("SIGNING".into());
        let redactor = config.redactor(&env, [Secret::new("service token", "0123456789abcdef")]);
        let values: Vec<&str> = env.values().map(String::as_str).collect();
        let text = format!(
            "{} Yx2LmZ9cVbN4 LmZ9cVbN4wKs 0123456789abcdef",
            values.join(" ")
        );
        assert_eq!(
            redactor.text(&text),
            "A2b9X4t8q7Rt [redacted: GITHUB_TOKEN] [redacted: GIVEN] [redacted: HEADER] \
             [redacted: HOUSE_MODEL] [redacted: SIGNING] [redacted: TRACKER] [redacted: API_TOKEN] LmZ9cVbN4wKs \
             [redacted: service token]"
        );
    }
}
