//! What repair costs: `cargo bench -p confab-congestion`.

use confab_base::{Bitrate, Time};
use confab_congestion::repair::{
    FrameClass, MediaPacket, RepairReceiver, RepairSender, gf256, symbol,
};
use divan::{Bencher, black_box, counter::BytesCount, counter::ItemsCount};

fn main() {
    divan::main();
}

/// One row of a sum: 1200 bytes times a number.
#[divan::bench]
fn multiply_and_add_1200_bytes(bencher: Bencher) {
    let from: Vec<u8> = (0..1200u32).map(|i| i as u8).collect();
    let mut to = vec![7u8; 1200];
    bencher
        .counter(BytesCount::new(1200u32))
        .bench_local(|| gf256::mul_add(black_box(&mut to), black_box(&from), black_box(0x53)));
}

fn packets(count: u64) -> Vec<MediaPacket> {
    let packet = |seq| MediaPacket {
        ssrc: 1,
        seq,
        timestamp: 0,
        marker: seq + 1 == count,
        tag: [0, 1, 2, 3],
        payload: (0..1180u64).map(|i| (i * 7 + seq) as u8).collect(),
    };
    (0..count).map(packet).collect()
}

fn symbols(packets: &[MediaPacket], count: u32) -> Vec<Vec<u8>> {
    let mask = u64::MAX >> (64 - packets.len());
    let symbol = |number| {
        let mut sum = Vec::new();
        for packet in packets {
            let c = symbol::coefficient(number, packet.seq);
            symbol::add_row(&mut sum, packet, c);
        }
        let mut out = Vec::new();
        let head = symbol::Symbol {
            number,
            ssrc: 1,
            first: packets[0].seq,
            mask,
            sum: &[],
        };
        head.write_head(&mut out);
        out.extend(sum);
        out
    };
    (0..count).map(symbol).collect()
}

/// All packets of a frame come back from symbols alone.
#[divan::bench(args = [3, 10, 50])]
fn recover_all_packets_of_a_frame(bencher: Bencher, count: u64) {
    let symbols = symbols(&packets(count), count as u32 + 2);
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let mut receiver = RepairReceiver::new();
        for symbol in &symbols {
            let _ = receiver.repair(symbol, Time::ZERO);
        }
        std::iter::from_fn(|| receiver.poll_recovered()).count()
    });
}

/// What a packet costs a sender where nothing is lost; feedback every 250 ms.
#[divan::bench]
fn a_second_without_loss(bencher: Bencher) {
    let packets = packets(300);
    bencher.counter(ItemsCount::new(300u32)).bench_local(|| {
        let (mut sender, mut receiver) = (RepairSender::new(), RepairReceiver::new());
        sender.set_rate(Bitrate(3_000_000));
        let mut out = Vec::new();
        for (i, packet) in packets.iter().enumerate() {
            let now = Time::from_micros(i as u64 * 3333);
            sender.sent(packet.clone(), FrameClass::default(), now);
            receiver.received(packet.clone(), now);
            if receiver.poll_feedback(now, &mut out) {
                let _ = sender.feedback(&out, now);
            }
            let _ = sender.poll(now, &mut out);
        }
        sender.stats().symbols
    });
}
