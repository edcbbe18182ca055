//! A request as its handler sees it: read, bounded and typed. What cannot be read never gets to a
//! handler, and is answered with what was wrong with it.

use crate::access::Scope;
use crate::app::App;
use crate::fault::Fault;
use crate::limits::Limits;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts as _, Query as UrlQuery, RawPathParams, Request};
use axum::http::{HeaderMap, Method, Uri, header, request::Parts};
use loom_events::{SubtaskId, TaskId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error as _;
use std::sync::Arc;

/// One call of a route.
pub(crate) struct Call<Q = (), B = ()> {
    pub(crate) app: Arc<App>,
    pub(crate) scope: Scope,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Q,
    pub(crate) body: B,
    path: Vec<(String, String)>,
}

impl<Q, B> Call<Q, B> {
    /// A part of the path, decoded.
    pub(crate) fn part(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// The task that `{id}` names: whole, or by its last digits.
    pub(crate) async fn task(&self) -> Result<TaskId, Fault> {
        let text = self.part("id");
        let reader = self.app.engine.reader();
        if let Ok(task) = text.parse::<TaskId>() {
            return match reader.row(task).await? {
                Some(_) => Ok(task),
                None => Err(loom_engine::QueryError::NoSuchTask(text.to_owned()).into()),
            };
        }
        Ok(reader.find(text).await?)
    }

    /// The subtask that `{sid}` names.
    pub(crate) fn subtask(&self) -> Result<SubtaskId, Fault> {
        SubtaskId::new(self.part("sid")).map_err(|error| Fault::not_found(error.to_string()))
    }

    /// The text of a header that is there once.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        match (value.to_str(), values.next()) {
            (Ok(text), None) => Ok(Some(text)),
            _ => {
                let text = format!("the header `{name}` must be text, and there once");
                Err(Fault::bad_request("header", text))
            }
        }
    }
}

/// The form of what is sent.
pub(crate) const JSON: &str = "application/json";

/// The form of an export, and of a journal as lines.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// Parameters of a route after the `?`.
pub(crate) trait Query: Sized + Send {
    /// Their schema; none when there are none.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;
    /// Reads them.
    fn read(uri: &Uri) -> Result<Self, Fault>;
}

impl Query for () {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn read(uri: &Uri) -> Result<Self, Fault> {
        match uri.query() {
            None | Some("") => Ok(()),
            Some(_) => Err(Fault::bad_request("query", "this takes no parameters")),
        }
    }
}

/// Parameters that are a struct.
pub(crate) struct Parameters<T>(pub(crate) T);

/// What is wrong with a query: the parameter and why, without what the reader says of itself.
fn wrong(error: &QueryRejection) -> String {
    let why = error.source().map(ToString::to_string);
    let why = why.unwrap_or_else(|| error.body_text());
    format!("the parameters cannot be taken: {why}")
}

impl<T: DeserializeOwned + JsonSchema + Send> Query for Parameters<T> {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(T::json_schema(generator))
    }

    fn read(uri: &Uri) -> Result<Self, Fault> {
        let read = UrlQuery::<T>::try_from_uri(uri);
        read.map(|UrlQuery(parameters)| Self(parameters))
            .map_err(|error| Fault::bad_request("query", wrong(&error)))
    }
}

/// Whether a route takes a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It is not looked at.
    No,
    /// It may be missing.
    Optional,
    /// It must be there.
    Required,
}

/// The body of a request.
pub(crate) trait Body: Sized + Send {
    /// Whether there is one.
    const WANTED: Wanted;
    /// Its form.
    const MEDIA: &'static str = JSON;
    /// The most bytes of it, where that is another bound than for all.
    const MOST: Option<usize> = None;
    /// Its schema.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;
    /// Reads it.
    fn read(bytes: &[u8]) -> Result<Self, Fault>;
}

impl Body for () {
    const WANTED: Wanted = Wanted::No;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn read(_: &[u8]) -> Result<Self, Fault> {
        Ok(())
    }
}

/// A body that must be there.
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send> Body for Given<T> {
    const WANTED: Wanted = Wanted::Required;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        from_json(bytes).map(Self)
    }
}

