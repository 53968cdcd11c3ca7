//! Looking into a running participant over its local socket, as `confab-scope` does.

mod net_common;

use confab_client::MeetingLink;
use confab_client::desk::{
    Desk, DeskCommand, DeskHandle, DeskOptions, DeskReply, NoiseSuppression, Processing,
    TestDevices,
};
use confab_client::diagnose::{
    AttachError, DiagnoseOptions, Diagnostics, FailCode, Folder, PROTOCOL, RefuseCode, Reply,
    Request, Snapshot, Visit, Way, running,
};
use net_common::{Coming, House, PATIENCE, Person, wait};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const PROGRAM: &str = "test";

/// Two people in a meeting, and a socket that shows the first.
struct Watched {
    house: House,
    anna: Person,
    ben: Person,
    diagnostics: Diagnostics,
    folder: Folder,
}

impl Watched {
    fn open() -> Watched {
        let house = House::open();
        let anna = Coming::with_tone("Anna", 440.0, 1).join(&house.host());
        let ben = Coming::with_tone("Ben", 1000.0, 2).join(&house.guest());
        let folder = Folder::at(house.dir.path().join("sockets"));
        let diagnostics = Diagnostics::start(DiagnoseOptions {
            folder: folder.clone(),
            taps: Some(house.dir.path().join("taps")),
            ..DiagnoseOptions::new("anna 1.0")
        })
        .unwrap();
        diagnostics.watch(&anna.handle);
        anna.wait_joined();
        ben.wait_joined();
        wait(PATIENCE, "Anna hears Ben", || anna.hears(1000.0));
        Watched {
            house,
            anna,
            ben,
            diagnostics,
            folder,
        }
    }

    fn attach(&self) -> Visit {
        Visit::attach(&self.folder, self.diagnostics.name(), PROGRAM, PATIENCE).unwrap()
    }
}

/// The first snapshot that is as wanted; the last one if none is in time.
fn look(visit: &mut Visit, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let deadline = Instant::now() + PATIENCE;
    let mut last = None;
    while Instant::now() < deadline {
        if let Some(Reply::Snapshot(snapshot)) = visit.next(PATIENCE).unwrap() {
            if wanted(&snapshot) {
                return *snapshot;
            }
            last = Some(snapshot);
        }
    }
    panic!("not {what}: {last:#?}");
}

/// The answer to a request, past the snapshots.
fn answer(visit: &mut Visit, request: &Request) -> Reply {
    visit.ask(request).unwrap();
    loop {
        match visit.next(PATIENCE).unwrap().unwrap() {
            Reply::Snapshot(_) => {}
            reply => return reply,
        }
    }
}

/// Hz of the loudest band of a stage that passes sound.
fn pitch(visit: &Visit, snapshot: &Snapshot, stage: &str) -> Option<f32> {
    let stage = snapshot
        .stages
        .iter()
        .find(|s| s.info.name.starts_with(stage))?;
    let bands = stage.bands.iter().zip(&visit.welcome().bands.centres);
    let (level, hz) = bands.max_by(|a, b| a.0.total_cmp(b.0))?;
    (*level > -40.0).then_some(*hz)
}

fn is_near(hz: Option<f32>, wanted: f32) -> bool {
    // Half a band, a twelfth of an octave, to either side.
    hz.is_some_and(|hz| (hz / wanted).log2().abs() <= 1.0 / 12.0)
}

#[test]
fn every_stage_shows_the_tone_that_passes_it() {
    let watched = Watched::open();
    let mut visit = watched.attach();
    assert_eq!(visit.welcome().program, "anna 1.0");
    assert_eq!(visit.welcome().protocol, PROTOCOL);
    let centres = visit.welcome().bands.centres.clone();
    let snapshot = look(
        &mut visit,
        "440 Hz at the microphone and 1 kHz heard",
        |s| {
            let peak = |stage: &str| {
                let stage = s.stages.iter().find(|x| x.info.name.starts_with(stage))?;
                let bands = stage.bands.iter().zip(&centres);
                let loudest = bands.max_by(|a, b| a.0.total_cmp(b.0))?;
                (*loudest.0 > -40.0).then_some(*loudest.1)
            };
            is_near(peak("mic"), 440.0) && is_near(peak("heard-"), 1000.0)
        },
    );
    for stage in ["voice", "mix", "far", "speaker"] {
        let expected = if stage == "voice" { 440.0 } else { 1000.0 };
        let found = pitch(&visit, &snapshot, stage);
        assert!(is_near(found, expected), "{stage}: {found:?}");
    }
    assert_eq!(snapshot.session.name, "Anna");
    assert_eq!(snapshot.session.participants, 2);
    let heard = snapshot
        .stages
        .iter()
        .find(|s| s.info.name.starts_with("heard-"))
        .unwrap();
    assert_eq!(heard.info.participant, watched.ben.handle.state().you);
}

