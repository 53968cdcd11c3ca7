//! The test vectors of RFC 5769: messages whose every byte is known.

use confab_turn::message::{Builder, Class, Message, attribute, method};
use md5::{Digest, Md5};

const SOFTWARE: u16 = 0x8022;
const SHORT_TERM: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: [u8; 12] = [
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16).map(|d| d as u8))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

// 2.1: a check of a peer connection.
fn request() -> Vec<u8> {
    bytes(
        "00010058 2112a442 b7e7a701 bc34d686 fa87dfae
         80220010 5354554e 20746573 7420636c 69656e74
         00240004 6e0001ff
         80290008 932ff9b1 51263b36
         00060009 6576746a 3a683676 59202020
         00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
         80280004 e57a3bcf",
    )
}

#[test]
fn the_request_is_read_signed_and_intact() {
    let bytes = request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class, message.method),
        (Class::Request, method::BINDING)
    );
    assert_eq!(message.transaction, TRANSACTION);
    assert_eq!(message.text(attribute::USERNAME), Some("evtj:h6vY"));
    assert_eq!(message.text(SOFTWARE), Some("STUN test client"));
    assert!(message.is_signed_with(SHORT_TERM) && message.is_intact());
    assert!(!message.is_signed_with(b"another"));
    for at in 20..bytes.len() - 8 {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let signed = Message::parse(&changed).is_some_and(|m| m.is_signed_with(SHORT_TERM));
        assert!(!signed, "byte {at} is signed");
    }
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(!Message::parse(&changed).unwrap().is_intact());
}

// 2.2 and 2.3: the answers.
#[test]
fn the_answers_addresses_are_read() {
    let ipv4 = bytes(
        "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
         8022000b 74657374 20766563 746f7220
         00200008 0001a147 e112a643
         00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
         80280004 c07d4c96",
    );
    let ipv6 = bytes(
        "01010048 2112a442 b7e7a701 bc34d686 fa87dfae
         8022000b 74657374 20766563 746f7220
         00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
         00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
         80280004 c8fb0b4c",
    );
    for (bytes, address) in [
        (ipv4, "192.0.2.1:32853"),
        (ipv6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            (message.class, message.method),
            (Class::Success, method::BINDING)
        );
        let mapped = message.xor_address(attribute::XOR_MAPPED_ADDRESS);
        assert_eq!(mapped, Some(address.parse().unwrap()));
        assert!(message.is_signed_with(SHORT_TERM) && message.is_intact());
        let again = Builder::new(Class::Success, method::BINDING, TRANSACTION)
            .attribute(SOFTWARE, b"test vector")
            .xor_address(attribute::XOR_MAPPED_ADDRESS, address.parse().unwrap())
            .sign(SHORT_TERM);
        let again = again.fingerprint().finish();
        let again = Message::parse(&again).unwrap();
        assert!(again.is_signed_with(SHORT_TERM) && again.is_intact());
    }
}

// 2.4: long-term credentials, as TURN has them.
#[test]
fn long_term_credentials_are_those_of_turn() {
    let bytes = bytes(
        "00010060 2112a442 78ad3433 c6ad72c0 29da412e
         00060012 e3839ee3 8388e383 aae38383 e382af e382b9 0000
         0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 3634 7341
         0014000b 6578616d 706c652e 6f726700
         00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666",
    );
    let message = Message::parse(&bytes).unwrap();
    let name = message.text(attribute::USERNAME).unwrap();
    assert_eq!(message.text(attribute::REALM), Some("example.org"));
    let key: [u8; 16] = Md5::digest(format!("{name}:example.org:TheMatrIX")).into();
    assert!(message.is_signed_with(&key));
}
