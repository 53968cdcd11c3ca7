use super::*;
use crate::bus::lane::Body;
use crate::bus::wire::Kind;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

const CREDIT: u32 = 3;

fn unit(timestamp: u32, keyframe: bool) -> Unit {
    Unit {
        kind: Kind::H264,
        keyframe,
        timestamp,
        data: vec![0; 100],
        ready: Time::ZERO,
    }
}

fn show(streams: &[u32]) -> FromPage {
    let shown = |s: &u32| Shown {
        stream: *s,
        width: 64,
        height: 36,
        credit: CREDIT,
    };
    FromPage::Show {
        mode: Mode::Units,
        codecs: Vec::new(),
        streams: streams.iter().map(shown).collect(),
    }
}

fn counting() -> (KeyframeAsk, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let theirs = count.clone();
    let ask = KeyframeAsk::new(move || {
        theirs.fetch_add(1, Ordering::Relaxed);
    });
    (ask, count)
}

fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn timestamps(streams: &mut Streams, now: Time) -> Vec<u32> {
    std::iter::from_fn(|| streams.next(now).map(|n| n.timestamp)).collect()
}

fn one_open_and_shown() -> Streams {
    let mut streams = Streams::default();
    streams.open(7, Some(counting().0));
    streams.page_says(show(&[7]), Time::ZERO);
    streams
}

#[test]
fn what_the_page_does_not_decode_it_gets_as_pictures() {
    use VideoCodec::{Av1, H264};
    let mut streams = one_open_and_shown();
    let needs = |streams: &Streams| [H264, Av1].map(|c| streams.needs(7, c));
    assert_eq!(needs(&streams), [Needs::UNITS, Needs::PICTURES]);
    let picture = Arc::new(I420::black(16, 16));
    streams.unit(7, unit(1, true), ms(1));
    assert!(streams.picture(7, &picture, 2, ms(2)));
    let body = streams.next(ms(2)).unwrap().body;
    assert!(matches!(body, Body::Picture { .. }) && streams.bytes == 0);
    streams.picture(7, &picture, 3, ms(3));
    streams.unit(7, unit(4, false), ms(4));
    assert!(
        streams.next(ms(4)).is_none(),
        "the other codec begins with a key frame"
    );
    streams.unit(7, unit(5, true), ms(5));
    assert_eq!(timestamps(&mut streams, ms(5)), [5]);
    let FromPage::Show {
        mode,
        streams: shown,
        ..
    } = show(&[7])
    else {
        unreachable!()
    };
    let codecs = vec![Av1];
    streams.page_says(
        FromPage::Show {
            mode,
            codecs,
            streams: shown,
        },
        ms(6),
    );
    assert_eq!(needs(&streams), [Needs::UNITS, Needs::UNITS]);
}

#[test]
fn nothing_goes_to_a_hidden_stream_and_showing_it_asks_for_a_key_frame() {
    let mut streams = Streams::default();
    let (ask, count) = counting();
    streams.open(7, Some(ask));
    assert_eq!(streams.needs(7, VideoCodec::H264), Needs::NOTHING);
    assert!(!streams.unit(7, unit(0, true), ms(0)).0);
    streams
        .page_says(show(&[7]), ms(1))
        .iter()
        .for_each(KeyframeAsk::ask);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(streams.needs(7, VideoCodec::H264), Needs::UNITS);
    assert!(!streams.unit(7, unit(1, false), ms(2)).0);
    assert!(streams.unit(7, unit(2, true), ms(3)).0);
    streams.unit(7, unit(3, false), ms(4));
    assert_eq!(timestamps(&mut streams, ms(4)), [2, 3]);
}

#[test]
fn a_page_that_falls_behind_gets_a_key_frame_next() {
    let mut streams = one_open_and_shown();
    streams.unit(7, unit(0, true), ms(0));
    (1..40).for_each(|t| drop(streams.unit(7, unit(t, false), ms(t.into()))));
    assert!(streams.stats()[&7].waiting <= MAX_UNITS);
    let mut seen = timestamps(&mut streams, ms(50));
    streams.page_says(
        FromPage::Credit {
            streams: vec![(7, 16)],
        },
        ms(50),
    );
    seen.extend(timestamps(&mut streams, ms(50)));
    streams.unit(7, unit(40, false), ms(51));
    streams.unit(7, unit(41, true), ms(52));
    streams.unit(7, unit(42, false), ms(53));
    seen.extend(timestamps(&mut streams, ms(54)));
    assert_eq!(seen, [41, 42]);
}

#[test]
fn a_stopped_page_is_asked_nothing_and_holds_little() {
    let mut streams = one_open_and_shown();
    let mut asks = 0;
    for t in 0..10_000u64 {
        let keyframe = t % 97 == 0;
        let (_, ask) = streams.unit(7, unit(t as u32, keyframe), ms(t * 33));
        asks += usize::from(ask.is_some());
        asks += streams.tick(ms(t * 33)).len();
        while streams.next(ms(t * 33)).is_some() {}
        assert!(streams.stats()[&7].waiting <= MAX_UNITS);
    }
    assert_eq!((asks, streams.stats()[&7].sent), (0, u64::from(CREDIT)));
    let woken = streams.page_says(
        FromPage::Credit {
            streams: vec![(7, 1)],
        },
        ms(340_000),
    );
    // Either it has something to go on with, or it asks now.
    assert!(streams.stats()[&7].waiting > 0 || woken.len() == 1);
}

