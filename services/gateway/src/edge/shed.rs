//! Load shedding: past a share of the limit a class of traffic is turned away at once, instead of everybody waiting.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use souk_kernel::{ErrorKind, Problem};

use super::class::Class;

#[derive(Clone)]
pub(super) struct Shedder {
    working: Arc<AtomicUsize>,
    most: usize,
}

/// One of the requests being worked on, until dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Shedder {
    pub(super) fn new(most: usize) -> Self {
        Self { working: Arc::default(), most }
    }

    /// 503 when there is no room for this class of traffic.
    pub(super) fn enter(&self, class: Class) -> Result<Place, Problem> {
        let before = self.working.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.working.clone());
        if before < self.room(class) {
            return Ok(place);
        }
        metrics::counter!("souk_http_turned_away_total", "why" => "load").increment(1);
        Err(Problem::new(ErrorKind::Unavailable, "overloaded", "too much to do at this moment; try again"))
    }

    fn room(&self, class: Class) -> usize {
        match class {
            Class::Browse => self.most / 10 * 8,
            Class::Auth | Class::Other => self.most / 10 * 9,
            Class::Checkout | Class::Webhook => self.most,
            Class::Health => usize::MAX,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsing_is_turned_away_before_checkout_and_places_come_back() {
        let shedder = Shedder::new(10);
        let places: Vec<Place> =
            (0..8).map(|_| shedder.enter(Class::Browse).unwrap_or_else(|_| panic!("room"))).collect();
        assert!(shedder.enter(Class::Browse).is_err());
        let more = [shedder.enter(Class::Checkout), shedder.enter(Class::Checkout)];
        assert!(more.iter().all(Result::is_ok));
        assert!(shedder.enter(Class::Checkout).is_err());
        assert!(shedder.enter(Class::Health).is_ok());
        drop((places, more));
        assert_eq!(shedder.working.load(Ordering::Relaxed), 0);
    }
}
