// What somebody without a pointer meets on a page as it is now: whatever can be clicked is reached by Tab, or by the arrow keys of
// the widget it is in; it shows that it has the focus, has a name, and holds nobody. Dialogs and menus take the focus and give it back.
import assert from 'node:assert/strict';
import { until } from './processes.mjs';

/** Names as a screen reader says them are told by the browser itself. */
export const KEY_FLAGS = ['--enable-blink-features=ComputedAccessibilityInfo'];

/** Before the page's own scripts: remembers who listens for clicks, and brings what a look at the page needs. */
export function tapKeys() {
  const listening = new WeakSet();
  const own = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (['click', 'dblclick'].includes(type) && this instanceof Element) listening.add(this);
    return own.call(this, type, ...rest);
  };
  /** Its own listeners, and those the UI's framework keeps on the element for one listener at the root. */
  const acts = (el) => {
    if (listening.has(el)) return true;
    const kept = Object.getOwnPropertySymbols(el).find((s) => s.description === 'events');
    return kept !== undefined && ['click', 'dblclick'].some((type) => el[kept]?.[type] !== undefined);
  };

  const INTERACTIVE = ['a[href]', 'button', 'input:not([type=hidden])', 'select', 'textarea', 'summary', '[tabindex]:not([tabindex="-1"])', '[contenteditable=true]', 'audio[controls]', 'video[controls]',
    ...['button', 'link', 'checkbox', 'switch', 'radio', 'tab', 'menuitem', 'menuitemradio', 'menuitemcheckbox', 'slider', 'spinbutton', 'combobox', 'textbox', 'searchbox', 'treeitem', 'gridcell'].map((r) => `[role=${r}]`)].join();
  const COMPOSITE = ['toolbar', 'tablist', 'menu', 'menubar', 'radiogroup', 'listbox', 'grid', 'tree'].map((r) => `[role=${r}]`).join();
  const seen = (el) => el.isConnected && el.checkVisibility({ visibilityProperty: true }) && el.getClientRects().length > 0 && el.closest('[inert], [aria-hidden=true]') === null;
  const usable = (el) => seen(el) && !el.matches(':disabled') && !(el.tabIndex < 0 && el.closest(COMPOSITE) === null && el.getAttribute('role') === null && el.matches('input[type=file]'));
  const modal = () => [...document.querySelectorAll('dialog')].findLast((d) => d.matches(':modal'));
  const scope = () => modal() ?? document.body;
  const told = (el) => `<${el.localName}${el.id ? `#${el.id}` : ''}${[...el.classList].filter((c) => !c.startsWith('svelte-')).map((c) => `.${c}`).join('')}> "${(el.computedName || el.textContent || '').trim().replace(/\s+/g, ' ').slice(0, 50)}"`;

  // Everything the focus may change the look of: itself, its drawn parts, what wraps it, what follows it, its label.
  const around = (el) => [[el], [el, '::before'], [el, '::after'], [el.parentElement], [el.parentElement?.parentElement], [el.nextElementSibling], [el.labels?.[0]]].filter(([e]) => e instanceof Element);
  const look = (el) => around(el).map(([e, part]) => {
    const s = getComputedStyle(e, part);
    return [s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 1 ? '' : `${s.outlineStyle} ${s.outlineWidth} ${s.outlineColor}`, s.boxShadow, s.borderTopColor, s.borderBottomColor, s.backgroundColor].join('|');
  }).join('\n');

  // What a click does where nothing can have the focus, and what does the same by key.
  const SAME_BY_KEY = [
    '#app', // where the framework listens for all
    'dialog', // a click beside it closes it, as Escape does
    '.day > ol', // an hour clicked opens the dialog for a plan, as its button and N do
    '.tile', // twice clicked is pinned, as by the button in it
    '.layer', // keeps a second click from the tile
    '[role=option]', // chosen with the arrow keys of the field it belongs to
  ].join();

  let before = new Map();
  /** Who has had the focus, and whether it was to be seen. */
  let reached = new Map();
  own.call(document, 'focusin', ({ target }) => {
    if (before.has(target) && !reached.get(target)) reached.set(target, look(target) !== before.get(target));
    else if (!reached.has(target)) reached.set(target, true);
  }, true);
  const members = (box) => [...box.querySelectorAll(INTERACTIVE)].filter((el) => usable(el) && el.closest(COMPOSITE) === box && el.getAttribute('role') !== 'option');
  /** The boxes that promise arrow keys, by their role, and native radio buttons by their name. */
  const boxes = (within) => [...within.querySelectorAll(COMPOSITE)].filter(seen).map(members)
    .concat(Object.values(Object.groupBy([...within.querySelectorAll('input[type=radio][name]')].filter(usable), (r) => r.name)))
    .filter((all) => all.length > 1);

  globalThis.__keys = {
    /** Counts what can be used now, and puts the focus before all of it. */
    begin() {
      document.activeElement?.blur?.();
      reached = new Map();
      before = new Map();
      const all = [...scope().querySelectorAll(INTERACTIVE)].filter(usable);
      for (const el of all) before.set(el, look(el));
      return { usable: all.length, clicked: all.filter(acts).length, stops: all.reduce((n, el) => n + (el.matches('[type=date], [type=time], [type=datetime-local], video, audio') ? 6 : 1), 0) };
    },
    reachedAll: () => [...before.keys()].every((el) => reached.has(el) || !usable(el)),
    count: () => reached.size,
    boxes: () => boxes(scope()).length,
    /** Gives the focus to the member of a box that Tab came to; how many members there are. */
    enter(n) {
      const box = boxes(scope())[n];
      if (box === undefined) return 0;
      const first = box.find((el) => el.checked) ?? box.find((el) => reached.has(el) && el.tabIndex >= 0 && !el.matches('input:not([type=radio], [type=checkbox]), select')) ?? box.find((el) => el.tabIndex >= 0) ?? box[0];
      globalThis.__box = box;
      first.focus();
      return box.length;
    },
    /** Whether arrow keys have moved the focus within the box. */
    moved: (n) => { const now = document.activeElement; return globalThis.__box.includes(now) && globalThis.__box.indexOf(now) !== n; },
    at: () => globalThis.__box.indexOf(document.activeElement),
    /** Gives the focus to who has been reached next to the first that has not; whether there is one, and how many more keys may help. */
    beside(tried) {
      const left = [...before.keys()].filter((el) => usable(el) && !reached.has(el));
      const next = left[tried];
      if (next === undefined) return 0;
      for (let box = next.parentElement; box !== null && box !== scope().parentElement; box = box.parentElement) {
        const near = [...box.querySelectorAll(INTERACTIVE)].find((el) => reached.has(el) && usable(el) && el.tabIndex >= 0 && el.localName === next.localName);
        if (near === undefined) continue;
        near.focus();
        return left.length + 1;
      }
      return -1;
    },
    faults() {
      const faults = [];
      const now = [...before.keys()].filter(usable);
      for (const el of now) {
        if (!reached.has(el)) faults.push(`not reached: ${told(el)}`);
        else if (!reached.get(el)) faults.push(`no sign of the focus: ${told(el)}`);
        if ((el.computedName ?? '').trim() === '') faults.push(`no name: ${told(el)} ${el.outerHTML.slice(0, 120)}`);
        if (el.tabIndex > 0) faults.push(`an order of its own: ${told(el)}`);
      }
      // What acts on a click, or says so by its cursor, and cannot have the focus.
      const focusable = (el) => el.tabIndex >= 0 || el.closest(COMPOSITE) !== null && el.matches(INTERACTIVE);
      for (const el of scope().querySelectorAll('*')) {
        if (!seen(el) || el.matches(SAME_BY_KEY) || focusable(el)) continue;
        if (el.closest(':disabled') !== null || el.closest('label') !== null || el.closest('a[href], button, summary, select') !== null) continue;
        const points = getComputedStyle(el).cursor === 'pointer' && getComputedStyle(el.parentElement).cursor !== 'pointer';
        if (acts(el) || points) faults.push(`clicked only: ${told(el)}`);
      }
      return [...new Set(faults)];
    },
    closedDetails: () => [...scope().querySelectorAll('details:not([open]) > summary')].filter(seen).length,
    focusClosed: () => [...scope().querySelectorAll('details:not([open]) > summary')].filter(seen)[0].focus(),
    menus: () => [...scope().querySelectorAll('[aria-haspopup=menu]')].filter(usable).length,
    menu(n) {
      const button = [...scope().querySelectorAll('[aria-haspopup=menu]')].filter(usable)[n];
      globalThis.__menu = button;
      button?.focus();
      return button?.computedName;
    },
    items: () => [...document.querySelectorAll('[role=menu]')].filter(seen).at(-1)?.querySelectorAll(INTERACTIVE).length ?? 0,
    beginMenu() {
      const menu = [...document.querySelectorAll('[role=menu]')].filter(seen).at(-1);
      if (menu === undefined) return undefined;
      before = new Map([...menu.querySelectorAll(INTERACTIVE)].filter(usable).map((el) => [el, el === document.activeElement ? '' : look(el)]));
      reached = new Map(before.has(document.activeElement) ? [[document.activeElement, true]] : []);
      return { held: menu.contains(document.activeElement), items: before.size };
    },
    menuFaults() {
      return [...before.keys()].filter(usable).flatMap((el) => [
        ...(!reached.has(el) ? [`not reached: ${told(el)}`] : reached.get(el) ? [] : [`no sign of the focus: ${told(el)}`]),
        ...((el.computedName ?? '').trim() === '' ? [`no name: ${told(el)}`] : []),
      ]);
    },
    open: () => [...document.querySelectorAll('[role=menu]')].some(seen),
    hold(as = 'held') { globalThis[`__${as}`] = document.activeElement; globalThis[`__${as}Name`] = document.activeElement?.computedName; },
    back: (as = 'held') => document.activeElement === globalThis[`__${as}`] || (!globalThis[`__${as}`]?.isConnected && document.activeElement?.computedName === globalThis[`__${as}Name`]),
    who: () => told(document.activeElement ?? document.body),
    modal: () => modal() !== undefined,
    modals: () => [...document.querySelectorAll('dialog')].filter((d) => d.matches(':modal')).length,
    inside: () => modal()?.contains(document.activeElement) ?? false,
  };
}

