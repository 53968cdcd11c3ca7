//! The running meetings: each window's participant, the bus its pictures take, and what of its pushes concerns the shell.

use crate::carried::Refused;
use crate::ipc::{DataSaver, PopOutWhat, Settings};
use crate::link::Destination;
use crate::notices::{Notice, Notices};
use crate::shell::{Shell, lock};
use confab_base::{Code, Source};
use confab_client::MeetingLink;
use confab_client::desk::{
    BusAddress, CallPhase, DataSaving, Desk, DeskCommand, DeskHandle, DeskOptions, DeskPatch,
    DeskPush, EndReason, Pictures, Processing,
};
use confab_client::pipeline::bus::{
    BothSinks, Carried, CarriedPage, FrameBus, OWN_CAMERA, OWN_SCREEN,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tauri::{AppHandle, Emitter, EventTarget, Manager, Runtime};
use tauri_plugin_notification::NotificationExt;

/// Meetings by the number in their windows' labels.
#[derive(Debug, Default)]
pub struct Desks {
    open: Mutex<BTreeMap<u32, Meeting>>,
    last: AtomicU32,
    /// The meeting whose window had the keyboard last; 0 before any.
    front: AtomicU32,
    /// The meeting whose window has the keyboard now; 0: none.
    focused: AtomicU32,
    /// The meeting that the key for talking was pressed for; 0: it is not held.
    talking: AtomicU32,
    /// Held while bars of shares are put up and taken away.
    pub bars: Mutex<()>,
    /// Pages that the shell carries pictures to, by their windows' labels.
    carried: Mutex<BTreeMap<String, CarriedPage>>,
}

/// One meeting with its window.
#[derive(Debug)]
struct Meeting {
    to: Destination,
    handle: DeskHandle,
    unknown_server: bool,
    pop_out: Option<PopOutWhat>,
    /// The pop-out was told to close and still has its label.
    pop_out_ends: bool,
    full_screen: bool,
    sharing: bool,
    in_call: bool,
    remembered: bool,
    notices: Notices,
    /// Last, since they must outlive the desk.
    buses: Arc<Buses>,
}

/// A bus for each of a meeting's pages.
#[derive(Debug)]
struct Buses {
    main: FrameBus,
    pop_out: FrameBus,
}

impl Buses {
    fn start() -> std::io::Result<Buses> {
        Ok(Buses {
            main: FrameBus::start()?,
            pop_out: FrameBus::start()?,
        })
    }

    /// That of a window.
    fn of(&self, number: u32, window: &str) -> Option<&FrameBus> {
        if window == label(number) {
            Some(&self.main)
        } else {
            (window == pop_out_label(number)).then_some(&self.pop_out)
        }
    }
}

fn address(bus: &FrameBus) -> BusAddress {
    BusAddress {
        url: bus.url(),
        token: bus.token(),
    }
}

/// What a page may know of its meeting.
#[derive(Clone, Debug)]
pub struct Here {
    pub to: Destination,
    pub unknown_server: bool,
    pub pop_out: Option<PopOutWhat>,
}

/// What a pop-out's window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopOut {
    Stays,
    /// It was told to close.
    Ends,
}

/// Label of a meeting's window.
pub fn label(number: u32) -> String {
    format!("meeting-{number}")
}

/// Label of its pop-out.
pub fn pop_out_label(number: u32) -> String {
    format!("pop-out-{number}")
}

/// Label of the bar that floats while a screen is shared.
pub fn share_label(number: u32) -> String {
    format!("share-{number}")
}

/// The meeting of a window, whichever of its three it is.
pub fn number(label: &str) -> Option<u32> {
    let digits = label
        .strip_prefix("meeting-")
        .or_else(|| label.strip_prefix("pop-out-"))
        .or_else(|| label.strip_prefix("share-"));
    digits?.parse().ok()
}

