//! Bodies that tell when they move, so that whoever drives the guest lets it go on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Traffic;

/// A request's body. It tells each time that the other side has taken a piece, and each time that
/// the other side wants one that is not there yet: the guest can go on.
pub(super) struct Moving {
    body: WasiBody,
    moved: Arc<Notify>,
    traffic: Traffic,
}

impl Moving {
    pub(super) fn new(body: WasiBody, moved: Arc<Notify>, traffic: Traffic) -> Moving {
        Moving { body, moved, traffic }
    }
}

impl Body for Moving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.moved.notify_one();
        if frame.is_ready() {
            self.traffic.moved();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. It tells each time that something has come that was looked for in vain.
pub(super) struct Arriving {
    body: WasiBody,
    moved: Arc<Notify>,
    /// The request is in flight for as long as there is more to come.
    slot: Option<Arc<()>>,
}

impl Arriving {
    pub(super) fn new(body: WasiBody, moved: Arc<Notify>, slot: Arc<()>) -> Arriving {
        Arriving { body, moved, slot: Some(slot) }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // A guest that looks without waiting leaves nobody who would be woken.
        let bell = Bell { moved: self.moved.clone(), looking: cx.waker().clone() };
        let waker = Waker::from(Arc::new(bell));
        let frame = Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(&waker));
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.slot = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Wakes whoever looked, and tells whoever drives the guest.
struct Bell {
    moved: Arc<Notify>,
    looking: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.moved.notify_one();
        self.looking.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use tokio::sync::oneshot;

    use super::*;

    /// What a future comes to at once, if it does.
    fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// A body that is not there until the test says so.
    struct Late(oneshot::Receiver<Bytes>);

    impl Body for Late {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            let piece = std::task::ready!(Pin::new(&mut self.0).poll(cx));
            Poll::Ready(piece.ok().map(|piece| Ok(Frame::data(piece))))
        }
    }

    #[test]
    fn a_piece_that_goes_or_is_wanted_is_told() {
        let moved = Arc::new(Notify::new());
        let is_told = || at_once(moved.notified()).is_some();
        let whole = Full::new(Bytes::from("x")).map_err(|never| match never {}).boxed_unsync();
        let mut whole = Moving::new(whole, moved.clone(), Traffic::new());
        assert!(!is_told());
        assert!(at_once(whole.frame()).is_some() && is_told(), "it has gone");
        assert!(!is_told(), "once");

        let (_guest, piece) = oneshot::channel();
        let mut wanted = Moving::new(Late(piece).boxed_unsync(), moved.clone(), Traffic::new());
        assert!(at_once(wanted.frame()).is_none() && is_told(), "the guest has to write it");
    }

    #[test]
    fn a_piece_that_comes_after_it_was_looked_for_is_told() {
        let moved = Arc::new(Notify::new());
        let is_told = || at_once(moved.notified()).is_some();
        let (other_side, piece) = oneshot::channel();
        let mut body = Arriving::new(Late(piece).boxed_unsync(), moved.clone(), Arc::default());
        assert!(at_once(body.frame()).is_none() && !is_told(), "nothing has come");
        other_side.send(Bytes::from("x")).unwrap();
        assert!(is_told());
        let frame = at_once(body.frame()).flatten().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "x");
    }
}