#[test]
fn streams_network_and_threads_are_told_ten_times_a_second() {
    let watched = Watched::open();
    let mut visit = watched.attach();
    let snapshot = look(&mut visit, "everything known", |s| {
        let pictures = |way| {
            let camera = s
                .streams
                .iter()
                .find(|x| x.way == way && x.source == "camera");
            camera.is_some_and(|x| x.fps.is_some_and(|f| f > 1.0) && x.kbps > 1.0)
        };
        pictures(Way::Up)
            && pictures(Way::Down)
            && s.network.rtt_ms.is_some()
            && !s.process.threads.is_empty()
    });
    let voice = snapshot
        .streams
        .iter()
        .find(|s| s.way == Way::Down && s.source == "microphone");
    let voice = voice.expect("Ben's voice");
    assert!(
        voice.buffer_ms.is_some() && voice.buffer_target_ms.is_some_and(|t| t > 0.0),
        "{voice:?}"
    );
    assert_eq!(voice.name.as_deref(), Some("Ben"));
    assert!(snapshot.network.send_kbps > 1.0 && snapshot.network.receive_kbps > 1.0);
    assert!(snapshot.process.memory_bytes.is_some_and(|m| m > 1_000_000));
    let named = |name: &str| snapshot.process.threads.iter().any(|t| t.name == name);
    assert!(
        named("voice") && named("diagnose"),
        "{:?}",
        snapshot.process.threads
    );
    // A count, not a bound on time: as many snapshots as numbers, none left out of what was read.
    let first = look(&mut visit, "any", |_| true).seq;
    let third = {
        look(&mut visit, "any", |_| true);
        look(&mut visit, "any", |_| true).seq
    };
    assert_eq!(third, first + 2);
}

#[test]
fn a_stage_is_recorded_into_the_participants_folder() {
    let watched = Watched::open();
    let mut visit = watched.attach();
    let tap = |stage: &str, on| Request::Tap {
        id: 7,
        stage: stage.to_owned(),
        on,
    };
    let begun = answer(&mut visit, &tap("mic", true));
    let Reply::Tapped {
        id: 7,
        on: true,
        file: Some(file),
        ..
    } = begun
    else {
        panic!("{begun:?}")
    };
    look(&mut visit, "two seconds recorded", |s| {
        let mic = s.stages.iter().find(|x| x.info.name == "mic");
        mic.and_then(|m| m.tap.as_ref())
            .is_some_and(|t| t.seconds >= 2.0)
    });
    let ended = answer(&mut visit, &tap("mic", false));
    assert!(
        matches!(&ended, Reply::Tapped { on: false, file: Some(f), .. } if *f == file),
        "{ended:?}"
    );
    let path = watched.house.dir.path().join("taps").join(&file);
    let wav = hound::WavReader::open(&path).unwrap();
    let samples = wav
        .into_samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32_768.0);
    let samples: Vec<f32> = samples.collect();
    let power = |hz| confab_dsp::tone_power(&samples[..91_200], hz, 48_000);
    assert!(
        power(440.0) > 100.0 * power(660.0) && power(440.0) > 1e-4,
        "{} at 440 Hz",
        power(440.0)
    );
    // A name that is no stage reaches no file, whatever it looks like.
    for bad in [
        "../mic",
        "/tmp/mic",
        "mic.wav",
        "",
        "heard-p99-t99-microphone",
    ] {
        let refused = answer(&mut visit, &tap(bad, true));
        assert!(
            matches!(
                refused,
                Reply::Failed {
                    id: Some(7),
                    code: FailCode::UnknownStage
                }
            ),
            "{bad}: {refused:?}"
        );
    }
    assert_eq!(files(&watched.house.dir.path().join("taps")), [file]);
}

