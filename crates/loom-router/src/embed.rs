//! Vectors of texts, from a model that makes them: the words of `POST /v1/embeddings`, which
//! OpenAI-compatible servers and Ollama share, and one call of it.
//!
//! Nothing that happens here is held against the server: a model that makes no vectors says so with the
//! status of a server that is ill, and no chat must wait for that.

use crate::http::Http;
use crate::model::Model;
use crate::queue::Asking;
use crate::{CallError, Router, retry};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest that one call may take: the model may have to be loaded first.
const DEADLINE: Duration = Duration::from_secs(120);

/// Whether somebody waits for vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Somebody does: it is asked once.
    Now,
    /// Nobody does: calls for which a task stands still go first, and what fails is tried again as
    /// configured.
    Sometime,
}

#[derive(Serialize)]
struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    input: &'a [String],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Asks once.
pub(crate) async fn embed(
    http: &Http,
    url: String,
    texts: &[String],
) -> Result<Vec<Vec<f32>>, CallError> {
    let question = Question {
        model: http.place.id.as_deref(),
        input: texts,
        encoding_format: "float",
    };
    let body = serde_json::to_vec(&question).expect("BUG: a question consists of texts");
    let answer: Answer = http.post_within(url, body, DEADLINE).await?;
    in_order(answer, texts.len()).map_err(|reason| http.protocol(reason))
}

/// The vectors in the order of the texts, one each, all of one length.
fn in_order(answer: Answer, texts: usize) -> Result<Vec<Vec<f32>>, String> {
    let came = answer.data.len();
    if came != texts {
        return Err(format!("{came} vectors came for {texts} texts"));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (place, item) in answer.data.into_iter().enumerate() {
        let index = item.index.unwrap_or(place);
        match vectors.get_mut(index) {
            Some(empty @ None) => *empty = Some(item.embedding),
            _ => {
                return Err(format!(
                    "a vector came for text {index}, again or without one"
                ));
            }
        }
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    let length = vectors.first().map_or(0, Vec::len);
    if vectors
        .iter()
        .any(|vector| vector.len() != length || vector.is_empty())
    {
        return Err("the vectors have no numbers, or not as many each".to_owned());
    }
    // A number beyond what four bytes hold is read as infinite.
    if vectors.iter().flatten().any(|number| !number.is_finite()) {
        return Err("a vector has a number that is none".to_owned());
    }
    Ok(vectors)
}

impl Model {
    async fn embed(&self, texts: &[String], haste: Haste) -> Result<Vec<Vec<f32>>, CallError> {
        self.gate.check(&self.entry)?;
        let asking = Asking {
            task: None,
            model: self.gate.model(&self.entry),
            aside: haste == Haste::Sometime,
        };
        let _place = self.gate.enter(asking).await;
        let retries = match haste {
            Haste::Now => 0,
            Haste::Sometime => self.entry.retries,
        };
        let mut tried = 0;
        loop {
            let error = match self.provider.embed(texts).await {
                Ok(Some(vectors)) => return Ok(vectors),
                Ok(None) => CallError::Protocol {
                    server: self.entry.base_url.clone(),
                    model: self.entry.name.clone(),
                    reason: "servers of this kind make no vectors".to_owned(),
                },
                Err(error) => error,
            };
            tried += 1;
            let Some(wait) = retry::wait(&error, tried, retries, retry::chance()) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
        }
    }
}

impl Router {
    /// Vectors of texts by the model of this name: one each, in their order, all of one length and of
    /// finite numbers.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::Protocol`] also where its server makes none.
    pub async fn embed(
        &self,
        model: &str,
        texts: &[String],
        haste: Haste,
        cancel: &CancellationToken,
    ) -> Result<Vec<Vec<f32>>, CallError> {
        let model = self.find(model)?;
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(CallError::Cancelled { model: model.entry.name.clone() }),
            result = model.embed(texts, haste) => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, texts: usize) -> Result<Vec<Vec<f32>>, String> {
        let answer = serde_json::from_str(text).map_err(|error| error.to_string())?;
        in_order(answer, texts)
    }

    #[test]
    fn vectors_are_in_the_order_of_their_texts() {
        let answer =
            r#"{"data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]}"#;
        assert_eq!(read(answer, 2), Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]));
        let unnumbered = r#"{"data": [{"embedding": [1]}, {"embedding": [2]}], "model": "m"}"#;
        assert_eq!(read(unnumbered, 2), Ok(vec![vec![1.0], vec![2.0]]));
    }

    #[test]
    fn an_answer_that_is_not_a_vector_for_each_text_is_none() {
        for (answer, texts) in [
            (r#"{"data": []}"#, 1),
            (r#"{"data": [{"embedding": [1]}]}"#, 2),
            (
                r#"{"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}"#,
                2,
            ),
            (r#"{"data": [{"embedding": []}]}"#, 1),
            (
                r#"{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}"#,
                2,
            ),
            (r#"{"data": [{"index": 7, "embedding": [1]}]}"#, 1),
            (r#"{"data": [{"embedding": [1e300]}]}"#, 1),
            (r#"{"data": [{"embedding": [null]}]}"#, 1),
            (r#"{"data": [{"embedding": [NaN]}]}"#, 1),
            (r#"{"data": [{"embedding": "AAAA"}]}"#, 1),
            (r#"{"error": {"message": "no"}}"#, 1),
            ("[]", 1),
        ] {
            assert!(read(answer, texts).is_err(), "{answer}");
        }
    }
}
