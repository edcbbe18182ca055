//! True secrets, their look-alikes, and what holds for every text. The secrets were made up, and are in
//! two pieces so that nobody's scanner takes this file for a leak.

use crate::{Redactor, Secret};
use proptest::prelude::*;

const BASE62: &str = "q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM0nHgFrS7dWzUkLjPeA2b9X4t8";
const HEX: &str = "9f3c1e7ab2d84056f1e9c7a3b5d20864e7f1a9c3d5b7082469ace1357bdf2480";

/// What is written, with `@N` for N drawn characters and `#N` for N hexadecimal ones, and the kind.
const TRUE: &[(&str, &str)] = &[
    ("AKI+AQ7RTYX2LMZ9CVBN4", "aws-key"),
    ("aws_secret_access_key = @40", "secret"),
    (
        "AccountKey=@86==;EndpointSuffix=core.windows.net",
        "azure-key",
    ),
    ("AIza+@35", "google-key"),
    ("gh+p_@36", "github-token"),
    ("git remote: https://gh+s_@36@github.com/a/b", "url-token"),
    ("github+_pat_@22_@59", "github-token"),
    ("glpat+-@20", "gitlab-token"),
    ("npm+_@36", "npm-token"),
    ("pypi-+AgEIcHlwaS5vcmc@60", "pypi-token"),
    ("sk-+proj-@48", "openai-key"),
    ("sk-+@48", "openai-key"),
    ("sk-ant-+api03-@60", "anthropic-key"),
    ("hf+_@34", "huggingface-token"),
    ("sk_li+ve_@24", "stripe-key"),
    ("xox+b-123456789012-@24", "slack-token"),
    (
        "https://hooks.slack+.com/services/T0@9/B0@9/@24",
        "slack-webhook",
    ),
    ("SG+.@22.@43", "sendgrid-key"),
    ("dop_+v1_#64", "digitalocean-token"),
    ("bot 123456789+:AA@33!", "telegram-token"),
    (
        "eyJhbGciOiJIUzI1NiJ9+.eyJzdWIiOiIxMjM0NTY3ODkwIn0.@43",
        "jwt",
    ),
    ("Authorization: Bearer @32", "authorization"),
    ("authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization"),
    ("curl -H 'Authorization: token #40'", "authorization"),
    ("the header was \"Bearer @24\"", "authorization"),
    ("X-Api-Key: @32", "secret"),
    ("API_KEY=@24", "secret"),
    ("export DB_PASSWORD='Tq7!zR$2mW@9xK#4'", "secret"),
    ("  \"client_secret\": \"@32\",", "secret"),
    ("{\\\"apiKey\\\": \\\"@32\\\"}", "secret"),
    ("const API_KEY: &'static str = \"@32\";", "secret"),
    ("token = process.env.TOKEN || \"@32\"", "secret"),
    ("set_password(\"@20\")", "secret"),
    ("deploy --token @32 --now", "secret"),
    ("<password>@20</password>", "secret"),
    ("12│SECRET_KEY=@24", "secret"),
    ("+SECRET_KEY=@24", "secret"),
    ("api_key: 550e8400-e29b-41d4-a716-446655440000", "secret"),
    ("https://a.example/x?access_token=@24&y=1", "secret"),
    ("postgres://app:@12@db.internal:5432/app", "url-password"),
    ("https://me:Hunter2!x@a.example/", "url-password"),
    ("https://@40@a.example/x.git", "url-token"),
];