#[test]
fn strangers_words_end_the_visit_and_hurt_nobody() {
    let watched = Watched::open();
    let refused = Visit::attach_as(
        &watched.folder,
        watched.diagnostics.name(),
        PROGRAM,
        PATIENCE,
        PROTOCOL + 1,
    );
    let Err(AttachError::Refused {
        code: RefuseCode::WrongVersion,
        protocol: PROTOCOL,
    }) = refused
    else {
        panic!("{refused:?}")
    };
    let mut visit = watched.attach();
    let mut others: Vec<Visit> = (0..3).map(|_| watched.attach()).collect();
    let fifth = Visit::attach(
        &watched.folder,
        watched.diagnostics.name(),
        PROGRAM,
        PATIENCE,
    );
    assert!(
        matches!(
            fifth,
            Err(AttachError::Refused {
                code: RefuseCode::Busy,
                ..
            })
        ),
        "{fifth:?}"
    );
    // The three never read again, and are dropped when what they left unread gets too much.
    let stages = answer(&mut visit, &Request::Stages { id: 1 });
    assert!(
        matches!(&stages, Reply::Stages { id: 1, stages } if stages.len() >= 5),
        "{stages:?}"
    );
    wait(
        Duration::from_secs(60),
        "those who never read are dropped",
        || {
            look(&mut visit, "any", |_| true);
            let came = Visit::attach(
                &watched.folder,
                watched.diagnostics.name(),
                PROGRAM,
                PATIENCE,
            );
            came.is_ok()
        },
    );
    others.clear();
    assert!(watched.anna.hears(1000.0));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let socket = watched
        .folder
        .path()
        .join(format!("{}.sock", watched.diagnostics.name()));
    assert_eq!((mode(watched.folder.path()), mode(&socket)), (0o700, 0o600));
    // The end of the program ends the visit and frees the name.
    let Watched {
        diagnostics,
        folder,
        ..
    } = watched;
    drop(diagnostics);
    assert!(running(&folder, PROGRAM, PATIENCE).is_empty());
    let end = std::iter::from_fn(|| Some(visit.next(PATIENCE))).find_map(Result::err);
    assert!(matches!(end, Some(AttachError::Socket(_))), "{end:?}");
}

/// A desk with a tone for a microphone, and how to look at it.
fn desk(house: &House) -> (DeskHandle, Folder, String) {
    let link = MeetingLink::parse(&house.guest()).unwrap();
    let desk = Desk::start(DeskOptions {
        processing: Processing {
            echo_cancellation: false,
            noise_suppression: NoiseSuppression::Off,
            gain_control: false,
            original_sound: false,
        },
        test_devices: Some(TestDevices {
            microphones: vec!["tone:440".to_owned()],
            speakers: vec!["null".to_owned()],
            only: true,
            ..TestDevices::default()
        }),
        ..DeskOptions::new(link)
    })
    .unwrap();
    let folder = Folder::at(house.dir.path().join("sockets"));
    let options = || DiagnoseOptions {
        folder: folder.clone(),
        ..DiagnoseOptions::new("desk 1.0")
    };
    let name = desk.diagnose(options()).unwrap();
    assert_eq!(desk.diagnose(options()).unwrap(), name);
    (desk, folder, name)
}

fn microphone_is_open(snapshot: &Snapshot) -> bool {
    let mut stages = snapshot.stages.iter();
    stages.any(|x| x.info.name == "mic" && x.rms_db > -40.0)
}

#[test]
fn a_desk_is_seen_before_and_in_its_meeting() {
    let house = House::open();
    let (desk, folder, name) = desk(&house);
    let mut visit = Visit::attach(&folder, &name, PROGRAM, PATIENCE).unwrap();
    look(&mut visit, "outside", |s| s.session.phase == "outside");
    desk.send(DeskCommand::SetMicrophone { on: true });
    look(&mut visit, "the microphone before the meeting", |s| {
        s.session.phase == "outside" && microphone_is_open(s)
    });
    desk.send(DeskCommand::Join {
        name: "Dana".to_owned(),
        host_key: None,
    });
    let snapshot = look(&mut visit, "in the meeting", |s| {
        s.session.phase == "joined" && s.session.name == "Dana"
    });
    assert!(is_near(pitch(&visit, &snapshot, "mic"), 440.0));
    desk.send(DeskCommand::Leave);
    look(&mut visit, "outside again", |s| {
        s.session.phase != "joined" && s.stages.is_empty()
    });
}

#[test]
fn the_microphone_of_a_test_is_shut_when_the_last_of_several_is_over() {
    let house = House::open();
    let (desk, folder, name) = desk(&house);
    let mut visit = Visit::attach(&folder, &name, PROGRAM, PATIENCE).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    desk.ask(DeskCommand::RecordTest { seconds: 10.0 }, move |reply| {
        tell.send(reply).unwrap();
    });
    look(&mut visit, "the microphone of the test", microphone_is_open);
    let again = desk.send(DeskCommand::RecordTest { seconds: 0.5 });
    assert_eq!(again, DeskReply::Recorded { problem: None });
    let first = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first, DeskReply::Recorded { problem: None });
    look(&mut visit, "the microphone is shut", |s| {
        !microphone_is_open(s)
    });
}

fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}
