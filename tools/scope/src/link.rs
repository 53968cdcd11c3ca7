//! The thread that talks with participants, so that the window never waits for a socket.

use confab_client::diagnose::{
    AttachError, FailCode, Folder, Reply, Request, Running, Visit, Welcome, running,
};
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use std::io;
use std::time::{Duration, Instant};

/// Replies the window has not looked at; more wait in the socket, and in the end the participant drops us.
const REPLIES: usize = 64;
const ORDERS: usize = 16;
/// How often the list of participants is made.
const LIST_INTERVAL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(1500);
/// Orders wait no longer than this.
const STEP: Duration = Duration::from_millis(30);

const PROGRAM: &str = concat!("confab-scope ", env!("CARGO_PKG_VERSION"));

/// What the window wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    Attach(String),
    Detach,
    Tap { stage: String, on: bool },
}

/// What the window is told.
#[derive(Clone, Debug)]
pub enum News {
    /// While not attached: everybody there is.
    List(Vec<Running>),
    Attached(String, Welcome),
    Reply(Reply),
    /// Not attached any more; why, unless the window wanted it.
    Detached(Option<String>),
}

/// Both ends of the way to the thread, which ends when this is dropped.
#[derive(Debug)]
pub struct Link {
    pub orders: Sender<Order>,
    pub news: Receiver<News>,
}

impl Link {
    /// `wake` is called when there is news.
    pub fn start(folder: Folder, wake: impl Fn() + Send + 'static) -> io::Result<Link> {
        let (orders, inbox) = bounded(ORDERS);
        let (tell, news) = bounded(REPLIES);
        let thread = Talker {
            folder,
            inbox,
            tell,
            wake: Box::new(wake),
            visit: None,
            listed: None,
            requests: 0,
        };
        std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || thread.run())?;
        Ok(Link { orders, news })
    }
}

struct Talker {
    folder: Folder,
    inbox: Receiver<Order>,
    tell: Sender<News>,
    wake: Box<dyn Fn() + Send>,
    visit: Option<Visit>,
    listed: Option<Instant>,
    requests: u64,
}

impl Talker {
    fn run(mut self) {
        loop {
            match self.inbox.try_recv() {
                Ok(order) => self.on_order(order),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            let alive = match self.visit.is_some() {
                true => self.listen(),
                false => self.list(),
            };
            if !alive {
                return;
            }
        }
    }

    /// Whether the window is still there.
    fn news(&self, news: News) -> bool {
        let taken = self.tell.send(news).is_ok();
        (self.wake)();
        taken
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Attach(name) => match Visit::attach(&self.folder, &name, PROGRAM, PATIENCE) {
                Ok(visit) => {
                    self.news(News::Attached(name, visit.welcome().clone()));
                    self.visit = Some(visit);
                }
                Err(error) => {
                    self.news(News::Detached(Some(sentence(&error))));
                }
            },
            Order::Detach => {
                self.visit = None;
                self.listed = None;
                self.news(News::Detached(None));
            }
            Order::Tap { stage, on } => {
                self.requests += 1;
                let id = self.requests;
                let request = Request::Tap { id, stage, on };
                let asked = self.visit.as_mut().map(|v| v.ask(&request));
                if matches!(asked, Some(Err(_))) {
                    let code = FailCode::Unknown;
                    self.news(News::Reply(Reply::Failed { id: Some(id), code }));
                }
            }
        }
    }

    fn listen(&mut self) -> bool {
        let Some(visit) = &mut self.visit else {
            return true;
        };
        match visit.next(STEP) {
            Ok(Some(reply)) => self.news(News::Reply(reply)),
            Ok(None) => true,
            Err(error) => {
                self.visit = None;
                self.listed = None;
                self.news(News::Detached(Some(sentence(&error))))
            }
        }
    }

    fn list(&mut self) -> bool {
        if self.listed.is_some_and(|at| at.elapsed() < LIST_INTERVAL) {
            std::thread::sleep(STEP);
            return true;
        }
        let all = running(&self.folder, PROGRAM, PATIENCE);
        self.listed = Some(Instant::now());
        self.news(News::List(all))
    }
}

/// For people.
fn sentence(error: &AttachError) -> String {
    match error {
        AttachError::Socket(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "The participant has ended.".to_owned()
        }
        AttachError::Socket(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            "The participant is not there any more.".to_owned()
        }
        other => format!("Cannot attach: {other}."),
    }
}
