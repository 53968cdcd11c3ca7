// The whiteboard in real browsers: two draw together, undo and come back, who may not draw cannot even by forgery, and what is
// exported looks like what is on the canvas.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { artefacts, root, temporary } from './lib/paths.mjs';
import { library, tapBoard } from './lib/board.mjs';
import { Native, Server, sleep, until } from './lib/processes.mjs';
import { Guest } from './lib/guest.mjs';
import { accessible } from './lib/axe.mjs';

const DEVICES = { microphone: false, camera: false };

/** Opens the whiteboard of the meeting one is in. */
async function openBoard(guest) {
  await guest.page.getByRole('button', { name: 'Whiteboard', exact: true }).click();
  await guest.page.getByRole('application').waitFor({ timeout: 15000 });
}

const canvas = (guest) => guest.page.getByRole('application');
const tool = (guest, name) => guest.page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name, exact: true }).click();

/** Draws through points given in shares of the canvas. */
async function drag(guest, points) {
  const box = await canvas(guest).boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await guest.page.mouse.move(...at(points[0]));
  await guest.page.mouse.down();
  for (const point of points.slice(1)) await guest.page.mouse.move(...at(point), { steps: 8 });
  await guest.page.mouse.up();
}

/** How many objects a page says it has. */
const count = async (guest) => Number(/(\d+) objects/.exec(await canvas(guest).getAttribute('aria-label'))[1]);

/** One of the exports, as a file. */
async function exported(guest, item, folder) {
  const download = guest.page.waitForEvent('download');
  await guest.page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name: 'Export' }).click();
  await guest.page.getByRole('menuitem', { name: item }).click();
  const file = join(folder, (await download).suggestedFilename());
  await (await download).saveAs(file);
  return file;
}

const size = (file) => execFileSync('identify', ['-format', '%w %h', file]).toString().split(' ').map(Number);
/** The share of points of two pictures that differ by more than a fifth in some colour. */
function differ(one, other) {
  const [width, height] = size(one);
  try {
    execFileSync('compare', ['-metric', 'AE', '-fuzz', '20%', one, other, 'null:'], { stdio: 'pipe' });
    return 0;
  } catch (e) {
    assert.equal(e.status, 1, String(e.stderr));
    return Number.parseFloat(String(e.stderr)) / (width * height);
  }
}
/** The share of points that are not paper. */
const inked = (file) => 1 - Number(execFileSync('convert', [file, '-fuzz', '5%', '-fill', 'black', '+opaque', 'white', '-fill', 'white', '-opaque', 'white', '-colorspace', 'gray', '-format', '%[fx:mean]', 'info:']).toString());

