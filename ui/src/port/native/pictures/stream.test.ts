import { expect, test } from "vitest";
import { type Decoder, type Easel, type Picture, Stream, type Studio } from "./stream";
import { HEADER, type Header } from "./wire";

const SPS = [0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 1];

class FakeStudio implements Studio {
  decoders: { codec: string; units: [key: boolean, timestamp: number][]; closed: boolean; output(ready: number): FakePicture; fail(): void }[] = [];
  credits = 0;
  keys = 0;
  dues = 0;
  refuse = false;

  decoder(codec: string, output: (picture: Picture, timestamp: number) => void, failed: () => void): Decoder {
    const made = {
      codec,
      units: [] as [boolean, number][],
      closed: false,
      output: (ready: number) => {
        const picture = new FakePicture();
        output(picture, ready);
        return picture;
      },
      fail: failed,
    };
    this.decoders.push(made);
    return {
      decode: (key, timestamp) => {
        if (this.refuse) throw new Error("refused");
        made.units.push([key, timestamp]);
      },
      close: () => (made.closed = true),
    };
  }
  credit(_stream: number, count: number): void {
    this.credits += count;
  }
  needKey(): void {
    this.keys += 1;
  }
  due(): void {
    this.dues += 1;
  }
  now(): number {
    return 50_000;
  }
}

class FakePicture implements Picture {
  width = 640;
  height = 360;
  source = {} as VideoFrame;
  closed = false;
  close(): void {
    this.closed = true;
  }
}

class FakeEasel implements Easel {
  drawn: Picture[] = [];
  draw(picture: Picture): void {
    this.drawn.push(picture);
  }
}

function unit(keyframe: boolean, ready: number): [Header, ArrayBuffer] {
  const body = keyframe ? SPS : [0, 0, 0, 1, 0x41, 1];
  const header: Header = { kind: "h264", keyframe, stream: 7, number: 0, timestamp: 0, width: 0, height: 0, waited: 0, ready };
  return [header, new Uint8Array([...new Array<number>(HEADER).fill(0), ...body]).buffer];
}

function planes(width: number, height: number): [Header, ArrayBuffer] {
  const header: Header = { kind: "i420", keyframe: true, stream: 7, number: 0, timestamp: 0, width, height, waited: 0, ready: 20_000 };
  return [header, new ArrayBuffer(HEADER + (width * height * 3) / 2)];
}

function set(): { studio: FakeStudio; stream: Stream; easel: FakeEasel } {
  const studio = new FakeStudio();
  const stream = new Stream(7, studio);
  const easel = new FakeEasel();
  stream.hang(1, easel);
  return { studio, stream, easel };
}

test("decoding begins with a key frame; what comes before it is given back", () => {
  const { studio, stream } = set();
  stream.feed(...unit(false, 1));
  expect([studio.decoders.length, studio.credits]).toEqual([0, 1]);
  stream.feed(...unit(true, 2));
  stream.feed(...unit(false, 3));
  expect(studio.decoders[0]?.codec).toBe("avc1.42e01f");
  expect(studio.decoders[0]?.units).toEqual([
    [true, 2],
    [false, 3],
  ]);
});

test("credit returns with each decoded picture, and only the latest of them is drawn", () => {
  const { studio, stream, easel } = set();
  stream.feed(...unit(true, 10_000));
  stream.feed(...unit(false, 20_000));
  const first = studio.decoders[0]?.output(10_000);
  const second = studio.decoders[0]?.output(20_000);
  expect([studio.credits, studio.dues, easel.drawn.length]).toEqual([2, 2, 0]);
  expect(stream.draw()).toBe(true);
  expect(stream.draw()).toBe(false);
  expect([first?.closed, second?.closed, easel.drawn]).toEqual([true, false, [second]]);
  expect(stream.figures()).toMatchObject({ received: 2, decoded: 2, drawn: 1, dropped: 1, latencyP50: 30, width: 640 });
});

test("the last picture stays for a canvas that is hung later", () => {
  const { studio, stream } = set();
  stream.feed(...unit(true, 1));
  const picture = studio.decoders[0]?.output(1);
  stream.draw();
  const later = new FakeEasel();
  stream.hang(2, later);
  expect(later.drawn).toEqual([picture]);
  stream.close();
  expect(picture?.closed).toBe(true);
});

test("a decoder that fails gives all credit back and asks for a key frame once", () => {
  const { studio, stream } = set();
  stream.feed(...unit(true, 1));
  stream.feed(...unit(false, 2));
  studio.decoders[0]?.fail();
  studio.decoders[0]?.fail();
  expect([studio.credits, studio.keys, studio.decoders[0]?.closed]).toEqual([2, 1, true]);
  stream.feed(...unit(false, 3));
  expect(studio.credits).toBe(3);
  studio.refuse = true;
  stream.feed(...unit(true, 4));
  expect([studio.credits, studio.keys]).toEqual([4, 2]);
});

test("a hidden stream forgets its decoder, and late pictures of it are closed", () => {
  const { studio, stream, easel } = set();
  stream.feed(...unit(true, 1));
  stream.rest();
  expect(studio.decoders[0]?.closed).toBe(true);
  expect(studio.decoders[0]?.output(1).closed).toBe(true);
  expect([stream.draw(), easel.drawn.length, studio.credits]).toEqual([false, 0, 0]);
});

test("I420 pictures are paid for when they are drawn or replaced", () => {
  const { studio, stream, easel } = set();
  stream.feed(...planes(4, 2));
  stream.feed(...planes(4, 2));
  expect(studio.credits).toBe(1);
  stream.draw();
  expect([studio.credits, easel.drawn.length]).toEqual([2, 1]);
  const [header] = planes(4, 4);
  stream.feed(header, planes(4, 2)[1]);
  expect([studio.credits, stream.figures().errors]).toEqual([3, 1]);
});
