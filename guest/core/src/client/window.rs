//! The congestion window: how many requests may be in flight. It grows with each success, and is
//! halved when the network or the store is overloaded.
//!
//! Additive increase and multiplicative decrease, as in TCP:
//! <https://www.rfc-editor.org/rfc/rfc5681>

use crate::time::Instant;

/// How many requests may be in flight.
pub(crate) struct Window {
    size: f64,
    max: usize,
    /// When it was last reduced.
    cut: Option<Instant>,
}

impl Window {
    /// A window of the maximum size, which most networks can handle.
    pub(crate) fn new(max: usize) -> Window {
        Window { size: max as f64, max, cut: None }
    }

    /// The size of the window. At least one.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// Records a success. The window grows by one after as many successes as it is large.
    pub(crate) fn widen(&mut self) {
        self.size = (self.size + 1.0 / self.size).min(self.max as f64);
    }

    /// Records an overload, which was found by a request sent at `sent` while `flying` were in
    /// flight. Further failures of requests that were sent before a reduction do not reduce the
    /// window again.
    pub(crate) fn narrow(&mut self, flying: usize, sent: Instant, now: Instant) {
        if self.cut.is_none_or(|cut| sent >= cut) {
            self.size = (self.size.min(flying as f64) / 2.0).floor().max(1.0);
            self.cut = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> Instant {
        Instant(second * 1_000_000_000)
    }

    #[test]
    fn it_begins_with_all_and_never_has_more() {
        let mut window = Window::new(16);
        assert_eq!(window.size(), 16);
        (0..1_000).for_each(|_| window.widen());
        assert_eq!(window.size(), 16);
    }

    #[test]
    fn half_of_what_was_under_way_is_left_and_one_at_least() {
        let mut window = Window::new(16);
        window.narrow(16, second(0), second(30));
        assert_eq!(window.size(), 8);
        // Only three requests were in flight, so the window is reduced from three, not from eight.
        window.narrow(3, second(31), second(60));
        assert_eq!(window.size(), 1);
        window.narrow(1, second(61), second(90));
        assert_eq!(window.size(), 1);
    }

    #[test]
    fn requests_of_one_time_narrow_it_once() {
        let mut window = Window::new(16);
        for flying in (13..=16).rev() {
            window.narrow(flying, second(0), second(30));
        }
        assert_eq!(window.size(), 8);
        window.narrow(8, second(30), second(60));
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn it_grows_by_one_with_each_round() {
        let mut window = Window::new(4);
        window.narrow(4, second(0), second(30));
        window.narrow(2, second(30), second(60));
        let sizes: Vec<usize> = (0..10)
            .map(|_| {
                window.widen();
                window.size()
            })
            .collect();
        assert_eq!(sizes, [2, 2, 2, 3, 3, 3, 4, 4, 4, 4]);
    }
}
