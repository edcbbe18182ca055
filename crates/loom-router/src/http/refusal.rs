//! What a server says when it does not answer, in the words of every server that was looked at.
//!
//! The status alone says little: a full context is 400 here and 500 there, and comes inside a started
//! stream with 200. So the words are read first, then the status.

use super::Place;
use super::field::{Field, Fields};
use super::refused_words::{
    blames_history, capped, is_loading, is_overflow, is_overflow_code, is_without_tools,
    quoted_answer, said,
};
use crate::CallError;
use serde_json::Value;
use std::time::Duration;

/// A smaller number among the words of an overflow is no window: nobody serves one.
const LEAST_WINDOW: u64 = 256;

/// A refused request, or an error inside of a stream.
pub(crate) struct Refused<'a> {
    place: &'a Place,
    /// `None` inside of a started stream, which has said 200 already.
    status: Option<u16>,
    body: Value,
    /// Its words in full, which may quote what the model wrote.
    words: String,
    said: String,
    retry_after: Option<Duration>,
}

/// What a refusal means for the call.
pub(crate) enum Meaning {
    /// It can be sent again without this field.
    Field(Field),
    /// The server does not have the model.
    NoModel,
    /// There is nothing at the address, or the model is unknown; the error if neither is so.
    NoPath(CallError),
    /// The template cannot render the history; the error if nothing helps.
    History(CallError),
    /// The model wrote what the server cannot encode; the error if it does so again.
    Garbled(CallError),
    /// The server could not parse what the model wrote, and quotes it.
    Unparsed {
        /// What the model wrote.
        raw: String,
        /// What the server said of it.
        said: String,
    },
    /// Anything else.
    Error(CallError),
}

impl<'a> Refused<'a> {
    /// A refusal with its status and body.
    pub(crate) fn new(
        place: &'a Place,
        status: u16,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        let text = String::from_utf8_lossy(body);
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let words = said(&body).unwrap_or_else(|| text.into_owned());
        Self {
            place,
            status: Some(status),
            said: capped(&words),
            words,
            body,
            retry_after,
        }
    }

    /// An error where an answer was due. Where nothing of it has come, some servers say which status
    /// they would have given.
    pub(crate) fn in_stream(place: &'a Place, data: &[u8], is_begun: bool) -> Self {
        let refused = Self::new(place, 0, data, None);
        let code = refused.body.pointer("/error/code").and_then(Value::as_u64);
        let code = code.filter(|_| !is_begun);
        let status = code.and_then(|code| u16::try_from(code).ok());
        Self {
            status: status.filter(|status| (400..600).contains(status)),
            ..refused
        }
    }

    /// What it means for a request without these fields.
    pub(crate) fn meaning(&self, without: Fields) -> Meaning {
        // First: what the model wrote is quoted here, and may be about anything.
        if let Some(raw) = self.quoted_answer() {
            let said = self.said.clone();
            return Meaning::Unparsed { raw, said };
        }
        if let Some(error) = self.in_words() {
            return Meaning::Error(error);
        }
        if self.status == Some(400) && self.said.contains("invalid UTF-8 byte") {
            return Meaning::Garbled(self.by_status());
        }
        let of_request = matches!(self.status, Some(400 | 422));
        // Only the words: some servers quote the whole request beside them, with every field in it.
        let words = format!("{} {}", self.said, self.codes());
        match Field::named_in(&words, without) {
            Some(field) if of_request => Meaning::Field(field),
            _ if matches!(self.status, Some(400 | 422 | 500)) && blames_history(&self.said) => {
                Meaning::History(self.by_status())
            }
            _ if self.is_unknown_model() => Meaning::NoModel,
            _ if self.status == Some(404) => Meaning::NoPath(self.by_status()),
            _ => Meaning::Error(self.by_status()),
        }
    }

    /// The error, where nothing can be done about it.
    pub(crate) fn error(&self) -> CallError {
        self.in_words().unwrap_or_else(|| self.by_status())
    }

