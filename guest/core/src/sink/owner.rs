//! The owners of calls.

use crate::admin::AdminRequest;
use crate::client::{Patience, Requester};
use crate::incomplete::AbortId;
use crate::writer::ObjectId;

/// The owner of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Object(ObjectId),
    Abort(AbortId),
    Admin(AdminRequest),
}

impl Requester for Owner {
    fn patience(self) -> Patience {
        match self {
            Owner::Object(_) => Patience::Configured,
            Owner::Abort(_) => Patience::Background,
            Owner::Admin(_) => Patience::Interactive,
        }
    }
}

impl Owner {
    /// The id of the abort, if the owner is one.
    pub(super) fn abort(self) -> Option<AbortId> {
        if let Owner::Abort(id) = self { Some(id) } else { None }
    }

    /// The administrative request, if the owner is one.
    pub(super) fn admin(self) -> Option<AdminRequest> {
        if let Owner::Admin(request) = self { Some(request) } else { None }
    }
}
