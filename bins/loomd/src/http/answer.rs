//! What a handler answers with, and how that looks in the description of the API.

use crate::shown::Shown;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use loom_client::wire::NEXT_CURSOR;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

/// An answer of a route that did what was asked.
pub(crate) trait Answer: Send {
    /// Its status.
    const STATUS: u16;
    /// Further statuses, with what they mean.
    const ALSO: &'static [(u16, &'static str)] = &[];
    /// Headers that it may have beside those of all answers, with what they mean.
    const HEADERS: &'static [(&'static str, &'static str)] = &[];
    /// Its forms by media type, each with a schema.
    fn forms(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)>;
    /// Sends it, without secrets.
    fn into_response(self, shown: &Shown) -> Response;
}

/// 200 with JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize + JsonSchema + Send> Answer for Json<T> {
    const STATUS: u16 = 200;

    fn forms(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        vec![(
            "application/json",
            generator.subschema_for::<T>().to_value(),
        )]
    }

    fn into_response(self, shown: &Shown) -> Response {
        json_response(StatusCode::OK, &self.0, shown)
    }
}

/// 200 with a list, of which there may be more.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

impl<T: Serialize + JsonSchema + Send> Answer for Page<T> {
    const STATUS: u16 = 200;
    const HEADERS: &'static [(&'static str, &'static str)] = &[(
        NEXT_CURSOR,
        "`cursor` of the next page; missing when this is the last one.",
    )];

    fn forms(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        Json::<Vec<T>>::forms(generator)
    }

    fn into_response(self, shown: &Shown) -> Response {
        let mut response = json_response(StatusCode::OK, &self.items, shown);
        if let Some(Ok(next)) = self.next.map(HeaderValue::try_from) {
            let name = HeaderName::from_static(NEXT_CURSOR);
            response.headers_mut().insert(name, next);
        }
        response
    }
}

/// What a request made, with its place.
pub(crate) struct Made<T> {
    pub(crate) value: T,
    pub(crate) location: String,
    pub(crate) how: How,
}

/// Whether something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// 201.
    New,
    /// 201, by the same request sent before.
    Before,
    /// 200: what was there goes on.
    Same,
}

impl<T: Serialize + JsonSchema + Send> Answer for Made<T> {
    const STATUS: u16 = 201;
    const ALSO: &'static [(u16, &'static str)] =
        &[(200, "Nothing new was made; what is there goes on.")];

    fn forms(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        Json::<T>::forms(generator)
    }

    fn into_response(self, shown: &Shown) -> Response {
        let status = match self.how {
            How::New | How::Before => StatusCode::CREATED,
            How::Same => StatusCode::OK,
        };
        let mut response = json_response(status, &self.value, shown);
        let headers = response.headers_mut();
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            headers.insert(header::LOCATION, location);
        }
        if self.how == How::Before {
            let name = HeaderName::from_static("idempotent-replayed");
            headers.insert(name, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Text of some kind.
pub(crate) struct Text<K> {
    pub(crate) text: axum::body::Bytes,
    pub(crate) kind: std::marker::PhantomData<K>,
}

/// A kind of text.
pub(crate) trait Kind: Send {
    /// As it is sent.
    const MEDIA: &'static str;
    /// More that a browser is told.
    const HEADERS: &'static [(&'static str, &'static str)] = &[];
}

impl<K> Text<K> {
    pub(crate) fn new(text: impl Into<axum::body::Bytes>) -> Self {
        Self {
            text: text.into(),
            kind: std::marker::PhantomData,
        }
    }
}

impl<K: Kind> Answer for Text<K> {
    const STATUS: u16 = 200;

    fn forms(_: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        let media = K::MEDIA.split(';').next().unwrap_or(K::MEDIA);
        let schema = match media {
            "application/json" => json!({ "type": "object" }),
            _ => json!({ "type": "string" }),
        };
        vec![(media, schema)]
    }

    fn into_response(self, _: &Shown) -> Response {
        let mut response = Response::new(Body::from(self.text));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(K::MEDIA));
        for (name, value) in K::HEADERS {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Either of two answers.
pub(crate) enum Either<A, B> {
    /// The first.
    A(A),
    /// The second.
    B(B),
}

impl<A: Answer, B: Answer> Answer for Either<A, B> {
    const STATUS: u16 = A::STATUS;

    fn forms(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        let mut forms = A::forms(generator);
        forms.extend(B::forms(generator));
        forms
    }

    fn into_response(self, shown: &Shown) -> Response {
        match self {
            Self::A(answer) => answer.into_response(shown),
            Self::B(answer) => answer.into_response(shown),
        }
    }
}

fn json_response<T: Serialize>(status: StatusCode, value: &T, shown: &Shown) -> Response {
    match shown.json(value) {
        Ok(bytes) => {
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = status;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(error) => crate::fault::Fault::internal(&error).into_response(),
    }
}
