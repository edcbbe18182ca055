//! How large a request's head may be: its first line and its headers, as HTTP/1 writes them.
//!
//! hyper cannot say in a body what is wrong, and its buffer is filled past the size it is given. So a head that is
//! too large, but not by far, is read whole, measured here and answered with a problem; only what
//! is longer than [`READ`] is cut off by hyper, with 431 and no more words.

use crate::fault::Fault;
use crate::limits::Limits;
use axum::http::{HeaderMap, Method, Uri};

/// Bytes of a head that hyper reads; what is longer it refuses by itself.
pub(crate) const READ: usize = 2 * Limits::HEAD_BYTES;

/// Headers that hyper reads.
pub(crate) const READ_HEADERS: usize = 2 * Limits::HEADERS;

/// What stands around the target in the first line.
const AROUND_TARGET: usize = " ".len() + " HTTP/1.1\r\n".len();

/// What stands around the name and the value of a header.
const AROUND_VALUE: usize = ": ".len() + "\r\n".len();

/// Refuses a head that is larger than stated.
pub(crate) fn check_head(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
    let (count, most) = (headers.len(), Limits::HEADERS);
    if count > most {
        let text = format!("a request has at most {most} headers, and this one has {count}");
        return Err(Fault::large_head(text));
    }
    let (bytes, most) = (length(method, uri, headers), Limits::HEAD_BYTES);
    if bytes > most {
        let text = format!(
            "the first line and the headers of a request have at most {most} bytes together, and these have {bytes}"
        );
        return Err(Fault::large_head(text));
    }
    Ok(())
}

/// Bytes of a head as most clients write it.
fn length(method: &Method, uri: &Uri, headers: &HeaderMap) -> usize {
    let target = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let line = method.as_str().len() + target + AROUND_TARGET;
    let headers = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + AROUND_VALUE);
    line + headers.sum::<usize>() + "\r\n".len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn a_head_is_as_long_as_it_is_written() {
        let written = "GET /tasks?limit=2 HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n\r\n";
        let headers = [("host", "localhost"), ("accept", "*/*")].map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let uri = Uri::from_static("/tasks?limit=2");
        let headers = HeaderMap::from_iter(headers);
        assert_eq!(length(&Method::GET, &uri, &headers), written.len());
    }
}
