//! Packs the relative relocations of the program: a megabyte and a half less that is read at each start, also at
//! those of the helper of sandboxes. The C library must unpack them, so it is done only where the one of
//! this machine does, and only for this machine. A linker that does not know the option ignores it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LOOM_PLAIN_RELOCATIONS");
    if is_for_this_machine() && unpacks() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether it is built for this very kind of machine, and nobody wants to take it to an older one.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts what is built in their environment"
)]
fn is_for_this_machine() -> bool {
    let variable = |name| std::env::var(name).ok();
    let target = variable("TARGET");
    variable("LOOM_PLAIN_RELOCATIONS").is_none()
        && target == variable("HOST")
        && target.is_some_and(|target| target.ends_with("-linux-gnu"))
}

/// glibc does since 2.36.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing but the C library itself knows which it is"
)]
fn unpacks() -> bool {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = asked.ok().filter(|said| said.status.success());
    let said = said.and_then(|said| String::from_utf8(said.stdout).ok());
    said.as_deref().and_then(version) >= Some((2, 36))
}

/// The numbers of "glibc 2.36".
fn version(said: &str) -> Option<(u32, u32)> {
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