impl Desks {
    /// Starts a participant. It opens no device and sends nothing until its page asks.
    pub fn start<R: Runtime>(&self, app: &AppHandle<R>, to: Destination) -> Result<u32, String> {
        let shell = app.state::<Shell>();
        let buses = Arc::new(Buses::start().map_err(|e| format!("frame bus: {e}"))?);
        let handle = Desk::start(options(&shell, &to, &buses)?).map_err(|e| e.to_string())?;
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let meeting = Meeting {
            unknown_server: !shell.knows(&to.server),
            to,
            handle: handle.clone(),
            pop_out: None,
            pop_out_ends: false,
            full_screen: false,
            sharing: false,
            in_call: false,
            remembered: false,
            notices: Notices::default(),
            buses,
        };
        lock(&self.open).insert(number, meeting);
        let app = app.clone();
        handle.subscribe(move |push| on_push(&app, number, push));
        Ok(number)
    }

    /// The participant behind a window.
    pub fn desk(&self, number: u32) -> Option<DeskHandle> {
        lock(&self.open).get(&number).map(|m| m.handle.clone())
    }

    /// Where the pictures of this window's page come from; the bar of a share has none.
    pub fn bus_of(&self, number: u32, window: &str) -> Option<BusAddress> {
        let open = lock(&self.open);
        let buses = &open.get(&number)?.buses;
        Some(address(buses.of(number, window)?))
    }

    pub fn here(&self, number: u32) -> Option<Here> {
        lock(&self.open).get(&number).map(|m| Here {
            to: m.to.clone(),
            unknown_server: m.unknown_server,
            pop_out: m.pop_out,
        })
    }

    /// Whether a screen is shared from this meeting.
    pub fn is_sharing(&self, number: u32) -> bool {
        lock(&self.open).get(&number).is_some_and(|m| m.sharing)
    }

    /// The open window of a meeting, whatever key its link had.
    pub fn find(&self, to: &Destination) -> Option<u32> {
        let open = lock(&self.open);
        let same = |m: &Meeting| m.to.server == to.server && m.to.meeting == to.meeting;
        open.iter()
            .find(|(_, m)| same(m))
            .map(|(number, _)| *number)
    }

    /// What the pop-out is to show.
    pub fn set_pop_out(&self, number: u32, what: Option<PopOutWhat>) -> PopOut {
        let mut open = lock(&self.open);
        let Some(meeting) = open.get_mut(&number) else {
            return PopOut::Ends;
        };
        meeting.pop_out = what;
        match meeting.pop_out_ends {
            true => PopOut::Ends,
            false => PopOut::Stays,
        }
    }

    /// The pop-out is told to close.
    pub fn end_pop_out(&self, number: u32) {
        if let Some(meeting) = lock(&self.open).get_mut(&number) {
            (meeting.pop_out, meeting.pop_out_ends) = (None, true);
        }
    }

    /// The pop-out's window is gone; whether it was wanted again since it was told to close.
    pub fn pop_out_gone(&self, number: u32) -> bool {
        let mut open = lock(&self.open);
        let Some(meeting) = open.get_mut(&number) else {
            return false;
        };
        let again = std::mem::take(&mut meeting.pop_out_ends) && meeting.pop_out.is_some();
        if !again {
            meeting.pop_out = None;
        }
        again
    }

    /// Carries pictures to this window's page from now on; the page before it is gone.
    pub fn carry(
        &self,
        number: u32,
        window: &str,
        send: impl FnMut(Carried) + Send + 'static,
    ) -> Result<(), Refused> {
        self.uncarry(window);
        let bus = {
            let open = lock(&self.open);
            let buses = &open.get(&number).ok_or(Refused::Closed)?.buses;
            buses.of(number, window).ok_or(Refused::Closed)?.handle()
        };
        let page = bus.carry(send).ok_or(Refused::Busy)?;
        lock(&self.carried).insert(window.to_owned(), page);
        Ok(())
    }

    /// A page that pictures are carried to says something.
    pub fn carried_says(&self, window: &str, text: &str) -> Result<(), Refused> {
        let carried = lock(&self.carried);
        let page = carried.get(window).ok_or(Refused::Closed)?;
        page.say(text).map_err(|_| Refused::BadMessage)
    }

    /// The page of this window is gone, or begins anew.
    pub fn uncarry(&self, window: &str) {
        let page = lock(&self.carried).remove(window);
        drop(page);
    }

    /// Whether that is new.
    pub fn set_full_screen(&self, number: u32, on: bool) -> bool {
        let mut open = lock(&self.open);
        let meeting = open.get_mut(&number);
        meeting.is_some_and(|m| std::mem::replace(&mut m.full_screen, on) != on)
    }

