
// Forms that send themselves when something is chosen. By keyboard an arrow only moves the choice: Enter sends it, or the
// button. The page that comes back has the focus where it was, and says what came of it.
(() => {
  const KEPT = 'qd-chosen', FRESH_MS = 15000;
  const told = document.createElement('p');
  told.className = 'sr';
  told.setAttribute('role', 'status');
  document.body.append(told);
  const say = (text) => setTimeout(() => { told.textContent = text; }, 150);
  // Where storage is refused the focus starts at the top, as without this file.
  const stored = (work) => { try { return work(sessionStorage); } catch { return null; } };

  for (const form of document.querySelectorAll('form[data-send-on-change], form[data-send-on-select]')) {
    const button = form.querySelector('button[type=submit]');
    if (button && 'sendOnChange' in form.dataset) button.hidden = true;
    let byKeys = false, chosen = null;
    form.addEventListener('pointerdown', () => { byKeys = false; });
    form.addEventListener('keydown', (event) => {
      if (!event.target.matches('select') || event.key === 'Tab') return;
      if (event.key === 'Enter' && chosen === event.target) { event.preventDefault(); form.requestSubmit(); return; }
      byKeys = true;
    });
    form.addEventListener('change', (event) => {
      if (!event.target.matches('select')) return;
      chosen = event.target;
      if (!byKeys) { form.requestSubmit(); return; }
      if (button) button.hidden = false;
      say('Press Enter to go on with this choice.');
    });
    form.addEventListener('submit', () => {
      if (chosen) stored((kept) => kept.setItem(KEPT, JSON.stringify({ id: chosen.id, at: Date.now() })));
    });
  }

  const last = stored((kept) => {
    const text = kept.getItem(KEPT);
    kept.removeItem(KEPT);
    return JSON.parse(text);
  });
  const field = last && Date.now() - last.at < FRESH_MS && document.getElementById(last.id);
  if (!field || document.querySelector('[aria-invalid="true"]')) return;
  field.focus();
  const result = [...document.querySelectorAll('main [role=alert], .summary .total, .count-line, main .empty > p')];
  say(result.map((one) => one.textContent.trim()).join(' '));
})();
