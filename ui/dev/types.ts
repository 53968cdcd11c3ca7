export type * from "../src/port/port";
export type { Scene as Scene2 } from "./fake";
