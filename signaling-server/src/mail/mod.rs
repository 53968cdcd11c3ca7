//! Letters to people: invitations, password links, changes of meetings. They wait in a bounded queue in memory and go out one
//! after the other; a mail server that is away or busy is asked again after growing pauses. A restart of the server loses
//! what waits, so every letter is about something that can be asked for again.

mod letter;
mod post;

pub use letter::Letter;
pub(crate) use post::Post;

use crate::config::{MailConfig, MailTls};
use crate::traces::{Cause, SpanKind, Traces};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

/// Letters that may wait; more are refused, and whoever wrote them says so.
pub const QUEUE: usize = 1000;
/// How long the mail server may take for one letter.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pauses between tries; after the last the letter is given up.
pub const PAUSES: &[Duration] = &[
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
];

/// Why a letter was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    #[error("not a mail address")]
    BadAddress,
    #[error("a part's type cannot be read")]
    BadPart,
    #[error("too many letters wait")]
    Full,
}

/// Why the configuration gives no way to send mail.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    #[error("{file}: {source}")]
    File {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("mail.from is no address")]
    From,
    #[error("mail: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
}

/// Takes letters; the sending is done by a task of its own, for as long as a handle is there.
#[derive(Clone, Debug)]
pub struct Mailer {
    from: Mailbox,
    queue: mpsc::UnboundedSender<Waiting>,
    places: Arc<Semaphore>,
}

struct Waiting {
    message: Message,
    tries: usize,
    due: Instant,
    /// What wrote it.
    cause: Cause,
    _place: OwnedSemaphorePermit,
}

impl Mailer {
    /// `None`: the configuration names no mail server. `hello` is this server's name for the greeting. Starts a task: needs a
    /// tokio runtime.
    pub(crate) fn start(
        config: &MailConfig,
        hello: &str,
        traces: Traces,
    ) -> Result<Option<Mailer>, MailSetupError> {
        Mailer::begin(config, hello, PAUSES, traces)
    }

    /// A mailer with other pauses than [`PAUSES`].
    pub fn start_with(
        config: &MailConfig,
        hello: &str,
        pauses: &'static [Duration],
    ) -> Result<Option<Mailer>, MailSetupError> {
        Mailer::begin(config, hello, pauses, Traces::default())
    }

    fn begin(
        config: &MailConfig,
        hello: &str,
        pauses: &'static [Duration],
        traces: Traces,
    ) -> Result<Option<Mailer>, MailSetupError> {
        let Some(host) = &config.host else {
            return Ok(None);
        };
        let from = config.from.as_deref().unwrap_or_default();
        let from = from.parse().map_err(|_| MailSetupError::From)?;
        let transport = transport(config, host, hello)?;
        let (queue, letters) = mpsc::unbounded_channel();
        tokio::spawn(run(transport, letters, pauses, traces));
        Ok(Some(Mailer {
            from,
            queue,
            places: Arc::new(Semaphore::new(QUEUE)),
        }))
    }

    /// Takes a letter. That it was taken does not say that it arrived; the log says how many did not.
    pub fn send(&self, letter: Letter) -> Result<(), MailError> {
        let message = letter::compose(&self.from, letter)?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let waiting = Waiting {
            message,
            tries: 0,
            due: Instant::now(),
            cause: Cause::current(),
            _place: place.map_err(|_| MailError::Full)?,
        };
        // Unbounded by itself, bounded by the places.
        self.queue.send(waiting).map_err(|_| MailError::Full)
    }
}

impl Mailer {
    /// Waits until every letter was sent or given up.
    pub async fn idle(&self) {
        let _ = self.places.acquire_many(QUEUE as u32).await;
    }
}

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

fn transport(config: &MailConfig, host: &str, hello: &str) -> Result<Smtp, MailSetupError> {
    let mut builder = Smtp::builder_dangerous(host)
        .port(config.port())
        .hello_name(ClientId::Domain(hello.to_owned()))
        .timeout(Some(PATIENCE))
        .tls(tls(config, host)?);
    if let (Some(user), Some(file)) = (&config.user, &config.password_file) {
        let password = read(file)?;
        let password = String::from_utf8_lossy(&password).trim_end().to_owned();
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

fn tls(config: &MailConfig, host: &str) -> Result<Tls, MailSetupError> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = &config.ca {
        let authority = Certificate::from_pem(&read(file)?)?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authority);
    }
    Ok(match config.tls {
        MailTls::Starttls => Tls::Required(parameters.build()?),
        MailTls::Tls => Tls::Wrapper(parameters.build()?),
        MailTls::Off => Tls::None,
    })
}

fn read(file: &PathBuf) -> Result<Vec<u8>, MailSetupError> {
    std::fs::read(file).map_err(|source| MailSetupError::File {
        file: file.clone(),
        source,
    })
}

/// Sends what is due, oldest due first. A letter that has to wait holds up no other.
async fn run(
    transport: Smtp,
    mut letters: mpsc::UnboundedReceiver<Waiting>,
    pauses: &'static [Duration],
    traces: Traces,
) {
    let mut waiting: Vec<Waiting> = Vec::new();
    let mut open = true;
    while open || !waiting.is_empty() {
        let next = (0..waiting.len()).min_by_key(|i| waiting[*i].due);
        let due = next.map(|i| waiting[i].due);
        tokio::select! {
            biased;
            () = until(due) => if let Some(i) = next {
                let letter = waiting.swap_remove(i);
                waiting.extend(attempt(&transport, letter, pauses, &traces).await);
            },
            letter = letters.recv(), if open => match letter {
                Some(letter) => waiting.push(letter),
                None => open = false,
            },
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Gives the letter back where it has to wait for another try. Addresses stay out of the log.
async fn attempt(
    transport: &Smtp,
    mut letter: Waiting,
    pauses: &'static [Duration],
    traces: &Traces,
) -> Option<Waiting> {
    let causes = std::slice::from_ref(&letter.cause);
    let mut span = traces.span_for("mail delivery", SpanKind::Client, causes);
    span.set("confab.mail.tries", letter.tries + 1);
    let error = match transport.send(letter.message.clone()).await {
        Ok(_) => return None,
        Err(error) => error,
    };
    span.failed(match error.is_permanent() {
        true => "refused",
        false => "not_now",
    });
    drop(span);
    let status = error.status().map(|s| s.to_string()).unwrap_or_default();
    let pause = pauses.get(letter.tries).filter(|_| !error.is_permanent());
    let Some(pause) = pause else {
        tracing::warn!(status, tries = letter.tries + 1, "a letter was given up");
        return None;
    };
    tracing::info!(status, tries = letter.tries + 1, "a letter has to wait");
    letter.tries += 1;
    letter.due = Instant::now() + *pause;
    Some(letter)
}
