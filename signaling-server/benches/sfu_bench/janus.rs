//! The HTTP interface of Janus' video room, as far as the fleet needs it.

use serde_json::{Value, json};
use std::time::Duration;

const ROOM: u64 = 77;
const NO_SUCH_FEED: u64 = 428;

/// A session in which all the fleet's handles live.
pub struct Janus {
    url: String,
    session: u64,
    calls: u64,
}

impl Janus {
    /// Opens a session and a room; panics where Janus does not answer as it should.
    pub fn open(url: &str) -> Janus {
        let mut janus = Janus {
            url: url.to_owned(),
            session: 0,
            calls: 0,
        };
        janus.session = id(&janus.post("", json!({ "janus": "create" })));
        let handle = janus.attach();
        let room = json!({
            "request": "create", "room": ROOM, "publishers": 100, "bitrate": 0,
            "audiocodec": "opus", "videocodec": "h264", "notify_joining": false,
        });
        janus.ask(handle, room, None);
        janus
    }

    /// Sends media as participant `n`: the answer to its offer.
    pub fn publish(&mut self, n: u32, offer: &str) -> String {
        let handle = self.attach();
        let join = json!({
            "request": "joinandconfigure", "room": ROOM, "ptype": "publisher", "id": u64::from(n) + 1,
            "audio": true, "video": true,
        });
        let said = self.ask(handle, join, Some(("offer", offer)));
        sdp(&said)
    }

    /// Asks for the media of others: a handle, and Janus' offer.
    pub fn subscribe(&mut self, others: &[u32]) -> (u64, String) {
        let handle = self.attach();
        let feed = |n: &u32| json!({ "feed": u64::from(*n) + 1 });
        let streams: Vec<Value> = others.iter().map(feed).collect();
        let join = json!({
            "request": "join", "room": ROOM, "ptype": "subscriber", "streams": streams,
        });
        // It knows of its publishers a moment after they know that they are connected.
        let mut said = self.try_ask(handle, join.clone(), None);
        for _ in 0..100 {
            if said["plugindata"]["data"]["error_code"] != json!(NO_SUCH_FEED) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            said = self.try_ask(handle, join.clone(), None);
        }
        check(&said);
        (handle, sdp(&said))
    }

    pub fn start(&mut self, handle: u64, answer: &str) {
        let start = json!({ "request": "start" });
        self.ask(handle, start, Some(("answer", answer)));
    }

    fn attach(&mut self) -> u64 {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        id(&self.post(&format!("/{}", self.session), attach))
    }

    /// A request to the plugin that must not fail, and what it says to it.
    fn ask(&mut self, handle: u64, body: Value, jsep: Option<(&str, &str)>) -> Value {
        let said = self.try_ask(handle, body, jsep);
        check(&said);
        said
    }

    fn try_ask(&mut self, handle: u64, body: Value, jsep: Option<(&str, &str)>) -> Value {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some((kind, sdp)) = jsep {
            message["jsep"] = json!({ "type": kind, "sdp": sdp, "trickle": false });
        }
        let path = format!("/{}/{handle}", self.session);
        let mut said = self.post(&path, message);
        // What takes longer is an event of its own, among others.
        while said["plugindata"].is_null() || said["sender"] != json!(handle) {
            let url = format!("{}/{}?maxev=1", self.url, self.session);
            said = answer(ureq::get(&url).call());
        }
        said
    }

    fn post(&mut self, path: &str, mut message: Value) -> Value {
        self.calls += 1;
        message["transaction"] = json!(self.calls.to_string());
        let url = format!("{}{path}", self.url);
        let said = answer(ureq::post(&url).send(message.to_string()));
        assert_ne!(said["janus"], "error", "Janus refused: {said}");
        said
    }
}

fn check(said: &Value) {
    let data = &said["plugindata"]["data"];
    assert!(data["error"].is_null(), "Janus refused: {data}");
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let mut response = response.expect("Janus to answer");
    let text = response.body_mut().read_to_string().expect("a text");
    serde_json::from_str(&text).expect("JSON")
}

fn id(said: &Value) -> u64 {
    said["data"]["id"].as_u64().expect("an id")
}

fn sdp(said: &Value) -> String {
    let sdp = said["jsep"]["sdp"].as_str();
    sdp.expect("a session description").to_owned()
}