#[test]
fn key_frames_that_do_not_come_are_asked_for_ever_more_slowly() {
    let mut streams = one_open_and_shown();
    let mut at = Vec::new();
    while let Some(next) = streams.next_wakeup().filter(|t| *t < ms(12_000)) {
        at.push(next.as_millis());
        assert_eq!(streams.tick(next).len(), 1);
    }
    assert_eq!(at, [500, 1500, 3500, 7500, 11_500]);
}

#[test]
fn of_pictures_only_the_latest_waits() {
    let mut streams = Streams::default();
    streams.open(super::super::wire::OWN_CAMERA, None);
    let own = super::super::wire::OWN_CAMERA;
    let picture = |luma| Arc::new(I420::filled(4, 2, [luma, 128, 128]));
    streams.picture(own, &picture(1), 1, ms(0));
    streams.page_says(show(&[own]), ms(1));
    // What was there before it was shown, at once; then at most one in 30 ms.
    assert_eq!(timestamps(&mut streams, ms(1)), [1]);
    streams.picture(own, &picture(2), 2, ms(5));
    streams.picture(own, &picture(3), 3, ms(9));
    assert!(timestamps(&mut streams, ms(9)).is_empty());
    assert_eq!(streams.next_wakeup(), Some(ms(31)));
    assert_eq!(timestamps(&mut streams, ms(31)), [3]);
}

#[test]
fn streams_take_turns() {
    let mut streams = Streams::default();
    for stream in [1, 2, 3] {
        streams.open(stream, None);
    }
    streams.page_says(show(&[1, 2, 3]), ms(0));
    for stream in [1, 2, 3] {
        streams.unit(stream, unit(0, true), ms(0));
        streams.unit(stream, unit(1, false), ms(0));
    }
    let order: Vec<u32> = std::iter::from_fn(|| streams.next(ms(0)).map(|n| n.stream)).collect();
    assert_eq!(order, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn an_old_sources_end_does_not_touch_the_new_one() {
    let mut streams = one_open_and_shown();
    let old = streams.open(7, None);
    streams.open(7, None);
    streams.close(7, old);
    assert!(streams.unit(7, unit(0, true), ms(0)).0);
}

#[test]
fn a_page_that_goes_leaves_nothing_behind() {
    let mut streams = one_open_and_shown();
    streams.unit(7, unit(0, true), ms(0));
    streams.page_gone();
    assert_eq!(
        (streams.needs(7, VideoCodec::H264), streams.bytes),
        (Needs::NOTHING, 0)
    );
    streams.close(7, 1);
    assert!(streams.lanes.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Unit {
        stream: u32,
        keyframe: bool,
        big: bool,
    },
    Show(Vec<u32>),
    Credit(u32, u32),
    Key(u32),
    Take,
    Gone,
}

fn step() -> impl Strategy<Value = Step> {
    let unit = (
        0u32..3,
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.05),
    );
    prop_oneof![
        8 => unit.prop_map(|(stream, keyframe, big)| Step::Unit { stream, keyframe, big }),
        1 => proptest::collection::vec(0u32..3, 0..3).prop_map(Step::Show),
        4 => (0u32..3, 0u32..5).prop_map(|(s, c)| Step::Credit(s, c)),
        1 => (0u32..3).prop_map(Step::Key),
        4 => Just(Step::Take),
        1 => Just(Step::Gone),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn no_unit_is_handed_over_without_the_one_before_it(steps in proptest::collection::vec(step(), 0..300)) {
        let mut streams = Streams::default();
        for stream in 0..3 {
            streams.open(stream, Some(counting().0));
        }
        let mut made = [0u32; 3];
        let mut last = [None::<u32>; 3];
        for (n, step) in steps.into_iter().enumerate() {
            let now = ms(n as u64 * 5);
            match step {
                Step::Unit { stream, keyframe, big } => {
                    let number = &mut made[stream as usize];
                    *number += 1;
                    let mut unit = unit(*number, keyframe);
                    unit.data = vec![0; if big { 900_000 } else { 1000 }];
                    streams.unit(stream, unit, now);
                }
                Step::Show(list) => drop(streams.page_says(show(&list), now)),
                Step::Credit(stream, count) => {
                    streams.page_says(FromPage::Credit { streams: vec![(stream, count)] }, now);
                }
                Step::Key(stream) => drop(streams.page_says(FromPage::Key { stream }, now)),
                Step::Gone => {
                    streams.page_gone();
                    last = [None; 3];
                }
                Step::Take => {
                    if let Some(next) = streams.next(now) {
                        let Body::Unit { keyframe, .. } = next.body else { panic!() };
                        let stream = next.stream as usize;
                        prop_assert!(keyframe || last[stream] == Some(next.timestamp - 1));
                        last[stream] = Some(next.timestamp);
                    }
                }
            }
            let waiting: usize = streams.lanes.values().flat_map(|l| &l.units).map(|u| u.data.len()).sum();
            prop_assert_eq!(streams.bytes, waiting);
            prop_assert!(streams.lanes.values().all(|l| l.units.len() <= MAX_UNITS && l.bytes <= MAX_STREAM_BYTES));
        }
    }
}
