//! Whom a request of the sink is made for.

use crate::ids::{CleanupNumber, UploadNumber};
use crate::inquiry::Question;
use crate::requests::{Requester, Requests, Task};

/// What a request is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Upload(UploadNumber),
    Cleanup(CleanupNumber),
    Inquiry(Question),
}

impl Requester for Owner {
    /// An object waits for the list of orphaned uploads; a check and an abort do not.
    fn can_be_held_back(self) -> bool {
        matches!(self, Owner::Upload(_))
    }
}

impl Owner {
    /// The cleanup, if it is one.
    pub(crate) fn cleanup(self) -> Option<CleanupNumber> {
        if let Owner::Cleanup(number) = self { Some(number) } else { None }
    }

    /// The question, if it is one.
    pub(crate) fn question(self) -> Option<Question> {
        if let Owner::Inquiry(question) = self { Some(question) } else { None }
    }
}

/// The requests of a sink.
pub(crate) type SinkRequests = Requests<Owner>;
/// One of them.
pub(crate) type SinkTask = Task<Owner>;
