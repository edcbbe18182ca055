//! The layer from the environment: `LOOM_SECTION__KEY`, where `__` stands for the dot.

use super::error::{ConfigError, Origin};
use super::form::Raw;
use super::keys;
use super::load::Loaded;
use std::collections::BTreeMap;

/// Sets what the environment has. Variables without `__` (`LOOM_HOME`, a key named in
/// `api_key_env`) are not settings, unless they look like one with an underscore missing.
pub(super) fn read(env: &BTreeMap<String, String>, into: &mut Loaded) -> Result<(), ConfigError> {
    for (name, value) in env {
        let Some(rest) = name.strip_prefix("LOOM_") else {
            continue;
        };
        let rest = rest.to_ascii_lowercase();
        let origin = Origin::Environment { name: name.clone() };
        if rest.contains("__") {
            let mut parts: Vec<_> = rest.split("__").map(str::to_owned).collect();
            known_name(&mut parts, into);
            into.set(&parts, &Raw::Word(value.clone()), origin)?;
        } else if let Some((section, key)) = missing_underscore(&rest) {
            let suggestion = format!("LOOM_{section}__{key}").to_ascii_uppercase();
            return Err(ConfigError::UnknownKey {
                origin,
                key: rest,
                suggestion: Some(suggestion),
            });
        }
    }
    Ok(())
}

/// Environment names have neither lower case nor hyphens: a model that a file named `Qwen-3` is
/// meant by `QWEN_3`, and so is a server of tools.
fn known_name(parts: &mut [String], loaded: &Loaded) {
    let plain = |name: &str| {
        name.to_ascii_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    };
    let config = &loaded.config;
    let (name, mut known): (_, Box<dyn Iterator<Item = &String>>) = match parts {
        [models, name, ..] if models == "models" => (name, Box::new(config.models.keys())),
        [mcp, servers, name, ..] if mcp == "mcp" && servers == "servers" => {
            (name, Box::new(config.servers.keys()))
        }
        _ => return,
    };
    if let Some(known) = known.find(|known| plain(known) == *name) {
        name.clone_from(known);
    }
}

fn missing_underscore(rest: &str) -> Option<(&str, &str)> {
    keys::sections().find_map(|section| {
        let key = rest.strip_prefix(section)?.strip_prefix('_')?;
        Some((section, key))
    })
}