test('two guests draw together, one of them goes and comes back, and exports look like the canvas', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Board');
  const open = async (options) => { const g = await Guest.start(options); t.after(() => g.close()); return g; };
  const [host, ada] = [await open({ dark: false }), await open({ dark: false, size: { width: 1600, height: 1000 } })];
  const folder = artefacts('board');
  await host.join(host_link, 'Hanna', DEVICES);
  await ada.join(guest_link, 'Ada', DEVICES);
  await openBoard(host);
  await host.page.getByText('Nothing is drawn here yet.').waitFor();
  const paper = await host.page.locator('.canvas canvas').first().evaluate((c) => [...c.getContext('2d').getImageData(c.width / 2, c.height / 4, 1, 1).data]);
  assert.deepEqual(paper, [255, 255, 255, 255], 'an empty board is paper');
  await host.screenshot(join(folder, 'empty.png'));
  await openBoard(ada);

  // A stroke of each; each sees the other's.
  await tool(host, 'Pen');
  await drag(host, [[0.2, 0.2], [0.4, 0.5], [0.6, 0.2]]);
  await until("Ada sees Hanna's stroke", 5000, async () => (await count(ada)) === 1);
  await tool(ada, 'Pen');
  await drag(ada, [[0.3, 0.7], [0.7, 0.7]]);
  await until("Hanna sees Ada's stroke", 5000, async () => (await count(host)) === 2);

  // A shape, a note with words, an undo of one's own alone.
  await tool(host, 'Shape');
  await drag(host, [[0.65, 0.3], [0.85, 0.5]]);
  await tool(ada, 'Sticky note');
  await drag(ada, [[0.1, 0.1], [0.25, 0.3]]);
  await ada.page.getByRole('textbox', { name: 'Text of the object' }).fill('a thought');
  await canvas(ada).click({ position: { x: 500, y: 760 } });
  await until('both see four', 5000, async () => (await count(host)) === 4 && (await count(ada)) === 4);
  await host.page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name: 'Undo' }).click();
  await until('the shape alone is gone', 5000, async () => (await count(ada)) === 3);
  await host.page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name: 'Redo' }).click();
  await until('the shape is back', 5000, async () => (await count(ada)) === 4);
  await host.page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name: 'Objects' }).click();
  await host.page.getByRole('button', { name: /Sticky note: a thought, by Ada/ }).waitFor();
  await host.screenshot(join(folder, 'objects.png'));
  await accessible(host.page, 'the whiteboard');
  await host.page.getByRole('toolbar', { name: 'Tools' }).getByRole('button', { name: 'Objects' }).click();

  // Their documents are one: what they export is equal to the byte.
  const own = (name) => temporary(name);
  const svg = await exported(host, 'This page as SVG', own('host'));
  const same = await exported(ada, 'This page as SVG', own('ada'));
  assert.equal(readFileSync(svg, 'utf8'), readFileSync(same, 'utf8'));

  // The server is cut off; Ada draws on, and it is there afterwards.
  await server.kill();
  await ada.page.getByText('Connection lost. You can go on drawing').waitFor({ timeout: 15000 });
  await tool(ada, 'Pen');
  await drag(ada, [[0.3, 0.85], [0.5, 0.9]]);
  await server.up();
  await until("what was drawn offline is on Hanna's board", 30000, async () => (await count(host)) === 5);

  // A reload gets it all again from the server.
  await host.page.reload();
  await host.page.getByRole('toolbar').first().waitFor({ timeout: 20000 });
  await openBoard(host);
  await until('the board is as it was', 10000, async () => (await count(host)) === 5);
  await host.screenshot(join(folder, 'host.png'));
  await ada.screenshot(join(folder, 'ada.png'));

  // How it came to be, from the first stroke on.
  await tool(host, 'How it came to be');
  const place = host.page.getByRole('slider', { name: 'Place in time' });
  await until('the history is there', 10000, async () => Number(await place.getAttribute('max')) > 0);
  const picture = () => host.page.locator('.replay canvas').evaluate((c) => c.toDataURL());
  await sleep(300);
  const end = await picture();
  await host.screenshot(join(folder, 'replay.png'));
  await place.fill('0');
  await until('it is empty at the beginning', 5000, async () => (await picture()) !== end);
  await host.page.getByRole('combobox', { name: 'Speed' }).selectOption({ label: '64 times' });
  await host.page.getByRole('button', { name: 'Play', exact: true }).click();
  await until('it ends as the board is', 10000, async () => (await picture()) === end);
  await accessible(host.page, 'the replay');
  await host.page.getByRole('button', { name: 'Back to the board' }).click();

  // Exports: the SVG as Chromium draws it and the PDF as pdftoppm does, beside the picture of the canvas.
  const files = own('exports');
  const png = await exported(host, 'This page as PNG', files);
  const drawn = await exported(host, 'This page as SVG', files);
  const pdf = await exported(host, 'All pages as PDF', files);
  const [width, height] = size(png);
  const viewer = await host.context.newPage();
  await viewer.setViewportSize({ width, height });
  await viewer.setContent(`<!doctype html><style>*{margin:0}img{display:block;width:${width}px;height:${height}px}</style><img src="data:image/svg+xml;base64,${readFileSync(drawn).toString('base64')}">`);
  await sleep(300);
  await viewer.screenshot({ path: join(folder, 'svg.png') });
  await viewer.close();
  execFileSync('pdftoppm', ['-png', '-singlefile', '-scale-to-x', String(width), '-scale-to-y', String(height), pdf, join(folder, 'pdf')]);
  execFileSync('cp', [png, join(folder, 'png.png')]);
  assert.ok(inked(png) > 0.01, 'there is something on it');
  for (const other of ['svg', 'pdf']) {
    const share = differ(png, join(folder, `${other}.png`));
    console.log(`${other} beside png, ${width} x ${height}: ${(100 * share).toFixed(2)} % of the points differ`);
    assert.ok(share < 0.02, `${other}: ${share}`);
  }
  for (const guest of [host, ada]) {
    assert.deepEqual(guest.foreign, [], 'nobody else is asked');
    const errors = guest.errors.filter((e) => !/WebSocket|Failed to load resource|ERR_CONNECTION/.test(e));
    assert.deepEqual(errors, [], 'no errors');
  }
});

