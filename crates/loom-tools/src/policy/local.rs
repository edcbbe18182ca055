//! Requests to services of this machine: looking is free, changing something is asked for. What
//! listens there may be the user's own, and Loom's own interface takes approvals.

use super::argv::Argv;
use super::rules;
use super::walk::Walk;
use std::net::Ipv6Addr;

/// Port of Loom's own interface.
const LOOM_PORT: &str = "9000";

/// Methods that change nothing.
const LOOKS: &[&str] = &["GET", "HEAD", "OPTIONS", "TRACE"];

/// Options of curl that have a body; each may be shortened.
const CURL_BODIES: &[&str] = &[
    "data",
    "data-ascii",
    "data-binary",
    "data-raw",
    "data-urlencode",
    "form",
    "form-string",
    "json",
    "quote",
    "upload-file",
];

/// The same of wget, and of what is like it.
const WGET_BODIES: &[&str] = &["post-data", "post-file", "body-data", "body-file"];

/// Short options of curl that take a value.
const CURL_VALUED: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";

/// Options whose value is no address.
const VALUED: &str = "-A -b -c -C -d -D -e -E -F -H -m -o -O -P -r -u -U -w -x -X -T -z --data --data-raw --data-binary --data-urlencode --header --user-agent --output --max-time --request --retry --retry-delay --user --json --form --post-data --body-data --method";

/// Words of code with which something is sent.
const CODE_SENDS: &[&str] = &[
    "post",
    "put",
    "patch",
    "delete",
    "data=",
    "json=",
    "body",
    "method",
    "request(",
    "send",
    "connect",
    "socket",
    "fsockopen",
    "write(",
];

impl Walk<'_> {
    /// A program of the network whose addresses are on this machine. `more` are options that are
    /// read from somewhere else.
    pub(super) fn local_service(&mut self, argv: &Argv, is_socket: bool, shown: &str) {
        let operands = argv.operands(VALUED);
        let urls = argv.values("--url");
        let addresses = || operands.iter().chain(&urls).copied();
        if !addresses().any(|address| is_here(address, &argv.program)) {
            return;
        }
        if is_socket && operands.contains(&LOOM_PORT) {
            self.matched(rules::LOOM, shown);
        }
        let looks = match argv.program.as_str() {
            "curl" => curl_looks(argv) && addresses().all(is_web),
            "wget" => wget_looks(argv),
            "http" | "https" | "httpie" | "xh" => httpie_looks(&operands),
            // Whether somebody listens.
            "nc" | "ncat" | "netcat" => argv.has("-z"),
            "grpcurl" => operands.contains(&"list") || operands.contains(&"describe"),
            _ => !is_socket && !argv.args.iter().any(|arg| arg.contains("-post")),
        };
        if !looks {
            self.matched(rules::LOCAL_SERVICE, shown);
        }
    }

    /// Code that sends something, whose strings name this machine.
    pub(super) fn local_code(&mut self, bare: &str, literals: &[String], shown: &str) {
        // A `0` in code is rarely an address.
        let is_address = |text: &&String| text.len() > 2;
        let mut addresses = literals.iter().filter(is_address);
        let here = addresses.any(|text| is_here(text, ""));
        let is_method = |text: &String| {
            let text = text.to_uppercase();
            matches!(text.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
        };
        let sends = CODE_SENDS.iter().any(|word| bare.contains(word));
        let to_loom = bare.contains(LOOM_PORT) || literals.iter().any(|text| is_loom(text));
        if here && (sends || to_loom || literals.iter().any(is_method)) {
            self.matched(rules::LOCAL_SERVICE, shown);
        }
    }
}

/// Whether an address is that of Loom's own interface.
pub(super) fn is_loom(address: &str) -> bool {
    let port = authority(address).rsplit_once(':');
    port.is_some_and(|(_, port)| port == LOOM_PORT) && is_here(address, "")
}

/// Whether an address, with or without scheme, port and path, is on this machine.
fn is_here(address: &str, program: &str) -> bool {
    let authority = authority(address);
    // httpie: `:8080/x`.
    if matches!(program, "http" | "https" | "httpie" | "xh") && authority.starts_with(':') {
        return true;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None if authority.matches(':').count() > 1 => authority,
        None => authority.split(':').next().unwrap_or(authority),
    };
    is_loopback(&host.to_lowercase())
}

fn authority(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    // `TCP:127.0.0.1:80`, as socat writes it.
    let rest = match rest.split_once(':') {
        Some((kind, rest)) if kind.to_uppercase().starts_with("TCP") => rest,
        _ => rest,
    };
    let rest = rest.split(['/', '?', '#', ',']).next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    if matches!(
        host,
        "localhost" | "localhost.localdomain" | "ip6-localhost" | "ip6-loopback"
    ) || host.ends_with(".localhost")
    {
        return true;
    }
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        let mapped = address.to_ipv4_mapped();
        return address.is_loopback()
            || address.is_unspecified()
            || mapped.is_some_and(|v4| v4.is_loopback() || v4.is_unspecified());
    }
    old_ipv4(host).is_some_and(|address| address == 0 || address >> 24 == 127)
}

