//! An OpenTelemetry collector as far as the server sees one: a real HTTP server that takes OTLP and decodes it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A span as it came.
#[derive(Clone, Debug)]
pub struct Told {
    pub name: String,
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    /// Empty: none.
    pub parent: Vec<u8>,
    pub kind: i32,
    pub said: BTreeMap<String, String>,
    pub failed: bool,
    pub took: u64,
}

#[derive(Default)]
struct Got {
    spans: Vec<Told>,
    /// The bodies as they came.
    bodies: Vec<Vec<u8>>,
    resource: BTreeMap<String, String>,
}

pub struct Collector {
    pub address: SocketAddr,
    got: Arc<Mutex<Got>>,
}

impl Collector {
    pub fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got = Arc::<Mutex<Got>>::default();
        let all = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || serve(stream.unwrap(), &all));
            }
        });
        Collector { address, got }
    }

    /// What `traces.otlp` says.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn spans(&self) -> Vec<Told> {
        self.got.lock().unwrap().spans.clone()
    }

    pub fn resource(&self) -> BTreeMap<String, String> {
        self.got.lock().unwrap().resource.clone()
    }

    /// All that came, as text.
    pub fn text(&self) -> String {
        let bodies = self.got.lock().unwrap().bodies.concat();
        String::from_utf8_lossy(&bodies).into_owned()
    }

    pub fn named(&self, name: &str) -> Vec<Told> {
        let all = self.spans().into_iter();
        all.filter(|s| s.name == name).collect()
    }

    /// Waits until a span of this name came.
    pub async fn wait(&self, name: &str) -> Told {
        for _ in 0..400 {
            if let Some(found) = self.named(name).into_iter().next() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let names: Vec<String> = self.spans().into_iter().map(|s| s.name).collect();
        panic!("no span {name}, but {names:?}");
    }
}

fn serve(stream: TcpStream, got: &Mutex<Got>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    // The sender keeps connections.
    while let Some(body) = read(&mut reader) {
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let mut got = got.lock().unwrap();
        got.bodies.push(body);
        for resource in request.resource_spans {
            let about = resource.resource.unwrap();
            got.resource = about.attributes.into_iter().map(pair).collect();
            let spans = resource.scope_spans.into_iter().flat_map(|s| s.spans);
            got.spans.extend(spans.map(told));
        }
        drop(got);
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (headers, body) = read_post(reader, "/v1/traces")?;
    assert_eq!(headers["content-type"], "application/x-protobuf");
    Some(body)
}

/// A request to `path`: its headers, with names in lower case, and its body. None: the connection ended.
pub fn read_post(
    reader: &mut BufReader<TcpStream>,
    path: &str,
) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    assert!(line.starts_with(&format!("POST {path} HTTP/1.1")), "{line}");
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}

fn told(span: Span) -> Told {
    Told {
        name: span.name,
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
        kind: span.kind,
        said: span.attributes.into_iter().map(pair).collect(),
        failed: span.status.is_some_and(|s| s.code == 2),
        took: span.end_time_unix_nano - span.start_time_unix_nano,
    }
}

fn pair(said: opentelemetry_proto::tonic::common::v1::KeyValue) -> (String, String) {
    let value = match said.value.and_then(|v| v.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        other => panic!("{}: {other:?}", said.key),
    };
    (said.key, value)
}
