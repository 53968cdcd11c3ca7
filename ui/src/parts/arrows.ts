// What the roles "toolbar" and "radiogroup" promise to who cannot see them: arrow keys, Home and End move between their members.
// In a group of radio buttons moving chooses, and Tab comes to the chosen one alone; in a toolbar Tab still comes to each.

const MEMBERS = "button:not(:disabled), a[href], input:not(:disabled), select:not(:disabled)";
const ON: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** A Svelte action for the element with the role. Keys that a field or an open menu needs itself are left alone. */
export function arrows(box: HTMLElement): { destroy: () => void } {
  function onkeydown(event: KeyboardEvent): void {
    const at = event.target;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(at instanceof HTMLElement)) return;
    if (at.matches("input, select, textarea") || at.closest('[role="menu"]') !== null) return;
    const members = [...box.querySelectorAll<HTMLElement>(MEMBERS)].filter((m) => m.closest('[role="menu"]') === null && m.offsetParent !== null);
    const now = members.indexOf(at);
    const step = ON[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? members.length - 1 : step === undefined || now < 0 ? undefined : now + step;
    if (to === undefined) return;
    const next = members[(to + members.length) % members.length];
    event.preventDefault();
    next?.focus();
    if (box.getAttribute("role") === "radiogroup") next?.click();
  }
  box.addEventListener("keydown", onkeydown);
  return { destroy: () => box.removeEventListener("keydown", onkeydown) };
}