/** Keys are pressed one after the other without a look in between. */
const press = async (page, key, times) => { for (let n = 0; n < times; n++) await page.keyboard.press(key); };
const ask = (page, what, ...args) => page.evaluate(([what, args]) => globalThis.__keys[what](...args), [what, args]);

/** Menus that were gone through, by page: the same one is at hand in every state of a meeting. */
const through = new WeakMap();

/** Each menu of the page, or of the dialog on top, is opened, gone through with arrow keys and closed again. */
async function menus(page, name) {
  const faults = [];
  const known = through.get(page) ?? new Set();
  through.set(page, known);
  for (let n = await ask(page, 'menus'); n-- > 0;) {
    const label = await ask(page, 'menu', n);
    if (label === undefined || known.has(label)) continue;
    known.add(label);
    await page.keyboard.press('Enter');
    await until(`${name}: the menu "${label}" opens`, 20_000, () => ask(page, 'open'));
    const begun = await ask(page, 'beginMenu');
    if (!begun?.held) faults.push(`the menu "${label}" does not take the focus`);
    await press(page, 'ArrowDown', begun?.items ?? 0);
    faults.push(...(await ask(page, 'menuFaults')).map((f) => `menu "${label}": ${f}`));
    await page.keyboard.press('Escape');
    await until(`${name}: Escape closes the menu "${label}"`, 20_000, async () => !(await ask(page, 'open')));
    if (!(await ask(page, 'back', 'menu'))) faults.push(`the menu "${label}" does not give the focus back, it is on ${await ask(page, 'who')}`);
  }
  return faults;
}

