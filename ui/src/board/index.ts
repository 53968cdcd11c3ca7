// The whiteboard's document for the UI: pure, no DOM. The same as crates/board, held to it by tests/data/board;
// docs/BOARD.md describes it.
export { changeBytes, readChange, readUpdate, writeUpdate, type Change, type Op } from "./change";
export { BoardDocument, BoardObject, type Applied, type Vector } from "./document";
export { Board, Edit, EditError, MAX_UNDO } from "./edit";
export { pieces as piecesOf, STEPS, touched, type Span } from "./erase";
export { FIELDS, KINDS, type Field, type Kind } from "./field";
export { authorOf, idOf, stampOf, type ObjectId, type Replica, type Stamp } from "./id";
export { decodeInk, encodeInk, NO_PRESSURE, type Ink, type Point } from "./ink";
export * from "./limits";
export { orderBetween, wholeOrder, type Order } from "./order";
export { extend, FADING, presenceBytes, readPresence, readShown, type Presence, type Shown } from "./presence";
export { forbidsCreate, forbidsSet, LEVELS, type Forbidden, type Level, type Rights } from "./rights";
export { fromSnapshot, hashOf, snapshotOf } from "./snapshot";
export { readVector, vectorBytes } from "./vector";
export { type Asset, type End, type Place, type Spans, type TextStyle, type Value, type Values } from "./value";
export { compareLying, groupOf, isOn, isVisible, members, objectsOn, pages, pictureHash, pieces, topOn, wiped } from "./view";
export { Reader, WireError, Writer } from "./wire";
