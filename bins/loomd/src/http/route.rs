//! A route as data: what it is called, who may use it, what it takes and answers, and what it does.
//! The router, the description of the API, the docs page and the tests all read the same rows, so a
//! new route cannot forget any of it.

use super::answer::Answer;
use super::call::{Body, Call, Query, Wanted, read};
use crate::access::Who;
use crate::app::App;
use crate::fault::Fault;
use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use std::sync::Arc;

type Serve = Arc<dyn Fn(Arc<App>, Request) -> BoxFuture<'static, Response> + Send + Sync>;
type MaybeSchema = fn(&mut SchemaGenerator) -> Option<Schema>;
type Forms = fn(&mut SchemaGenerator) -> Vec<(&'static str, Value)>;

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With `{name}` for what varies.
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    /// One line.
    pub(crate) summary: &'static str,
    /// More about it; may be empty.
    pub(crate) about: &'static str,
    /// Headers that it looks at, each with what it means.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) query: MaybeSchema,
    pub(crate) body: MaybeSchema,
    pub(crate) wanted: Wanted,
    pub(crate) media: &'static str,
    pub(crate) status: u16,
    pub(crate) also: &'static [(u16, &'static str)],
    pub(crate) says: &'static [(&'static str, &'static str)],
    pub(crate) forms: Forms,
    serve: Serve,
}

impl Route {
    /// The first word of the path, which is what it is about.
    pub(crate) fn tag(&self) -> &'static str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// The names in its path.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'static str> {
        let inner = |part: &'static str| part.strip_prefix('{')?.strip_suffix('}');
        self.path.split('/').filter_map(inner)
    }

    /// Whether it only looks.
    #[cfg(test)]
    pub(crate) fn reads(&self) -> bool {
        self.method == Method::GET
    }

    /// Answers a request: access first, then reading it, then what it does.
    pub(crate) async fn answer(&self, app: Arc<App>, request: Request) -> Response {
        (self.serve)(app, request).await
    }
}

/// A route under construction.
pub(crate) struct Draft {
    method: Method,
    path: &'static str,
    who: Who,
    summary: &'static str,
    about: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

/// Begins a route.
pub(crate) const fn route(
    method: Method,
    path: &'static str,
    who: Who,
    summary: &'static str,
) -> Draft {
    Draft {
        method,
        path,
        who,
        summary,
        about: "",
        headers: &[],
    }
}

impl Draft {
    /// Says more about it.
    pub(crate) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Names headers that it looks at.
    pub(crate) const fn headers(
        mut self,
        headers: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.headers = headers;
        self
    }

    /// Gives it its handler, whose types say what it takes and answers.
    pub(crate) fn to<Q, B, A, F, Fut>(self, handler: F) -> Route
    where
        Q: Query + 'static,
        B: Body + 'static,
        A: Answer + 'static,
        F: Fn(Call<Q, B>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Fault>> + Send + 'static,
    {
        let who = self.who;
        let serve: Serve = Arc::new(move |app: Arc<App>, request: Request| {
            let at = Arc::clone(&app);
            let answered = async move {
                let scope = app.access.admit(who, request.headers())?;
                let call = read::<Q, B>(app, scope, request).await?;
                handler(call).await
            };
            let response = answered.map(move |answer| match answer {
                Ok(answer) => answer.into_response(&at.shown),
                Err(fault) => fault.shown(&at.shown).into_response(),
            });
            response.boxed()
        });
        Route {
            method: self.method,
            path: self.path,
            who: self.who,
            summary: self.summary,
            about: self.about,
            headers: self.headers,
            query: Q::schema,
            body: B::schema,
            wanted: B::WANTED,
            media: B::MEDIA,
            status: A::STATUS,
            also: A::ALSO,
            says: A::HEADERS,
            forms: A::forms,
            serve,
        }
    }
}
