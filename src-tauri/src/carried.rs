//! Pictures for a page whose webview may open no socket to this machine: the shell carries the frame bus's messages
//! (docs/FRAMEBUS.md) over a channel of its own. `pictures` with `channel` opens the way to the page, with `say` the page
//! speaks; credit bounds it as it bounds the socket.

use crate::desks::number;
use crate::shell::Shell;
use confab_client::pipeline::bus::Carried;
use serde::Deserialize;
use tauri::ipc::{Channel, Invoke, InvokeBody, InvokeResponseBody, JavaScriptChannelId};
use tauri::{Manager, Runtime};

/// What a page asks.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    /// Carry pictures to me, here.
    Channel(JavaScriptChannelId),
    /// A text of the frame bus.
    Say(String),
}

/// Why it was not done; the page's promise is rejected with the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The page on the socket is still there.
    Busy,
    /// No such meeting any more, or no channel was opened.
    Closed,
    /// Not understood: page and app do not fit together.
    BadMessage,
}

impl Refused {
    fn word(self) -> &'static str {
        match self {
            Refused::Busy => "busy",
            Refused::Closed => "closed",
            Refused::BadMessage => "bad_message",
        }
    }
}

/// The command `pictures`.
pub fn pictures<R: Runtime>(window: &str, invoke: Invoke<R>) {
    match carry_out(window, &invoke) {
        Ok(()) => invoke.resolver.resolve(true),
        Err(refused) => invoke.resolver.reject(refused.word()),
    }
}

fn carry_out<R: Runtime>(window: &str, invoke: &Invoke<R>) -> Result<(), Refused> {
    let InvokeBody::Json(body) = invoke.message.payload() else {
        return Err(Refused::BadMessage);
    };
    let ask: Ask = serde_json::from_value(body.clone()).map_err(|_| Refused::BadMessage)?;
    let webview = invoke.message.webview_ref();
    let desks = &webview.state::<Shell>().desks;
    match ask {
        Ask::Channel(id) => {
            let channel: Channel<InvokeResponseBody> = id.channel_on(webview.clone());
            let send = move |message| {
                if let Err(error) = channel.send(body_of(message)) {
                    tracing::debug!("a page got no picture: {error}");
                }
            };
            let number = number(window).ok_or(Refused::Closed)?;
            desks.carry(number, window, send)
        }
        Ask::Say(text) => desks.carried_says(window, &text),
    }
}

/// A text arrives as a string, a picture as bytes.
fn body_of(message: Carried) -> InvokeResponseBody {
    match message {
        Carried::Text(text) => {
            InvokeResponseBody::Json(serde_json::to_string(&text).unwrap_or_default())
        }
        Carried::Picture(bytes) => InvokeResponseBody::Raw(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_opens_a_channel_or_speaks_and_nothing_else() {
        let ask = |value| serde_json::from_value::<Ask>(value).is_ok();
        assert!(ask(json!({ "channel": "__CHANNEL__:7" })));
        assert!(ask(json!({ "say": "{}" })));
        for bad in [
            json!({}),
            json!({ "channel": 7 }),
            json!({ "channel": "x" }),
            json!({ "say": "a", "channel": "__CHANNEL__:7" }),
            json!({ "other": 1 }),
        ] {
            assert!(!ask(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn texts_arrive_as_strings_and_pictures_as_bytes() {
        let text = body_of(Carried::Text("{\"a\":1}".to_owned()));
        assert!(matches!(text, InvokeResponseBody::Json(json) if json == r#""{\"a\":1}""#));
        let picture = body_of(Carried::Picture(vec![1, 2]));
        assert!(matches!(picture, InvokeResponseBody::Raw(bytes) if bytes == [1, 2]));
    }
}
