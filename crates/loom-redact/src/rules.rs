//! The patterns as data: how tokens of known providers begin, and what they are made of.
//!
//! A row is taken from what a provider documents, or from a token of the form that it gives out. The
//! order does not matter: the longest beginning counts.

use crate::set::Set::{self, Alnum, Base64, Dotted, Hex, Path, Query, Token, Upper, Word};

/// One kind of token.
pub(crate) struct Rule {
    /// What the mark says.
    pub(crate) kind: &'static str,
    /// How it begins; upper and lower case count.
    pub(crate) start: &'static str,
    /// What follows.
    pub(crate) set: Set,
    /// How many of these there are at least.
    pub(crate) min: usize,
    /// And at most.
    pub(crate) max: usize,
    /// Whether the beginning alone says too little: what follows must look drawn.
    pub(crate) random: bool,
}

const ANY: usize = usize::MAX;

const fn rule(kind: &'static str, start: &'static str, set: Set, min: usize, max: usize) -> Rule {
    Rule {
        kind,
        start,
        set,
        min,
        max,
        random: false,
    }
}

const fn drawn(kind: &'static str, start: &'static str, set: Set, min: usize, max: usize) -> Rule {
    Rule {
        random: true,
        ..rule(kind, start, set, min, max)
    }
}

/// Kinds that are found by more than a beginning.
pub(crate) const OTHER_KINDS: &[&str] = &[
    ASSIGNED,
    AUTHORIZATION,
    JWT,
    PRIVATE_KEY,
    TELEGRAM,
    URL_PASSWORD,
    URL_TOKEN,
];

pub(crate) const ASSIGNED: &str = "secret";
pub(crate) const AUTHORIZATION: &str = "authorization";
pub(crate) const JWT: &str = "jwt";
pub(crate) const PRIVATE_KEY: &str = "private-key";
pub(crate) const TELEGRAM: &str = "telegram-token";
pub(crate) const URL_PASSWORD: &str = "url-password";
pub(crate) const URL_TOKEN: &str = "url-token";

