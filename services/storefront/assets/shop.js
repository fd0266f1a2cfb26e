// Small comforts. Every page works without this file.
'use strict';

// One press is enough; after coming back with the browser's button the form is usable again.
for (const form of document.querySelectorAll('form[data-once]')) {
  const button = form.querySelector('button[type=submit]:not(.sr)');
  let label = null;
  form.addEventListener('submit', (event) => {
    if (event.submitter?.name && event.submitter !== button) return;
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

// What was just done is said once, and not again when the page is loaded anew.
const shown = new URL(location.href);
const said = ['done', 'missed', 'joined', 'added', 'full'].filter((name) => shown.searchParams.has(name));
if (said.length) {
  for (const name of said) shown.searchParams.delete(name);
  history.replaceState(history.state, '', shown);
}

// Departments on a narrow screen: the present one is in sight, and an edge that hides others fades.
const departments = document.querySelector('.menu ul');
if (departments) {
  const find = () => {
    const here = departments.querySelector('[aria-current]')?.getBoundingClientRect();
    const box = departments.getBoundingClientRect();
    if (here) departments.scrollLeft += here.left - box.left - (box.width - here.width) / 2;
    edges();
  };
  const edges = () => {
    const left = departments.scrollLeft;
    departments.classList.toggle('before', left > 4);
    departments.classList.toggle('after', left + departments.clientWidth < departments.scrollWidth - 4);
  };
  departments.addEventListener('scroll', edges, { passive: true });
  window.addEventListener('resize', find);
  find();
}

// After a refused form, begin at the first wrong field, or with what is said above it. Of choices that were not made, it is
// the first: they have one error together.
(document.querySelector('[aria-invalid="true"], fieldset.wrong input') ?? document.querySelector('#checkout-outcome'))?.focus();
