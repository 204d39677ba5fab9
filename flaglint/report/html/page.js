"use strict";
// The filter of the ledger, links into closed parts, keys and the theme. The page is whole without.
(() => {
  const byId = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripted");
  for (const part of document.querySelectorAll(".script-only")) part.classList.add("on");

  // A link may lead into parts that are closed, or filtered away.
  const reveal = (target) => {
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
      if (part.hidden) part.hidden = false;
    }
  };
  const follow = (name) => {
    let id = name;
    try { id = decodeURIComponent(name); } catch { /* not ours */ }
    const target = byId(id);
    if (!target) return;
    reveal(target);
    target.scrollIntoView({ block: target.classList.contains("one") ? "nearest" : "start" });
    const focused = target.tagName === "DETAILS" ? target.querySelector("summary") : target;
    focused.focus({ preventScroll: true });
  };
  addEventListener("hashchange", () => follow(location.hash.slice(1)));
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) follow(location.hash.slice(1));
  });

  // The ledger.
  const form = byId("filter");
  const rows = [...document.querySelectorAll("#rows > li")];
  const texts = rows.map((row) => row.querySelector("summary").textContent.toLowerCase());
  const search = byId("search");
  const word = byId("word");
  const boxes = [...form.querySelectorAll("input[name=verdict]")];
  const filter = () => {
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, number) => {
      const fits = verdicts.has(row.dataset.verdict)
        && (!word.value || row.dataset.word === word.value)
        && wanted.every((part) => texts[number].includes(part));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    const all = rows.length === 1 ? "1 site" : `${rows.length} sites`;
    byId("shown").textContent = shown === rows.length ? all : `${shown} of ${all}`;
    byId("no-match").hidden = shown > 0 || rows.length === 0;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("show-all").addEventListener("click", () => {
    form.reset();
    filter();
    search.focus();
  });

  // Keys.
  const findings = [...document.querySelectorAll("article.finding")];
  const step = (by) => {
    if (!findings.length) return;
    const at = findings.indexOf(document.activeElement.closest("article.finding"));
    const next = at < 0 ? (by > 0 ? 0 : findings.length - 1) : at + by;
    const target = findings[Math.min(Math.max(next, 0), findings.length - 1)];
    target.scrollIntoView({ block: "start" });
    target.focus({ preventScroll: true });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape" && event.target === search) {
        search.value = "";
        filter();
      }
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
  });

  // The theme: as the system has it, light, dark. Kept where the browser lets us.
  const themes = ["auto", "light", "dark"];
  const button = byId("theme");
  const kept = () => {
    try { return localStorage.getItem("flaglint-theme"); } catch { return null; }
  };
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  show(themes.includes(kept()) ? kept() : "auto");
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme;
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    show(next);
    try { localStorage.setItem("flaglint-theme", next); } catch { /* for this page only */ }
  });

  // Back and forward may restore the form's fields, so look at them first.
  filter();
  if (location.hash.length > 1) follow(location.hash.slice(1));
})();