pub(crate) const RULES: &[Rule] = &[
    // Clouds.
    rule("aws-key", "AKIA", Upper, 16, 16),
    rule("aws-key", "ASIA", Upper, 16, 16),
    rule("aws-key", "ABIA", Upper, 16, 16),
    rule("aws-key", "ACCA", Upper, 16, 16),
    rule("azure-key", "AccountKey=", Base64, 80, 100),
    rule("azure-key", "SharedAccessKey=", Base64, 40, 100),
    drawn("azure-signature", "&sig=", Query, 40, 200),
    drawn("azure-signature", "?sig=", Query, 40, 200),
    rule("google-key", "AIza", Token, 35, 35),
    rule("google-secret", "GOCSPX-", Token, 24, 40),
    rule("google-token", "ya29.", Token, 40, ANY),
    rule("digitalocean-token", "dop_v1_", Hex, 64, 64),
    rule("digitalocean-token", "doo_v1_", Hex, 64, 64),
    rule("digitalocean-token", "dor_v1_", Hex, 64, 64),
    rule("fly-token", "fm2_", Base64, 80, ANY),
    rule("fly-token", "fo1_", Token, 40, 80),
    rule("heroku-key", "HRKU-", Token, 36, 80),
    rule("databricks-token", "dapi", Hex, 32, 36),
    rule("planetscale-token", "pscale_tkn_", Dotted, 32, ANY),
    rule("planetscale-token", "pscale_pw_", Dotted, 32, ANY),
    rule("planetscale-token", "pscale_oauth_", Dotted, 32, ANY),
    rule("supabase-token", "sbp_", Hex, 40, 40),
    rule("supabase-token", "sb_secret_", Token, 20, ANY),
    rule("pulumi-token", "pul-", Hex, 40, 40),
    rule("terraform-token", "atlasv1.", Token, 60, 80),
    rule("vault-token", "hvs.", Token, 24, ANY),
    rule("vault-token", "hvb.", Token, 24, ANY),
    rule("doppler-token", "dp.pt.", Alnum, 40, 44),
    rule("tailscale-key", "tskey-", Token, 20, ANY),
    // Where code is kept.
    rule("github-token", "ghp_", Alnum, 36, 255),
    rule("github-token", "gho_", Alnum, 36, 255),
    rule("github-token", "ghu_", Alnum, 36, 255),
    rule("github-token", "ghs_", Alnum, 36, 255),
    rule("github-token", "ghr_", Alnum, 36, 255),
    rule("github-token", "github_pat_", Word, 60, 255),
    rule("gitlab-token", "glpat-", Dotted, 20, ANY),
    rule("gitlab-token", "gldt-", Token, 20, ANY),
    rule("gitlab-token", "glrt-", Token, 20, ANY),
    rule("gitlab-token", "glptt-", Token, 20, ANY),
    rule("gitlab-token", "glcbt-", Token, 20, ANY),
    rule("atlassian-token", "ATATT3", Query, 60, ANY),
    rule("atlassian-token", "ATCTT3", Query, 60, ANY),
    rule("atlassian-token", "ATBB", Alnum, 32, 32),
    // Where packages are kept.
    rule("npm-token", "npm_", Alnum, 36, 36),
    rule("pypi-token", "pypi-AgE", Token, 50, ANY),
    rule("rubygems-key", "rubygems_", Hex, 48, 48),
    drawn("crates-token", "cio", Alnum, 32, 32),
    rule("docker-token", "dckr_pat_", Token, 27, 40),
    // Models.
    rule("openai-key", "sk-proj-", Token, 32, ANY),
    rule("openai-key", "sk-svcacct-", Token, 32, ANY),
    rule("openai-key", "sk-admin-", Token, 32, ANY),
    drawn("openai-key", "sk-", Alnum, 32, 64),
    rule("openrouter-key", "sk-or-v1-", Hex, 64, 64),
    rule("anthropic-key", "sk-ant-", Token, 32, ANY),
    drawn("huggingface-token", "hf_", Alnum, 30, 50),
    rule("groq-key", "gsk_", Alnum, 40, 60),
    drawn("replicate-token", "r8_", Alnum, 37, 40),
    rule("xai-key", "xai-", Alnum, 60, 100),
    rule("perplexity-key", "pplx-", Alnum, 40, 60),
    // Money.
    rule("stripe-key", "sk_live_", Alnum, 16, ANY),
    rule("stripe-key", "sk_test_", Alnum, 16, ANY),
    rule("stripe-key", "rk_live_", Alnum, 16, ANY),
    rule("stripe-key", "rk_test_", Alnum, 16, ANY),
    drawn("stripe-secret", "whsec_", Base64, 32, 64),
    rule("shopify-token", "shpat_", Hex, 32, 32),
    rule("shopify-token", "shpca_", Hex, 32, 32),
    rule("shopify-token", "shppa_", Hex, 32, 32),
    rule("shopify-token", "shpss_", Hex, 32, 32),
    rule("square-token", "sq0atp-", Token, 22, 22),
    rule("square-token", "sq0csp-", Token, 43, 43),
    // Messages.
    rule("slack-token", "xoxb-", Token, 20, ANY),
    rule("slack-token", "xoxp-", Token, 20, ANY),
    rule("slack-token", "xoxa-", Token, 20, ANY),
    rule("slack-token", "xoxr-", Token, 20, ANY),
    rule("slack-token", "xoxs-", Token, 20, ANY),
    rule("slack-token", "xapp-", Token, 20, ANY),
    rule("slack-webhook", "hooks.slack.com/services/", Path, 30, 120),
    rule("slack-webhook", "hooks.slack.com/workflows/", Path, 30, 160),
    rule(
        "discord-webhook",
        "discord.com/api/webhooks/",
        Path,
        60,
        160,
    ),
    rule(
        "discord-webhook",
        "discordapp.com/api/webhooks/",
        Path,
        60,
        160,
    ),
    rule("sendgrid-key", "SG.", Dotted, 60, 80),
    drawn("twilio-key", "SK", Hex, 32, 32),
    drawn("mailgun-key", "key-", Hex, 32, 32),
    // Tools.
    rule("linear-key", "lin_api_", Alnum, 32, 60),
    rule("notion-token", "ntn_", Alnum, 40, 60),
    drawn("notion-token", "secret_", Alnum, 43, 43),
    rule("grafana-token", "glsa_", Word, 41, 41),
    drawn("grafana-token", "glc_", Base64, 32, ANY),
    rule("newrelic-key", "NRAK-", Upper, 27, 27),
    rule("figma-token", "figd_", Token, 40, 60),
    rule("postman-key", "PMAK-", Token, 59, 59),
    rule("sentry-token", "sntrys_", Base64, 60, ANY),
    rule("sentry-token", "sntryu_", Hex, 64, 64),
    rule("dropbox-token", "sl.", Token, 130, ANY),
    rule("age-key", "AGE-SECRET-KEY-1", Upper, 58, 58),
];

/// Words that names of secrets are made of, in lower case: what is assigned to such a name is looked at.
pub(crate) const NAMES: &[&str] = &[
    "access_key",
    "access-key",
    "accesskey",
    "account_key",
    "accountkey",
    "api_key",
    "api-key",
    "apikey",
    "auth_key",
    "authkey",
    "authorization",
    "client_key",
    "credential",
    "deploy_key",
    "encryption_key",
    "master_key",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "private-key",
    "privatekey",
    "pwd",
    "secret",
    "shared_key",
    "signing_key",
    "token",
];
