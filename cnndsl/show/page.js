"use strict";
// Sorting by a column's figures: down, up, then the order of the net again.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], order = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const before = head.getAttribute("aria-sort");
    const next = { null: "descending", descending: "ascending", ascending: null }[before];
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    if (next) head.setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    const key = (row) => row.cells[column].dataset.v;
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === undefined && y === undefined) {
        const [s, t] = [a.cells[column].textContent, b.cells[column].textContent];
        return head.classList.contains("figure") ? 0 : sign * s.localeCompare(t, "en", { numeric: true });
      }
      if (x === undefined || y === undefined) return x === undefined ? 1 : -1; // unknown comes last
      const [m, n] = [Number(x), Number(y)];
      return Number.isNaN(m) || Number.isNaN(n) ? sign * x.localeCompare(y) : sign * (m - n);
    };
    body.append(...(next ? [...order].sort(compare) : order));
  }));
}

const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  for (const row of filter.closest("section").querySelectorAll("tbody tr"))
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
});

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// The charts' cursor and what the layer under it is; a click goes to its row.
const charts = document.querySelector(".charts"), tip = document.getElementById("tip");
if (charts) {
  const tips = JSON.parse(document.getElementById("tips").textContent);
  const { left, width } = charts.dataset;
  const layerAt = (event) => {
    const box = charts.querySelector("figure svg").getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    return Math.floor(((x - left) / (width - left)) * tips.length);
  };
  charts.addEventListener("pointermove", (event) => {
    const layer = layerAt(event), found = tips[layer];
    charts.classList.toggle("live", Boolean(found));
    tip.hidden = !found;
    if (!found) return;
    const x = Number(left) + ((layer + 0.5) / tips.length) * (width - left);
    for (const line of charts.querySelectorAll(".cursor")) line.setAttribute("transform", `translate(${x})`);
    const [name, text, output, macs, params, sees] = found;
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: name }),
      document.createTextNode(`${text} → ${output} · ${macs} MACs · ${params} parameters · sees ${sees}`));
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 350)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  });
  charts.addEventListener("pointerleave", () => { charts.classList.remove("live"); tip.hidden = true; });
  charts.addEventListener("click", (event) => {
    const found = tips[layerAt(event)], row = found && document.getElementById(found[0]);
    if (!row) return;
    document.querySelector("tr.found")?.classList.remove("found");
    row.classList.add("found");
    row.scrollIntoView({ block: "center", behavior: "smooth" });
  });
}
