//! Files and directories that rules are about.

/// Directories that hold the work itself.
pub(crate) const SOURCES: &str = "src lib libs app apps source sources tests test spec specs docs doc crates packages pkg cmd internal include scripts .github migrations prompts config assets public static templates components pages modules data";

/// Names below a home directory that hold secrets, by their start.
pub(crate) const HOME_SECRETS: &[&str] = &[
    ".aws",
    ".azure",
    ".bash_history",
    ".bitcoin",
    ".boto",
    ".cargo/credentials",
    ".config/gcloud",
    ".config/gh",
    ".config/google-chrome",
    ".config/chromium",
    ".config/hub",
    ".config/op",
    ".docker/config.json",
    ".electrum",
    ".ethereum",
    ".git-credentials",
    ".gem/credentials",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".lesshst",
    ".m2/settings",
    ".mozilla",
    ".mysql_history",
    ".netrc",
    ".node_repl_history",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pki",
    ".psql_history",
    ".pypirc",
    ".python_history",
    ".sh_history",
    ".sqlite_history",
    ".ssh",
    ".terraform.d",
    ".thunderbird",
    ".vault-token",
    ".wget-hsts",
    ".zsh_history",
    ".zhistory",
    ".local/share/fish/fish_history",
    "Library/Keychains",
    "Library/Cookies",
    "Library/Application Support",
];

/// Files of the system that hold secrets, by their start.
pub(crate) const SYSTEM_SECRETS: &[&str] = &[
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/ssh/ssh_host",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/var/spool/cron",
    "/var/lib/sss",
    "/var/run/secrets",
    "/run/secrets",
    "/etc/kubernetes",
    "/var/lib/docker",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    "/etc/openvpn",
    "/sys/firmware",
    "/var/mail",
    "/boot",
];

/// Sockets through which the machine is controlled.
pub(crate) const SOCKETS: &[&str] = &[
    "docker.sock",
    "containerd.sock",
    "podman.sock",
    "crio.sock",
    "lxd/unix.socket",
    "system_bus_socket",
];

/// Documents: what stands there is read by people.
pub(crate) const DOCUMENTS: &[&str] = &[
    "md", "txt", "rst", "adoc", "log", "csv", "tsv", "org", "tex", "html", "svg", "xml",
];