test('two guests and a native draw together, and all have the same board by hash', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Three');
  const open = async () => { const g = await Guest.start(); t.after(() => g.close()); await tapBoard(g); return g; };
  const [host, ada] = [await open(), await open()];
  await host.join(host_link, 'Hanna', DEVICES);
  await ada.join(guest_link, 'Ada', DEVICES);
  await openBoard(host);
  await tool(host, 'Pen');
  await drag(host, [[0.2, 0.2], [0.4, 0.4]]);
  await openBoard(ada);
  await until("Ada has the first page", 10000, async () => (await count(ada)) === 1);

  const events = join(temporary('native-events'), 'events.jsonl');
  const native = new Native(guest_link, 'Norbert', ['--draw', '6', '--draw-every', '400ms', '--events-json', events]);
  t.after(() => native.leave());
  const told = () => (existsSync(events) ? readFileSync(events, 'utf8') : '').split('\n').filter((l) => l.includes('"board"')).map((l) => JSON.parse(l));
  await until('the native has begun', 20000, () => told().some((e) => e.what === 'changed' && e.objects > 2));
  await tool(ada, 'Pen');
  await drag(ada, [[0.3, 0.7], [0.7, 0.7]]);
  await drag(host, [[0.5, 0.2], [0.7, 0.4]]);
  await drag(ada, [[0.3, 0.8], [0.7, 0.8]]);
  // Hanna's, Ada's, the native's.
  const strokes = 2 + 2 + 6;
  for (const guest of [host, ada]) await until('a guest sees all', 20000, async () => (await count(guest)) === strokes);
  const last = await until('the native has all, and all of it is stored', 20000, () => {
    const newest = told().filter((e) => e.what === 'changed').at(-1);
    return newest?.objects === strokes + 1 && newest.unsaved === 0 && newest;
  });

  const board = await library();
  for (const guest of [host, ada]) {
    const { own, servers } = await board.hashes(guest);
    assert.equal(own, last.hash, "what a guest's page was told and wrote makes the native's document");
    assert.equal(servers, last.hash, "and the server's");
  }
  await host.screenshot(join(artefacts('board'), 'with-native.png'));

  // A native that may not draw is refused, and keeps looking.
  await host.page.getByRole('button', { name: /^People/ }).first().click();
  await host.page.getByRole('button', { name: 'Meeting rules' }).click();
  await host.page.getByRole('switch', { name: 'Draw on the whiteboard' }).click();
  await host.page.keyboard.press('Escape');
  const looks = join(temporary('native-looks'), 'events.jsonl');
  const eve = new Native(guest_link, 'Eve', ['--draw', '1', '--events-json', looks]);
  t.after(() => eve.leave());
  const seen = () => (existsSync(looks) ? readFileSync(looks, 'utf8') : '').split('\n').filter((l) => l.includes('"board"')).map((l) => JSON.parse(l));
  await until('she is refused', 20000, () => seen().some((e) => e.what === 'refused' && e.code === 'board_view_only'));
  await until('she has the board without it', 20000, () => seen().at(-1)?.hash === last.hash);
  assert.equal(await count(host), strokes);
});

