//! Processes that outlived their command: found by the label in their environment.
//!
//! A process that leaves its group and its parent (`setsid`, double fork) escapes a signal to the
//! group. Inside the sandbox it dies with its process namespace; without one this is what is left.
//! A process that clears its own environment is not found: the sandbox is the boundary, not this.

/// The variable that carries the label.
pub(super) const LABEL: &str = "LOOM_RUN";

/// Looks are repeated while they find something, since a process may fork between look and kill;
/// one that forks faster than this is left to the limits of the system.
#[cfg(target_os = "linux")]
const MAX_LOOKS: usize = 50;

/// Kills every process whose label starts with `prefix`: what a crash of Loom left running.
/// Returns how many signals it sent; an empty prefix names nothing.
pub fn kill_labelled(prefix: &str) -> usize {
    if prefix.is_empty() {
        return 0;
    }
    kill_where(|label| label.starts_with(prefix.as_bytes()))
}

/// Kills every process with exactly this label.
pub(super) fn kill_survivors(label: &str) -> usize {
    kill_where(|found| found == label.as_bytes())
}

/// Kills every process that a process started, however far down, and not itself. One that leaves its
/// parent stays among them when the process is a subreaper.
#[cfg(target_os = "linux")]
pub(super) fn kill_descendants(of: u32) {
    for _ in 0..MAX_LOOKS {
        if linux::kill_below(of) == 0 {
            break;
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn kill_descendants(_of: u32) {}

#[cfg(target_os = "linux")]
fn kill_where(matches: impl Fn(&[u8]) -> bool) -> usize {
    let mut killed = 0;
    for _ in 0..MAX_LOOKS {
        let found = linux::kill_once(&matches);
        killed += found;
        if found == 0 {
            break;
        }
    }
    killed
}

#[cfg(not(target_os = "linux"))]
fn kill_where(_matches: impl Fn(&[u8]) -> bool) -> usize {
    0
}

#[cfg(target_os = "linux")]
mod linux {
    use super::LABEL;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    use std::collections::HashMap;
    use std::fs;

    pub(super) fn kill_once(matches: &impl Fn(&[u8]) -> bool) -> usize {
        let Ok(processes) = fs::read_dir("/proc") else {
            return 0;
        };
        // Loom may itself run under a label, inside another Loom.
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != own && has_label(*pid, matches))
            .filter(|pid| kill(*pid, matches).is_some())
            .count()
    }

    fn has_label(pid: i32, matches: &impl Fn(&[u8]) -> bool) -> bool {
        // Unreadable means somebody else's, or gone; a zombie's is empty.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| {
            variable
                .strip_prefix(LABEL.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
                .is_some_and(matches)
        })
    }

    /// By handle, and looked at again through it: the number may be another's by now.
    fn kill(pid: i32, matches: &impl Fn(&[u8]) -> bool) -> Option<()> {
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        if !has_label(pid, matches) {
            return None;
        }
        pidfd_send_signal(handle, Signal::KILL).ok()
    }

    /// Signals every descendant that is alive; returns how many there were.
    pub(super) fn kill_below(of: u32) -> usize {
        let of = i32::try_from(of).unwrap_or_default();
        let parents = parents();
        let mut found = vec![of];
        let mut at = 0;
        while let Some(parent) = found.get(at).copied() {
            let children = parents.iter().filter(|(_, above)| **above == parent);
            found.extend(children.map(|(pid, _)| *pid));
            at += 1;
        }
        let below = found[1..].iter();
        below
            .filter(|pid| end(**pid, parents[*pid]).is_some())
            .count()
    }

    /// By handle, and looked at again through it, as above.
    fn end(pid: i32, parent: i32) -> Option<()> {
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        if parent_of(pid)? != parent {
            return None;
        }
        pidfd_send_signal(handle, Signal::KILL).ok()
    }

    /// The parent of every process that is alive.
    fn parents() -> HashMap<i32, i32> {
        let processes = fs::read_dir("/proc").into_iter().flatten();
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        numbers
            .filter_map(|pid| Some((pid, parent_of(pid)?)))
            .collect()
    }

    /// None also for one that is dead and not yet buried.
    fn parent_of(pid: i32) -> Option<i32> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it may hold anything, also a parenthesis.
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
        match fields.next()? {
            "Z" | "X" => None,
            _ => fields.next()?.parse().ok(),
        }
    }
}
