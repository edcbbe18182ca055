//! Landlock: what a process may reach of files and of other processes, by its own word.

use super::Grants;
use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

/// The newest version whose rights are asked for; of older ones, as many as there are.
const NEWEST: ABI = ABI::V6;

/// Lets this process reach only what is granted, whatever it becomes.
pub(super) fn files(grants: &Grants) -> Result<(), String> {
    let failed = |error: RulesetError| format!("Landlock: {error}");
    // A right that stays unhandled is allowed: without the first version there is no sandbox.
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(failed)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .map_err(failed)?
        .scope(Scope::from_all(NEWEST))
        .map_err(failed)?
        .create()
        .map_err(failed)?
        .add_rules(path_beneath_rules(
            &grants.read,
            AccessFs::from_read(NEWEST),
        ))
        .map_err(failed)?
        .add_rules(path_beneath_rules(
            &grants.write,
            AccessFs::from_all(NEWEST),
        ))
        .map_err(failed)?
        .restrict_self()
        .map_err(failed)?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("Landlock: the kernel does not enforce it".to_owned()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

/// Cuts this process off from signals to, and abstract sockets of, those outside, where the kernel
/// can; files stay as they are.
pub(super) fn scopes() -> Result<LandlockStatus, RulesetError> {
    let status = Ruleset::default()
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()?;
    Ok(status.landlock)
}

/// Gives up every capability and every way to get one back: root is nobody special then.
pub(super) fn privileges() -> Result<(), String> {
    let failed = |error| format!("giving up privileges: {error}");
    set_no_new_privs(true).map_err(failed)?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(failed)
}