test('who is far has two ways to the board, and what one holds back comes by the other', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Far');
  const open = async () => { const g = await Guest.start(); t.after(() => g.close()); return g; };
  const [host, ada] = [await open(), await open()];
  const ways = [];
  await ada.context.routeWebSocket(/\/ws\/board$/, (page) => {
    const way = { held: undefined };
    ways.push(way);
    const wire = page.connectToServer();
    // 75 ms each way; all of it waits while it is held.
    const late = (send) => (message) => setTimeout(() => (way.held ? way.held.push(() => send(message)) : send(message)), 75);
    page.onMessage(late((message) => wire.send(message)));
    wire.onMessage(late((message) => page.send(message)));
  });
  await host.join(host_link, 'Hanna', DEVICES);
  await ada.join(guest_link, 'Ada', DEVICES);
  await openBoard(host);
  await openBoard(ada);
  await tool(host, 'Pen');
  await tool(ada, 'Pen');
  let strokes = 0;
  const stroke = (who) => {
    const y = 0.15 + 0.05 * strokes++;
    return drag(who, [[0.3, y], [0.7, y]]);
  };
  await until('a second way', 20000, async () => {
    await stroke(ada);
    await sleep(500);
    return ways.length > 1;
  });
  for (const guest of [host, ada]) await until('both have all', 10000, async () => (await count(guest)) === strokes);
  await sleep(1000);
  ways[0].held = [];
  await stroke(host);
  await until('it comes by the second way', 5000, async () => (await count(ada)) === strokes);
  await stroke(ada);
  await until('and goes by it', 5000, async () => (await count(host)) === strokes);
  const held = ways[0].held;
  assert.ok(held.length > 0, 'the first held something back');
  ways[0].held = undefined;
  held.forEach((send) => send());
  await sleep(1000);
  for (const guest of [host, ada]) assert.equal(await count(guest), strokes, 'what comes late is known');
  assert.equal(ways.length, 2);
});

/** Colour of a point of a picture, given in shares of it: [red, green, blue]. */
function colorAt(file, [x, y]) {
  const [width, height] = size(file);
  const text = execFileSync('convert', [file, '-alpha', 'off', '-format', `%[fx:round(255*p{${Math.round(x * width)},${Math.round(y * height)}}.r)] %[fx:round(255*p{${Math.round(x * width)},${Math.round(y * height)}}.g)] %[fx:round(255*p{${Math.round(x * width)},${Math.round(y * height)}}.b)]`, 'info:']);
  return text.toString().split(' ').map(Number);
}
const isNear = (color, wanted) => color.every((c, i) => Math.abs(c - wanted[i]) < 40);