/// What stays, byte for byte.
const LOOK_ALIKES: &[&str] = &[
    "commit 9f3c1e7ab2d84056f1e9c7a3b5d20864e7f1a9c3",
    "index 83db48f..bf2a1c9 100644",
    "checksum = \"9f3c1e7ab2d84056f1e9c7a3b5d20864e7f1a9c3d5b7082469ace1357bdf2480\"",
    "\"integrity\": \"sha512-q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM0nHgFrS7dWzUkLjPeA2b9X4t8==\"",
    "h1:q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM=",
    "id: 550e8400-e29b-41d4-a716-446655440000",
    "src=\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==\"",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCv me@host",
    "-----BEGIN CERTIFICATE-----\nMIIBq7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM0nHg\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBq7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM0nHg\n-----END PUBLIC KEY-----",
    "let token = self.tokens[index2].value;",
    "password = getpass.getpass(\"Password: \")",
    "password: str = Field(min_length=8, max_length=128)",
    "API_KEY=${API_KEY}",
    "API_KEY=$(pass show my/Api2Key/prod3)",
    "API_KEY = os.environ[\"MY_API_KEY_2\"]",
    "token: process.env.GITHUB_TOKEN_V2",
    "api_key = \"your-api-key-1234567890\"",
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "max_tokens: 4096, prompt_tokens: 118, token_count=1234567890123456",
    "tokenizer = \"cl100k_base-v2-2024a1b2\"",
    "secret_name: prod/db-2/password-v3a1",
    "TOKEN_FILE=/run/secrets/t0k3n-a1b2c3d4",
    "password=password123",
    "password: correct-horse-battery-staple",
    "postgres://postgres:postgres@localhost:5432/test",
    "redis://user:$REDIS_PASSWORD@localhost",
    "https://user:<password>@host/",
    "https://a.example/@scope/pkg@1.2.3",
    "git@github.com:owner/name.git",
    "mailto:someone@a.example",
    "Bearer authentication is what the server wants",
    "sk-learn-pipeline-with-a-long-name-and-version",
    "risk-9f3c1e7ab2d84056f1e9c7a3b5d20864",
    "pk_live is public",
    "the ghp_ prefix marks tokens, and AKIA marks key ids",
    "PUBLIC_API_KEY=pk2q7RtYx2LmZ9cVbN4wKs",
    "eyJhbGciOiJIUzI1NiJ9 alone",
    "[package]\nname = \"token\"\nversion = \"1.2.3-beta.4+build.5\"",
    "hash = \"$2b$12$q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM0nHgFrS7dW\"",
    "expect(token).toBe(\"token-1\")",
    "token = \"keyword.operator.assignment.compound.js2\"",
    "password_hash, secret, token, api_key",
    "def make_token(user_id: int, secret: str) -> str:",
];

/// `@N` and `#N` filled in; `+` was only there to keep two pieces apart.
fn filled(template: &str) -> (String, Vec<String>) {
    let (mut text, mut drawn) = (String::new(), Vec::new());
    let mut rest = template.chars().peekable();
    let mut offset = 0;
    while let Some(next) = rest.next() {
        let source = match next {
            '@' => BASE62,
            '#' => HEX,
            '+' if !text.is_empty() => continue,
            other => {
                text.push(other);
                continue;
            }
        };
        let mut digits = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let Ok(count) = digits.parse::<usize>() else {
            text.push(next);
            continue;
        };
        let value: String = source.chars().cycle().skip(offset).take(count).collect();
        offset += count % 7;
        text.push_str(&value);
        drawn.push(value);
    }
    (text, drawn)
}

#[test]
fn true_secrets_are_left_out_and_named() {
    let redactor = Redactor::default();
    for (template, kind) in TRUE {
        // These two characters are part of a password there.
        let (text, drawn) = match template.contains("Tq7") {
            true => ((*template).to_owned(), vec!["Tq7!zR$2mW@9xK#4".to_owned()]),
            false => filled(template),
        };
        let redacted = redactor.text(&text);
        assert!(
            redacted.contains(&format!("[redacted: {kind}]")),
            "{text} → {redacted}"
        );
        for value in drawn {
            assert!(!redacted.contains(&value), "{text} → {redacted}");
        }
    }
}

#[test]
fn look_alikes_stay() {
    let redactor = Redactor::default();
    for text in LOOK_ALIKES {
        assert_eq!(redactor.text(text), *text);
    }
}

