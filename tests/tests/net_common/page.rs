//! A page of the desktop app without a webview: a desk, its state as a page sees it, and what it was told.

use super::{House, PATIENCE, wait};
use confab_client::MeetingLink;
use confab_client::desk::{
    CallPhase, Desk, DeskCommand, DeskEvent, DeskHandle, DeskOptions, DeskPatch, DeskPush,
    DeskReply, DeskState, MediaFlow, Pictures, ShownVideo, TestDevices,
};
use confab_client::pipeline::Watch;
use confab_picture::read_counter;
use confab_protocol::{Participant, Source, TrackId};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Pictures of others: track, mark, height, and when.
pub type Seen = Arc<Mutex<Vec<(TrackId, u8, usize, Instant)>>>;
/// Own pictures: source and mark.
pub type OwnSeen = Arc<Mutex<Vec<(Source, Option<u8>)>>>;

/// A page: follows the patches as the real one does, and keeps what it was told.
pub struct Page {
    pub desk: DeskHandle,
    pub state: Arc<Mutex<DeskState>>,
    pub events: Arc<Mutex<Vec<DeskEvent>>>,
    /// Marks and heights of pictures that were shown, by track.
    pub seen: Seen,
    /// Pictures of the own camera and screen.
    pub own: OwnSeen,
    /// When state came.
    pub pushes: Arc<Mutex<Vec<Instant>>>,
}

pub fn test_devices(dir: &Path) -> TestDevices {
    let ids = |all: &[&str]| all.iter().map(|id| (*id).to_owned()).collect();
    TestDevices {
        microphones: ids(&["tone:440", "tone:1000", "silence"]),
        cameras: ids(&["pattern:640x360@30#11", "pattern:1280x720@30#12"]),
        speakers: ids(&["null", "file:heard.wav"]),
        screen: true,
        system_sound: Some("tone:2000".to_owned()),
        only: true,
        folder: dir.to_owned(),
    }
}

impl Page {
    pub fn open(house: &House, link: &str) -> Page {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let own = Arc::<Mutex<Vec<_>>>::default();
        let (eye, mirror) = (seen.clone(), own.clone());
        let mut options = DeskOptions::new(MeetingLink::parse(link).unwrap());
        options.test_devices = Some(test_devices(house.dir.path()));
        options.pictures = Pictures {
            sinks: Arc::new(move || {
                let eye = eye.clone();
                Box::new(Watch::new(move |picture, info| {
                    if let Some(mark) = read_counter(picture) {
                        let sight = (info.track.track, mark.id, picture.height(), Instant::now());
                        eye.lock().unwrap().push(sight);
                    }
                }))
            }),
            own: Some(Arc::new(move |source, picture, _| {
                let mark = read_counter(picture).map(|m| m.id);
                mirror.lock().unwrap().push((source, mark));
            })),
            address: None,
        };
        let desk = Desk::start(options).unwrap();
        Page::load(desk, seen, own)
    }

    /// As a page that is loaded does: listens, then attaches.
    pub fn load(desk: DeskHandle, seen: Seen, own: OwnSeen) -> Page {
        let events = Arc::<Mutex<Vec<DeskEvent>>>::default();
        let pushes = Arc::<Mutex<Vec<Instant>>>::default();
        let state = Arc::<Mutex<DeskState>>::default();
        let (happened, told) = (events.clone(), pushes.clone());
        let now = state.clone();
        desk.subscribe(move |push| match push {
            DeskPush::State(patch) => {
                told.lock().unwrap().push(Instant::now());
                // Through JSON, as on its way to a page.
                let patch = serde_json::to_string(patch).unwrap();
                let patch: DeskPatch = serde_json::from_str(&patch).unwrap();
                let mut state = now.lock().unwrap();
                // Before the page is attached all that came is in what it gets then.
                if state.seq > 0 {
                    apply(&mut state, patch);
                }
            }
            DeskPush::Event(event) => happened.lock().unwrap().push(event.clone()),
        });
        let page = Page {
            desk,
            state,
            events,
            seen,
            own,
            pushes,
        };
        page.attach();
        page
    }

    pub fn attach(&self) {
        // The reply is taken on the desk's thread, so that no push comes in between.
        let (tell, told) = std::sync::mpsc::channel();
        let now = self.state.clone();
        self.desk.ask(DeskCommand::Attach, move |reply| {
            if let DeskReply::Attached { state, .. } = reply {
                *now.lock().unwrap() = *state;
                tell.send(()).unwrap();
            }
        });
        told.recv_timeout(PATIENCE).unwrap();
    }

    pub fn state(&self) -> DeskState {
        self.state.lock().unwrap().clone()
    }

    pub fn done(&self, command: DeskCommand) {
        let what = format!("{command:?}");
        assert_eq!(self.desk.send(command), DeskReply::Done, "{what}");
    }

    pub fn until(&self, what: &str, truth: impl Fn(&DeskState) -> bool) {
        wait(PATIENCE, what, || truth(&self.state()));
    }

    pub fn join(&self, name: &str) {
        let name = name.to_owned();
        self.done(DeskCommand::Join {
            name,
            host_key: None,
        });
        self.until("joined with media", |s| {
            s.call.phase == CallPhase::Joined && s.call.media == MediaFlow::Connected
        });
    }

    /// The track of a source of somebody else.
    pub fn track(&self, source: Source) -> Option<TrackId> {
        let state = self.state();
        let others = |p: &&Participant| Some(p.id) != state.call.you;
        let others = state.participants.iter().filter(others);
        let mut tracks = others.flat_map(|p| &p.tracks);
        tracks.find(|t| t.source == source).map(|t| t.id)
    }

    pub fn show(&self, videos: &[(TrackId, f64)]) {
        let video = |(track, height): &(TrackId, f64)| ShownVideo {
            track: *track,
            height: *height,
        };
        self.done(DeskCommand::Show {
            page: "meeting".to_owned(),
            videos: videos.iter().map(video).collect(),
        });
    }

    /// Heights and marks of pictures shown in the last while.
    pub fn seen(&self, track: TrackId, last: Duration) -> Vec<(u8, usize)> {
        let from = Instant::now() - last;
        let seen = self.seen.lock().unwrap();
        let recent = seen.iter().filter(|s| s.0 == track && s.3 > from);
        recent.map(|s| (s.1, s.2)).collect()
    }
}

fn apply(state: &mut DeskState, patch: DeskPatch) {
    if patch.seq <= state.seq {
        return;
    }
    assert_eq!(patch.seq, state.seq + 1, "a patch is missing");
    state.seq = patch.seq;
    macro_rules! take {
        ($($part:ident),*) => {
            $(if let Some(part) = patch.$part { state.$part = part; })*
        };
    }
    take!(call, participants, chat, speakers, quality, limited, local);
}
