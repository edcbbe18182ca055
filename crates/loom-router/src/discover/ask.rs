//! The questions to a place, each bounded in time and in bytes, and none that follows a redirect.

use super::recognise::{self, Answer, Identity};
use super::{Absent, Candidate, Discovered, is_chat_model, ollama};
use crate::ProviderKind;
use reqwest::header::SERVER;
use reqwest::{Client, RequestBuilder, Url};
use tokio::time::timeout;

/// Room for a list of thousands of models; what is longer is not read to its end, and so is no JSON.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Asks a place what it is and what it has.
pub(super) async fn ask(candidate: &Candidate) -> Discovered {
    let mut found = Discovered {
        candidate: candidate.clone(),
        kind: ProviderKind::OpenaiCompatible,
        server: None,
        models: Err(Absent::NothingListens),
    };
    match identify(candidate).await {
        Ok(identity) => {
            found.kind = identity.kind;
            found.server = identity.server;
            let mut models = identity.models;
            models.retain(|model| is_chat_model(&model.id));
            found.models = Ok(models);
        }
        Err(absent) => found.models = Err(absent),
    }
    found
}

async fn identify(candidate: &Candidate) -> Result<Identity, Absent> {
    let place = Place::new(candidate)?;
    let list = place.get(&place.list).await?;
    // A web site that happens to listen here is asked for nothing else.
    recognise::is_model_server(&list)?;
    let (props, version, lms, older_lms, vllm) = tokio::join!(
        place.root("/props"),
        place.root("/api/version"),
        place.root("/api/v1/models"),
        place.root("/api/v0/models"),
        place.root("/version"),
    );
    let mut identity = recognise::recognise(&recognise::Answers {
        list,
        props,
        version,
        lm_studio: lms.or(older_lms),
        vllm,
    });
    if identity.kind == ProviderKind::Ollama {
        let (tags, loaded) = tokio::join!(place.root("/api/tags"), place.root("/api/ps"));
        identity.models = ollama::models(tags.as_ref(), loaded.as_ref());
        let shown = identity.models.iter().take(ollama::MAX_SHOWN);
        let shown = shown.map(|model| place.show(&model.id));
        let shown = futures_util::future::join_all(shown).await;
        ollama::learn(&mut identity.models, &shown);
    }
    Ok(identity)
}

/// A place that can be asked.
struct Place<'a> {
    client: Client,
    candidate: &'a Candidate,
    /// The address without its path.
    origin: Url,
    /// Where the list of models is.
    list: Url,
}

impl<'a> Place<'a> {
    fn new(candidate: &'a Candidate) -> Result<Self, Absent> {
        let unusable = |problem: String| Absent::SomethingElse(problem);
        let mut list =
            Url::parse(&candidate.base_url).map_err(|error| unusable(error.to_string()))?;
        let mut origin = list.clone();
        origin.set_path("");
        let path = match list.path().trim_end_matches('/') {
            "" => "/v1",
            path => path,
        };
        list.set_path(&format!("{path}/models"));
        let client = crate::http::client_builder(&list)
            .connect_timeout(candidate.patience)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            client,
            candidate,
            origin,
            list,
        })
    }

    /// The answer to a question that a server of another kind does not know.
    async fn root(&self, path: &str) -> Option<Answer> {
        self.get(&self.at(path)).await.ok()
    }

    async fn show(&self, model: &str) -> Option<Answer> {
        let body = serde_json::json!({ "model": model }).to_string();
        let request = self.client.post(self.at("/api/show")).body(body);
        self.send(request).await.ok()
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        url.set_path(path);
        url
    }

    async fn get(&self, url: &Url) -> Result<Answer, Absent> {
        self.send(self.client.get(url.clone())).await
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Answer, Absent> {
        if let Some(key) = &self.candidate.key {
            request = request.bearer_auth(key.expose());
        }
        let patience = self.candidate.patience;
        timeout(patience, read(request))
            .await
            .unwrap_or(Err(Absent::Silent(patience)))
    }
}

async fn read(request: RequestBuilder) -> Result<Answer, Absent> {
    let mut response = request.send().await.map_err(|error| {
        if error.is_connect() {
            Absent::NothingListens
        } else {
            Absent::SomethingElse("it does not speak HTTP".into())
        }
    })?;
    let mut answer = Answer {
        status: response.status().as_u16(),
        server: response
            .headers()
            .get(SERVER)
            .and_then(|value| value.to_str().ok().map(str::to_owned)),
        body: Vec::new(),
    };
    while answer.body.len() < MAX_BODY_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        answer.body.extend_from_slice(&chunk);
    }
    answer.body.truncate(MAX_BODY_BYTES);
    Ok(answer)
}
