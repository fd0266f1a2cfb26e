// Starts the page's islands. The server has already written all HTML; what fails here costs liveness, never content.

const boot = document.getElementById("boot");

function whenIdle() {
  return new Promise((done) => {
    if ("requestIdleCallback" in window) window.requestIdleCallback(done, { timeout: 500 });
    else setTimeout(done, 0);
  });
}

/** The chart library, only where a chart is on the page. A page without it keeps the charts that the server drew. */
async function charts() {
  if (!boot.dataset.charts || !document.querySelector("[data-chart]")) return;
  try {
    await import(boot.dataset.charts);
  } catch (problem) {
    console.info("charts stay as the server drew them:", problem);
  }
}

async function client() {
  const bindings = await import(boot.dataset.script);
  await bindings.default({ module_or_path: boot.dataset.wasm });
  bindings.hydrate();
  return bindings;
}

/** Parents before children: an island's children belong to what the island hydrated first. */
function islands(bindings, element, onChildren) {
  let inner = onChildren;
  if (element.localName === "leptos-island") {
    onChildren?.();
    const hydrate = bindings[element.dataset.component];
    if (hydrate) hydrate(element);
  } else if (element.localName === "leptos-children") {
    inner = element.$$on_hydrate;
  }
  for (const child of [...element.children]) islands(bindings, child, inner);
}

if (boot?.dataset.script) {
  whenIdle()
    .then(() => Promise.all([client(), charts()]))
    .then(([bindings]) => {
      islands(bindings, document.body, undefined);
      document.documentElement.dataset.live = "yes";
    })
    .catch((problem) => console.error("the page stays as the server wrote it:", problem));
}
