// Small comforts. Every page works without this file.
'use strict';

// One press is enough; after coming back with the browser's button the form is usable again.
for (const form of document.querySelectorAll('form[data-once]')) {
  const button = form.querySelector('button[type=submit]');
  let label = null;
  form.addEventListener('submit', (event) => {
    if (event.submitter && event.submitter !== button) return;
    label ??= [...button.childNodes];
    button.textContent = form.dataset.once || 'Placing your order…';
    setTimeout(() => { button.disabled = true; }, 0);
  });
  window.addEventListener('pageshow', () => {
    if (!label) return;
    button.disabled = false;
    button.replaceChildren(...label);
    label = null;
  });
}

// "/" goes to the search, as in many shops.
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, select, textarea');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector('input[name="q"]');
  if (search) { event.preventDefault(); search.focus(); search.select(); }
});

// After a refused form, begin at the first wrong field.
document.querySelector('[aria-invalid="true"]')?.focus();