/// An IPv4 address as C reads it: one to four numbers, decimal, octal or hexadecimal, of which the
/// last one fills what is left.
fn old_ipv4(host: &str) -> Option<u32> {
    let numbers: Option<Vec<u64>> = host.split('.').map(number).collect();
    let numbers = numbers?;
    let (last, first) = numbers.split_last().filter(|(_, first)| first.len() < 4)?;
    let mut address: u64 = 0;
    for one in first {
        address = address << 8 | u64::from(u8::try_from(*one).ok()?);
    }
    let bits = 8 * (4 - first.len());
    (*last < 1 << bits)
        .then(|| address << bits | last)
        .and_then(|address| u32::try_from(address).ok())
}

fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x");
    match digits.or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty())) {
        Some(rest) if digits.is_some() => u64::from_str_radix(rest, 16).ok(),
        Some(rest) => u64::from_str_radix(rest, 8).ok(),
        None => text.parse().ok(),
    }
}

/// Not `gopher://` or `telnet://`, which send whatever stands in the address.
fn is_web(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_none_or(|scheme| matches!(scheme.to_lowercase().as_str(), "http" | "https"))
}

fn is_look(method: &str) -> bool {
    LOOKS.contains(&method)
}

/// Whether the name of a long option is one of these, perhaps shortened.
fn is_one_of(name: &str, options: &[&str]) -> bool {
    name.len() > 2 && options.iter().any(|option| option.starts_with(name))
}

fn curl_looks(argv: &Argv) -> bool {
    let (mut body, mut get, mut other) = (false, false, false);
    let mut args = argv.args.iter();
    while let Some(arg) = args.next() {
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            get |= name == "get";
            body |= is_one_of(name, CURL_BODIES);
            if is_one_of(name, &["request"]) {
                let method = value.or_else(|| args.next().map(String::as_str));
                other |= !method.is_some_and(is_look);
            }
            continue;
        }
        let Some(letters) = arg.strip_prefix('-') else {
            continue;
        };
        for (at, letter) in letters.char_indices() {
            get |= letter == 'G';
            body |= matches!(letter, 'd' | 'F' | 'T' | 'Q');
            if CURL_VALUED.contains(letter) {
                let glued = &letters[at + letter.len_utf8()..];
                let value = match glued.is_empty() {
                    true => args.next().map_or("", String::as_str),
                    false => glued.strip_prefix('=').unwrap_or(glued),
                };
                other |= letter == 'X' && !is_look(value);
                break;
            }
        }
    }
    !other && (!body || get)
}

fn wget_looks(argv: &Argv) -> bool {
    let mut args = argv.args.iter();
    while let Some(arg) = args.next() {
        let Some(long) = arg.strip_prefix("--") else {
            continue;
        };
        let (name, value) = long.split_once('=').unwrap_or((long, ""));
        if is_one_of(name, WGET_BODIES) {
            return false;
        }
        if is_one_of(name, &["method"]) {
            let method = match value.is_empty() {
                true => args.next().map_or("", String::as_str),
                false => value,
            };
            if !is_look(&method.to_uppercase()) {
                return false;
            }
        }
    }
    let settings = [argv.values("-e"), argv.values("--execute")].concat();
    let changes = |line: &&str| ["post", "method", "body"].iter().any(|w| line.contains(w));
    !settings.iter().any(changes)
}

/// `http [METHOD] ADDRESS [ITEM…]`: an item with `=` or `@` is a body, one with `==` is a question.
fn httpie_looks(operands: &[&str]) -> bool {
    let method = operands
        .first()
        .filter(|word| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_uppercase()));
    let items = operands.iter().skip(1 + usize::from(method.is_some()));
    let is_body = |item: &&&str| item.replace("==", "").contains(['=', '@']);
    method.is_none_or(|method| is_look(method)) && items.filter(is_body).count() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_many_names() {
        for here in [
            "localhost",
            "http://localhost:3000/x",
            "LOCALHOST:80",
            "http://user:pw@127.0.0.1:7777/approvals",
            "127.1",
            "http://2130706433/",
            "0x7f000001",
            "0177.0.0.1",
            "http://0:8080",
            "0.0.0.0",
            "http://[::1]:80/",
            "::1",
            "http://[::ffff:127.0.0.1]/",
            "app.localhost",
            "TCP:127.0.0.1:80",
            "telnet://localhost:25",
        ] {
            assert!(is_here(here, ""), "{here}");
        }
        for elsewhere in [
            "example.com",
            "localhost.example.com",
            "http://example.com/localhost",
            "http://localhost@example.com/",
            "128.0.0.1",
            "127.0.0.1.example.com",
            "1.2.3.4",
            "8080",
            "",
            ":",
        ] {
            assert!(!is_here(elsewhere, ""), "{elsewhere}");
        }
        assert!(is_here(":8080/x", "http"));
        assert!(is_loom("http://127.1:9000/tasks"));
        assert!(!is_loom("http://127.0.0.1:90001/"));
    }
}
