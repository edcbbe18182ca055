//! Limits of a command's processes.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files of one process. Builds need some thousand; programs that close every possible number
/// take seconds where a system allows a billion.
const MAX_OPEN: u64 = 65_536;

/// Processes and threads that a command may add to those that run already. A parallel build has
/// some hundred; a fork bomb of this size can still be ended.
const MAX_PROCESSES: u64 = 4_096;

/// Sets them. The number of processes counts all of the user's, so it is given room above what
/// runs now. It does not hold root: for root a fork bomb lasts until its command's time is over.
pub(super) fn set() -> io::Result<()> {
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, MAX_OPEN)?;
    match running() {
        Some(now) => lower(Resource::Nproc, now + MAX_PROCESSES),
        None => Ok(()),
    }
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let now = getrlimit(resource);
    let least = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    let lowered = Rlimit {
        current: least(now.current),
        maximum: least(now.maximum),
    };
    setrlimit(resource, lowered)
}

/// Processes and threads of the whole machine.
fn running() -> Option<u64> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    let of_all = load.split_whitespace().nth(3)?;
    of_all.split('/').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_processes_is_known() {
        assert!(running().is_some_and(|now| now > 0));
    }
}
