//! How many requests are under way at once: more as they succeed, and half as many once they turn
//! out to be too many for the line or the store.
//!
//! Additive increase and multiplicative decrease, as in TCP:
//! <https://www.rfc-editor.org/rfc/rfc5681>

use crate::time::Instant;

/// How many requests may be under way at once.
pub(crate) struct Window {
    size: f64,
    max: usize,
    /// When it was made smaller.
    cut: Option<Instant>,
}

impl Window {
    /// As many as there may ever be: most lines take them.
    pub(crate) fn new(max: usize) -> Window {
        Window { size: max as f64, max, cut: None }
    }

    /// How many there may be now; one at least.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// A request was answered: one more may follow, once as many as there may be now were.
    pub(crate) fn widen(&mut self) {
        self.size = (self.size + 1.0 / self.size).min(self.max as f64);
    }

    /// One of the `flying` requests, sent then, did not get through for want of room, on the line
    /// or in the store. Others that were under way when that was found out show nothing new.
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
        // There was no more to send than three: half of eight would change nothing.
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
