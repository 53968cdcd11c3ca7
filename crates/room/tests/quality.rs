//! Minutes of a call: what is reported and what is measured come out together, and no more often than they may.

mod common;

use common::{HOUR, Rig};
use confab_base::Duration;
use confab_protocol::*;
use confab_room::*;

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.join(1, true);
    rig.join(2, false);
    rig.outputs.clear();
    rig
}

fn report(seconds: u16) -> QualityReport {
    QualityReport {
        seconds,
        rtt_ms: Some(40),
        mic_on: 700,
        ..QualityReport::default()
    }
}

/// What is measured of a participant's way, with so much lost on the way up.
fn measured(who: u32, loss_up: f32) -> Input {
    Input::Media(MediaEvent::Links(vec![LinkSample {
        participant: ParticipantId(who),
        loss_up,
        loss_down: 0.0,
        rtt: Some(Duration::from_millis(30)),
        queued_down: Duration::from_millis(4),
        held_back: loss_up > 0.15,
        silent: false,
    }]))
}

fn minutes(rig: &mut Rig) -> Vec<MinuteOf> {
    let outputs = std::mem::take(&mut rig.outputs);
    let minutes = outputs.into_iter().filter_map(|o| match o {
        Output::Minute(minute) => Some(*minute),
        _ => None,
    });
    minutes.collect()
}

/// As long, with both of them pinging.
fn pass(rig: &mut Rig, seconds: u64) {
    for _ in 0..seconds {
        rig.wait_ms(1000);
        rig.ask(1, Request::Ping);
        rig.ask(2, Request::Ping);
    }
}

#[test]
fn a_report_comes_out_with_what_was_measured_in_its_time() {
    let mut rig = rig();
    rig.feed(measured(2, 0.1));
    pass(&mut rig, 30);
    rig.feed(measured(2, 0.2));
    pass(&mut rig, 30);
    rig.ask(2, Request::QualityReport(report(60)));
    let now = HOUR + rig.now.as_millis();
    let told = minutes(&mut rig);
    let expected = MinuteOf {
        participant: ParticipantId(2),
        name: "P2".into(),
        client: ClientKind::Headless,
        from: now - 60_000,
        to: now,
        report: Some(report(60)),
        measured: Some(LinkMeasure {
            loss_up: 150,
            loss_down: 0,
            rtt_ms: Some(30),
            queued_ms: 4,
            held_back: 500,
            silent: 0,
        }),
    };
    assert_eq!(told, [expected]);
    pass(&mut rig, 60);
    rig.ask(2, Request::QualityReport(report(60)));
    assert_eq!(minutes(&mut rig)[0].measured, None, "that was told");
}

#[test]
fn one_report_a_minute_is_enough() {
    let mut rig = rig();
    rig.ask(2, Request::QualityReport(report(60)));
    assert_eq!(minutes(&mut rig).len(), 1);
    pass(&mut rig, 40);
    rig.ask(2, Request::QualityReport(report(40)));
    assert_eq!(rig.error(2), Some(Code::TooFast));
    assert_eq!(minutes(&mut rig), []);
    pass(&mut rig, 15);
    rig.ask(2, Request::QualityReport(report(55)));
    assert_eq!(minutes(&mut rig).len(), 1);
}

#[test]
fn who_reports_nothing_is_measured_all_the_same() {
    let mut rig = rig();
    rig.feed(measured(2, 0.1));
    pass(&mut rig, 74);
    assert_eq!(minutes(&mut rig), []);
    pass(&mut rig, 1);
    let told = minutes(&mut rig);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].to - told[0].from, &told[0].report),
        (75_000, &None)
    );
    pass(&mut rig, 100);
    assert_eq!(minutes(&mut rig), [], "nothing was measured");
}

#[test]
fn what_is_left_when_somebody_goes_is_told() {
    let mut rig = rig();
    rig.feed(measured(2, 0.1));
    pass(&mut rig, 20);
    rig.ask(2, Request::Leave);
    let told = minutes(&mut rig);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].to - told[0].from, 20_000);
    rig.feed(measured(2, 0.1));
    rig.feed(measured(1, 0.1));
    pass(&mut rig, 5);
    rig.ask(1, Request::Leave);
    assert_eq!(minutes(&mut rig), [], "five seconds tell nothing");
}

#[test]
fn whose_media_comes_keeps_the_seat_however_long_the_signaling_is_gone() {
    let mut rig = rig();
    let left = |rig: &mut Rig| {
        let gone = |e: &Event| matches!(e, Event::ParticipantLeft { participant, .. } if *participant == ParticipantId(2));
        rig.events(1).iter().any(gone)
    };
    rig.feed(Input::Closed { conn: ConnId(2) });
    for _ in 0..36 {
        rig.feed(measured(2, 0.8));
        for _ in 0..5 {
            rig.wait_ms(1000);
            rig.ask(1, Request::Ping);
        }
        assert!(!left(&mut rig));
    }
    let silent = match measured(2, 0.8) {
        Input::Media(MediaEvent::Links(mut samples)) => {
            samples[0].silent = true;
            Input::Media(MediaEvent::Links(samples))
        }
        other => other,
    };
    for second in 5..59 {
        rig.feed(silent.clone());
        rig.wait_ms(1000);
        rig.ask(1, Request::Ping);
        assert!(!left(&mut rig), "{second}");
    }
    rig.wait_ms(2000);
    assert!(left(&mut rig));
}