/// A body that may be missing: then it says nothing.
pub(crate) struct Maybe<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + JsonSchema + Send> Body for Maybe<T> {
    const WANTED: Wanted = Wanted::Optional;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        match bytes.trim_ascii().is_empty() {
            true => Ok(Self(T::default())),
            false => from_json(bytes).map(Self),
        }
    }
}

/// An export of a task: lines of JSON, as they are.
pub(crate) struct ExportFile(pub(crate) Vec<u8>);

impl Body for ExportFile {
    const WANTED: Wanted = Wanted::Required;
    const MEDIA: &'static str = NDJSON;
    const MOST: Option<usize> = Some(loom_engine::MAX_EXPORT);

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemars::json_schema!({ "type": "string" }))
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        match bytes.is_empty() {
            true => Err(Fault::bad_request(
                "body",
                "an export is wanted, and it is empty",
            )),
            false => Ok(Self(bytes.to_vec())),
        }
    }
}

/// Reads a request for a route.
pub(crate) async fn read<Q: Query, B: Body>(
    app: Arc<App>,
    scope: Scope,
    request: Request,
) -> Result<Call<Q, B>, Fault> {
    let (mut parts, body) = request.into_parts();
    let query = Q::read(&parts.uri)?;
    let path = path(&mut parts).await?;
    let bytes = match B::WANTED {
        Wanted::No => Bytes::new(),
        Wanted::Optional | Wanted::Required => {
            let most = B::MOST.unwrap_or(app.limits.body);
            let bytes = read_body(body, &parts.headers, &app.limits, most).await?;
            if !bytes.is_empty() && !is_media(&parts.headers, B::MEDIA) {
                return Err(Fault::media_type(B::MEDIA));
            }
            bytes
        }
    };
    Ok(Call {
        app,
        scope,
        query,
        body: B::read(&bytes)?,
        headers: parts.headers,
        path,
    })
}

/// A change must not come in a form that a page of another site may send without asking.
pub(crate) fn check_form(method: &Method, headers: &HeaderMap) -> Result<(), Fault> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let known = || is_media(headers, JSON) || is_media(headers, NDJSON);
    match reads || !headers.contains_key(header::CONTENT_TYPE) || known() {
        true => Ok(()),
        false => Err(Fault::media_type(JSON)),
    }
}

fn is_media(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    media.trim().eq_ignore_ascii_case(wanted)
        && (charset.is_empty() || charset.replace('"', "") == "charset=utf-8")
}

async fn path(parts: &mut Parts) -> Result<Vec<(String, String)>, Fault> {
    let bad = |_| Fault::not_found("the path is not percent-encoded text");
    let raw = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(bad)?;
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Ok(raw.iter().map(pair).collect())
}

async fn read_body(
    body: axum::body::Body,
    headers: &HeaderMap,
    limits: &Limits,
    most: usize,
) -> Result<Bytes, Fault> {
    let stated = headers.get(header::CONTENT_LENGTH);
    let stated = stated.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|bytes| bytes > most) {
        return Err(Fault::too_large(most));
    }
    let whole = axum::body::to_bytes(body, most);
    match tokio::time::timeout(limits.body_time, whole).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length(&error) => Err(Fault::too_large(most)),
        Ok(Err(error)) => Err(Fault::bad_request("body", error.to_string())),
        Err(_) => Err(Fault::bad_request("body", "the body did not come in time")),
    }
}

/// Whether a body was longer than allowed; axum says it only in the cause.
fn is_length(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = one.source();
    }
    false
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    if bytes.trim_ascii().is_empty() {
        return Err(Fault::bad_request(
            "body",
            "a body is wanted, and it is empty",
        ));
    }
    if is_deep(bytes) {
        let text = format!("the body has more than {} levels", Limits::DEPTH);
        return Err(Fault::bad_request("body", text));
    }
    typed(bytes).or_else(|fault| match with_whole_numbers(bytes) {
        Some(written) => typed(&written),
        None => Err(fault),
    })
}

fn typed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        let inner = error.into_inner();
        match (inner.is_data(), place.as_str()) {
            (true, "." | "") => Fault::invalid("body", inner.to_string()),
            (true, place) => Fault::invalid("body", format!("`{place}`: {inner}")),
            (false, _) => Fault::bad_request("body", format!("this is no JSON: {inner}")),
        }
    })?;
    let rest =
        |error: serde_json::Error| Fault::bad_request("body", format!("this is no JSON: {error}"));
    reader.end().map_err(rest)?;
    Ok(value)
}

