//! Keeps the machine from sleeping while somebody is in a meeting.

use keepawake::KeepAwake;

/// The wish not to sleep, while it is held.
#[derive(Default)]
pub struct Awake {
    wanted: bool,
    held: Option<KeepAwake>,
}

impl std::fmt::Debug for Awake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Awake({})", self.held.is_some())
    }
}

impl Awake {
    /// Holds the machine awake, or lets it sleep again. Where the system has nobody to ask, nothing happens.
    pub fn set(&mut self, on: bool) {
        if on == self.wanted {
            return;
        }
        self.wanted = on;
        self.held = None;
        if !on {
            return;
        }
        let wish = keepawake::Builder::default()
            .display(true)
            .idle(true)
            .reason("In a meeting")
            .app_name("Confab")
            .app_reverse_domain("org.confab.Confab")
            .create();
        match wish {
            Ok(held) => self.held = Some(held),
            Err(error) => tracing::info!("the machine may sleep: {error}"),
        }
    }
}
