//! What `loom service install` writes, judged by systemd itself.

use crate::support::{Place, Ran};
use serde_json::json;
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

/// The same, where no manager of the user runs.
const NO_BUS: &str = "#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2\nexit 1\n";

/// `loom service …` with this `systemctl`.
fn service(place: &Place, systemctl: &str, arguments: &[&str]) -> Ran {
    program(&place.path("bin/systemctl"), systemctl);
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    let arguments: Vec<&str> = ["service"].iter().chain(arguments).copied().collect();
    let output = place.command(&arguments).env("PATH", path).output();
    Ran::new(&output.unwrap())
}

fn state(place: &Place, systemctl: &str) -> serde_json::Value {
    let said = service(place, systemctl, &["status", "--json"]);
    // No service runs.
    assert_eq!(said.code, 1, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn it_can_be_installed_again_and_nothing_of_it_stays() {
    let place = Place::new();
    let unit = place.path("home/.config/systemd/user/loomd.service");
    let before = state(&place, SYSTEMCTL);
    assert_eq!(
        (&before["file"], &before["started_at_login"]),
        (&json!(null), &json!(false))
    );
    for _ in 0..2 {
        let installed = service(&place, SYSTEMCTL, &["install"]);
        assert_eq!(installed.code, 0, "{}", installed.err);
        assert!(
            !installed.err.contains("goes on as it was"),
            "{}",
            installed.err
        );
    }
    assert_eq!(state(&place, SYSTEMCTL)["started_at_login"], true);
    // From now on the program, or where programs are found, is another.
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text.replace("PATH=", "PATH=/opt/old:")).unwrap();
    let installed = service(&place, SYSTEMCTL, &["install"]);
    assert!(
        installed.err.contains("systemctl --user restart loomd"),
        "{}",
        installed.err
    );
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), text);

    std::fs::remove_file(place.path("home/asked")).unwrap();
    let gone = service(&place, SYSTEMCTL, &["uninstall"]);
    assert_eq!(gone.code, 0, "{}", gone.err);
    assert!(!unit.exists());
    let asked = std::fs::read_to_string(place.path("home/asked")).unwrap();
    assert_eq!(asked, "--user disable --now loomd\n--user daemon-reload\n");
    let again = service(&place, SYSTEMCTL, &["uninstall"]);
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("nothing is installed"), "{}", again.err);
}

#[test]
fn where_nobody_can_be_asked_it_is_said_what_is_not_so_and_nothing_stays_either() {
    let place = Place::new();
    let installed = service(&place, NO_BUS, &["install"]);
    assert_eq!(installed.code, 1, "{}", installed.err);
    for part in [
        "Failed to connect to bus",
        "start it by hand: systemctl --user",
    ] {
        assert!(installed.err.contains(part), "{}", installed.err);
    }
    assert_eq!(state(&place, NO_BUS)["started_at_login"], false);
    let said = service(&place, NO_BUS, &["status"]).out;
    assert!(said.contains("not started at login"), "{said}");
    assert!(said.contains("Failed to connect to bus"), "{said}");
    // As systemd has made it when it could still be asked.
    let wants = place.path("home/.config/systemd/user/default.target.wants");
    std::fs::create_dir(&wants).unwrap();
    let link = wants.join("loomd.service");
    std::os::unix::fs::symlink("../loomd.service", &link).unwrap();
    let gone = service(&place, NO_BUS, &["uninstall"]);
    assert_eq!(gone.code, 1, "{}", gone.err);
    assert!(!link.is_symlink());
    assert!(
        !place
            .path("home/.config/systemd/user/loomd.service")
            .exists()
    );
}

#[test]
fn what_was_made_by_others_is_neither_replaced_nor_removed() {
    let place = Place::new();
    let unit = place.path("home/.config/systemd/user/loomd.service");
    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    std::fs::write(&unit, "[Service]\n").unwrap();
    for command in ["install", "uninstall"] {
        let refused = service(&place, SYSTEMCTL, &[command]);
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(
            refused.err.contains("not of Loom's making"),
            "{}",
            refused.err
        );
    }
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), "[Service]\n");
    assert!(!place.path("home/asked").exists());
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