test('pictures and pages of a PDF come onto the board, are seen by another, and are in the exports', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Pictures');
  const open = async (options) => { const g = await Guest.start(options); t.after(() => g.close()); return g; };
  const [host, ada] = [await open({ dark: false }), await open({ size: { width: 390, height: 844 }, phone: true })];
  const folder = artefacts('board');
  const files = temporary('pictures');
  await host.join(host_link, 'Hanna', DEVICES);
  await ada.join(guest_link, 'Ada', DEVICES);
  await openBoard(host);
  await openBoard(ada);

  // What is no picture is refused by name, and nothing comes of it.
  const chooser = host.page.locator('.bar input[type=file]');
  await chooser.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await host.page.getByRole('alert').getByText('This is no picture and no PDF.').waitFor();
  await host.page.getByRole('alert').getByRole('button', { name: 'Close' }).click();

  // A real PNG: two halves, red and blue.
  const png = join(files, 'halves.png');
  execFileSync('convert', ['-size', '200x200', 'xc:#d81818', '(', '-size', '200x200', 'xc:#1848d8', ')', '+append', png]);
  await chooser.setInputFiles(png);
  await until('both have the picture', 15000, async () => (await count(host)) === 1 && (await count(ada)) === 1);
  const shown = (guest) => guest.page.locator('.canvas canvas').first().evaluate((c) => {
    const { width, height } = c;
    const data = c.getContext('2d').getImageData(0, 0, width, height).data;
    let [red, blue] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      if (data[i] > 170 && data[i + 2] < 70) red += 1;
      if (data[i] < 70 && data[i + 2] > 170) blue += 1;
    }
    return red > 500 && blue > 500;
  });
  for (const guest of [host, ada]) await until(`${guest === host ? 'Hanna' : 'Ada'} sees it`, 15000, () => shown(guest));
  await host.screenshot(join(folder, 'picture.png'));
  await ada.screenshot(join(folder, 'picture-phone.png'));
  // What is to be seen on it is written down, heard by the other, and in the exports.
  const ALT = 'Two halves: red <left>, blue 右';
  await host.page.getByRole('toolbar', { name: 'Selected objects' }).getByRole('button', { name: 'Alternative text' }).click();
  const describe = host.page.getByRole('dialog', { name: 'Alternative text' });
  assert.equal(await describe.getByRole('textbox').inputValue(), 'halves.png');
  await describe.getByRole('textbox').fill(ALT);
  await accessible(host.page, 'the alternative text');
  await describe.getByRole('button', { name: 'Keep' }).click();
  await host.page.getByText(`Selected: Picture: ${ALT}`).waitFor({ state: 'attached' });
  await ada.page.getByRole('button', { name: 'More tools' }).click();
  await ada.screenshot(join(folder, 'more-phone.png'));
  await ada.page.getByRole('menuitemcheckbox', { name: 'Objects' }).click();
  await ada.page.getByRole('button', { name: `Picture: ${ALT}, by Hanna` }).waitFor();
  await ada.page.getByRole('complementary', { name: 'Objects' }).getByRole('button', { name: 'Close' }).click();
  const one = await exported(host, 'This page as PNG', files);
  assert.ok(isNear(colorAt(one, [0.3, 0.5]), [0xd8, 0x18, 0x18]) && isNear(colorAt(one, [0.7, 0.5]), [0x18, 0x48, 0xd8]), 'red at the left and blue at the right');
  const svg = readFileSync(await exported(host, 'This page as SVG', files), 'utf8');
  assert.match(svg, /href="data:image\/png;base64,/);
  assert.match(svg, /<g role="img"><title>Two halves: red &#60;left&#62;, blue 右<\/title><image /);

  // Two pages of a PDF become two pages to draw on.
  await chooser.setInputFiles(join(root, 'tests/data/pages.pdf'));
  const dialog = host.page.getByRole('dialog', { name: 'Pages of the PDF' });
  await dialog.locator('canvas').nth(1).waitFor({ timeout: 20000 });
  await host.screenshot(join(folder, 'pages.png'));
  await accessible(host.page, 'the pages of a PDF');
  await dialog.getByRole('button', { name: 'Insert' }).click();
  const pagesOf = (guest) => guest.page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: /^(Page \d|pages\.pdf, \d)$/ });
  await until('Ada has three pages', 20000, async () => (await pagesOf(ada).count()) === 3);
  await until('Hanna is on the first of them', 10000, async () => /pages\.pdf, 1|Page 2/.test(await canvas(host).getAttribute('aria-label')));
  // One draws on it, and does not move it.
  await tool(host, 'Pen');
  await drag(host, [[0.4, 0.45], [0.6, 0.45]]);
  await until('there is ink on it', 5000, async () => (await count(host)) === 2);
  await tool(host, 'Objects');
  await host.page.getByRole('button', { name: /Picture: pages\.pdf, 1, locked, by Hanna/ }).waitFor();
  await tool(host, 'Objects');
  await host.screenshot(join(folder, 'background.png'));

  // The PDF that goes out has the pictures, page by page.
  const pdf = await exported(host, 'All pages as PDF', files);
  const alts = [...readFileSync(pdf, 'latin1').matchAll(/\/Alt <feff([0-9a-f]+)>/g)].map(([, hex]) => Buffer.from(hex, 'hex').swap16().toString('utf16le'));
  assert.equal(alts.length, 3);
  assert.equal(alts[0], `Page 1: 1 object.\nPicture: ${ALT}`);
  assert.match(alts[1], /^pages\.pdf, 1: 2 objects\.\nPicture: pages\.pdf, 1$/);
  execFileSync('pdftoppm', ['-png', '-r', '72', pdf, join(files, 'out')]);
  const out = (n) => join(files, `out-${n}.png`);
  assert.ok(isNear(colorAt(out(1), [0.3, 0.5]), [0xd8, 0x18, 0x18]));
  const red = [0.85 * 255, 0.1 * 255, 0.1 * 255];
  assert.ok(isNear(colorAt(out(2), [0.27, 0.7]), red), `the first page's square: ${colorAt(out(2), [0.27, 0.7])}`);
  assert.ok(isNear(colorAt(out(3), [0.72, 0.7]), [0.1 * 255, 0.3 * 255, 0.85 * 255]), 'the second page');

  // After a restart, and for who comes late, it is all there.
  await server.kill();
  await server.up();
  await ada.page.reload();
  await ada.page.getByRole('toolbar').first().waitFor({ timeout: 20000 });
  await openBoard(ada);
  await until('Ada sees the picture again', 20000, () => shown(ada));
  for (const guest of [host, ada]) {
    assert.deepEqual(guest.foreign, [], 'nobody else is asked');
    const errors = guest.errors.filter((e) => !/WebSocket|Failed to load resource|ERR_CONNECTION/.test(e));
    assert.deepEqual(errors, [], 'no errors');
  }
});

