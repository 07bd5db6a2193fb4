//! Whom a request of the sink is made for.

use crate::admin::AdminRequest;
use crate::client::{Patience, Requester};
use crate::incomplete::AbortId;
use crate::writer::ObjectId;

/// What a request is made for.
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
    /// The abort, if it is one.
    pub(super) fn abort(self) -> Option<AbortId> {
        if let Owner::Abort(id) = self { Some(id) } else { None }
    }

    /// The administrative request, if it is one.
    pub(super) fn admin(self) -> Option<AdminRequest> {
        if let Owner::Admin(request) = self { Some(request) } else { None }
    }
}