    /// What the model wrote, where the server could not parse it and quotes it.
    pub(crate) fn quoted_answer(&self) -> Option<String> {
        let own = matches!(self.status, None | Some(500..));
        quoted_answer(&self.words).filter(|_| own)
    }

    /// What the server said.
    pub(crate) fn into_words(self) -> String {
        self.said
    }

    fn in_words(&self) -> Option<CallError> {
        let words = self.said.to_lowercase();
        let (server, model) = (self.place.server.clone(), self.place.model.clone());
        // A limit of tokens for a minute is not one of a window.
        let is_too_long = match self.status {
            Some(413) => true,
            Some(429) => false,
            _ => is_overflow(&words),
        };
        if is_too_long || is_overflow_code(&self.codes()) {
            let (prompt, window) = self.numbers();
            return Some(CallError::Overflow {
                server,
                model,
                prompt,
                window,
                said: self.said.clone(),
            });
        }
        is_without_tools(&words).then(|| CallError::NoTools {
            server,
            model,
            said: self.said.clone(),
        })
    }

    fn by_status(&self) -> CallError {
        let (server, model) = (self.place.server.clone(), self.place.model.clone());
        let said = self.said.clone();
        let Some(status) = self.status else {
            return CallError::Broken {
                server,
                model,
                reason: format!("it reported an error in the middle of the answer: {said}"),
                partial: None,
            };
        };
        match status {
            401 | 403 => CallError::Unauthorized {
                server,
                model,
                status,
                said,
            },
            // A model that cannot be loaded now cannot be loaded in a second either.
            500.. if said.to_lowercase().contains("failed to load") => CallError::Refused {
                server,
                model,
                status,
                said,
            },
            _ if status == 408 || status == 429 || status >= 500 || is_loading(&said) => {
                CallError::Busy {
                    server,
                    model,
                    status,
                    said,
                    retry_after: self.retry_after,
                }
            }
            300..=399 => CallError::Protocol {
                server,
                model,
                reason: format!("it redirects elsewhere ({status})"),
            },
            _ => CallError::Refused {
                server,
                model,
                status,
                said,
            },
        }
    }

    /// The machine's words beside those for people: type, code and the parameter at fault.
    fn codes(&self) -> String {
        let error = self.body.get("error").unwrap_or(&self.body);
        let names = ["type", "code", "param"];
        let codes: Vec<_> = names
            .iter()
            .filter_map(|name| error.get(name)?.as_str())
            .collect();
        codes.join(" ")
    }

    fn is_unknown_model(&self) -> bool {
        let words = self.said.to_lowercase();
        let unknown = [
            "not found",
            "does not exist",
            "no such model",
            "unknown model",
            "is missing from the request",
            "pinned to",
            "not loaded",
            "no models loaded",
            "model is required",
        ];
        matches!(self.status, Some(400 | 404 | 422))
            && (words.contains("model") || words.contains("pinned to"))
            && unknown.iter().any(|unknown| words.contains(unknown))
    }

