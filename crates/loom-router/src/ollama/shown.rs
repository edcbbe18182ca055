//! What `/api/show` tells of a model.

use serde_json::Value;

/// What is known of a model at the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The window that it was trained with.
    pub(super) window: Option<u32>,
    pub(super) parameters: Option<u64>,
    /// Whether its template knows tools; older servers do not say.
    pub(super) calls: Option<bool>,
    pub(super) thinks: Option<bool>,
}

impl Shown {
    pub(super) fn read(shown: &Value) -> Self {
        let info = shown.get("model_info").and_then(Value::as_object);
        // The key begins with the name of the architecture, such as `qwen3.context_length`.
        let window = info.and_then(|info| {
            let (_, window) = info
                .iter()
                .find(|(name, _)| name.ends_with(".context_length"))?;
            u32::try_from(window.as_u64()?).ok()
        });
        let parameters = info
            .and_then(|info| info.get("general.parameter_count")?.as_u64())
            .or_else(|| {
                let size = shown.pointer("/details/parameter_size")?.as_str()?;
                crate::size::parameters(size)
            });
        let capabilities = shown.get("capabilities").and_then(Value::as_array);
        let can = |what: &str| capabilities.map(|list| list.iter().any(|item| item == what));
        Self {
            window,
            parameters,
            calls: can("tools"),
            thinks: can("thinking"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_model_is_read_as_newer_and_as_older_servers_show_it() {
        let newer = json!({
            "model_info": {"general.architecture": "qwen3", "general.parameter_count": 8_190_735_360_u64, "qwen3.context_length": 40960},
            "details": {"parameter_size": "8.2B"},
            "capabilities": ["completion", "tools"],
        });
        let expected = Shown {
            window: Some(40960),
            parameters: Some(8_190_735_360),
            calls: Some(true),
            thinks: Some(false),
        };
        assert_eq!(Shown::read(&newer), expected);
        let older = json!({"details": {"parameter_size": "7B"}});
        let expected = Shown {
            parameters: Some(7_000_000_000),
            ..Shown::default()
        };
        assert_eq!(Shown::read(&older), expected);
    }
}
