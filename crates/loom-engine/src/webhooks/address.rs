//! Where messages may go: to the world, and to this machine and its network only where that is allowed.
//! A name is looked up once, and the connection goes to the address that was judged.

use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest address of a receiver.
const MAX: usize = 2_048;

/// Why a message is not sent to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    /// It leads to where it may not go. Trying again does not help.
    Forbidden(String),
    /// Its name is not known now.
    Unknown(String),
}

/// Whether an address can be a receiver, as far as that can be told without asking anybody.
pub(super) fn check(url: &str, allow_private: bool) -> Result<Url, String> {
    if url.len() > MAX {
        return Err(format!("it has more than {MAX} characters"));
    }
    let parsed = Url::parse(url).map_err(|error| format!("it is no URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!(
            "it begins with {}: where http: or https: is expected",
            parsed.scheme()
        ));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(
            "it has a name or a password before the host: receivers check the signature instead"
                .to_owned(),
        );
    }
    let host = host(&parsed).ok_or("it names no host")?;
    let local = host.trim_end_matches('.');
    let is_local = local == "localhost" || local.ends_with(".localhost");
    let is_private = host.parse().is_ok_and(|ip| !is_public(ip));
    if (is_local || is_private) && !allow_private {
        return Err(forbidden(host));
    }
    Ok(parsed)
}

/// The addresses of a receiver that a message may go to, with its host.
pub(super) async fn resolve(
    url: &Url,
    allow_private: bool,
) -> Result<(String, Vec<SocketAddr>), NoWay> {
    let unknown = |why: &str| NoWay::Unknown(format!("its host cannot be found: {why}"));
    let host = host(url).ok_or_else(|| unknown("it names none"))?;
    let port = url.port_or_known_default().unwrap_or(443);
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found
        .map_err(|error| unknown(&error.to_string()))?
        .collect();
    if found.is_empty() {
        return Err(unknown("its name has no address"));
    }
    let may = |address: &SocketAddr| allow_private || is_public(address.ip());
    let allowed: Vec<SocketAddr> = found.into_iter().filter(may).collect();
    match allowed.is_empty() {
        true => Err(NoWay::Forbidden(forbidden(host))),
        false => Ok((host.to_owned(), allowed)),
    }
}

fn forbidden(host: &str) -> String {
    format!(
        "{host} is on this machine or in its network, where messages go only with \
         `webhooks.allow_private = true`"
    )
}

/// The host without the brackets of an IPv6 address.
fn host(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Some(inside.unwrap_or(host)).filter(|host| !host.is_empty())
}

/// Whether an address is one of the world, and of nobody's own network.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 240.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special && !ip.is_multicast()
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let v4 =
        |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match ip.segments() {
        // Addresses that stand for one of IPv4, or carry one.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo, documentation, and what is kept for experiments.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, ..] => false,
        // All that was given out to the world so far.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_world_are_told_from_all_others() {
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn what_cannot_be_a_receiver_is_refused_with_a_sentence() {
        for (url, why) in [
            ("no url", "no URL"),
            ("ftp://a.example/", "http: or https:"),
            ("http://127.0.0.1/", "allow_private"),
            ("http://0x7f.1/", "allow_private"),
            ("http://2130706433/", "allow_private"),
            ("https://[::1]:9000/x", "allow_private"),
            ("http://localhost:80/", "allow_private"),
            ("http://localhost./", "allow_private"),
            ("http://a.localhost/", "allow_private"),
            ("https://me:word@a.example/", "signature"),
        ] {
            let refused = check(url, false).unwrap_err();
            assert!(refused.contains(why), "{url}: {refused}");
        }
        assert!(check(&format!("https://a.example/{}", "x".repeat(MAX)), false).is_err());
    }

    #[test]
    fn the_world_is_allowed_and_ones_own_network_where_it_is_said() {
        for url in ["https://a.example/hook?key=1", "http://1.1.1.1:8080/"] {
            check(url, false).unwrap();
        }
        for url in [
            "http://127.0.0.1:1/",
            "http://localhost/",
            "https://[fd00::1]/",
        ] {
            check(url, true).unwrap();
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_forbidden_when_it_is_looked_up() {
        let url = Url::parse("http://localhost:9/").unwrap();
        let refused = resolve(&url, false).await.unwrap_err();
        assert!(matches!(&refused, NoWay::Forbidden(why) if why.contains("allow_private")));
        let (host, addresses) = resolve(&url, true).await.unwrap();
        assert_eq!(host, "localhost");
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    }
}