    /// A page is gone: nothing of what it showed is worth receiving for it.
    pub fn hide_all(&self, number: u32, page: &str) {
        if let Some(desk) = self.desk(number) {
            let (page, videos) = (page.to_owned(), Vec::new());
            desk.ask(DeskCommand::Show { page, videos }, |_| {});
        }
    }

    /// A window got or lost the keyboard.
    pub fn focus(&self, number: u32, has: bool) {
        if has {
            self.front.store(number, Ordering::Relaxed);
            self.focused.store(number, Ordering::Relaxed);
        } else {
            let _ = self
                .focused
                .compare_exchange(number, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The meeting that shortcuts are for: of those joined, the one in front last; else any window.
    pub fn in_front(&self) -> Option<u32> {
        let open = lock(&self.open);
        let front = self.front.load(Ordering::Relaxed);
        let joined = open.iter().filter(|(_, m)| m.in_call).map(|(n, _)| *n);
        let best = joined.max_by_key(|n| (*n == front, *n));
        best.or_else(|| open.keys().copied().max_by_key(|n| (*n == front, *n)))
    }

    /// The key for talking is held, or let go. It is let go in the meeting it was pressed for, whatever is in front by then.
    pub fn talk(&self, on: bool) {
        let number = match on {
            true => {
                // A held key repeats.
                let front = self.in_front().unwrap_or(0);
                let order = Ordering::SeqCst;
                let held = self.talking.compare_exchange(0, front, order, order);
                held.map_or_else(|held| held, |_| front)
            }
            false => self.talking.swap(0, Ordering::SeqCst),
        };
        if let Some(desk) = self.desk(number) {
            desk.ask(DeskCommand::Talk { on }, |_| {});
        }
    }

    pub fn any_in_call(&self) -> bool {
        lock(&self.open).values().any(|m| m.in_call)
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.open).is_empty()
    }

    /// Leaves a meeting whose window is gone. Leaving takes a moment, so it has a thread of its own.
    pub fn close<R: Runtime>(&self, app: &AppHandle<R>, number: u32) {
        let meeting = lock(&self.open).remove(&number);
        if meeting.is_some() {
            let _ = std::thread::Builder::new()
                .name("leave".to_owned())
                .spawn(move || drop(meeting));
        }
        update_awake(app);
    }

    /// Leaves all meetings and waits until the goodbyes are out, two seconds at most.
    pub fn close_all(&self) {
        let all = std::mem::take(&mut *lock(&self.open));
        if all.is_empty() {
            return;
        }
        let leaving = std::thread::Builder::new()
            .name("leave".to_owned())
            .spawn(move || drop(all));
        let begin = Instant::now();
        while leaving.as_ref().is_ok_and(|t| !t.is_finished())
            && begin.elapsed() < Duration::from_secs(2)
        {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn options(shell: &Shell, to: &Destination, buses: &Arc<Buses>) -> Result<DeskOptions, String> {
    let settings = shell.settings();
    let link = MeetingLink::parse(&to.link()).map_err(|e| e.to_string())?;
    let mut options = DeskOptions::new(link);
    options.trust = shell.trust();
    options.session = shell.session(&to.server);
    options.pictures = pictures(buses);
    options.processing = Processing {
        echo_cancellation: settings.echo_cancellation,
        noise_suppression: settings.noise_suppression,
        gain_control: settings.gain_control,
        original_sound: settings.original_sound,
    };
    options.saving = saving(&settings);
    options.test_devices = shell.args.test_devices();
    options.agent = format!("confab-desktop {}", env!("CARGO_PKG_VERSION"));
    Ok(options)
}

/// As `ui/src/state/saver.ts` has it; that pictures of others are not shown, and the own camera stays off, is the page's part.
fn saving(settings: &Settings) -> DataSaving {
    if settings.data_saver == DataSaver::Off {
        return DataSaving::default();
    }
    let cap = |kbps: u32| Some(kbps).filter(|k| *k > 0);
    DataSaving {
        small_camera: true,
        up: cap(settings.saver_up),
        down: cap(settings.saver_down),
    }
}

/// Everybody's pictures and the own ones, on both buses.
fn pictures(buses: &Arc<Buses>) -> Pictures {
    let (main, pop_out) = (buses.main.handle(), buses.pop_out.handle());
    let local = |stream| [main.local(stream), pop_out.local(stream)];
    let (camera, screen) = (local(OWN_CAMERA), local(OWN_SCREEN));
    let buses = Arc::clone(buses);
    Pictures {
        sinks: Arc::new(move || Box::new(BothSinks(main.sinks(), pop_out.sinks()))),
        own: Some(Arc::new(move |source, picture, captured| {
            let streams = if source == Source::Screen {
                &screen
            } else {
                &camera
            };
            streams
                .iter()
                .for_each(|stream| stream.show(picture, captured));
        })),
        address: Some(Arc::new(move || address(&buses.main))),
    }
}

/// Carries a push to the window's pages, and sees what of it concerns the shell. On the desk's thread.
fn on_push<R: Runtime>(app: &AppHandle<R>, number: u32, push: &DeskPush) {
    for label in [label(number), pop_out_label(number), share_label(number)] {
        let to = EventTarget::webview_window(label);
        let sent = match push {
            DeskPush::State(patch) => app.emit_to(to, "desk://state", patch),
            DeskPush::Event(event) => app.emit_to(to, "desk://event", event),
        };
        if let Err(error) = sent {
            tracing::warn!("a page was not told: {error}");
        }
    }
    if let DeskPush::State(patch) = push {
        on_patch(app, number, patch);
    }
}

fn on_patch<R: Runtime>(app: &AppHandle<R>, number: u32, patch: &DeskPatch) {
    if let Some(local) = &patch.local {
        follow_share(app, number, local.screen.on);
    }
    if patch.call.is_none() && patch.chat.is_none() {
        return;
    }
    let shell = app.state::<Shell>();
    let mut joined = None;
    let notices = {
        let mut open = lock(&shell.desks.open);
        let Some(meeting) = open.get_mut(&number) else {
            return;
        };
        if let Some(call) = &patch.call {
            // As the participant does: one comes in as a guest next time.
            if call.ended == Some(EndReason::Code(Code::BadSecret)) && !meeting.remembered {
                meeting.to.host_key = None;
            }
            meeting.in_call = matches!(
                call.phase,
                CallPhase::Connecting
                    | CallPhase::Waiting
                    | CallPhase::Joined
                    | CallPhase::Reconnecting
            );
            let title = call.meeting.as_ref().map(|m| m.title.clone());
            if let (CallPhase::Joined, false, Some(title)) = (call.phase, meeting.remembered, title)
            {
                meeting.remembered = true;
                joined = Some((meeting.to.clone(), title));
            }
        }
        meeting.notices.on_patch(patch)
    };
    if let Some((to, title)) = joined {
        shell.remember(&to, &title);
    }
    update_awake(app);
    let looking = shell.desks.focused.load(Ordering::Relaxed) == number;
    if !looking && shell.settings().notifications {
        notices.iter().for_each(|notice| show(app, &shell, notice));
    }
}

/// The bar floats as long as a screen is shared. On a thread that may wait for the window: the desk's may not.
fn follow_share<R: Runtime>(app: &AppHandle<R>, number: u32, on: bool) {
    let shell = app.state::<Shell>();
    let changed = {
        let mut open = lock(&shell.desks.open);
        let meeting = open.get_mut(&number);
        meeting.is_some_and(|m| std::mem::replace(&mut m.sharing, on) != on)
    };
    if changed {
        let app = app.clone();
        tauri::async_runtime::spawn_blocking(move || crate::share_bar::follow(&app, number));
    }
}

pub fn update_awake<R: Runtime>(app: &AppHandle<R>) {
    let shell = app.state::<Shell>();
    let on = shell.desks.any_in_call() && shell.settings().keep_awake;
    lock(&shell.awake).set(on);
}

fn show<R: Runtime>(app: &AppHandle<R>, shell: &Shell, notice: &Notice) {
    let texts = crate::texts::texts(shell.settings().language);
    let (title, body) = match notice {
        Notice::Chat { name, text } => (name.as_str(), text.as_str()),
        Notice::Ended { title } => (texts.meeting_ended, title.as_str()),
    };
    if let Err(error) = app.notification().builder().title(title).body(body).show() {
        tracing::info!("no notification: {error}");
    }
}
