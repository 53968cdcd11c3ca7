//! When files that change are worth reading. Certificate and key are written one after the other, so what is found is taken only
//! when a second look finds the same.

/// Told what the files look like at each look; the looks' distance is the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch<D> {
    /// What was read last, whether it was good or not.
    read: D,
    seen: D,
}

impl<D: Clone + PartialEq> Watch<D> {
    /// `read`: what the pair looked like that is served now.
    pub fn new(read: D) -> Watch<D> {
        Watch {
            seen: read.clone(),
            read,
        }
    }

    /// True: read them now. Each state is read once, so a bad pair is told of once.
    pub fn look(&mut self, now: D) -> bool {
        let settled = now == self.seen;
        self.seen = now;
        if !settled || self.seen == self.read {
            return false;
        }
        self.read = self.seen.clone();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_the_same_is_not_read_again() {
        let mut watch = Watch::new(1);
        assert!((0..10).all(|_| !watch.look(1)));
    }

    #[test]
    fn a_change_is_read_once_when_it_has_settled() {
        let mut watch = Watch::new((1, 1));
        assert!(
            !watch.look((2, 1)),
            "the certificate is new, the key is not"
        );
        assert!(!watch.look((2, 2)));
        assert!(watch.look((2, 2)));
        assert!(!watch.look((2, 2)));
        assert!(!watch.look((3, 2)));
        assert!(watch.look((3, 2)));
    }

    #[test]
    fn a_change_that_is_taken_back_at_once_is_none() {
        let mut watch = Watch::new(1);
        assert!(!watch.look(2));
        assert!(!watch.look(1));
        assert!(!watch.look(1));
    }
}
