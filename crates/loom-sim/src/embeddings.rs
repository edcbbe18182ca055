//! A simulation of an embedding model: what two texts have in common is the letters that follow each
//! other, not what they mean. It is the same each time, and words of one stem are close.

use serde::Deserialize;
use serde_json::{Value, json};

/// Numbers of a vector.
const DIMENSIONS: usize = 256;

/// What the simulated server answers to `POST /v1/embeddings`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Embeddings {
    /// A vector for each text.
    #[default]
    Letters,
    /// The same, but a text of more characters than this is refused.
    UpTo(usize),
    /// This status, with an error.
    Status(u16),
    /// These bytes.
    Bytes(String),
    /// Nothing, for longer than anybody waits.
    Silence,
}

/// The texts of a question: one, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Question {
    input: Input,
}

/// The texts of a request's body; none where it asks for nothing.
pub(crate) fn texts(body: &[u8]) -> Option<Vec<String>> {
    let question: Question = serde_json::from_slice(body).ok()?;
    Some(match question.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    })
}

/// The answer to texts.
pub(crate) fn answer(texts: &[String]) -> Value {
    let data = texts.iter().enumerate().map(
        |(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}),
    );
    json!({"object": "list", "model": "sim-letters", "data": data.collect::<Vec<_>>(),
        "usage": {"prompt_tokens": 0, "total_tokens": 0}})
}

/// How often which three letters follow each other.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    let words = text.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let padded: Vec<char> = format!(" {} ", word.to_lowercase()).chars().collect();
        for three in padded.windows(3) {
            let hash = three.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, c| {
                (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x0100_0000_01b3)
            });
            let place = usize::try_from(hash % 256).unwrap_or_default();
            vector[place] += 1.0;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closeness(one: &str, other: &str) -> f32 {
        let (one, other) = (vector(one), vector(other));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt()
    }

    #[test]
    fn words_of_one_stem_are_close_and_others_are_not() {
        assert!(closeness("databases", "database") > 0.7);
        assert!(closeness("databases", "the parser reads dates") < 0.3);
    }

    #[test]
    fn one_text_and_a_list_of_one_ask_the_same() {
        let read = |body: &str| texts(body.as_bytes());
        assert_eq!(read(r#"{"input": "a"}"#), read(r#"{"input": ["a"]}"#));
        assert_eq!(read(r#"{"input": 5}"#), None);
        assert_eq!(read("no"), None);
    }
}
