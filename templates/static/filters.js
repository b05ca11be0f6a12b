// Remembers filters of a list in this browser, by a name: nothing of them is sent anywhere but in
// the address of the list that somebody opens.
"use strict";
(() => {
  const { t } = countersign;
  const most = 20, longest = 40, main = document.querySelector("main");
  // Another list, and another service on this host, have filters of their own.
  const key = "countersign filters " + location.pathname;

  // now is the filter that the page shows, without what is empty and without the place in the list.
  function now() {
    const q = new URLSearchParams(location.search);
    for (const [name, value] of [...q]) if (!value || name === "cursor" || name === "limit") q.delete(name);
    q.sort();
    return q.toString();
  }

  // read takes nothing on trust: others may write there too.
  function read() {
    try {
      const list = JSON.parse(localStorage.getItem(key) || "[]");
      return list.filter((f) => typeof f?.name === "string" && typeof f.query === "string" && f.name && f.query.length < 2000).slice(0, most);
    } catch { return []; }
  }

  function write(list) {
    try { localStorage.setItem(key, JSON.stringify(list)); } catch { /* a browser that keeps nothing */ }
    draw();
  }

  function element(tag, text, attributes = {}) {
    const e = document.createElement(tag);
    if (text) e.textContent = text;
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    return e;
  }

  // called suggests a name: what the filter looks for.
  const called = (query) => [...new URLSearchParams(query)].map(([name, value]) => value === "1" ? name : value).join(", ").slice(0, longest);

  function draw() {
    const box = document.querySelector(".saved");
    if (!box) return;
    const list = read(), query = now(), parts = [];
    if (list.length) {
      const ul = element("ul", "", { "aria-label": t("Saved filters") });
      list.forEach((f, i) => {
        const li = element("li"), remove = element("button", "×", { type: "button", "aria-label": t("Remove the filter %s", f.name) });
        const link = element("a", f.name, { href: location.pathname + "?" + new URLSearchParams(f.query), dir: "auto" });
        if (f.query === query) link.setAttribute("aria-current", "true");
        remove.addEventListener("click", () => { write(list.filter((_, n) => n !== i)); document.querySelector(".saved :is(a, button, input)")?.focus(); });
        li.append(link, remove);
        ul.append(li);
      });
      parts.push(ul);
    }
    if (query && !list.some((f) => f.query === query) && list.length < most) {
      const form = element("form"), name = element("input", "", { type: "text", id: "filter-name", maxlength: longest, autocomplete: "off", required: "" });
      name.value = called(query);
      form.append(element("label", t("Save this filter as"), { for: "filter-name" }), name, element("button", t("Save"), { type: "submit" }));
      form.addEventListener("submit", (e) => {
        e.preventDefault();
        if (!name.value.trim()) return;
        write([...read(), { name: name.value.trim().slice(0, longest), query }]);
        document.querySelector(".saved [aria-current]")?.focus();
      });
      parts.push(form);
    }
    box.dataset.drawn = "";
    box.replaceChildren(...parts);
  }

  draw();
  // A page that updates itself may bring an empty one.
  new MutationObserver(() => { if (document.querySelector(".saved:not([data-drawn])")) draw(); }).observe(main, { childList: true, subtree: true });
  addEventListener("storage", (e) => { if (e.key === key) draw(); });
})();