/** Goes over all of the page, or of the dialog on top, with the keyboard; what is wrong, each with its place. */
export async function sweep(page, name) {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  while (await ask(page, 'closedDetails') > 0) {
    const before = await ask(page, 'closedDetails');
    await ask(page, 'focusClosed');
    await page.keyboard.press('Enter');
    assert.ok(await ask(page, 'closedDetails') < before, `${name}: Enter opens what is folded`);
  }
  const faults = [];
  const { usable, clicked, stops } = await ask(page, 'begin');
  assert.ok(usable > 0 && clicked > 0, `${name}: ${usable} to use, ${clicked} that act on a click: the look at the page is blind`);
  // Twice around at most: what is not reached then is not reached.
  for (let pressed = 0; pressed < stops * 2 + 20; pressed += 10) {
    await press(page, 'Tab', 10);
    if (await ask(page, 'reachedAll')) break;
    if (pressed > stops + 20 && (await ask(page, 'boxes')) > 0) break;
  }
  // And back: who got in by Tab gets out by Shift+Tab; a date has parts of its own.
  await ask(page, 'hold');
  for (let n = 0; n < 6 && usable > 1 && (await ask(page, 'back')); n++) await page.keyboard.press('Shift+Tab');
  if (usable > 1 && (await ask(page, 'back'))) faults.push(`Shift+Tab does not lead away from ${await ask(page, 'who')}`);
  for (let box = await ask(page, 'boxes'); box-- > 0;) {
    const length = await ask(page, 'enter', box);
    const from = await ask(page, 'at');
    const who = await ask(page, 'who');
    let moved = false;
    for (const key of ['ArrowRight', 'ArrowDown']) {
      await page.keyboard.press(key);
      moved ||= await ask(page, 'moved', from);
      if (moved) { await press(page, key, length - 1); break; }
    }
    if (length > 0 && !moved) faults.push(`arrow keys do not move from ${who}`);
  }
  // Where one of many can be come to by Tab, arrow keys lead to the others.
  for (let tried = 0, n; tried < 4 && (n = await ask(page, 'beside', tried)) !== 0; tried++) {
    for (const key of n < 0 ? [] : ['ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowLeft', 'ArrowDown']) await press(page, key, Math.min(n, 12));
  }
  faults.push(...await ask(page, 'faults'), ...await menus(page, name));
  return faults.map((f) => `${name}: ${f}`);
}

