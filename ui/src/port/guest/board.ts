// The board's lane in a browser: a WebSocket of its own, opened with the seat of the newest welcome. The lane itself is loaded when a
// board is opened.
import type { ErrorBody } from "../../generated/protocol";
import type { BoardPort, Entry } from "../board";
import type { Result } from "../port";
import type { Wire, WireEvents, World } from "../board/lane";
import { readSeat } from "./seat";

export function createBoard(meeting: () => string | undefined): BoardPort {
  return {
    open: async (events, board = "") => {
      const { Lane } = await import("../board/lane");
      const id = meeting() ?? "";
      return new Lane(board, world(id), events);
    },
    pictures: async (board) => {
      const { PictureLine } = await import("../board/pictures");
      return new PictureLine(board, world(meeting() ?? ""));
    },
    history: (board) => history(meeting() ?? "", board),
  };
}

/** Page by page, until there is no more. */
async function history(meeting: string, board: string): Promise<Result<Entry[]>> {
  const seat = readSeat(meeting);
  if (!seat) return { ok: false, code: "bad_secret" };
  const { readEntries } = await import("../board/entries");
  const url = `/api/v1/meetings/${encodeURIComponent(meeting)}/boards/${encodeURIComponent(board)}/history`;
  const entries: Entry[] = [];
  try {
    for (let after: string | null = "0"; after !== null; ) {
      const response: Response = await fetch(`${url}?after=${after}`, { headers: { "x-seat": `${seat.participant}:${seat.token}` }, credentials: "same-origin" });
      if (!response.ok) return { ok: false, code: ((await response.json()) as ErrorBody).code };
      for (const entry of readEntries(new Uint8Array(await response.arrayBuffer()))) entries.push(entry);
      after = response.headers.get("x-next");
    }
    return { ok: true, value: entries };
  } catch {
    return { ok: false, code: "unreachable" };
  }
}

function world(meeting: string): World {
  return {
    dial,
    seat: () => {
      const seat = readSeat(meeting);
      return seat && { meeting, participant: seat.participant, token: seat.token };
    },
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    now: () => performance.now(),
  };
}

function dial(events: WireEvents): Wire {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws/board`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => events.opened();
  socket.onmessage = ({ data }: MessageEvent<unknown>) => data instanceof ArrayBuffer && events.message(new Uint8Array(data));
  socket.onclose = () => events.closed();
  return {
    send: (frame) => socket.readyState === WebSocket.OPEN && socket.send(frame),
    close: () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}
