//! Makes the table of routes into something that answers requests, with what holds for all of them
//! around it: an id for each request, the checks of how large its head is and of where it comes from, an
//! answer to what no route takes, and a log line.

use super::call::check_form;
use super::head::check_head;
use super::route::Route;
use crate::access::{Scope, Who};
use crate::app::App;
use crate::fault::Fault;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter};
use futures_util::FutureExt as _;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// The header that carries the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a caller: it is repeated in the log.
const LONGEST_ID: usize = 128;

/// The router over a table.
pub(crate) fn router(app: &Arc<App>, table: Vec<Route>) -> Router {
    let mut by_path: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    for route in table {
        by_path.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in by_path {
        router = router.route(path, at_path(app, routes));
    }
    let at_nothing = Arc::clone(app);
    let router = router.fallback(move |request: Request| {
        let app = Arc::clone(&at_nothing);
        async move {
            let fault = match app
                .access
                .admit(Who::Bearer(Scope::Reader), request.headers())
            {
                Ok(_) => Fault::not_found(
                    "there is nothing at this path; `/openapi.json` lists what there is",
                ),
                Err(fault) => fault,
            };
            fault.into_response()
        }
    });
    let gate = Arc::clone(app);
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        around(Arc::clone(&gate), request, next)
    }))
}

fn at_path(app: &Arc<App>, routes: Vec<Route>) -> MethodRouter {
    let mut allowed: Vec<String> = routes.iter().map(|r| r.method.to_string()).collect();
    if routes.iter().any(|route| route.method == Method::GET) {
        allowed.push(Method::HEAD.to_string());
    }
    allowed.sort();
    let allowed = allowed.join(", ");
    let at_other = Arc::clone(app);
    let mut at_path = MethodRouter::new().fallback(move |request: Request| {
        let allowed = allowed.clone();
        let admitted = at_other
            .access
            .admit(Who::Bearer(Scope::Reader), request.headers());
        async move {
            let fault = match admitted {
                Ok(_) => Fault::not_allowed(&allowed),
                Err(fault) => fault,
            };
            fault.into_response()
        }
    });
    for route in routes {
        let filter = MethodFilter::try_from(route.method.clone())
            .expect("BUG: the table has only methods that axum knows");
        let (app, route) = (Arc::clone(app), Arc::new(route));
        at_path = at_path.on(filter, move |request: Request| {
            let (app, route) = (Arc::clone(&app), Arc::clone(&route));
            async move { route.answer(app, request).await }
        });
    }
    at_path
}

/// What happens before and after every request.
async fn around(app: Arc<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = id_of(&request);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // Measured as it came, before anything of ours is in it.
    let measured = check_head(&method, request.uri(), request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let checked = measured
        .and_then(|()| app.access.check_origin(request.uri(), request.headers()))
        .and_then(|()| check_form(request.method(), request.headers()));
    let mut response = match checked {
        Err(fault) => fault.into_response(),
        Ok(()) => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            // The panic itself is on standard error already.
            Err(_) => Fault::internal(&Bug).into_response(),
        },
    };
    let status = response.status().as_u16();
    let ms = began.elapsed().as_millis();
    tracing::debug!(%method, path, status, ms, id = id.to_str().unwrap_or_default(), "answered");
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    // A browser must neither guess at what this is nor keep it.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let kept = headers.contains_key(header::CACHE_CONTROL);
    if !kept {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The caller's id, else one of our own.
fn id_of(request: &Request) -> HeaderValue {
    let fits = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=LONGEST_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    let given = request.headers().get(REQUEST_ID).filter(fits).cloned();
    given.unwrap_or_else(|| {
        let id = uuid::Uuid::now_v7().simple().to_string();
        HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

#[derive(Debug, thiserror::Error)]
#[error("BUG: a handler panicked")]
struct Bug;
