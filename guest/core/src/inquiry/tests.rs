//! Each state of each inquiry, with a store that says what the test wants.

use super::{OpenUpload, Reply};
use crate::classify::TransportError;
use crate::error::Error;
use crate::http::{Request, Response};
use crate::io::Input;
use crate::talk::{NOW, Talk, aborted, created, error, parts, uploads};
use crate::time::Timestamp;

mod check;
mod discard;
mod leftovers;
mod orphans;