#[test]
fn what_stands_around_a_secret_stays() {
    let redactor = Redactor::default();
    let (token, _) = filled("gh+p_@36");
    let text = format!("first\nuse `{token}` here.\nlast");
    assert_eq!(
        redactor.text(&text),
        "first\nuse `[redacted: github-token]` here.\nlast"
    );
    let url = "see postgres://app:q7RtYx2Lm@db/app, please";
    assert_eq!(
        redactor.text(url),
        "see postgres://app:[redacted: url-password]@db/app, please"
    );
}

#[test]
fn private_keys_lose_their_content_and_no_line_however_they_are_shown() {
    let redactor = Redactor::default();
    let (key, values) = filled(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n@64\n@64\n@7==\n-----END OPENSSH PRIVATE KEY-----\nafter",
    );
    let numbered: Vec<String> = key
        .lines()
        .enumerate()
        .map(|(n, l)| format!("{:>3}│{l}", n + 1))
        .collect();
    let forms = [
        key.clone(),
        numbered.join("\n"),
        key.lines().map(|line| format!("+{line}\n")).collect(),
        key.replace('\n', "\\n"),
        key.split("-----END").next().unwrap().to_owned(),
    ];
    for (at, form) in forms.iter().enumerate() {
        let redacted = redactor.text(form);
        assert!(redacted.contains("[redacted: private-key]"), "{redacted}");
        let kept = values.iter().filter(|v| redacted.contains(v.as_str()));
        // The rest of a key that is cut off is too short to be told from a word.
        let most = usize::from(at == 4);
        assert!(kept.count() <= most, "{redacted}");
        assert_eq!(redacted.lines().count(), form.lines().count());
        assert_eq!(
            redacted.trim_end().ends_with("after"),
            at != 4,
            "{redacted}"
        );
    }
}

fn known() -> Redactor {
    Redactor::new([
        Secret::new("MY_API_KEY", "lumen\"orchid/91 quartz"),
        Secret::new(
            "KEY_FILE",
            "-----BEGIN X-----\nabcdefghijklmnop1\nqrstuvwxyz0123456\n-----END X-----",
        ),
        Secret::new("EMPTY", ""),
        Secret::new("SHORT", "a1b2c3d"),
        Secret::new("PLAIN", "lm-studio"),
        Secret::new("ODD", "redacted: ODD"),
    ])
}

#[test]
fn known_values_are_left_out_in_every_form() {
    let redactor = known();
    for text in [
        "it is lumen\"orchid/91 quartz.",
        "{\"key\":\"lumen\\\"orchid/91 quartz\"}",
        "?q=lumen%22orchid%2F91%20quartz&",
        "glued_lumen\"orchid/91 quartzglued",
    ] {
        let redacted = redactor.text(text);
        assert!(redacted.contains("[redacted: MY_API_KEY]"), "{redacted}");
        assert!(!redacted.contains("orchid"), "{redacted}");
        assert_eq!(redactor.known(text), redacted);
    }
    for encoded in [
        "bHVtZW4ib3JjaGlkLzkxIHF1YXJ0eg==",
        "eGx1bWVuIm9yY2hpZC85MSBxdWFydHo=",
        "eHlsdW1lbiJvcmNoaWQvOTEgcXVhcnR6eg==",
    ] {
        assert!(
            redactor.text(encoded).contains("[redacted: MY_API_KEY]"),
            "{encoded}"
        );
    }
    let shown = "1│abcdefghijklmnop1\n2│qrstuvwxyz0123456";
    let redacted = "1│[redacted: KEY_FILE]\n2│[redacted: KEY_FILE]";
    assert_eq!(redactor.text(shown), redacted);
}

#[test]
fn what_is_too_short_or_plain_to_be_told_from_text_is_not_looked_for() {
    let text = "a1b2c3d runs in lm-studio; redacted: ODD";
    assert_eq!(known().text(text), text);
}

