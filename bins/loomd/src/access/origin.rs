//! Whether a request is meant for this service, and not sent by a page of another site.
//!
//! A page on the internet can give its own name the address 127.0.0.1 and then reach this port as
//! its own origin. Such a request names the page's host, so the host decides; an address in digits
//! cannot be given to somebody else.

use crate::fault::Fault;
use axum::http::{HeaderMap, Uri, header};
use std::net::{IpAddr, SocketAddr};

/// The hosts that this service answers to.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// Where it listens.
    bound: SocketAddr,
    /// Names that the user has given it.
    names: Vec<String>,
}

impl Hosts {
    pub(crate) const fn new(bound: SocketAddr, names: Vec<String>) -> Self {
        Self { bound, names }
    }

    /// Looks at `Host`, `Origin` and `Sec-Fetch-Site`.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
        let host = one(headers, header::HOST.as_str())?
            .ok_or_else(|| Fault::bad_request("host", "the request names no host"))?;
        // A request that names its host twice must mean the same one.
        let authority = uri.authority().map(axum::http::uri::Authority::as_str);
        for named in [Some(host), authority].into_iter().flatten() {
            if !self.is_own(named) {
                return Err(Fault::forbidden(
                    "host",
                    format!(
                        "this service is not {}; names besides its address are given in `server.names`",
                        shortened(named)
                    ),
                ));
            }
        }
        if let Some(origin) = one(headers, header::ORIGIN.as_str())?
            && !same_origin(origin, host)
        {
            return Err(Fault::forbidden(
                "origin",
                format!("pages of {} may not use this service", shortened(origin)),
            ));
        }
        match one(headers, "sec-fetch-site")? {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => Err(Fault::forbidden(
                "origin",
                "pages of other sites may not use this service".to_owned(),
            )),
        }
    }

    fn is_own(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else {
            return false;
        };
        if host.eq_ignore_ascii_case("localhost") {
            return self.bound.ip().is_loopback() || self.bound.ip().is_unspecified();
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            let bound = self.bound.ip();
            return ip == bound
                || bound.is_unspecified()
                || (ip.is_loopback() && bound.is_loopback());
        }
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// The only value of a header; several are nobody's honest request.
fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        let text = format!("the header `{name}` is there more than once");
        return Err(Fault::bad_request("header", text));
    }
    first
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| Fault::bad_request("header", format!("the header `{name}` is not text")))
}

/// The host without its port and brackets. A user before an `@` has no place here.
fn host_of(authority: &str) -> Option<&str> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return is_port(port).then_some(host);
    }
    match authority.rsplit_once(':') {
        None => Some(authority),
        Some((host, port)) => {
            let plain = !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit());
            plain.then_some(host)
        }
    }
}

fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Whether an origin is the host that the request is for. `null`, of a sandboxed page, is not.
fn same_origin(origin: &str, host: &str) -> bool {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
        .is_some_and(|of| of.eq_ignore_ascii_case(host))
}

/// A stranger's text goes into a message only in short, and without what a terminal obeys.
fn shortened(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    format!("`{}`", printable.take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn asked(bound: &str, headers: &[(&str, &str)]) -> Result<(), u16> {
        let hosts = Hosts::new(bound.parse().unwrap(), vec!["workstation.lan".into()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let checked = hosts.check(&Uri::from_static("/tasks"), &map);
        checked.map_err(|fault| fault.status.as_u16())
    }

    #[test]
    fn only_its_own_address_and_the_names_given_to_it_are_its_hosts() {
        for (bound, host, own) in [
            ("127.0.0.1:9000", "127.0.0.1:9000", true),
            ("127.0.0.1:9000", "localhost:9000", true),
            ("127.0.0.1:9000", "LOCALHOST", true),
            ("127.0.0.1:9000", "127.0.0.1", true),
            ("127.0.0.1:9000", "[::1]:9000", true),
            ("127.0.0.1:9000", "workstation.lan:9000", true),
            ("127.0.0.1:9000", "evil.example:9000", false),
            ("127.0.0.1:9000", "127.0.0.1.evil.example", false),
            ("127.0.0.1:9000", "localhost.evil.example", false),
            ("127.0.0.1:9000", "localhost@evil.example", false),
            ("127.0.0.1:9000", "192.168.1.7:9000", false),
            ("127.0.0.1:9000", "", false),
            ("127.0.0.1:9000", "[::1", false),
            ("127.0.0.1:9000", "127.0.0.1:port", false),
            ("192.168.1.7:9000", "192.168.1.7:9000", true),
            ("192.168.1.7:9000", "localhost:9000", false),
            ("0.0.0.0:9000", "192.168.1.7:9000", true),
            ("0.0.0.0:9000", "evil.example:9000", false),
        ] {
            let said = asked(bound, &[("host", host)]);
            assert_eq!(said.is_ok(), own, "{host} at {bound}: {said:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused_and_its_own_are_not() {
        let own = ("host", "127.0.0.1:9000");
        let with = |name, value| asked("127.0.0.1:9000", &[own, (name, value)]);
        assert_eq!(with("origin", "http://127.0.0.1:9000"), Ok(()));
        for foreign in [
            "http://evil.example",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "null",
            "",
            "file://",
        ] {
            assert_eq!(with("origin", foreign), Err(403), "{foreign}");
        }
        assert_eq!(with("sec-fetch-site", "same-origin"), Ok(()));
        assert_eq!(with("sec-fetch-site", "none"), Ok(()));
        assert_eq!(with("sec-fetch-site", "cross-site"), Err(403));
        assert_eq!(with("sec-fetch-site", "same-site"), Err(403));
    }

    #[test]
    fn a_header_that_is_missing_or_there_twice_is_refused() {
        assert_eq!(asked("127.0.0.1:9000", &[]), Err(400));
        let twice = [("host", "127.0.0.1"), ("host", "evil.example")];
        assert_eq!(asked("127.0.0.1:9000", &twice), Err(400));
    }
}
