// Updates a page where it has changed: when the service says that it may have, and while
// it is about to. What the reader typed, opened or has the focus on stays.
"use strict";
(() => {
  const path = document.currentScript.dataset.events, events = path && new EventSource(path); // by a link there is none
  let every = 1000 * (document.currentScript.dataset.poll || 0); // so often it asks in the place of a stream
  const form = (m) => m.querySelector("form")?.getAttribute("action");
  let busy = false, again = false, over = false, waits = !!document.head.querySelector("noscript"), timer;
  const stop = () => { over = true; events?.close(); };

  // own is what an element is without the elements in it.
  const own = (e) => e.cloneNode(false).outerHTML +
    [...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data.trim()).join("\n");

  // patch makes the element a what b is, with as little as possible replaced.
  function patch(a, b) {
    if (a.isEqualNode(b) || "drawn" in a.dataset) return; // what filters.js has drawn is the reader's
    if (a.childElementCount === 0 || a.childElementCount !== b.childElementCount || own(a) !== own(b))
      return a.replaceWith(document.importNode(b, true));
    const next = [...b.children];
    [...a.children].forEach((c, i) => patch(c, next[i]));
  }

  // A page that is about to change asks by itself too: not every proxy lets streams through.
  function wait() {
    clearTimeout(timer);
    if (over || document.hidden && !waits) return; // nobody looks
    if (waits) timer = setTimeout(refresh, events ? 5000 : 3000);
    else if (every) timer = setTimeout(refresh, every);
  }

  function swap(fresh) {
    const main = document.querySelector("main"), next = fresh.querySelector("main");
    // Another Approval of that name is not put under a reader's pointer.
    if (form(main) && form(next) && form(main) !== form(next)) return stop();
    // What the last vote was answered with is said once, and stays to be read.
    if (!main.matches(".list")) next.prepend(...[...main.querySelectorAll(":scope > .alert")].map((e) => e.cloneNode(true)));
    const typed = [...main.querySelectorAll("input, textarea, select")].map((e) => [e.name, e.value, e.checked, e.type === "checkbox"]);
    const words = [...main.querySelectorAll("textarea")].filter((e) => e.value.trim() && e.value !== e.defaultValue);
    const opened = [...main.querySelectorAll("details[open]")].map((e) => e.firstElementChild.textContent);
    for (const e of next.querySelectorAll("details")) e.open = opened.includes(e.firstElementChild.textContent);
    const at = document.activeElement, id = at.id, href = at.getAttribute("href");
    patch(main, next);
    for (const [name, value, checked, box] of typed) {
      const e = document.querySelector(`main :is(input, textarea, select)[name="${CSS.escape(name)}"]${box ? `[value="${CSS.escape(value)}"]` : ""}`);
      if (e && (e.value !== value || e.checked !== checked)) [e.value, e.checked] = [value, checked];
    }
    for (const { name, value } of words) if (!document.querySelector(`main textarea[name="${CSS.escape(name)}"]`)) keep(value);
    if (!at.isConnected) (id ? document.getElementById(id) : [...document.links].find((e) => e.getAttribute("href") === href))?.focus();
    document.title = fresh.title;
    waits = !!fresh.head.querySelector("noscript");
    every = 1000 * (fresh.querySelector("script[data-poll]")?.dataset.poll || 0);
  }

  // keep puts what somebody was typing before them, once its field is gone: it was decided
  // by others meanwhile.
  function keep(words) {
    const alert = document.createElement("div"), quote = document.createElement("blockquote");
    alert.className = "alert trouble";
    alert.setAttribute("role", "alert");
    quote.className = "quote pre";
    quote.dir = "auto";
    quote.lang = "";
    quote.textContent = words;
    alert.append(countersign.t("This changed while you were typing. Here is what you typed:"), quote);
    document.querySelector("main").prepend(alert);
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const r = await fetch(location.pathname + location.search, { redirect: "error", cache: "no-store" });
      if (r.ok) swap(new DOMParser().parseFromString(await r.text(), "text/html"));
      else if (r.status < 500) stop();
    } catch { /* the stream comes back and says so, or the next change does */ }
    wait();
    setTimeout(() => { busy = false; if (again) { again = false; refresh(); } }, 1000);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && every && !over) refresh(); });
  wait();
  if (events) events.onopen = events.onmessage = refresh; // what changed before it was open counts
})();
