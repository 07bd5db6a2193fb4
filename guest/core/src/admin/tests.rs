//! Administrative calls, with a store whose answers the test chooses.

use super::Reply;
use crate::client::verdict::TransportError;
use crate::error::Error;
use crate::http::{Request, Response};
use crate::incomplete::IncompleteUpload;
use crate::sink::Input;
use crate::testing::{NOW, SinkHarness, aborted, created, error, parts, uploads};
use crate::time::Timestamp;

mod abort;
mod check;
mod list;
mod orphans;
mod state;
