// Where the built programs, the clips and the artefacts are.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** A built program: from CARGO_TARGET_DIR or ./target, debug unless CONFAB_PROFILE says otherwise; CONFAB_PROGRAMS is a folder with others in their place. */
export function program(name) {
  const other = process.env.CONFAB_PROGRAMS && join(process.env.CONFAB_PROGRAMS, name);
  if (other && existsSync(other)) return other;
  const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
  const path = join(target, process.env.CONFAB_PROFILE ?? 'debug', name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run cargo build --workspace --all-targets first`);
  return path;
}

/** A clip made by `cargo xtask media`. */
export function clip(name) {
  const path = join(root, 'tests/data/fetched', name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run cargo xtask media first`);
  return path;
}

/** A folder for screenshots and recordings that are kept after the run. */
export function artefacts(name) {
  const folder = join(root, 'artefacts', name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A folder that goes with the process; CONFAB_KEEP=1 leaves it there to be looked at. */
export function temporary(name) {
  const folder = mkdtempSync(join(tmpdir(), `confab-${name}-`));
  if (!process.env.CONFAB_KEEP) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