/** Opens a dialog by Enter on what `opener` finds, goes over it, closes it by Escape, and looks where the focus is then. */
export async function dialog(page, opener, name, inside) {
  await opener.first().focus();
  await hold(page);
  await page.keyboard.press('Enter');
  return closing(page, name, inside);
}

/** As `dialog`, for one that is open already and was opened from what `hold` was told. */
export async function closing(page, name, inside) {
  await until(`${name} opens`, 30_000, () => ask(page, 'modal'));
  const depth = await ask(page, 'modals');
  const faults = [];
  if (!(await ask(page, 'inside'))) faults.push(`${name}: does not take the focus, it is on ${await ask(page, 'who')}`);
  faults.push(...await sweep(page, name));
  if (inside !== undefined) faults.push(...await inside(page));
  await page.keyboard.press('Escape');
  // What was filled in meanwhile is not thrown away without a question; the question's last word is to leave.
  await page.waitForTimeout(150);
  if (await ask(page, 'modals') > depth) {
    faults.push(...await sweep(page, `${name}, leaving`));
    await page.locator('dialog:modal').last().locator('footer button').last().press('Enter');
  }
  await until(`${name}: Escape closes it`, 20_000, async () => (await ask(page, 'modals')) < depth);
  await page.waitForTimeout(50);
  if (!(await ask(page, 'back', 'opener'))) faults.push(`${name}: does not give the focus back, it is on ${await ask(page, 'who')}`);
  return faults;
}

/** What has the focus now is to have it again when the next dialog closes. */
export const hold = (page) => ask(page, 'hold', 'opener');