    /// Tokens of the prompt and of the window: from their fields, else from the words when these have
    /// exactly two numbers, of which the prompt's is the larger.
    fn numbers(&self) -> (Option<u64>, Option<u64>) {
        let field = |name: &str| self.body.get("error")?.get(name)?.as_u64();
        if let (Some(prompt), Some(window)) = (field("n_prompt_tokens"), field("n_ctx")) {
            return (Some(prompt), Some(window));
        }
        let mut numbers = self
            .said
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse::<u64>().ok());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(a), Some(b), None) if a != b && a.min(b) >= LEAST_WINDOW => {
                (Some(a.max(b)), Some(a.min(b)))
            }
            _ => (None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is left out.
    const TAKES: Fields = Fields::of(&[]);

    fn place() -> Place {
        Place {
            server: "http://a:1/v1".into(),
            model: "qwen".into(),
            id: Some("qwen3".into()),
        }
    }

    fn error(status: u16, body: &str) -> CallError {
        Refused::new(&place(), status, body.as_bytes(), None).error()
    }

    /// Prompt and window of an overflow.
    fn overflow(error: CallError) -> Option<(Option<u64>, Option<u64>)> {
        match error {
            CallError::Overflow { prompt, window, .. } => Some((prompt, window)),
            _ => None,
        }
    }

    #[test]
    fn a_full_context_is_recognised_in_every_wording() {
        let both = |prompt, window| Some((Some(prompt), Some(window)));
        let table = [
            // llama-server
            (
                400,
                r#"{"error":{"code":400,"message":"request (6315 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6315,"n_ctx":4096}}"#,
                both(6315, 4096),
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"server_error"}}"#,
                Some((None, None)),
            ),
            // LM Studio, both wordings
            (
                400,
                r#"{"error":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length"}"#,
                both(13055, 4096),
            ),
            (
                400,
                r#"{"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
                both(5000, 4096),
            ),
            // vLLM and OpenAI
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).","type":"BadRequestError","code":400}"#,
                Some((None, None)),
            ),
            (
                400,
                r#"{"error":{"message":"The decoder prompt (length 9000) is longer than the maximum model length of 4096."}}"#,
                both(9000, 4096),
            ),
            (
                400,
                r#"{"error":{"message":"too much","code":"context_length_exceeded"}}"#,
                Some((None, None)),
            ),
            // SGLang
            (
                400,
                r#"{"message":"The input (9000 tokens) is longer than the model's context length (4096 tokens)."}"#,
                both(9000, 4096),
            ),
            // Ollama
            (
                400,
                r#"{"error":{"message":"the input length exceeds the context length"}}"#,
                Some((None, None)),
            ),
            (
                400,
                r#"{"error":"prompt too long; exceeded max context length by 12 tokens"}"#,
                Some((None, None)),
            ),
            // What stands before a server, and has no figures
            (
                413,
                "<html>413 Request Entity Too Large</html>",
                Some((None, None)),
            ),
            // vLLM, where the prompt alone is too long
            (
                400,
                r#"{"object":"error","message":"max_tokens must be at least 1, got -6393."}"#,
                Some((None, None)),
            ),
            // TabbyAPI
            (
                400,
                r#"{"detail":"Prompt length 9000 is greater than max_seq_len 4096"}"#,
                both(9000, 4096),
            ),
            // TensorRT-LLM
            (
                400,
                r#"{"error":"Prompt length (9000) exceeds maximum input length (4096)"}"#,
                both(9000, 4096),
            ),
            // LMDeploy
            (
                400,
                r#"{"message":"internal error: the input length 9000 exceeds session_len 4096"}"#,
                both(9000, 4096),
            ),
            // Services
            (
                400,
                r#"{"error":{"message":"The input token count (9000) exceeds the maximum number of tokens allowed (4096)."}}"#,
                both(9000, 4096),
            ),
            (
                400,
                r#"{"error":{"message":"input length and `max_tokens` exceed context limit: 3000 + 2048 > 4096"}}"#,
                Some((None, None)),
            ),
            (
                400,
                r#"{"error":"This model's maximum prompt length is 4096 but the request contains 9000 tokens."}"#,
                both(9000, 4096),
            ),
            (
                400,
                r#"{"error":{"message":"prompt token count of 9000 exceeds the limit of 4096"}}"#,
                both(9000, 4096),
            ),
            (
                400,
                r#"{"error":{"message":"Invalid request: Your request exceeded model token limit: 4096"}}"#,
                Some((None, None)),
            ),
            (
                400,
                r#"{"message":"Input is too long for requested model."}"#,
                Some((None, None)),
            ),
            (
                400,
                r#"{"error":{"message":"Prompt exceeds max length"}}"#,
                Some((None, None)),
            ),
            // Text generation inference
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000 `inputs` tokens"}"#,
                both(9000, 4096),
            ),
        ];
        for (status, body, expected) in table {
            assert_eq!(overflow(error(status, body)), expected, "{body}");
        }
    }

    #[test]
    fn an_overflow_inside_of_a_stream_is_one_too_and_another_error_is_a_broken_answer() {
        let place = place();
        let in_stream = |data: &str| Refused::in_stream(&place, data.as_bytes(), false).error();
        let body = r#"{"error":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096)."}"#;
        assert!(overflow(in_stream(body)).is_some());
        assert!(matches!(
            in_stream(r#"{"error":{"message":"slot died"}}"#),
            CallError::Broken { reason, .. } if reason.ends_with("slot died")
        ));
    }

    #[test]
    fn an_error_with_status_200_has_the_status_that_it_names_until_the_answer_has_begun() {
        let place = place();
        let data =
            br#"{"error":{"message":"Rate limit reached: token limit exceeded","code":429}}"#;
        let error = |is_begun| Refused::in_stream(&place, data, is_begun).error();
        assert!(matches!(error(false), CallError::Busy { status: 429, .. }));
        let odd = br#"{"error":{"message":"x","code":7}}"#;
        let odd = Refused::in_stream(&place, odd, false).error();
        assert!(matches!(odd, CallError::Broken { .. }));
    }

    #[test]
    fn all_shapes_of_an_error_give_its_words() {
        let table = [
            (r#"{"error":{"message":"a"}}"#, "a"),
            (r#"{"error":"a"}"#, "a"),
            (r#"{"error":{"code":3}}"#, r#"{"code":3}"#),
            (r#"{"detail":"a"}"#, "a"),
            (
                r#"{"detail":[{"loc":["body","x"],"msg":"field required","input":{}}]}"#,
                r#"field required ["body","x"]"#,
            ),
            ("Internal\n  Server Error", "Internal Server Error"),
            ("", "nothing"),
        ];
        for (body, words) in table {
            let CallError::Refused { said, .. } = error(418, body) else {
                panic!("{body} must be refused");
            };
            assert_eq!(said, words);
        }
    }

    #[test]
    fn each_status_has_its_meaning() {
        let kind = |status| match error(status, "x") {
            CallError::Unauthorized { .. } => "unauthorized",
            CallError::Busy { .. } => "busy",
            CallError::Refused { .. } => "refused",
            CallError::Protocol { .. } => "protocol",
            other => panic!("{other}"),
        };
        for (status, expected) in [
            (400, "refused"),
            (401, "unauthorized"),
            (403, "unauthorized"),
            (408, "busy"),
            (429, "busy"),
            (500, "busy"),
            (503, "busy"),
            (307, "protocol"),
        ] {
            assert_eq!(kind(status), expected, "{status}");
        }
    }

    #[test]
    fn a_model_that_is_loading_is_waited_for_whatever_the_status_is() {
        let is_busy = |said: &str| {
            let body = serde_json::json!({"error": {"message": said}}).to_string();
            matches!(error(400, &body), CallError::Busy { .. })
        };
        assert!(is_busy("Model is still loading, try again later"));
        assert!(is_busy("model qwen3 is currently loading"));
        assert!(!is_busy("error loading model: file not found"));
        assert!(!is_busy("failed while loading model"));
        assert!(!is_busy("no model is loaded"));
    }

    #[test]
    fn a_missing_model_is_recognised_in_every_wording() {
        let table = [
            (404, r#"{"error":{"message":"model 'x' not found"}}"#),
            (
                404,
                r#"{"error":"model \"x\" not found, try pulling it first"}"#,
            ),
            (404, r#"{"message":"The model `x` does not exist."}"#),
            (400, r#"{"error":{"message":"model 'gamma' not found"}}"#),
            (
                400,
                r#"{"error":{"message":"model name is missing from the request"}}"#,
            ),
            (
                400,
                r#"{"detail":"Server is pinned to '/m'. Requested 'x'."}"#,
            ),
            (
                404,
                r#"{"error":{"message":"No models loaded. Please load a model"}}"#,
            ),
        ];
        let place = place();
        for (status, body) in table {
            let refused = Refused::new(&place, status, body.as_bytes(), None);
            let meaning = refused.meaning(TAKES);
            assert!(matches!(meaning, Meaning::NoModel), "{body}");
        }
    }

    #[test]
    fn a_field_that_is_named_in_a_refusal_is_left_out_but_not_for_an_overflow() {
        let place = place();
        let meaning =
            |status, body: &str| Refused::new(&place, status, body.as_bytes(), None).meaning(TAKES);
        assert!(matches!(
            meaning(
                422,
                r#"{"detail":"Unexpected fields: {'response_format'}"}"#
            ),
            Meaning::Field(Field::ResponseFormat)
        ));
        assert!(matches!(
            meaning(
                400,
                r#"{"error":{"message":"Unrecognized request argument supplied: chat_template_kwargs"}}"#
            ),
            Meaning::Field(Field::ChatTemplateKwargs)
        ));
        assert!(matches!(
            meaning(
                422,
                r#"{"detail":[{"loc":["body","messages"],"msg":"bad","input":{"stream_options":1}}]}"#
            ),
            Meaning::Error(CallError::Refused { .. })
        ));
        assert!(matches!(
            meaning(500, r#"{"error":"response_format"}"#),
            Meaning::Error(CallError::Busy { .. })
        ));
        assert!(matches!(
            meaning(
                400,
                r#"{"error":"context length exceeded by response_format"}"#
            ),
            Meaning::Error(CallError::Overflow { .. })
        ));
    }

    #[test]
    fn a_model_without_tools_is_named_with_the_way_out() {
        let body =
            r#"{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools"}}"#;
        let error = error(400, body);
        assert!(matches!(error, CallError::NoTools { .. }));
        assert!(error.to_string().contains("role executor"), "{error}");
    }

    #[test]
    fn a_history_that_the_template_refuses_is_recognised_and_other_complaints_are_not() {
        let place = place();
        let is_history = |status, said: &str| {
            let body = serde_json::json!({"error": {"message": said}}).to_string();
            let refused = Refused::new(&place, status, body.as_bytes(), None);
            matches!(refused.meaning(TAKES), Meaning::History(_))
        };
        for said in [
            "Conversation roles must alternate user/assistant/user/assistant/...",
            "After the optional system message, conversation roles must alternate",
            "Tool call IDs should be alphanumeric strings with length 9!",
            "System role not supported",
            "Error rendering prompt with jinja template: \"Cannot call something that is not a function\"",
            "Failed to parse tool call arguments as JSON: [json.exception.parse_error.101]",
        ] {
            assert!(is_history(400, said) && is_history(500, said), "{said}");
            assert!(!is_history(429, said));
        }
        for said in [
            "'messages' is required",
            "slot is busy",
            "no argument is good",
        ] {
            assert!(!is_history(400, said), "{said}");
        }
    }

    #[test]
    fn an_answer_that_the_server_could_not_parse_is_read_out_of_its_error() {
        let place = place();
        let quoted = |status, said: &str| {
            let body = serde_json::json!({"error": {"message": said}}).to_string();
            Refused::new(&place, status, body.as_bytes(), None).quoted_answer()
        };
        let ollama =
            "error parsing tool call: raw='{\"path\":  \"it's\"', err=unexpected end of JSON input";
        assert_eq!(quoted(500, ollama).as_deref(), Some("{\"path\":  \"it's\""));
        let llama = "Failed to parse input at pos 46: <tool_call>\n  <function=f>";
        assert_eq!(
            quoted(500, llama).as_deref(),
            Some("<tool_call>\n  <function=f>")
        );
        let about = "Failed to parse input at pos 0: the context length is exceeded";
        let body = serde_json::json!({ "error": about }).to_string();
        let refused = Refused::new(&place, 500, body.as_bytes(), None);
        assert!(matches!(refused.meaning(TAKES), Meaning::Unparsed { .. }));
        assert_eq!(quoted(400, llama), None);
        assert_eq!(quoted(500, "out of memory"), None);
    }

    #[test]
    fn an_answer_that_is_no_utf_8_is_the_models_fault() {
        let said = r#"{"error":{"code":400,"message":"[json.exception.type_error.316] invalid UTF-8 byte at index 62: 0xF7"}}"#;
        let place = place();
        let refused = Refused::new(&place, 400, said.as_bytes(), None);
        assert!(matches!(refused.meaning(TAKES), Meaning::Garbled(_)));
    }
}
