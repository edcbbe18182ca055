//! How a model call is made otherwise than usual: what is tried inside an attempt before it is given up.

use loom_events::Nudge;
use serde::Serialize;

/// How the next call of a model is made. It follows from the nudge before it, so it needs no fact of its
/// own; what of it a server cannot do is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Manner {
    /// Whether the model must call a tool, where its server can see to that.
    pub force_call: bool,
    /// Which sampling is used; 0 is the usual one. Asked in the same way a model may say the same again.
    pub vary: u32,
}

impl Manner {
    /// After a nudge, by how many answers in a row were useless.
    pub(crate) const fn after(nudge: Nudge, useless: u32) -> Self {
        let vary = useless.saturating_sub(1);
        match nudge {
            // It wants to act and does not.
            Nudge::Announced => Self {
                force_call: true,
                vary,
            },
            // Perhaps it was done and did not say so: the first time it may still say it.
            Nudge::OnlyThought | Nudge::Nothing => Self {
                force_call: useless > 1,
                vary,
            },
            Nudge::Unreadable | Nudge::Asked => Self {
                force_call: false,
                vary,
            },
            Nudge::Loop => Self {
                force_call: false,
                vary: 1,
            },
            Nudge::GateFailed | Nudge::Unheard => Self {
                force_call: false,
                vary: 0,
            },
        }
    }
}
