//! A restart under meetings that go on (docs/adr/0035), with the program itself in processes of its own: who is in stays in and
//! hears on, newcomers come in by the new process, and whichever of the two dies, the other has it all.
#![cfg(target_os = "linux")]

mod common;

use common::drawing::Drawer;
use common::process::{Process, confab, database, done, new_meeting};
use common::talker::Talker;
use common::{Invitation, Person, hello, told};
use confab_protocol::{Code, Request, Resume};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

/// Only a broken server takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that a server started; killed without mercy when it is dropped.
struct Heir(Pid);

impl Drop for Heir {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

fn config(dir: &Path) -> PathBuf {
    let file = dir.join("confab.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n{}[media]\naddress = \"127.0.0.1\"\nworkers = 2\n[log]\nlevel = \"warn\"\n",
        dir.join("data").display(),
        database(&dir.join("data"))
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// What `confab-server restart` says.
async fn restart(config: &Path) -> Output {
    let mut command = confab();
    command.args(["restart", "--config"]).arg(config);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// The process that serves from then on.
fn heir(output: &Output) -> Heir {
    let said = done(output);
    let pid = said.split_whitespace().nth(1).unwrap().parse().unwrap();
    Heir(Pid::from_raw(pid))
}

async fn host(server: SocketAddr, meeting: &Invitation, name: &str) -> Person {
    let mut hello = hello(meeting, name);
    hello.host_key = Some(meeting.host_key.clone());
    Person::enter(server, hello).await.unwrap()
}

async fn guest(server: SocketAddr, meeting: &Invitation, name: &str) -> Person {
    Person::enter(server, hello(meeting, name)).await.unwrap()
}

/// What a listener heard of one speaker: numbers of packets, and the longest silence between two of them.
#[derive(Default)]
struct Heard {
    numbers: Vec<u64>,
    last: Option<Instant>,
    silence: Duration,
}

impl Heard {
    fn listen(&mut self, talker: &Talker) {
        for packet in talker.heard() {
            let number = u64::from_be_bytes(packet.payload.as_ref().try_into().unwrap());
            self.numbers.push(number);
            let now = Instant::now();
            if let Some(last) = self.last.replace(now) {
                self.silence = self.silence.max(now - last);
            }
        }
    }

    /// Between the first and the last.
    fn lost(&self) -> u64 {
        let (Some(first), Some(last)) = (self.numbers.iter().min(), self.numbers.iter().max())
        else {
            return u64::MAX;
        };
        let mut all = self.numbers.clone();
        all.sort_unstable();
        all.dedup();
        last - first + 1 - all.len() as u64
    }
}

/// The first of each pair speaks to the second, a packet every 20 ms, until `done`; all connections are kept alive meanwhile.
async fn talk(
    pairs: &mut [(&mut Talker, &mut Talker)],
    done: impl FnMut(&[Heard]) -> bool,
) -> Vec<Heard> {
    talk_beside(pairs, &mut [], done).await
}

/// The same, with others who only stay.
async fn talk_beside(
    pairs: &mut [(&mut Talker, &mut Talker)],
    others: &mut [&mut Talker],
    mut done: impl FnMut(&[Heard]) -> bool,
) -> Vec<Heard> {
    let mut heard: Vec<Heard> = pairs.iter().map(|_| Heard::default()).collect();
    let deadline = Instant::now() + PATIENCE;
    for n in 0u64.. {
        for ((from, to), heard) in pairs.iter_mut().zip(&mut heard) {
            from.say();
            heard.listen(to);
            if n % 40 == 0 {
                from.person.ask(Request::Ping).await.unwrap();
                to.person.ask(Request::Ping).await.unwrap();
            }
        }
        if n % 40 == 0 {
            for other in others.iter_mut() {
                other.person.ask(Request::Ping).await.unwrap();
            }
        }
        if done(&heard) {
            break;
        }
        assert!(Instant::now() < deadline, "not heard in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    heard
}

fn each(heard: &[Heard], packets: usize) -> bool {
    heard.iter().all(|heard| heard.numbers.len() >= packets)
}

/// Talks while something goes on, and for a second more.
async fn talk_through<T: Send + 'static>(
    pairs: &mut [(&mut Talker, &mut Talker)],
    goes_on: impl Future<Output = T> + Send + 'static,
) -> (Vec<Heard>, T) {
    let task = tokio::spawn(goes_on);
    let mut over: Option<Instant> = None;
    let heard = talk(pairs, |_| {
        if task.is_finished() && over.is_none() {
            over = Some(Instant::now());
        }
        over.is_some_and(|over| over.elapsed() > Duration::from_secs(1))
    })
    .await;
    (heard, task.await.unwrap())
}

/// Nothing of theirs was moved: what little a busy machine may lose is not for want of a path.
fn assert_unbroken(heard: &[Heard], what: &str) {
    for heard in heard {
        let (lost, all) = (heard.lost(), heard.numbers.len());
        let silence = heard.silence.as_millis();
        eprintln!("{what}: {all} packets heard, {lost} lost, longest silence {silence} ms");
        assert!(lost <= 5, "{what}: {lost} of {all} lost");
    }
}

async fn pair(server: SocketAddr, meeting: &Invitation, udp: (bool, bool)) -> (Talker, Talker) {
    let ada = guest(server, meeting, "Ada").await;
    let bob = host(server, meeting, "Bob").await;
    let mut ada = Talker::join(ada, "ada", udp.0).await;
    let mut bob = Talker::join(bob, "bob", udp.1).await;
    let track = ada.track().await;
    bob.listen_to(track).await;
    (ada, bob)
}

async fn participants(server: SocketAddr, meeting: &Invitation) -> u64 {
    let url = format!("http://{server}/api/v1/meetings/{}", meeting.id);
    let ask = move || {
        ureq::get(url)
            .call()
            .unwrap()
            .into_body()
            .read_to_string()
            .unwrap()
    };
    let body = tokio::task::spawn_blocking(ask).await.unwrap();
    let info: serde_json::Value = serde_json::from_str(&body).unwrap();
    info["participants"].as_u64().unwrap()
}

/// The process with this configuration in its command line.
fn serving(config: &Path) -> Option<Pid> {
    let config = config.to_str().unwrap();
    let named = |id: &i32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(config)
    };
    let all = std::fs::read_dir("/proc").unwrap();
    let ids = all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.into_iter().find(named).map(Pid::from_raw)
}

/// Who is only cut keeps the seat for a minute, and the process that holds the meeting waits for them.
async fn leave(mut person: Person) {
    person.socket.send(Request::Leave).await;
    person.socket.end().await;
}

/// Who was cut, or sent away, comes back to the same seat.
async fn back(server: SocketAddr, meeting: &Invitation, was: Person, name: &str) -> Person {
    let Person {
        mut socket,
        id,
        token,
        ..
    } = was;
    while socket.next().await.is_some() {}
    let resume = Resume {
        participant: id,
        token,
        last_seq: 0,
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut hello = hello(meeting, name);
        hello.resume = Some(resume.clone());
        match Person::enter(server, hello).await {
            Ok(person) => {
                assert_eq!(person.id, id);
                return person;
            }
            // Between the end and its being noticed.
            Err(code) => assert_eq!(code, Code::GoingAway),
        }
        assert!(Instant::now() < deadline);
    }
}

async fn until_ended(process: &mut Process) {
    let deadline = Instant::now() + PATIENCE;
    while process.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the old process does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_goes_on_and_newcomers_come_in_while_a_new_process_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut old = Process::serve(&config);
    let server = old.address;
    let (held, new) = (new_meeting(&config), new_meeting(&config));
    let (mut ada, mut bob) = pair(server, &held, (true, true)).await;
    talk(&mut [(&mut ada, &mut bob)], |heard| each(heard, 20)).await;

    let file = config.clone();
    let pairs = &mut [(&mut ada, &mut bob)];
    let (heard, output) = talk_through(pairs, async move { restart(&file).await }).await;
    let heir_one = heir(&output);
    assert_unbroken(&heard, "handover");

    // Into the meeting of the old process, by the new one: by UDP and by TCP.
    let carol = guest(server, &held, "Carol").await;
    assert_eq!(told(&carol.welcome).participants.len(), 3);
    let mut carol = Talker::join(carol, "carol", true).await;
    let mut dave = Talker::join(guest(server, &held, "Dave").await, "dave", false).await;
    let track = ada.track().await;
    carol.listen_to(track).await;
    dave.listen_to(track).await;
    carol.person.say("by the other door").await;
    assert_eq!(participants(server, &held).await, 4);
    let (mut by_udp, mut by_tcp) = (Heard::default(), Heard::default());
    talk(&mut [(&mut ada, &mut bob)], |_| {
        by_udp.listen(&carol);
        by_tcp.listen(&dave);
        by_udp.numbers.len() >= 50 && by_tcp.numbers.len() >= 50
    })
    .await;
    assert_unbroken(&[by_udp, by_tcp], "newcomers listening");
    let track = carol.track().await;
    bob.listen_to(track).await;
    // What Ada said before is not Carol's.
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(bob.heard());
    let pairs = &mut [(&mut carol, &mut bob)];
    let others = &mut [&mut ada, &mut dave];
    let heard = talk_beside(pairs, others, |heard| each(heard, 50)).await;
    assert_unbroken(&heard, "a newcomer speaking");

    // A new meeting lives in the new process, while the old one reads its packets.
    let (mut eve, mut frank) = pair(server, &new, (true, false)).await;
    let pairs = &mut [(&mut eve, &mut frank)];
    let others = &mut [&mut ada, &mut bob, &mut carol, &mut dave];
    let heard = talk_beside(pairs, others, |heard| each(heard, 50)).await;
    assert_unbroken(&heard, "a new meeting");

    let refused = restart(&config).await;
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("handover_draining"),
        "{why}"
    );

    // The old process ends with its meeting; the new one reads its packets itself from then on.
    for talker in [ada, bob, carol, dave] {
        leave(talker.person).await;
    }
    let ends = async move {
        until_ended(&mut old).await;
        old
    };
    let pairs = &mut [(&mut eve, &mut frank)];
    let (heard, _old) = talk_through(pairs, ends).await;
    assert_unbroken(&heard, "the end of the old process");

    // And again, from the new one.
    let file = config.clone();
    let (heard, output) = talk_through(pairs, async move { restart(&file).await }).await;
    let heir_two = heir(&output);
    assert_unbroken(&heard, "the next handover");
    assert_ne!(heir_one.0, heir_two.0);
    assert_eq!(participants(server, &new).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_process_dies_the_other_has_its_meetings() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut old = Process::serve(&config);
    let server = old.address;
    let held = new_meeting(&config);
    let mut ada = guest(server, &held, "Ada").await;
    let first = heir(&restart(&config).await);

    // The new one dies: the old one accepts again, and can be restarted again.
    kill(first.0, Signal::SIGKILL).unwrap();
    while kill(first.0, None).is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ada.say("still here").await;
    let mut bob = guest(server, &held, "Bob").await;
    bob.say("the old door is open").await;
    let second = loop {
        let output = restart(&config).await;
        match output.status.success() {
            true => break heir(&output),
            // It has not yet noticed.
            false => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };

    // The old one dies: who was in comes back to the same seat, in the new one.
    let mut carol = guest(server, &held, "Carol").await;
    carol.say("carried").await;
    old.child.kill().unwrap();
    old.child.wait().unwrap();
    let _ada = back(server, &held, ada, "Ada").await;
    let mut carol = back(server, &held, carol, "Carol").await;
    let texts: Vec<_> = told(&carol.welcome)
        .chat
        .iter()
        .map(|m| m.text.clone())
        .collect();
    assert_eq!(texts, ["still here", "the old door is open", "carried"]);
    carol.say("and on").await;
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whiteboard_goes_on_and_is_the_same_in_the_new_process() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut old = Process::serve(&config);
    let server = old.address;
    let held = new_meeting(&config);
    let ada = host(server, &held, "Ada").await;
    let mut a = Drawer::open(server, &held, &ada).await;
    let page = a.page();
    a.note(page, 1);
    a.send().await;
    a.acknowledged().await;
    let heir = heir(&restart(&config).await);

    // Drawn together through both doors.
    let bob = guest(server, &held, "Bob").await;
    let mut b = Drawer::open(server, &held, &bob).await;
    assert_eq!((b.objects(), b.hash()), (2, a.hash()));
    b.note(page, 2);
    b.send().await;
    b.acknowledged().await;
    a.until(|board, _| board.document().objects().count() == 3)
        .await;
    a.note(page, 3);
    a.send().await;
    a.acknowledged().await;
    b.until(|board, _| board.document().objects().count() == 4)
        .await;
    assert_eq!(a.hash(), b.hash());

    // Sent away before the meeting is over, as after drain_hours: the new process has the meeting, and the board with it.
    kill(Pid::from_raw(old.child.id() as i32), Signal::SIGTERM).unwrap();
    until_ended(&mut old).await;
    let ada = back(server, &held, ada, "Ada").await;
    let mut again = Drawer::open(server, &held, &ada).await;
    assert_eq!(again.hash(), a.hash());
    assert_eq!(again.server_hash().await, a.hash());
    drop(heir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_does_not_come_up_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path());
    let mut old = Process::serve(&file);
    let server = old.address;
    let meeting = new_meeting(&file);
    let (mut ada, mut bob) = pair(server, &meeting, (true, true)).await;
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("no_such_key = 1\n{good}")).unwrap();
    // SIGUSR2 says nothing but in the log; the command reads a good file.
    let apart = dir.path().join("good.toml");
    std::fs::write(&apart, &good).unwrap();
    let pairs = &mut [(&mut ada, &mut bob)];
    let (heard, output) = talk_through(pairs, async move { restart(&apart).await }).await;
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && why.contains("handover_exited"),
        "{why}"
    );
    assert_unbroken(&heard, "a restart that failed");
    let mut carol = guest(server, &meeting, "Carol").await;
    carol.say("as ever").await;
    assert!(old.child.try_wait().unwrap().is_none());

    // Whoever is not asked for gets nothing.
    std::fs::write(&file, &good).unwrap();
    let stranger = confab()
        .args(["serve", "--take-over", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(
        !stranger.status.success() && why.contains("handover_unasked"),
        "{why}"
    );

    // And by the signal alone, once the file is good again.
    let id = i32::try_from(old.child.id()).unwrap();
    kill(Pid::from_raw(id), Signal::SIGUSR2).unwrap();
    for person in [ada.person, bob.person, carol] {
        leave(person).await;
    }
    until_ended(&mut old).await;
    let mut dave = guest(server, &meeting, "Dave").await;
    dave.say("in the new process").await;
    drop(Heir(
        serving(&file).expect("a process with this configuration"),
    ));
}