test('a PDF with a password asks for it, and pictures come by pasting and dropping', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { host_link } = await server.meeting('Ways in');
  const host = await Guest.start({ dark: false });
  t.after(() => host.close());
  const folder = artefacts('board');
  await host.context.grantPermissions(['clipboard-read', 'clipboard-write', 'microphone', 'camera'], { origin: server.url });
  await host.join(host_link, 'Hanna', DEVICES);
  await openBoard(host);

  // A wrong password is told, the right one opens it; without one it is said what became of it.
  const chooser = host.page.locator('.bar input[type=file]');
  const asks = host.page.getByRole('dialog', { name: 'This PDF has a password' });
  await chooser.setInputFiles(join(root, 'tests/data/locked.pdf'));
  await asks.getByLabel('Password', { exact: true }).fill('sesame');
  await asks.getByRole('button', { name: 'Open' }).click();
  await asks.getByRole('alert').getByText('That is not its password. Try again.').waitFor();
  await host.screenshot(join(folder, 'password.png'));
  await accessible(host.page, 'the password of a PDF');
  await asks.getByLabel('Password', { exact: true }).fill('open sesame');
  await host.page.keyboard.press('Enter');
  await until('its page is on the board', 15000, async () => (await count(host)) === 1);
  assert.equal(await asks.count(), 0);
  await chooser.setInputFiles(join(root, 'tests/data/locked.pdf'));
  await asks.getByRole('button', { name: 'Cancel' }).click();
  await host.page.getByRole('alert').getByText("This PDF has a password. Without it, it can't be brought in.").waitFor();
  await host.page.getByRole('alert').getByRole('button', { name: 'Close' }).click();
  assert.equal(await count(host), 1);

  // Pasted by the keyboard from the clipboard, where another program put it.
  const picture = execFileSync('convert', ['-size', '60x60', 'xc:#d81818', 'png:-']);
  await canvas(host).focus();
  await host.page.evaluate((bytes) => navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([Uint8Array.from(bytes)], { type: 'image/png' }) })]), [...picture]);
  await host.page.keyboard.press('Control+v');
  await until('the pasted picture is there', 15000, async () => (await count(host)) === 2);

  // Dropped: it lies where it was let go.
  const dropped = await host.page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], 'dropped.png', { type: 'image/png' }));
    return data;
  }, [...execFileSync('convert', ['-size', '60x60', 'xc:#1848d8', 'png:-'])]);
  const box = await canvas(host).boundingBox();
  const at = { clientX: box.x + box.width * 0.2, clientY: box.y + box.height * 0.25 };
  for (const event of ['dragover', 'drop']) await canvas(host).dispatchEvent(event, { dataTransfer: dropped, ...at });
  await until('the dropped picture is there', 15000, async () => (await count(host)) === 3);
  const blue = () => host.page.locator('.canvas canvas').first().evaluate((c) => {
    const [red, , blue_] = c.getContext('2d').getImageData(Math.round(c.width * 0.2), Math.round(c.height * 0.25), 1, 1).data;
    return red < 80 && blue_ > 150;
  });
  await until('it lies where it was let go', 5000, blue);
  await tool(host, 'Objects');
  for (const name of ['dropped.png', 'Pasted picture', 'locked.pdf']) await host.page.getByRole('button', { name: `Picture: ${name}, by Hanna` }).waitFor();
  await host.screenshot(join(folder, 'ways-in.png'));
  assert.deepEqual(host.foreign, [], 'nobody else is asked');
  assert.deepEqual(host.errors, [], 'no errors');
});

