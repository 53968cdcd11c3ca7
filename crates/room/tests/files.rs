//! Files in the chat: whose they are, who may have them, and how they go away.

mod common;

use common::*;
use confab_protocol::*;
use confab_room::*;

fn id(n: u32) -> ParticipantId {
    ParticipantId(n)
}

fn file(n: u128) -> SharedFile {
    SharedFile {
        id: FileId::from_random(n << 8),
        name: format!("{n}.pdf"),
        size: 10,
        kind: FileKind::Document,
        removed: false,
    }
}

fn upload(rig: &mut Rig, who: u32, n: u128) {
    let (participant, file) = (id(who), file(n));
    rig.feed(Input::Uploaded { participant, file });
}

fn share(client_id: &str, files: &[u128], to: Option<Audience>) -> Request {
    Request::Chat {
        text: String::new(),
        client_id: client_id.into(),
        to,
        files: files.iter().map(|n| file(*n).id).collect(),
    }
}

fn remove(n: u128) -> Request {
    Request::FileRemove { file: file(n).id }
}

fn removed_from_store(rig: &mut Rig) -> Vec<FileId> {
    let of = |o| match o {
        Output::Store(StoreCommand::RemoveFile(file)) => Some(file),
        _ => None,
    };
    rig.outputs.drain(..).filter_map(of).collect()
}

/// A host and two guests, by the same numbers of connections.
fn three() -> Rig {
    let mut rig = Rig::new();
    for conn in 1..=3 {
        rig.join(conn, conn == 1);
    }
    rig.outputs.clear();
    rig
}

#[test]
fn a_message_carries_what_its_sender_uploaded_once() {
    let mut rig = three();
    upload(&mut rig, 2, 1);
    upload(&mut rig, 2, 2);
    rig.ask(3, share("a", &[1], None));
    assert_eq!(rig.error(3), Some(Code::NotFound), "another one's");
    rig.ask(2, share("b", &[1, 9], None));
    assert_eq!(rig.error(2), Some(Code::NotFound), "all or none");
    rig.ask(2, share("c", &[2, 1], None));
    let Some(Event::Chat { message }) = rig.events(3).pop() else {
        panic!("everybody hears of it");
    };
    assert_eq!(message.files, [file(2), file(1)]);
    rig.ask(2, share("c", &[2, 1], None));
    assert_eq!(rig.error(2), None, "the same message again");
    rig.ask(2, share("d", &[1], None));
    assert_eq!(rig.error(2), Some(Code::NotFound), "it is in a message");
    assert_eq!(rig.room.snapshot().chat, [message]);
}

#[test]
fn a_closed_chat_takes_no_files_but_to_hosts_and_keeps_the_upload() {
    let mut rig = three();
    let mut policy = Policy::default();
    policy.permissions.chat = false;
    rig.ask(1, Request::HostPolicy { policy });
    upload(&mut rig, 2, 1);
    rig.ask(2, share("a", &[1], None));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(2, share("b", &[1], Some(Audience::Hosts)));
    assert_eq!(rig.error(2), None);
}

#[test]
fn files_are_for_those_who_may_read_the_message() {
    let said = |to, present: &[u32]| ChatMessage {
        id: 1,
        from: id(2),
        name: "Bo".into(),
        text: String::new(),
        files: vec![file(1)],
        to,
        present: present.iter().map(|n| id(*n)).collect(),
        at: 0,
        client_id: "c".into(),
    };
    let may = |message: &ChatMessage, who: u32, role| may_read(message, id(who), role);
    assert!(may(&said(None, &[]), 9, Role::Guest));
    let private = said(Some(Audience::Person { participant: id(3) }), &[]);
    assert!(may(&private, 2, Role::Guest) && may(&private, 3, Role::Guest));
    assert!(!may(&private, 1, Role::Host));
    let hosts = said(Some(Audience::Hosts), &[]);
    assert!(may(&hosts, 1, Role::CoHost) && !may(&hosts, 3, Role::Participant));
    // Of a breakout room: who was there, wherever they are now, and no host who was not.
    let room = said(Some(Audience::Room { room: 1 }), &[2, 3]);
    assert!(may(&room, 3, Role::Guest) && !may(&room, 1, Role::Host));
}

#[test]
fn the_sender_and_hosts_take_a_file_out_and_others_do_not() {
    let mut rig = three();
    upload(&mut rig, 2, 1);
    rig.ask(2, share("a", &[1], None));
    rig.ask(3, remove(1));
    assert_eq!(rig.error(3), Some(Code::NotAllowed));
    rig.outputs.clear();
    rig.ask(1, remove(1));
    let outputs = rig.outputs.clone();
    assert!(
        matches!(&rig.events(3)[..], [Event::FileRemoved { message: 1, file: gone, by }] if *gone == file(1).id && by.0 == 1)
    );
    rig.outputs = outputs;
    assert_eq!(removed_from_store(&mut rig), [file(1).id]);
    let chat = rig.room.snapshot().chat;
    assert!(chat[0].files[0].removed, "its name stays");
    rig.ask(2, remove(1));
    assert_eq!(rig.error(2), None, "gone already");
}

#[test]
fn who_may_not_read_a_message_does_not_learn_of_its_file() {
    let mut rig = three();
    upload(&mut rig, 2, 1);
    let to = Some(Audience::Person { participant: id(3) });
    rig.ask(2, share("a", &[1], to));
    rig.ask(1, remove(1));
    assert_eq!(rig.error(1), Some(Code::NotFound), "the host neither");
    rig.outputs.clear();
    rig.ask(2, remove(1));
    let told = |rig: &mut Rig, conn| {
        let mut heard = rig.heard(conn).into_iter();
        let is_gone =
            |m| matches!(m, ServerMessage::Asides { messages } if messages[0].files[0].removed);
        heard.any(is_gone)
    };
    let outputs = rig.outputs.clone();
    assert!(told(&mut rig, 3));
    rig.outputs = outputs;
    assert!(!told(&mut rig, 1));
}

#[test]
fn uploads_that_go_into_no_message_are_forgotten() {
    let mut rig = three();
    for n in 1..=MAX_UPLOADS as u128 + 1 {
        upload(&mut rig, 2, n);
    }
    assert_eq!(removed_from_store(&mut rig), [file(1).id], "the oldest");
    upload(&mut rig, 2, 100);
    rig.outputs.clear();
    rig.ask(2, remove(100));
    assert_eq!(removed_from_store(&mut rig), [file(100).id], "called back");
    rig.ask(2, Request::Leave);
    assert_eq!(removed_from_store(&mut rig).len(), MAX_UPLOADS - 1);
    upload(&mut rig, 2, 200);
    assert_eq!(removed_from_store(&mut rig), [file(200).id], "too late");
}

#[test]
fn what_was_uploaded_before_a_restart_can_be_sent_after_it() {
    let mut rig = Rig::new();
    let token = rig.join(1, true);
    rig.store.uploads = vec![(id(1), file(1)), (id(7), file(2))];
    rig.room = Room::restore(config(), rig.store.clone(), rig.now);
    rig.resume(2, 1, &token, 0);
    rig.outputs.clear();
    rig.ask(2, share("a", &[1], None));
    assert_eq!(rig.error(2), None);
    assert_eq!(rig.room.snapshot().chat[0].files, [file(1)]);
}
