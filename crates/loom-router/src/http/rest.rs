//! How long a server asks to be left alone: `Retry-After`, in seconds or as a date.

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// The longest rest that a server is granted.
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// The rest that the headers of a refusal ask for.
#[expect(
    clippy::disallowed_methods,
    reason = "a date of the world is compared with the world's; nothing that is decided again reads it"
)]
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let said = |name| headers.get(name)?.to_str().ok();
    // The server's own date where it says one: its clock and ours may be hours apart.
    let now = said(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    patience(said(RETRY_AFTER)?, now.unwrap_or_else(SystemTime::now))
}

/// The rest that is asked for. What is no rate limit but a quota or a mistake is not waited for: the
/// server would be out of use for that long, whatever it says later.
fn patience(said: &str, now: SystemTime) -> Option<Duration> {
    let asked = match said.trim().parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let date = httpdate::parse_http_date(said).ok()?;
            // A date that is past: come at once.
            date.duration_since(now).unwrap_or_default()
        }
    };
    (asked <= LONGEST_REST).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    const NOW: &str = "Fri, 31 Dec 1999 23:59:50 GMT";

    fn seconds(said: &str) -> Option<f32> {
        let now = httpdate::parse_http_date(NOW).unwrap();
        patience(said, now).map(|time| time.as_secs_f32())
    }

    #[test]
    fn a_rest_that_nobody_means_is_not_granted() {
        assert_eq!(seconds(" 7 "), Some(7.0));
        assert_eq!(seconds("0.5"), Some(0.5));
        assert_eq!(seconds("900"), Some(900.0));
        let year = "31536000";
        let never = u64::MAX.to_string();
        for said in ["901", year, &never, "-5", "nan", "inf", "soon", ""] {
            assert_eq!(seconds(said), None, "{said}");
        }
    }

    #[test]
    fn a_date_is_a_rest_in_each_of_its_three_forms() {
        for said in [
            "Sat, 01 Jan 2000 00:00:20 GMT",
            " Sat, 01 Jan 2000 00:00:20 GMT ",
            "Saturday, 01-Jan-00 00:00:20 GMT",
            "Sat Jan  1 00:00:20 2000",
        ] {
            assert_eq!(seconds(said), Some(30.0), "{said}");
        }
    }

    #[test]
    fn a_date_is_bounded_as_seconds_are_and_what_is_no_date_is_nothing() {
        assert_eq!(seconds("Sat, 01 Jan 2000 00:14:50 GMT"), Some(900.0));
        assert_eq!(seconds("Sat, 01 Jan 2000 00:14:51 GMT"), None);
        assert_eq!(seconds("Wed, 21 Oct 2099 07:28:00 GMT"), None);
        assert_eq!(seconds(NOW), Some(0.0));
        assert_eq!(seconds("Fri, 31 Dec 1999 23:00:00 GMT"), Some(0.0));
        for said in [
            "Mon, 01 Jan 2000 00:00:20 GMT",
            "Sat, 01 Jan 2000 24:00:20 GMT",
            "Sat, 32 Jan 2000 00:00:20 GMT",
            "Sat, 01 Jan 2000 00:00:20 CET",
            "Sat, 01 Jan 99999 00:00:20 GMT",
            "Sat, 01 Jan 0000 00:00:20 GMT",
            "2000-01-01T00:00:20Z",
            "Sat, 01 Jan",
        ] {
            assert_eq!(seconds(said), None, "{said}");
        }
    }

    #[test]
    fn a_server_whose_clock_is_wrong_is_taken_at_its_own_date() {
        let rest = |date: &'static str| {
            let until = "Sat, 01 Jan 2000 00:00:20 GMT";
            asked(&HeaderMap::from_iter([
                (DATE, HeaderValue::from_static(date)),
                (RETRY_AFTER, HeaderValue::from_static(until)),
            ]))
        };
        assert_eq!(rest(NOW), Some(Duration::from_secs(30)));
        // Without a date that can be read our own clock counts, by which that is long past.
        assert_eq!(rest("today"), Some(Duration::ZERO));
        assert_eq!(asked(&HeaderMap::new()), None);
    }
}
