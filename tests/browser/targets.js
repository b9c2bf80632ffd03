// Visible touch targets that are too small, as "name: width × height". Links within a line of text
// are exempt, as in WCAG 2.5.8, and so are controls whose row has the same action.
(() => {
  const SIZE = 44;
  const dialogs = document.querySelectorAll('dialog[open]');
  const menu = document.querySelector(':popover-open');
  const root = menu || (dialogs.length ? dialogs[dialogs.length - 1] : document);
  const small = [];
  const pressed = 'a[href], button, input, select, textarea, summary, [role=treeitem], [role=row][id], [role=option]';
  for (const element of root.querySelectorAll(pressed)) {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || element.disabled) continue;
    if (getComputedStyle(element).display === 'inline' || element.closest('.note-text')) continue;
    if (element.matches('a') && element.closest('[role=row]:not(.detail), .facts')) continue;
    // The edge of a field is part of it.
    const box = (element.closest('.search') || element).getBoundingClientRect();
    if (box.bottom <= 0 || box.right <= 0 || box.top >= innerHeight || box.left >= innerWidth) continue;
    if (box.width < SIZE - 0.5 || box.height < SIZE - 0.5) {
      const name = element.getAttribute('aria-label') || element.innerText || element.id || element.className;
      small.push(`${element.tagName.toLowerCase()} “${name.trim().slice(0, 40)}”: ${Math.round(box.width)} × ${Math.round(box.height)}`);
    }
  }
  return small;
})()