#[test]
fn patterns_stay_where_only_known_values_may_go() {
    let (text, _) = filled("run gh+p_@36");
    assert_eq!(known().known(&text), text);
}

#[test]
fn brackets_around_a_secret_keep_nothing() {
    let (token, _) = filled("gh+p_@36");
    let wrapped = format!("[redacted: {token}]");
    assert!(!Redactor::default().text(&wrapped).contains(&token));
}

#[test]
fn values_of_an_environment_are_known_by_their_names() {
    let pairs = [
        ("OPENAI_API_KEY", "abcDEF123456"),
        ("DATABASE_URL", "postgres://u:s3cret99x@h/d"),
        ("TOKEN_FILE", "/run/secrets/token1"),
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/home/A1b2c3d4"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let secrets = Secret::of_environment(pairs.iter().map(|(n, v)| (n, v)));
    let text = "abcDEF123456 s3cret99x /run/secrets/token1 /usr/bin:/bin /home/A1b2c3d4";
    assert_eq!(
        Redactor::new(secrets).text(text),
        "[redacted: OPENAI_API_KEY] [redacted: DATABASE_URL] /run/secrets/token1 /usr/bin:/bin /home/A1b2c3d4"
    );
}

#[test]
fn neither_a_secret_nor_a_redactor_shows_what_it_hides() {
    let secret = Secret::new("NAME", "hidden-value-77");
    let shown = format!("{secret:?} {:?}", Redactor::new([secret.clone()]));
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn values_in_json_are_judged_with_their_names() {
    let (value, _) = filled("@24");
    let mut json = serde_json::json!({
        "password": value, "note": value, "deep": [{"text": format!("API_KEY={value}")}], "n": 1
    });
    Redactor::default().value(&mut json);
    assert_eq!(
        json,
        serde_json::json!({
            "password": "[redacted: secret]", "note": value,
            "deep": [{"text": "API_KEY=[redacted: secret]"}], "n": 1
        })
    );
}

#[test]
fn bytes_that_are_no_text_stay() {
    let redactor = known();
    let mixed = [b"\xff\xfelumen\"orchid/91 quartz\xff".as_slice(), b"\n"].concat();
    assert_eq!(
        redactor.bytes(mixed),
        b"\xff\xfe[redacted: MY_API_KEY]\xff\n"
    );
    assert_eq!(redactor.bytes(vec![0xff, 0xc0]), [0xff, 0xc0]);
}

/// Texts of everything that the patterns look for, and of pieces that almost are.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(TRUE).prop_map(|(template, _)| filled(template).0),
        3 => prop::sample::select(LOOK_ALIKES).prop_map(str::to_owned),
        2 => "[ -~\n│é]{0,12}",
        2 => "[A-Za-z0-9+/_.=-]{0,40}",
        1 => prop::sample::select(&["lumen\"orchid/91 quartz", "abcdefghijklmnop1", "[redacted: ", "]",
            "[redacted: secret]", "[redacted: MY_API_KEY]", "://", "@", "-----BEGIN RSA PRIVATE KEY-----",
            "-----END ", "api_key=", "Bearer ", "eyJ", "\\n"][..]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn redacting_twice_is_redacting_once(text in texts()) {
        let redactor = known();
        let once = redactor.text(&text);
        prop_assert_eq!(redactor.text(&once), once.clone());
    }

    #[test]
    fn no_known_value_survives_and_lines_stay_lines(text in texts()) {
        let redacted = known().text(&text).into_owned();
        prop_assert!(!redacted.contains("lumen\"orchid/91 quartz"));
        prop_assert!(!redacted.contains("abcdefghijklmnop1"));
        prop_assert!(redacted.len() <= text.len() * 8, "{} {}", redacted.len(), text.len());
        prop_assert_eq!(redacted.matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn any_bytes_can_be_redacted(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let redactor = known();
        let once = redactor.bytes(bytes);
        prop_assert_eq!(redactor.bytes(once.clone()), once);
    }
}
