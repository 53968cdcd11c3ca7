//! What a desk starts with.

use super::face::{DataSaving, Processing};
use super::stats::BusAddress;
use crate::{MeetingLink, SessionCookie, TestSwitches, Trust};
use confab_base::Source;
use confab_pipeline::bus::{FrameBus, OWN_CAMERA, OWN_SCREEN};
use confab_pipeline::{NoSinks, PictureWatch, VideoSinks};
use std::path::PathBuf;
use std::sync::Arc;

/// Everything a meeting window knows when it opens.
#[derive(Clone, Debug)]
pub struct DeskOptions {
    pub link: MeetingLink,
    pub trust: Trust,
    /// Who is signed in on the server; `None`: a guest.
    pub session: Option<SessionCookie>,
    /// Where pictures go.
    pub pictures: Pictures,
    pub processing: Processing,
    /// Files to look for when strong noise suppression is wanted.
    pub noise_weights: Vec<PathBuf>,
    pub saving: DataSaving,
    /// Devices chosen before, by id; `None`: the system's default.
    pub microphone: Option<String>,
    pub camera: Option<String>,
    pub speaker: Option<String>,
    /// Devices that exist for tests only; `None` in front of people.
    pub test_devices: Option<TestDevices>,
    /// Name and version of the program, for the server's log.
    pub agent: String,
    /// Faults for tests.
    pub test: TestSwitches,
}

impl DeskOptions {
    /// The system's devices, pictures thrown away.
    pub fn new(link: MeetingLink) -> DeskOptions {
        DeskOptions {
            link,
            trust: Trust::default(),
            session: None,
            pictures: Pictures::default(),
            processing: Processing::default(),
            noise_weights: confab_pipeline::weights_places(),
            saving: DataSaving::default(),
            microphone: None,
            camera: None,
            speaker: None,
            test_devices: None,
            agent: format!("confab-desktop {}", env!("CARGO_PKG_VERSION")),
            test: TestSwitches::default(),
        }
    }
}

/// Makes a participant's sinks anew; a window may join more than once.
pub type MakeSinks = Arc<dyn Fn() -> Box<dyn VideoSinks> + Send + Sync>;

/// Where the pictures of others and the own ones go.
#[derive(Clone)]
pub struct Pictures {
    pub sinks: MakeSinks,
    /// Sees every own picture of camera and screen.
    pub own: Option<PictureWatch>,
    /// Where a page that attaches finds them.
    pub address: Option<Arc<dyn Fn() -> BusAddress + Send + Sync>>,
}

impl Default for Pictures {
    /// Decoded and forgotten.
    fn default() -> Pictures {
        Pictures {
            sinks: Arc::new(|| Box::new(NoSinks)),
            own: None,
            address: None,
        }
    }
}

impl Pictures {
    /// By the frame bus, to a page.
    pub fn on_bus(bus: &FrameBus) -> Pictures {
        let handle = bus.handle();
        let (url, token) = (bus.url(), bus.token());
        let address = BusAddress { url, token };
        let camera = handle.local(OWN_CAMERA);
        let screen = handle.local(OWN_SCREEN);
        Pictures {
            sinks: Arc::new(move || Box::new(handle.sinks())),
            own: Some(Arc::new(move |source, picture, captured| match source {
                Source::Camera => camera.show(picture, captured),
                Source::Screen => screen.show(picture, captured),
                Source::Microphone | Source::ScreenAudio => {}
            })),
            address: Some(Arc::new(move || address.clone())),
        }
    }
}

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pictures")
    }
}

/// Devices that need no hardware, offered beside the real ones when the program was started with a developer's flag.
/// Ids: `pattern:640x360@30` (camera), `tone:440`, `silence`, `file:<wav>` (microphone), `null` (speaker),
/// `pattern` (screen); a speaker `file:<wav>` records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestDevices {
    /// Offered and openable; the first of a kind stands in for the system's default.
    pub microphones: Vec<String>,
    pub cameras: Vec<String>,
    pub speakers: Vec<String>,
    /// The synthetic screen is offered as a display.
    pub screen: bool,
    /// A microphone's id that stands in for what the machine plays.
    pub system_sound: Option<String>,
    /// Real devices are not even looked for.
    pub only: bool,
    /// Relative paths of `file:` ids are taken from here.
    pub folder: PathBuf,
}
