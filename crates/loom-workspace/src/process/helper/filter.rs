//! The filter of system calls: what no build needs and what opens more of the kernel.
//!
//! It is a list of what is taken away. A list of what is allowed would break with each new libc, and
//! it is not the boundary: namespaces or Landlock are. It makes the kernel behind them smaller.
//!
//! `ptrace` is left: in the sandbox it reaches only what runs in it (by the process namespace, or by
//! Landlock's own rule), and debuggers and leak checkers are work. A 32-bit program is killed: its
//! calls have other numbers, and a filter for one set says nothing about the other.

use seccompiler::SeccompCmpOp::{self, Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};
use std::collections::BTreeMap;

/// What else stands around the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// Namespaces of its own: what it reaches through system calls is its own, too.
    Namespaces,
    /// The user's own: what Landlock does not cover is taken away here.
    Shared {
        /// Whether it may use the network.
        network: bool,
    },
}

/// Programs for the kernel, one for each error that is answered.
pub(super) struct Filter(Vec<BpfProgram>);

/// A system call, and the arguments with which it is denied; none for any.
type Denied = (i64, &'static [&'static [(u8, SeccompCmpOp, u64)]]);

const fn always(call: i64) -> Denied {
    (call, &[])
}

/// Denied with "operation not permitted", everywhere.
const PRIVILEGED: &[Denied] = &[
    // Other views of the file system.
    always(libc::SYS_mount),
    always(libc::SYS_umount2),
    always(libc::SYS_pivot_root),
    always(libc::SYS_chroot),
    always(libc::SYS_open_tree),
    always(libc::SYS_move_mount),
    always(libc::SYS_fsopen),
    always(libc::SYS_fsconfig),
    always(libc::SYS_fsmount),
    always(libc::SYS_fspick),
    always(libc::SYS_mount_setattr),
    always(OPEN_TREE_ATTR),
    always(libc::SYS_open_by_handle_at),
    always(libc::SYS_fanotify_init),
    always(libc::SYS_quotactl),
    always(libc::SYS_quotactl_fd),
    // Other namespaces.
    always(libc::SYS_setns),
    (libc::SYS_unshare, NEW_NAMESPACE),
    (libc::SYS_clone, NEW_NAMESPACE),
    // Keys of the user, which are no files.
    always(libc::SYS_keyctl),
    always(libc::SYS_add_key),
    always(libc::SYS_request_key),
    // Programs and handlers in the kernel.
    always(libc::SYS_bpf),
    always(libc::SYS_perf_event_open),
    always(libc::SYS_userfaultfd),
    always(libc::SYS_init_module),
    always(libc::SYS_finit_module),
    always(libc::SYS_delete_module),
    always(libc::SYS_kexec_load),
    always(KEXEC_FILE_LOAD),
    // The machine.
    always(libc::SYS_reboot),
    always(libc::SYS_swapon),
    always(libc::SYS_swapoff),
    always(libc::SYS_acct),
    always(libc::SYS_syslog),
    always(libc::SYS_settimeofday),
    always(libc::SYS_clock_settime),
    always(libc::SYS_vhangup),
    // Characters pushed into a terminal, where they are typed.
    (
        libc::SYS_ioctl,
        &[&[(1, Eq, TIOCSTI)], &[(1, Eq, TIOCLINUX)]],
    ),
    (libc::SYS_socket, RARE_SOCKETS),
];

/// Denied as if the kernel did not have them: programs know what to do then.
const UNKNOWN: &[Denied] = &[
    // What its flags ask for is in memory, which no filter sees; `clone` is used instead.
    always(libc::SYS_clone3),
    always(libc::SYS_io_uring_setup),
    always(libc::SYS_io_uring_enter),
    always(libc::SYS_io_uring_register),
];

/// Without a namespace for them: memory, semaphores and queues of other processes of the user.
const SHARED_MEMORY: &[Denied] = &[
    always(libc::SYS_shmget),
    always(libc::SYS_shmat),
    always(libc::SYS_semget),
    always(libc::SYS_msgget),
    always(libc::SYS_mq_open),
    always(libc::SYS_mq_unlink),
];

/// Without a namespace for them: limits and priorities of other processes.
const OTHERS: &[Denied] = &[
    (libc::SYS_prlimit64, &[&[(0, Ne, 0)]]),
    (libc::SYS_setpriority, &[&[(0, Ne, 0)], &[(1, Ne, 0)]]),
];

/// Attributes of files outside, which Landlock does not cover. Answered like a file system that has
/// none.
const ATTRIBUTES: &[Denied] = &[
    always(libc::SYS_setxattr),
    always(libc::SYS_lsetxattr),
    always(libc::SYS_fsetxattr),
    always(libc::SYS_removexattr),
    always(libc::SYS_lremovexattr),
    always(libc::SYS_fremovexattr),
    always(SETXATTRAT),
    always(REMOVEXATTRAT),
];

/// Landlock knows files and TCP only: without the network there is no socket at all. A pair of them
/// is still to be had, which leads nowhere else.
const ANY_SOCKET: &[Denied] = &[always(libc::SYS_socket)];

/// With the network: not the sockets of local services, such as an agent for keys or a container
/// daemon, which do what the sandbox does not.
const LOCAL_SOCKETS: &[Denied] = &[(libc::SYS_socket, &[&[(0, Eq, libc::AF_UNIX as u64)]])];

