
// Suggestions while somebody types into the search. Without this file, Enter searches.
(() => {
  const input = document.querySelector('form.search input[name="q"]');
  if (!input) return;
  const DELAY_MS = 150, FEWEST = 2, MOST_KEPT = 50;
  const kept = new Map();
  let timer, asking, options = [], active = -1;

  const list = document.createElement('ul');
  list.id = 'suggestions';
  list.className = 'suggestions';
  list.hidden = true;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Suggestions');
  const told = document.createElement('p');
  told.className = 'sr';
  told.setAttribute('role', 'status');
  input.form.append(list, told);
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-autocomplete', 'list');
  input.setAttribute('aria-controls', list.id);
  input.setAttribute('aria-expanded', 'false');

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function choose(at) {
    active = at;
    options.forEach((option, n) => option.setAttribute('aria-selected', String(n === at)));
    if (at < 0) { input.removeAttribute('aria-activedescendant'); return; }
    input.setAttribute('aria-activedescendant', options[at].id);
    options[at].scrollIntoView({ block: 'nearest' });
  }

  function piece(name, text) {
    const span = document.createElement('span');
    span.className = name;
    span.textContent = text;
    return span;
  }

  function show(found) {
    options = found.map((product, n) => {
      const option = document.createElement('li');
      option.id = `suggestion-${n}`;
      option.setAttribute('role', 'option');
      option.setAttribute('aria-selected', 'false');
      option.dataset.url = product.url;
      option.append(piece('s-name', product.name), ' ', piece('s-maker', product.maker), ' ', piece('s-price', product.price));
      return option;
    });
    list.replaceChildren(...options);
    told.textContent = options.length ? `${options.length} suggestions, use the arrow keys` : 'No suggestions';
    if (!options.length) { close(); return; }
    active = -1;
    input.removeAttribute('aria-activedescendant');
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
  }

  async function ask() {
    const words = input.value.trim();
    if (asking) asking.abort();
    if (words.length < FEWEST) { close(); return; }
    if (!kept.has(words)) {
      asking = new AbortController();
      try {
        const answer = await fetch(`/search/suggestions?q=${encodeURIComponent(words)}`, { signal: asking.signal });
        if (!answer.ok) { close(); return; }
        if (kept.size >= MOST_KEPT) kept.clear();
        kept.set(words, (await answer.json()).suggestions);
      } catch {
        return;
      }
    }
    if (document.activeElement === input && input.value.trim() === words) show(kept.get(words));
  }

  input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(ask, DELAY_MS); });
  input.addEventListener('keydown', (event) => {
    const open = !list.hidden;
    if (event.key === 'ArrowDown' && !open) { event.preventDefault(); ask(); return; }
    if (!open) return;
    const last = options.length - 1;
    if (event.key === 'ArrowDown') { event.preventDefault(); choose(active >= last ? -1 : active + 1); }
    else if (event.key === 'ArrowUp') { event.preventDefault(); choose(active < 0 ? last : active - 1); }
    else if (event.key === 'Escape') { event.preventDefault(); close(); }
    else if (event.key === 'Enter' && active >= 0) { event.preventDefault(); location.assign(options[active].dataset.url); }
  });
  input.addEventListener('blur', close);
  input.form.addEventListener('submit', () => { clearTimeout(timer); if (asking) asking.abort(); close(); });
  // The field keeps the focus, so that leaving it does not close the list before the press counts.
  list.addEventListener('pointerdown', (event) => event.preventDefault());
  list.addEventListener('click', (event) => {
    const option = event.target.closest('[role=option]');
    if (option) location.assign(option.dataset.url);
  });
})();

// Filters: empty fields stay out of the address.
for (const form of document.querySelectorAll('form[data-tidy]')) {
  form.addEventListener('formdata', (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === '' || (name === 'sort' && value === 'relevance')) event.formData.delete(name);
    }
  });
}
