//! The address of a server, as users write it.

use crate::kind::Protocol;
use reqwest::Url;

/// The address that paths are put behind; `path` is meant when it has none.
pub(super) fn base_url(given: &str, protocol: Protocol, path: &str) -> Result<Url, String> {
    let mut url = Url::parse(given).map_err(|error| format!("is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "begins with {}: where http: or https: is expected",
            url.scheme()
        ));
    }
    if !url.has_host() || url.query().is_some() {
        return Err("must be like http://127.0.0.1:8080/v1".into());
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(path);
    }
    // Ollama has both protocols, and everybody knows its address with the path of the other one.
    if protocol == Protocol::Ollama {
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_means_the_usual_one_and_nonsense_is_refused() {
        let base =
            |given| base_url(given, Protocol::ChatCompletions, "/v1").map(|url| url.to_string());
        assert_eq!(base("http://a:1").unwrap(), "http://a:1/v1");
        assert_eq!(base("https://a/").unwrap(), "https://a/v1");
        assert_eq!(base("http://a:1/api/v1").unwrap(), "http://a:1/api/v1");
        for given in ["", "a:1", "localhost", "file:///x", "http://a?b"] {
            assert!(base(given).is_err(), "{given}");
        }
    }

    #[test]
    fn the_address_of_ollama_may_be_that_of_its_other_protocol() {
        for given in [
            "http://a:1",
            "http://a:1/",
            "http://a:1/v1",
            "http://a:1/v1/",
        ] {
            let url = base_url(given, Protocol::Ollama, "/").unwrap();
            assert_eq!(url.as_str(), "http://a:1/", "{given}");
        }
    }
}
