//! A camera's pictures with the chosen background, for as long as the machine has time for it.

use confab_base::{Duration, Time};
use confab_mask::Scenery;
use confab_picture::{Background, CpuGovernor, GovernorOutput, I420};
use confab_priority::MachineLoad;
use std::sync::Arc;

/// Between two looks at the machine.
const LOOK: Duration = Duration::from_secs(1);

/// Puts backgrounds behind people, and gives up where the machine does not keep up.
#[derive(Debug, Default)]
pub(super) struct Dresser {
    scenery: Scenery,
    governor: CpuGovernor,
    /// Only while there is a background.
    load: Option<(MachineLoad, Time)>,
}

impl Dresser {
    pub(super) fn new(background: Background) -> Dresser {
        let mut dresser = Dresser::default();
        dresser.choose(background);
        dresser
    }

    /// From the next picture on.
    pub(super) fn choose(&mut self, background: Background) {
        self.governor.chosen(background != Background::None);
        self.load = None;
        self.scenery.set_background(background);
    }

    /// The next picture has nothing to do with the last one.
    pub(super) fn forget(&mut self) {
        self.scenery.forget();
    }

    /// The picture as others see it.
    pub(super) fn dress(&mut self, picture: &Arc<I420>) -> Arc<I420> {
        self.scenery.dress(picture)
    }

    /// Whether the background was taken away just now, since the machine is too busy.
    pub(super) fn gives_up(&mut self, now: Time) -> bool {
        if !self.governor.is_on() {
            return false;
        }
        let (load, at) = self.load.get_or_insert_with(|| (MachineLoad::new(), now));
        if now.since(*at) < LOOK {
            return false;
        }
        *at = now;
        let share = load.look();
        self.note(share, now)
    }

    fn note(&mut self, share: f32, now: Time) -> bool {
        self.governor.handle(share, now);
        let off = self.governor.poll_output() == Some(GovernorOutput::SwitchOff);
        if off {
            self.load = None;
            self.scenery.set_background(Background::None);
        }
        off
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_picture::{ScreenPattern, Strength};

    #[test]
    fn a_busy_machine_takes_the_background_away_until_it_is_chosen_again() {
        let blur = Background::Blur {
            strength: Strength::Strong,
        };
        let mut dresser = Dresser::new(blur.clone());
        let picture = Arc::new(ScreenPattern::new(320, 180, 1).frame(0));
        let is_dressed = |d: &mut Dresser| !Arc::ptr_eq(&d.dress(&picture), &picture);
        assert!(is_dressed(&mut dresser));
        let mut second = 0;
        let mut busy = |d: &mut Dresser| {
            second += 1;
            d.note(0.95, Time::from_millis(second * 1000))
        };
        let offs = (0..20).filter(|_| busy(&mut dresser)).count();
        assert_eq!(offs, 1, "said once");
        assert!(!is_dressed(&mut dresser));
        dresser.choose(blur);
        assert!(is_dressed(&mut dresser));
    }
}
