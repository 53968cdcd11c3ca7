//! A mute holds whatever happens to the offers meanwhile, and a share's mute goes with the share.

mod common;

use common::Rig;
use confab_protocol::*;
use confab_room::MediaCommand;

const MIC: Source = Source::Microphone;
const GUEST: ParticipantId = ParticipantId(2);

/// A host on connection 1, and on connection 2 a guest who publishes `sources`, none of them muted.
fn shown(sources: &[Source]) -> (Rig, Vec<TrackId>) {
    let mut rig = Rig::new();
    rig.join(1, true);
    rig.join(2, false);
    rig.ask(
        2,
        Request::Mute {
            source: MIC,
            muted: false,
        },
    );
    let tracks = rig.publish(2, 1, sources);
    rig.outputs.clear();
    (rig, tracks)
}

fn host_mute(source: Source) -> Request {
    Request::HostMute {
        participant: GUEST,
        source,
    }
}

fn muted(rig: &Rig) -> Vec<Source> {
    rig.room.snapshot().participants[1].muted.clone()
}

/// What the media side was told of this track's mute, last.
fn told(rig: &mut Rig, id: TrackId) -> Option<bool> {
    let commands = rig.commands().into_iter().rev();
    let mut of_track = commands.filter_map(|c| match c {
        MediaCommand::Mute { track, muted } if track == id => Some(muted),
        _ => None,
    });
    of_track.next()
}

#[test]
fn an_offer_without_the_microphone_that_waits_does_not_shield_it_from_a_mute() {
    let (mut rig, tracks) = shown(&[MIC]);
    let ticket = rig.offer(2, 1, &[Source::Camera]);
    rig.ask(
        2,
        Request::Mute {
            source: MIC,
            muted: true,
        },
    );
    assert_eq!(told(&mut rig, tracks[0]), Some(true));
    rig.fail_offer(2, ticket, 1);
    assert_eq!(told(&mut rig, tracks[0]), Some(true), "and once more");
    assert!(muted(&rig).contains(&MIC));
}

#[test]
fn a_host_mutes_what_only_an_unanswered_offer_names() {
    let (mut rig, _) = shown(&[]);
    rig.outputs.clear();
    rig.ask(2, common::offer(1, &[MIC]));
    let Some(MediaCommand::Offer { publish, .. }) = rig.commands().pop() else {
        panic!("the offer is passed on");
    };
    rig.offer(2, 1, &[]);
    rig.ask(1, host_mute(MIC));
    assert_eq!(told(&mut rig, publish[0].track), Some(true));
}

#[test]
fn a_share_that_a_host_stopped_can_be_begun_anew() {
    for by_offer in [false, true] {
        let (mut rig, tracks) = shown(&[MIC, Source::Screen]);
        rig.ask(1, host_mute(Source::Screen));
        assert_eq!(told(&mut rig, tracks[1]), Some(true));
        assert!(muted(&rig).contains(&Source::Screen));
        if by_offer {
            rig.publish(2, 1, &[MIC]);
        } else {
            let source = Source::Screen;
            rig.ask(2, Request::Unpublish { source });
        }
        let freed = Event::MuteChanged {
            participant: GUEST,
            source: Source::Screen,
            muted: false,
            by: GUEST,
        };
        assert!(by_offer || rig.events(1).contains(&freed));
        assert!(!muted(&rig).contains(&Source::Screen));
        let row = &rig.store.participants[1];
        assert!(!row.muted.contains(&Source::Screen));
        rig.outputs.clear();
        rig.ask(2, common::offer(1, &[MIC, Source::Screen]));
        let Some(MediaCommand::Offer { publish, .. }) = rig.commands().pop() else {
            panic!("the offer is passed on");
        };
        assert!(!publish[1].muted);
    }
}

#[test]
fn a_stopped_share_stays_stopped_while_its_line_is_offered() {
    let (mut rig, _) = shown(&[Source::Screen]);
    rig.ask(1, host_mute(Source::Screen));
    rig.publish(2, 1, &[MIC, Source::Screen]);
    rig.publish(2, 2, &[Source::Screen]);
    assert!(muted(&rig).contains(&Source::Screen));
    let ticket = rig.offer(2, 2, &[MIC]);
    rig.fail_offer(2, ticket, 2);
    assert!(muted(&rig).contains(&Source::Screen));
}

#[test]
fn a_host_who_is_late_does_not_stop_the_next_share() {
    let (mut rig, _) = shown(&[Source::Screen]);
    let source = Source::Screen;
    rig.ask(2, Request::Unpublish { source });
    rig.ask(1, host_mute(source));
    assert!(!muted(&rig).contains(&source));
}

#[test]
fn microphone_and_camera_stay_muted_over_their_lines() {
    let (mut rig, _) = shown(&[MIC]);
    rig.ask(1, host_mute(MIC));
    rig.ask(2, Request::Unpublish { source: MIC });
    rig.publish(2, 1, &[]);
    assert_eq!(muted(&rig), [MIC, Source::Camera]);
}
