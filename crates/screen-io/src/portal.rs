//! Wayland: the desktop portal shows the system's own dialog, and what was chosen comes as a PipeWire stream, with the
//! pointer drawn in by the compositor.
//!
//! The stream is tested against a PipeWire server with a synthetic source (`portal/stream.rs`). The dialog needs a Wayland
//! desktop and has not been run by us.

mod stream;
#[cfg(test)]
mod tests;

use crate::{Screen, ScreenError, ScreenOptions};
use ashpd::desktop::PersistMode;
use ashpd::desktop::ResponseError;
use ashpd::desktop::screencast::{CursorMode, Screencast, SelectSourcesOptions, SourceType};
use ashpd::{Error, PortalError};
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use stream::Remote;

/// A compositor may take this long until the first picture: a still screen is sent when something moves.
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// Asks the user, and waits for the answer.
pub(crate) fn open(options: &ScreenOptions) -> Result<Screen, ScreenError> {
    let remote = zbus::block_on(ask(options.cursor)).map_err(why)?;
    start(remote, options)
}

fn start(remote: Remote, options: &ScreenOptions) -> Result<Screen, ScreenError> {
    let (tell, told) = sync_channel(1);
    let fps = options.fps;
    let mut screen = Screen::start("screen", (0, 0), move |slot, control| {
        stream::run(remote, fps, slot, control, tell)
    });
    match told.recv_timeout(FIRST_PICTURE) {
        Ok(size) => screen.set_size(size),
        Err(_) => return Err(ScreenError::Failed("no picture came".into())),
    }
    Ok(screen)
}

async fn ask(cursor: bool) -> Result<Remote, Error> {
    let portal = Screencast::new().await?;
    let session = portal.create_session(Default::default()).await?;
    let wanted = SelectSourcesOptions::default()
        .set_cursor_mode(match cursor {
            true => CursorMode::Embedded,
            false => CursorMode::Hidden,
        })
        .set_sources(SourceType::Monitor | SourceType::Window)
        .set_multiple(false)
        .set_persist_mode(PersistMode::DoNot);
    portal.select_sources(&session, wanted).await?.response()?;
    let chosen = portal
        .start(&session, None, Default::default())
        .await?
        .response()?;
    let first = chosen.streams().first().ok_or(Error::NoResponse)?;
    let node = first.pipe_wire_node_id();
    let fd = portal
        .open_pipe_wire_remote(&session, Default::default())
        .await?;
    Ok(Remote {
        fd: Some(fd),
        node,
        // The session ends the stream: the desktop's sign that the screen is shared goes out.
        close: Box::new(move || {
            if let Err(error) = zbus::block_on(session.close()) {
                tracing::debug!("the portal's session was closed already: {error}");
            }
        }),
    })
}

fn why(error: Error) -> ScreenError {
    match error {
        Error::Response(ResponseError::Cancelled) | Error::Portal(PortalError::Cancelled(_)) => {
            ScreenError::Cancelled
        }
        Error::Portal(PortalError::NotAllowed(_)) => ScreenError::Denied,
        Error::PortalNotFound(_) => ScreenError::Unsupported,
        other => ScreenError::Failed(other.to_string()),
    }
}