/// The flags that make a namespace, each alone.
const NEW_NAMESPACE: &[&[(u8, SeccompCmpOp, u64)]] = &[
    &[flag(libc::CLONE_NEWUSER as u64)],
    &[flag(libc::CLONE_NEWNS as u64)],
    &[flag(libc::CLONE_NEWPID as u64)],
    &[flag(libc::CLONE_NEWNET as u64)],
    &[flag(libc::CLONE_NEWIPC as u64)],
    &[flag(libc::CLONE_NEWUTS as u64)],
    &[flag(libc::CLONE_NEWCGROUP as u64)],
];

const fn flag(bit: u64) -> (u8, SeccompCmpOp, u64) {
    (0, MaskedEq(bit), bit)
}

/// Every family but local, IPv4, IPv6 and netlink; of netlink only the list of interfaces, which the
/// lookup of names asks for.
const RARE_SOCKETS: &[&[(u8, SeccompCmpOp, u64)]] = &[
    &[
        (0, Ne, libc::AF_UNIX as u64),
        (0, Ne, libc::AF_INET as u64),
        (0, Ne, libc::AF_INET6 as u64),
        (0, Ne, libc::AF_NETLINK as u64),
    ],
    &[
        (0, Eq, libc::AF_NETLINK as u64),
        (2, Ne, libc::NETLINK_ROUTE as u64),
    ],
];

const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// Numbers that are the same on every architecture and not in every libc.
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const OPEN_TREE_ATTR: i64 = 467;

#[cfg(target_arch = "x86_64")]
const KEXEC_FILE_LOAD: i64 = 320;
#[cfg(not(target_arch = "x86_64"))]
const KEXEC_FILE_LOAD: i64 = 294;

impl Filter {
    /// The filter for commands in these surroundings.
    pub(super) fn for_commands(surroundings: Surroundings) -> Result<Self, String> {
        let mut denied = vec![(libc::EPERM, PRIVILEGED), (libc::ENOSYS, UNKNOWN)];
        if let Surroundings::Shared { network } = surroundings {
            denied.push((libc::EPERM, OTHERS));
            denied.push((libc::ENOSYS, SHARED_MEMORY));
            denied.push((libc::EOPNOTSUPP, ATTRIBUTES));
            denied.push((
                libc::EPERM,
                match network {
                    true => LOCAL_SOCKETS,
                    false => ANY_SOCKET,
                },
            ));
        }
        let programs = denied.into_iter().map(|(error, calls)| {
            program(error, calls).map_err(|why| format!("the filter cannot be made: {why}"))
        });
        programs.collect::<Result<_, _>>().map(Self)
    }

    /// Puts this process and what it becomes under the filter.
    pub(super) fn apply(&self) -> Result<(), String> {
        for program in &self.0 {
            apply_filter(program).map_err(|why| format!("the filter cannot be set: {why}"))?;
        }
        Ok(())
    }

    /// Each program as the kernel takes it: an array of `struct sock_filter`.
    pub(super) fn programs(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0
            .iter()
            .map(|program| program.iter().flat_map(bytes).collect())
    }
}

fn bytes(step: &sock_filter) -> impl Iterator<Item = u8> + use<> {
    let code = step.code.to_ne_bytes();
    let rest = step.k.to_ne_bytes();
    code.into_iter().chain([step.jt, step.jf]).chain(rest)
}

fn program(error: i32, calls: &[Denied]) -> Result<BpfProgram, BackendError> {
    let mut rules = BTreeMap::new();
    for (call, cases) in calls {
        let cases: Result<Vec<_>, _> = cases.iter().map(|case| rule(case)).collect();
        rules.insert(*call, cases?);
    }
    let error = u32::try_from(error).expect("BUG: an error is a positive number");
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(error),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    let mut program = other_numbers();
    program.extend(BpfProgram::try_from(filter)?);
    Ok(program)
}

fn rule(case: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
    let conditions = case.iter().map(|(argument, compare, value)| {
        // These arguments are of type `int`; the kernel does not look at the upper half.
        let compare = compare.clone();
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, compare, *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// On x86-64 the kernel may take the same calls under a second set of numbers (x32), which the rules
/// do not name: denied as unknown.
fn other_numbers() -> BpfProgram {
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    const DENY_AS_UNKNOWN: u32 = 0x0005_0000 | libc::ENOSYS.unsigned_abs();
    let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    vec![
        step(LOAD_NUMBER, 0, 0),
        step(JUMP_IF_AT_LEAST, 1, X32),
        step(RETURN, 0, DENY_AS_UNKNOWN),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Surroundings; 3] = [
        Surroundings::Namespaces,
        Surroundings::Shared { network: false },
        Surroundings::Shared { network: true },
    ];

    #[test]
    fn every_filter_compiles_and_fits_into_the_kernel() {
        for surroundings in ALL {
            let filter = Filter::for_commands(surroundings).unwrap();
            for program in filter.programs() {
                assert_eq!(program.len() % 8, 0, "an instruction has eight bytes");
                assert!(program.len() / 8 < 4096, "{surroundings:?}");
            }
        }
    }

    #[test]
    fn no_call_is_named_twice_for_one_error() {
        for calls in [PRIVILEGED, UNKNOWN, SHARED_MEMORY, OTHERS, ATTRIBUTES] {
            let numbers: std::collections::BTreeSet<_> =
                calls.iter().map(|(call, _)| call).collect();
            assert_eq!(numbers.len(), calls.len());
        }
    }
}
