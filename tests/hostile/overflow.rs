//! Servers that say of every prompt that it does not fit, each in its own words. Nothing that Loom does
//! makes it fit, so the task has to fail soon, and to say of what and what to do about it.

use super::say::*;
use super::wild::Part;
use super::{Row, once};
use serde_json::{Value, json};

/// What the reason has to name: the fault, and where the window is set.
const NAMES: [&str; 3] = ["context window", "larger context", "`context_length`"];

/// Two plans for one step, or one step in the place of a plan, each tried as often as any. What does not
/// fit is not asked for a hundred times.
const MOST: usize = 24;

pub(super) fn rows() -> Vec<Row> {
    let roles = ["executor", "planner", "verifier"];
    let each = |(name, parts): (String, Vec<Part>)| {
        roles.map(|role| Row {
            names: &NAMES,
            most: MOST,
            ..once(&format!("{role}: {name}"), parts.clone())
                .always()
                .of(role)
        })
    };
    answers().into_iter().flat_map(each).collect()
}

/// Every wording that the router knows, each as its server sends it.
fn answers() -> Vec<(String, Vec<Part>)> {
    let message = |words: &str| json!({"error": {"message": words}});
    let error = |words: &str| json!({ "error": words });
    let bare = |words: &str| json!({ "message": words });
    let of_llama = json!({"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 40210, "n_ctx": 32768,
        "message": "request (40210 tokens) exceeds the available context size (32768 tokens), try increasing it"}});
    let small = json!({"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 1815, "n_ctx": 512,
        "message": "request (1815 tokens) exceeds the available context size (512 tokens), try increasing it"}});
    let begun = |error: &Value| stream(events(&[text("I will"), error.clone()]));
    let mut answers = vec![
        ("begun".to_owned(), begun(&of_llama)),
        (
            "at once".to_owned(),
            stream(events(std::slice::from_ref(&of_llama))),
        ),
        ("200".to_owned(), refusal("200 OK", &of_llama)),
        (
            "a page".to_owned(),
            http(
                "413 Request Entity Too Large",
                "content-type: text/html\r\n",
                "<html>413</html>",
            ),
        ),
        (
            "500".to_owned(),
            says(
                "500 Internal Server Error",
                "the request exceeds the available context size. try increasing the context size or enable context shift",
            ),
        ),
        (
            "422".to_owned(),
            says(
                "422 Unprocessable",
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000 `inputs` tokens",
            ),
        ),
    ];
    let bodies = [
        of_llama.clone(),
        small,
        error(
            "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length",
        ),
        error(
            "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens",
        ),
        message(
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).",
        ),
        message(
            "The decoder prompt (length 9000) is longer than the maximum model length of 4096.",
        ),
        json!({"error": {"message": "too much", "code": "context_length_exceeded"}}),
        bare("The input (9000 tokens) is longer than the model's context length (4096 tokens)."),
        message("the input length exceeds the context length"),
        error("prompt too long; exceeded max context length by 12 tokens"),
        bare("max_tokens must be at least 1, got -6393."),
        json!({"detail": "Prompt length 9000 is greater than max_seq_len 4096"}),
        error("Prompt length (9000) exceeds maximum input length (4096)"),
        bare("internal error: the input length 9000 exceeds session_len 4096"),
        message(
            "The input token count (9000) exceeds the maximum number of tokens allowed (4096).",
        ),
        message("input length and `max_tokens` exceed context limit: 3000 + 2048 > 4096"),
        error("This model's maximum prompt length is 4096 but the request contains 9000 tokens."),
        message("prompt token count of 9000 exceeds the limit of 4096"),
        message("Invalid request: Your request exceeded model token limit: 4096"),
        bare("Input is too long for requested model."),
        message("Prompt exceeds max length"),
        message("prompt is too long: 40210 tokens > 32768 maximum"),
        message("Request too large for this model. Please reduce the length of the messages."),
    ];
    answers.extend(
        bodies
            .iter()
            .map(|body| (body.to_string(), refusal("400 Bad Request", body))),
    );
    answers
}
