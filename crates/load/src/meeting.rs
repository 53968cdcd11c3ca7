//! One measurement: people come in, the server finds out what their links carry, it is counted for a while, and they leave.

use crate::LoadError;
use crate::crowd::Crowd;
use crate::machine::{Cost, allow_files};
use crate::outcome::Outcome;
use crate::person::Person;
use crate::scene::Scene;
use crate::signaling::{Door, Line, News};
use confab_base::{MediaKind, Source, TrackId};
use confab_protocol::{Publish, Slot};
use confab_transport::{LocalOffer, Mid};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// All media connections are up by then.
const CONNECTED: Duration = Duration::from_secs(30);
/// Estimates grow before it is counted: at least so long, and until nearly all arrives, but not for ever.
const WARM_UP: Duration = Duration::from_secs(2);
const LONGEST_WARM_UP: Duration = Duration::from_secs(15);
const NEARLY_ALL: f64 = 0.98;
const LOOK: Duration = Duration::from_millis(500);
/// The last packets are on their way for so long at most.
const LATE: Duration = Duration::from_millis(500);
/// They have left by then, or nobody waits for them.
const GONE: Duration = Duration::from_secs(5);

/// Where it is measured, and how long.
#[derive(Clone, Debug)]
pub struct Stage {
    pub door: Door,
    /// The server's process, where it is on this machine.
    pub server: Option<u32>,
    pub seconds: u32,
}

/// Has the people of a scene meet, and counts.
///
/// # Errors
/// [`LoadError`]: somebody did not come in, or did not stay.
pub async fn measure(stage: &Stage, scene: Scene) -> Result<Outcome, LoadError> {
    allow_files(scene.people())?;
    let mut meeting = Meeting::open(stage, scene)?;
    let outcome = meeting.play(stage).await;
    meeting.leave().await;
    outcome
}

struct Meeting {
    scene: Scene,
    crowd: Crowd,
    lines: JoinSet<()>,
    /// What each person looks at goes here; dropped when it is over.
    views: Vec<mpsc::Sender<Vec<Slot>>>,
    news: mpsc::Receiver<News>,
    tell: mpsc::Sender<News>,
    ip: IpAddr,
    /// Of each sender.
    tracks: HashMap<(u32, Source), TrackId>,
}

