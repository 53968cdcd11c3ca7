//! When a machine has no time left for a background: it is taken away before the voice or the picture suffers.

use confab_base::{Duration, Time};

/// Share of the whole machine above which there is too little left.
pub const BUSY: f32 = 0.85;
/// How long it must have been so: one busy moment, as when somebody joins, is no reason.
pub const BUSY_FOR: Duration = Duration::from_secs(5);

/// What [`CpuGovernor`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GovernorOutput {
    /// The background is to be taken away, and the user told why.
    SwitchOff,
}

/// Switches a background off when the machine has been too busy for some seconds. It never switches one on again: a background
/// that comes and goes shows the room just then. Only the user does.
///
/// A machine of floor 1 that needs no waking: it changes only by what it is told.
#[derive(Debug, Default)]
pub struct CpuGovernor {
    on: bool,
    /// Since when every share was above [`BUSY`].
    busy_since: Option<Time>,
    output: Option<GovernorOutput>,
}

impl CpuGovernor {
    /// The user chose a background (`true`) or none. Choosing one again after it was switched off starts from the beginning.
    pub fn chosen(&mut self, on: bool) {
        *self = CpuGovernor {
            on,
            ..CpuGovernor::default()
        };
    }

    /// Whether a background is to be shown.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// The share of all cores together that was busy over about the last second, 0 to 1, whoever used it. What is no number counts as
    /// not measured.
    pub fn handle(&mut self, share: f32, now: Time) {
        if !self.on || share.is_nan() {
            return;
        }
        if share <= BUSY {
            self.busy_since = None;
            return;
        }
        let since = *self.busy_since.get_or_insert(now);
        if now.since(since) >= BUSY_FOR {
            (self.on, self.busy_since) = (false, None);
            self.output = Some(GovernorOutput::SwitchOff);
        }
    }

    /// Said once for each time.
    pub fn poll_output(&mut self) -> Option<GovernorOutput> {
        self.output.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second in which it switches off, told one share a second.
    fn off_at(shares: &[f32]) -> Option<usize> {
        let mut governor = CpuGovernor::default();
        governor.chosen(true);
        shares.iter().enumerate().position(|(second, &share)| {
            governor.handle(share, Time::from_millis(second as u64 * 1000));
            governor.poll_output().is_some()
        })
    }

    #[test]
    fn a_machine_busy_for_long_loses_its_background() {
        assert_eq!(off_at(&[0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]), Some(6));
    }

    #[test]
    fn a_busy_moment_changes_nothing() {
        assert_eq!(off_at(&[0.9, 0.99, 0.9, 0.9, 0.8].repeat(20)), None);
        assert_eq!(off_at(&[0.85; 60]), None);
        assert_eq!(off_at(&[f32::NAN; 60]), None);
    }

    #[test]
    fn it_comes_back_only_when_asked_for() {
        let mut governor = CpuGovernor::default();
        governor.chosen(true);
        let mut said = 0;
        for second in 0..60 {
            let share = if second < 10 { 1.0 } else { 0.1 };
            governor.handle(share, Time::from_millis(second * 1000));
            said += usize::from(governor.poll_output().is_some());
        }
        assert_eq!((said, governor.is_on()), (1, false));
        governor.chosen(true);
        assert!(governor.is_on());
        governor.handle(1.0, Time::from_millis(60_000));
        assert!(governor.is_on(), "it counts from the choice");
    }

    #[test]
    fn without_a_background_nothing_is_said() {
        let mut governor = CpuGovernor::default();
        for second in 0..60 {
            governor.handle(1.0, Time::from_millis(second * 1000));
        }
        assert_eq!(governor.poll_output(), None);
    }
}
