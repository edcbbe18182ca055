//! The places of a system that every command may read, as data.

/// Where programs and libraries are; in a view of its own a link is made again as a link.
pub(super) const PROGRAMS: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// More programs, where a system keeps them.
pub(super) const MORE_PROGRAMS: &[&str] =
    &["/opt", "/nix/store", "/gnu/store", "/run/current-system"];

/// Below `/etc`: what programs need of the configuration; nothing in it is secret.
pub(super) const CONFIGURATION: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "default/locale",
    "fonts",
    "gitconfig",
    "group",
    "hosts",
    "inputrc",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "pki/tls/cert.pem",
    "profile",
    "protocols",
    "python3",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "static",
    "terminfo",
    "timezone",
];

/// Devices that are not one: safe to read and write.
pub(super) const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Below `/proc`: what programs ask of the machine. Not the processes, whose command lines anybody
/// who may read the directory can read.
pub(super) const MACHINE: &[&str] = &[
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "sys",
    "uptime",
    "version",
];