impl Meeting {
    fn open(stage: &Stage, scene: Scene) -> Result<Meeting, LoadError> {
        let (tell, news) = mpsc::channel(1024);
        let ip = match stage.door.is_local() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => way_out()?,
        };
        Ok(Meeting {
            crowd: Crowd::start(scene)?,
            scene,
            lines: JoinSet::new(),
            views: Vec::new(),
            news,
            tell,
            ip,
            tracks: HashMap::new(),
        })
    }

    async fn play(&mut self, stage: &Stage) -> Result<Outcome, LoadError> {
        // Those who send have to be there before anybody can look at them.
        let senders = self.scene.senders();
        let mut offers = Vec::new();
        for person in 0..senders {
            offers.push(self.enter(&stage.door, person).await?);
        }
        for (person, offer) in (0..).zip(&offers) {
            self.look(person, offer).await?;
        }
        for person in senders..self.scene.people() {
            let offer = self.enter(&stage.door, person).await?;
            self.look(person, &offer).await?;
        }
        self.connect().await?;
        self.warm_up().await?;
        let (server, people) = (
            stage.server.map(Cost::begin),
            Cost::begin(std::process::id()),
        );
        let began = Instant::now();
        self.crowd.begin()?;
        self.wait(Duration::from_secs(stage.seconds.into())).await?;
        self.crowd.end()?;
        let seconds = began.elapsed().as_secs_f64();
        let (server, people) = (server.map(Cost::end), people.end());
        self.wait(LATE).await?;
        let mut outcome = self.crowd.outcome()?;
        outcome.seconds = seconds;
        outcome.cost(server, people);
        Ok(outcome)
    }

    /// Brings a person in, connects its media, and leaves its line to itself. They come in by their numbers.
    async fn enter(&mut self, door: &Door, number: u32) -> Result<LocalOffer, LoadError> {
        self.hear()?;
        let is_sender = number < self.scene.senders();
        let (mut person, offer) = Person::new(number, &self.scene, self.ip)?;
        let mut line = Line::enter(door, number, is_sender).await?;
        let publish = published(&offer, &self.scene);
        let answer = line.offer(offer.sdp.clone(), publish).await?;
        person.agree(&answer)?;
        for (source, track) in &line.tracks {
            self.tracks.insert((number, *source), *track);
        }
        for (_, source) in &offer.publish {
            line.unmute(*source).await?;
        }
        self.crowd.admit(person)?;
        let (views, view) = mpsc::channel(1);
        self.views.push(views);
        self.lines.spawn(line.keep(view, self.tell.clone()));
        Ok(offer)
    }

    /// Has a person say what it looks at.
    async fn look(&mut self, person: u32, offer: &LocalOffer) -> Result<(), LoadError> {
        let (seen, heard) = self.scene.looks_at(person);
        let slots = [
            (&offer.audio_slots, heard, Source::Microphone),
            (&offer.video_slots, seen, Source::Camera),
        ];
        let mut view = Vec::new();
        for (mids, senders, source) in slots {
            for (mid, sender) in mids.iter().zip(senders) {
                let track = self.tracks.get(&(sender, source)).copied();
                view.push(slot(mid, track, source, self.scene.height()));
            }
        }
        let gone = || LoadError::Lost(person, "its line ended".into());
        let views = self.views.get(person as usize).ok_or_else(gone)?;
        views.send(view).await.map_err(|_| gone())
    }

    /// Takes note of what the lines tell.
    fn hear(&mut self) -> Result<(), LoadError> {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Layers(person, layers) => self.crowd.layers(person, layers)?,
                News::Lost(person, why) => return Err(LoadError::Lost(person, why)),
            }
        }
        Ok(())
    }

    async fn wait(&mut self, time: Duration) -> Result<(), LoadError> {
        let until = Instant::now() + time;
        loop {
            self.hear()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(Duration::from_millis(20))).await;
        }
    }

    async fn connect(&mut self) -> Result<(), LoadError> {
        let until = Instant::now() + CONNECTED;
        loop {
            let state = self.crowd.state()?;
            if state.up == state.people && state.closed == 0 {
                return Ok(());
            }
            if Instant::now() > until {
                let (up, people) = (state.up.saturating_sub(state.closed), state.people);
                return Err(LoadError::NotConnected { up, people });
            }
            self.wait(Duration::from_millis(50)).await?;
        }
    }

    async fn warm_up(&mut self) -> Result<(), LoadError> {
        let began = Instant::now();
        self.wait(WARM_UP).await?;
        let mut before = self.crowd.state()?;
        while began.elapsed() < LONGEST_WARM_UP {
            self.wait(LOOK).await?;
            let state = self.crowd.state()?;
            let expected = state.expected - before.expected;
            let arrived = state.arrived - before.arrived;
            if arrived as f64 > expected as f64 * NEARLY_ALL {
                return Ok(());
            }
            before = state;
        }
        Ok(())
    }

    async fn leave(mut self) {
        self.views.clear();
        let all = async { while self.lines.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GONE, all).await;
    }
}

fn slot(mid: &Mid, track: Option<TrackId>, source: Source, height: u16) -> Slot {
    Slot {
        mid: mid.as_str().into(),
        track,
        max_height: match source.kind() {
            MediaKind::Audio => 0,
            MediaKind::Video => height,
        },
    }
}

fn published(offer: &LocalOffer, scene: &Scene) -> Vec<Publish> {
    let line = |(mid, source): &(Mid, Source)| Publish {
        mid: mid.as_str().into(),
        source: *source,
        layers: match source.kind() {
            MediaKind::Audio => Vec::new(),
            MediaKind::Video => scene.published(),
        },
    };
    offer.publish.iter().map(line).collect()
}

/// The address this machine sends from to others. No packet leaves: connecting such a socket asks the routes only.
fn way_out() -> Result<IpAddr, LoadError> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Of a range for documents (RFC 5737): any will do that is not on this machine.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
    Ok(socket.local_addr()?.ip())
}
