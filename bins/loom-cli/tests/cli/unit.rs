//! What `loom service install` writes, judged by systemd itself.

use crate::support::Place;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Stands in front of the machine's own, which must not be told of a service of a test; writes down
/// what it was asked.
const SYSTEMCTL: &str = "#!/bin/sh\necho \"$@\" >> \"$HOME/asked\"\n";

/// What systemd says about a unit of a user; none where it is not installed. Its exit code is no
/// answer: what it does not know it leaves out, with a line.
#[expect(
    clippy::disallowed_methods,
    reason = "systemd is a program of the machine, which judges a file here"
)]
fn verified(place: &Place, unit: &Path) -> Option<String> {
    let runtime = place.path("runtime");
    std::fs::create_dir_all(&runtime).unwrap();
    let judged = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .arg(unit)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", place.path("home"))
        .env("XDG_RUNTIME_DIR", runtime)
        .stdin(Stdio::null())
        .output();
    match judged {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Some(match output.status.success() {
                true => said,
                false => format!("{said}({})", output.status),
            })
        }
        Err(error) => {
            let said = format!("\nSKIPPED: systemd-analyze cannot judge the unit here: {error}\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            None
        }
    }
}

fn program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_unit_that_is_installed_is_one_for_systemd() {
    let place = Place::new();
    program(&place.path("bin/systemctl"), SYSTEMCTL);
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    // A directory that has to be quoted, and escaped.
    let data = place.path("50% of $data");
    let installed = place
        .command(&["service", "install"])
        .env("PATH", path)
        .env("LOOM_HOME", &data)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{installed:?}");
    let asked = std::fs::read_to_string(place.path("home/asked")).unwrap();
    assert_eq!(asked, "--user daemon-reload\n--user enable --now loomd\n");
    let unit = place.path("home/.config/systemd/user/loomd.service");
    let Some(said) = verified(&place, &unit) else {
        return;
    };
    assert_eq!(said, "");

    // It would have said something.
    let text = std::fs::read_to_string(&unit).unwrap();
    let wrong = place.path("home/wrong.service");
    for (there, instead) in [
        ("Type=notify", "Type=notified"),
        ("UMask=", "Mask="),
        ("ExecStart=\"", "ExecStart=\"/nowhere"),
    ] {
        std::fs::write(&wrong, text.replace(there, instead)).unwrap();
        assert_ne!(verified(&place, &wrong).unwrap(), "", "{instead}");
    }
}

#[test]
fn the_unit_to_copy_by_hand_is_one_for_systemd() {
    let place = Place::new();
    program(&place.path("home/.cargo/bin/loomd"), "#!/bin/sh\n");
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/loomd.service");
    if let Some(said) = verified(&place, &unit.canonicalize().unwrap()) {
        assert_eq!(said, "");
    }
}