/// The same JSON with `7.0` written as `7`, which is the same number, and which some languages write
/// like that; none when there is nothing of it.
fn with_whole_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    write_whole(&mut value).then(|| value.to_string().into_bytes())
}

fn write_whole(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|n| number.is_f64() && n.fract() == 0.0);
            // Written without a fraction it reads as what it is, unless nothing is so large.
            let text = whole.map(|n| format!("{:.0}", if n == 0.0 { 0.0 } else { n }));
            let written: Option<serde_json::Number> = text.and_then(|text| {
                let large = text.parse::<u64>().ok().map(Into::into);
                large.or_else(|| text.parse::<i64>().ok().map(Into::into))
            });
            let is_written = written.is_some();
            if let Some(written) = written {
                *number = written;
            }
            is_written
        }
        Value::Array(items) => items
            .iter_mut()
            .map(write_whole)
            .fold(false, std::ops::BitOr::bitor),
        Value::Object(members) => members
            .values_mut()
            .map(write_whole)
            .fold(false, std::ops::BitOr::bitor),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Whether brackets are nested too deep. What is in strings does not count.
fn is_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => in_text = false,
            (true, _) => {}
            (false, b'"') => in_text = true,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > Limits::DEPTH {
                    return true;
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_text_are_not_nesting() {
        let deep = "[".repeat(Limits::DEPTH + 1);
        assert!(is_deep(deep.as_bytes()));
        assert!(!is_deep("[".repeat(Limits::DEPTH).as_bytes()));
        assert!(!is_deep(format!("\"{deep}\\\"{deep}\"").as_bytes()));
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said_with_its_place() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inner {
            #[expect(dead_code, reason = "only read")]
            n: u32,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "only read")]
            list: Vec<Inner>,
        }
        let said = |text: &str| {
            let fault = from_json::<Outer>(text.as_bytes()).unwrap_err();
            (fault.status.as_u16(), fault.detail)
        };
        let (status, text) = said(r#"{"list":[{"n":1},{"n":"x"}]}"#);
        assert_eq!(status, 422);
        assert!(text.starts_with("`list[1].n`"), "{text}");
        assert_eq!(said("").0, 400);
        assert_eq!(said("{").0, 400);
        assert_eq!(said(r#"{"list":[]} x"#).0, 400);
    }

    #[test]
    fn what_is_wrong_with_a_query_is_said_with_the_name_of_the_parameter() {
        #[derive(Debug, serde::Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Page {
            #[expect(dead_code, reason = "only read")]
            limit: Option<u32>,
        }
        let said = |query: &str| {
            let uri: Uri = format!("/tasks?{query}").parse().unwrap();
            let read = Parameters::<Page>::read(&uri).map(|_| ());
            let fault = read.unwrap_err();
            (fault.status.as_u16(), fault.detail)
        };
        let taken = "the parameters cannot be taken: ";
        assert_eq!(
            said("limit=x"),
            (400, format!("{taken}limit: invalid digit found in string"))
        );
        let (_, unknown) = said("limt=1");
        assert_eq!(
            unknown,
            format!("{taken}limt: unknown field `limt`, expected `limit`")
        );
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Two {
            n: u32,
            text: String,
        }
        let read = |text: &str| from_json::<Two>(text.as_bytes()).map_err(|f| f.status.as_u16());
        let seven = Two {
            n: 7,
            text: "7.0".to_owned(),
        };
        assert_eq!(read(r#"{"n": 7.0, "text": "7.0"}"#), Ok(seven));
        for wrong in ["7.5", "-7.0", "1e30", "\"7.0\""] {
            let body = format!(r#"{{"n": {wrong}, "text": ""}}"#);
            assert_eq!(read(&body), Err(422), "{wrong}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        let json = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, text.parse().unwrap());
            is_media(&headers, JSON)
        };
        assert!(json("application/json"));
        assert!(json("Application/JSON; charset=\"UTF-8\""));
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "application/jsonp",
            "",
        ] {
            assert!(!json(other), "{other}");
        }
    }
}
