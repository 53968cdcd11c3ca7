//! What a client of the relay sends: datagrams to the server that knows nobody, the same with an allocation there, and a byte
//! stream in pieces of any size.
#![no_main]
use confab_base::Time;
use confab_turn::framing::Decoder;
use confab_turn::message::Message;
use confab_turn::{Client, Config, Input, Limits, Server, is_for_relay};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let media = ([203, 0, 113, 9], 443).into();
    let client = Client {
        stream: data.len() % 2 == 0,
        remote: ([198, 51, 100, 7], 1).into(),
        local: media,
    };
    let mut server = Server::new(Config {
        secret: [0; 32],
        media: vec![media],
        limits: Limits::default(),
    });
    let now = Time::from_millis(1);
    let _ = is_for_relay(data);
    assert!(server.forward(&client, data, now).is_none());
    server.handle(Input::Message { client, bytes: data }, now);
    let mut answered = 0;
    while let Some(output) = server.poll_output() {
        answered += output.bytes.len();
    }
    assert!(client.stream || answered <= data.len());
    if let Some(message) = Message::parse(data) {
        for (kind, value) in message.attributes() {
            let _ = (message.text(kind), message.number(kind));
            let _ = message.read_xor_address(value);
        }
        let _ = (message.is_intact(), message.is_signed_with(b"key"));
    }
    let piece = data.first().map_or(1, |b| usize::from(*b) + 1);
    let mut decoder = Decoder::new();
    for part in data.chunks(piece) {
        decoder.push(part);
        while let Ok(Some(message)) = decoder.next_message() {
            let _ = server.forward(&client, message, now);
        }
    }
});