test('a guest who may not draw cannot, even with a forged message', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Only looking');
  const open = async () => { const g = await Guest.start(); t.after(() => g.close()); return g; };
  const [host, eve] = [await open(), await open()];
  // What the host's page sends to the board is kept, to be sent again by another.
  await host.context.addInitScript(() => {
    globalThis.__frames = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      if (data instanceof Uint8Array && this.url.endsWith('/ws/board')) globalThis.__frames.push([...data]);
      return send.call(this, data);
    };
  });
  await host.join(host_link, 'Hanna', DEVICES);
  await eve.join(guest_link, 'Eve', DEVICES);
  await host.page.getByRole('button', { name: /^People/ }).first().click();
  await host.page.getByRole('button', { name: 'Meeting rules' }).click();
  await host.page.getByRole('switch', { name: 'Draw on the whiteboard' }).click();
  await host.page.keyboard.press('Escape');
  await openBoard(host);
  await openBoard(eve);
  await eve.page.getByText('You can look, but not draw.').waitFor();
  assert.equal(await eve.page.getByRole('button', { name: 'Pen', exact: true }).count(), 0, 'she has no pen');

  await tool(host, 'Pen');
  await drag(host, [[0.3, 0.3], [0.6, 0.6]]);
  await until('Eve sees it', 5000, async () => (await count(eve)) === 1);
  await eve.screenshot(join(artefacts('board'), 'view-only.png'));
  const update = await host.page.evaluate(() => globalThis.__frames.find((frame) => frame[0] === 5));

  // With her own seat, over a connection of her own: the host's frame, and one that claims to be hers.
  const answers = await eve.page.evaluate(async (update) => {
    const key = Object.keys(sessionStorage).find((name) => name.startsWith('confab.seat.'));
    const seat = JSON.parse(sessionStorage.getItem(key));
    const text = (words) => [words.length, ...new TextEncoder().encode(words)];
    const number = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...number(Math.floor(n / 128))]);
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/board`);
    socket.binaryType = 'arraybuffer';
    const heard = [];
    const names = () => heard.filter((frame) => frame[0] === 7).map((frame) => new TextDecoder().decode(frame.slice(2)).replace(/[^a-z_]/g, ''));
    let replica;
    socket.onmessage = ({ data }) => {
      const frame = new Uint8Array(data);
      heard.push(frame);
      if (frame[0] === 2) replica = [frame[1], frame[2]];
    };
    await new Promise((done) => (socket.onopen = done));
    socket.send(Uint8Array.from([1, 1, ...text(key.slice('confab.seat.'.length)), ...number(seat.participant), ...text(seat.token), 0, 0]));
    const wait = async (ready) => { for (let i = 0; i < 200 && !ready(); i++) await new Promise((done) => setTimeout(done, 25)); };
    await wait(() => heard.some((frame) => frame[0] === 4));
    socket.send(Uint8Array.from(update));
    await wait(() => names().length === 1);
    const forged = [...update];
    [forged[1], forged[2]] = replica;
    socket.send(Uint8Array.from(forged));
    await wait(() => names().length === 2);
    socket.close();
    return names();
  }, update);
  assert.deepEqual(answers, ['board_forged', 'board_view_only']);
  await sleep(300);
  assert.equal(await count(host), 1, 'nothing came of it');

  // Allowed again, she has her pen at once.
  await host.page.getByRole('button', { name: 'Meeting rules' }).click();
  await host.page.getByRole('switch', { name: 'Draw on the whiteboard' }).click();
  await host.page.keyboard.press('Escape');
  await tool(eve, 'Pen');
  await drag(eve, [[0.2, 0.6], [0.5, 0.8]]);
  await until('Hanna sees it', 5000, async () => (await count(host)) === 2);
});

test('a whiteboard that is shown opens for all and is followed; several people are in the spotlight', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { guest_link, host_link } = await server.meeting('Shown');
  const open = async (options) => { const g = await Guest.start(options); t.after(() => g.close()); return g; };
  const [host, ada, ben] = [await open({ dark: false }), await open(), await open({ size: { width: 390, height: 844 }, phone: true })];
  const folder = artefacts('board');
  await host.join(host_link, 'Hanna', DEVICES);
  await ada.join(guest_link, 'Ada', DEVICES);

  await openBoard(host);
  await tool(host, 'Pen');
  await drag(host, [[0.3, 0.3], [0.6, 0.6]]);
  await host.page.getByRole('button', { name: 'Show to everyone' }).click();
  await canvas(ada).waitFor({ timeout: 10000 });
  await ada.page.getByText('Hanna shows this whiteboard, and you look along.').waitFor();
  await until("Ada has the host's stroke", 5000, async () => (await count(ada)) === 1);
  const zoom = (guest) => guest.page.getByRole('toolbar', { name: 'Tools' }).getByText(/^\d+ %$/).textContent();
  await host.page.getByRole('button', { name: 'Zoom in', exact: true }).click();
  await until('Ada looks along', 5000, async () => (await zoom(ada)) === (await zoom(host)) && (await zoom(ada)) === '125 %');
  // Who looks elsewhere stays there, until they follow again.
  await ada.page.getByRole('button', { name: 'Zoom out', exact: true }).click();
  await ada.page.getByText('Hanna shows this whiteboard.').waitFor();
  await host.page.getByRole('button', { name: 'Zoom in', exact: true }).click();
  await sleep(500);
  assert.equal(await zoom(ada), '100 %');
  await ada.page.getByRole('button', { name: 'Follow', exact: true }).click();
  await until('she follows again', 5000, async () => (await zoom(ada)) === '156 %');
  assert.equal(await ada.page.getByRole('button', { name: 'Show to everyone' }).count(), 0, 'one at a time');
  await ada.screenshot(join(folder, 'followed.png'));
  await host.screenshot(join(folder, 'shown.png'));

  // Who comes later sees it too, on a phone.
  await ben.join(guest_link, 'Ben', DEVICES);
  await canvas(ben).waitFor({ timeout: 10000 });
  await ben.page.getByRole('button', { name: 'More tools' }).click();
  await ben.page.getByRole('menu', { name: 'More tools' }).getByText('156 %').waitFor({ timeout: 5000 });
  await ben.page.keyboard.press('Escape');
  await ben.screenshot(join(folder, 'phone.png'));
  await accessible(ben.page, 'the whiteboard on a phone');

  await host.page.getByRole('button', { name: 'Stop showing' }).click();
  await until('it closes where it opened by itself', 5000, async () => (await canvas(ada).count()) === 0);
  await host.page.getByRole('button', { name: 'Close the whiteboard' }).click();

  await host.page.getByRole('button', { name: /^People/ }).first().click();
  const more = (name) => host.page.getByRole('complementary').getByRole('button', { name: new RegExp(`${name}`) }).last().click();
  await more('Ada');
  await host.page.getByRole('menuitem', { name: 'Spotlight for everyone' }).click();
  await more('Ben');
  await host.page.getByRole('menuitem', { name: 'Add to the spotlight' }).click();
  await until('both have the spotlight at Ada', 5000, async () => (await ada.page.getByTitle('In the spotlight').count()) >= 2);
  await host.page.keyboard.press('Escape');
  await ada.screenshot(join(folder, 'spotlights.png'));
  for (const guest of [host, ada, ben]) assert.deepEqual(guest.errors, [], 'no errors');
});
