//! The list of models, as each server writes it.

use crate::ListedModel;
use serde::Deserialize;

#[derive(Deserialize)]
struct ModelList {
    data: Option<Vec<ModelLine>>,
}

#[derive(Deserialize)]
struct ModelLine {
    id: String,
    meta: Option<ModelMeta>,
    /// vLLM's name for the window.
    max_model_len: Option<u32>,
    /// Name of the window in some others.
    context_length: Option<u32>,
}

#[derive(Default, Deserialize)]
struct ModelMeta {
    n_params: Option<u64>,
    /// What one slot has.
    n_ctx: Option<u32>,
}

/// The body of `GET /models`. An empty one, as MLX sends without a model folder, is an empty list.
pub(super) fn models(body: &[u8]) -> Result<Vec<ListedModel>, String> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let list: ModelList = serde_json::from_slice(body)
        .map_err(|error| format!("its list of models is not the expected JSON ({error})"))?;
    let model = |line: ModelLine| {
        let meta = line.meta.unwrap_or_default();
        ListedModel {
            id: line.id,
            parameters: meta.n_params,
            context_length: meta.n_ctx.or(line.max_model_len).or(line.context_length),
        }
    };
    Ok(list.data.into_iter().flatten().map(model).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_models_are_read_as_each_server_writes_them() {
        let listed = |id: &str, parameters, context_length| ListedModel {
            id: id.into(),
            parameters,
            context_length,
        };
        let table = [
            (
                r#"{"models":[{"name":"a"}],"data":[{"id":"a","meta":{"n_params":7,"n_ctx":4096,"n_ctx_train":8192}}]}"#,
                vec![listed("a", Some(7), Some(4096))],
            ),
            (
                r#"{"object":"list","data":[{"id":"b","max_model_len":32768}]}"#,
                vec![listed("b", None, Some(32768))],
            ),
            (r#"{"object":"list","data":null}"#, vec![]),
            ("", vec![]),
        ];
        for (body, expected) in table {
            assert_eq!(models(body.as_bytes()), Ok(expected), "{body}");
        }
        assert!(models(b"<html>").is_err());
    }
}
