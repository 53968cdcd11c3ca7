//! A change of one direction's settings: the keys that a table of a script names.

use confab_base::Duration;
use confab_simnet::{Bottleneck, Bursts, Impairments, JitterShape, QueueBound};

/// `None`: stays as it is. Values have been checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub delay: Option<Duration>,
    pub jitter: Option<Duration>,
    pub jitter_shape: Option<JitterShape>,
    pub loss: Option<f64>,
    /// `Some(None)`: no more bursts.
    pub bursts: Option<Option<Bursts>>,
    pub duplicate: Option<f64>,
    pub reorder: Option<f64>,
    pub reorder_by: Option<Duration>,
    pub bottleneck: Option<Bottleneck>,
    pub queue: Option<QueueBound>,
    pub cut: Option<bool>,
}

impl Change {
    pub fn apply(&self, to: &mut Impairments) {
        set(&mut to.delay, &self.delay);
        set(&mut to.jitter.up_to, &self.jitter);
        set(&mut to.jitter.shape, &self.jitter_shape);
        set(&mut to.loss, &self.loss);
        set(&mut to.bursts, &self.bursts);
        set(&mut to.duplicate, &self.duplicate);
        set(&mut to.reorder, &self.reorder);
        set(&mut to.reorder_by, &self.reorder_by);
        set(&mut to.bottleneck, &self.bottleneck);
        set(&mut to.queue, &self.queue);
        set(&mut to.cut, &self.cut);
    }
}

fn set<T: Clone>(place: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        *place = value.clone();
    }
}
