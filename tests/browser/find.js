// Finds the element with this role and accessible name: in the top dialog if one is open, since the
// rest of the page is inert then.
((role, name) => {
  const norm = (text) => (text || '').replace(/\s+/g, ' ').trim();
  const kinds = {
    button: 'button:not([role])', link: 'a[href]', tab: '[role=tab]', radio: '[role=radio]',
    menuitem: '[role^=menuitem]', row: '[role=row]', treeitem: '[role=treeitem]',
    textbox: 'input,textarea', combobox: 'select', region: 'section[aria-label]', dialog: 'dialog[open]', id: '[id]',
  };
  const nameOf = (element) => {
    if (role === 'id') return element.id;
    const label = element.getAttribute('aria-label');
    if (label) return norm(label);
    if (element.labels && element.labels.length) {
      const own = element.labels[0].querySelector('.field-label');
      return norm((own || element.labels[0]).textContent);
    }
    return norm(element.innerText || element.placeholder);
  };
  const dialogs = document.querySelectorAll('dialog[open]');
  const root = dialogs.length ? dialogs[dialogs.length - 1] : document;
  const seen = [];
  for (const element of root.querySelectorAll(kinds[role] || role)) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const own = nameOf(element);
    seen.push(own);
    if (own !== name) continue;
    if (element.disabled) return { seen: ['disabled: ' + own] };
    element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    const box = element.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const top = document.elementFromPoint(x, y);
    if (!top || !(element.contains(top) || top.contains(element))) {
      return { seen: ['covered: ' + own] };
    }
    return { x, y, element };
  }
  return { seen: seen.slice(0, 40) };
})
