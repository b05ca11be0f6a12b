// What makes a page quicker to use: how much room a text has left, keys, choosing several at
// once, copying, and folds that are open when it is printed. Everything works without it.
"use strict";
(() => {
  const { lang, t } = countersign;
  const main = () => document.querySelector("main");
  const all = (what) => [...document.querySelectorAll("main " + what)].filter((e) => e.checkVisibility());
  document.body.classList.add("scripted");

  // From 80 % on a field says how many characters of how many it has.
  function count() {
    for (const e of document.querySelectorAll("main textarea[maxlength]")) {
      const left = document.getElementById(e.id + "-left"), n = [...e.value].length, most = e.maxLength;
      const text = left && n >= 0.8 * most ? t("%s of %s characters", n.toLocaleString(lang), most.toLocaleString(lang)) : "";
      if (left && left.textContent !== text) left.textContent = text;
    }
    const chosen = document.querySelectorAll("main input[name=on]:checked").length, bulk = document.querySelector("#bulk button[type=submit]");
    if (!bulk) return;
    const text = chosen ? t("Review %d selected", chosen) : t("Review selected");
    if (bulk.textContent !== text) bulk.textContent = text;
    bulk.form.classList.toggle("some", chosen > 0);
  }
  document.addEventListener("input", count);
  document.addEventListener("change", count);
  new MutationObserver(count).observe(document.body, { childList: true, subtree: true });
  count();

  // A value that does not have the format that its input asks for is said before it is sent.
  // The service decides: where a browser reads the pattern otherwise, or not at all, nothing is said.
  function format(e) {
    if (!e.target.matches?.("main textarea[data-pattern]")) return;
    const hint = document.getElementById("hint-" + e.target.name.replace(/^input-/, ""));
    const value = e.target.value.trim(), pattern = e.target.dataset.pattern;
    // A browser tries all ways to match, of which a Gate's author could make it try for hours.
    const costly = value.length > 64 || /\)[*+?{]/.test(pattern) || (pattern.match(/[*+]|\{\d+,/g) ?? []).length > 3;
    let fits = true;
    try { fits = !value || costly || new RegExp("^(?:" + pattern + ")$", "u").test(value); } catch { /* RE2 has what it does not */ }
    if (fits) e.target.removeAttribute("aria-invalid"); else e.target.setAttribute("aria-invalid", "true");
    hint?.classList.toggle("bad", !fits);
  }
  document.addEventListener("change", format);

  // What is shown of a text, as text; or all of it, where a link has that.
  document.addEventListener("click", async (e) => {
    if (!e.target.matches("button.copy")) return;
    const button = e.target, said = button.textContent, from = button.dataset.copy;
    const shown = () => [...button.closest(".output").querySelectorAll(".part b, .ln")].map((l) => l.textContent.replace(/\n$/, "") + "\n").join("");
    const whole = async () => { const r = await fetch(from); if (!r.ok) throw new Error(r.statusText); return new Blob([await r.text()], { type: "text/plain" }); };
    try {
      if (from) await navigator.clipboard.write([new ClipboardItem({ "text/plain": whole() })]);
      else await navigator.clipboard.writeText(shown());
      button.textContent = t("Copied");
    } catch { button.textContent = from ? t("Not copied: open it and copy it there") : t("Your browser does not allow it"); }
    setTimeout(() => { button.textContent = said; }, 3000);
  });

  document.addEventListener("click", (e) => {
    if (!e.target.matches("button.every")) return;
    const boxes = all("input[name=on]"), on = boxes.some((b) => !b.checked);
    for (const b of boxes) b.checked = on;
    count();
  });

  // A printed page has no fold that could be opened.
  addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("main details:not([open])")) { d.open = true; d.dataset.print = ""; } });
  addEventListener("afterprint", () => { for (const d of document.querySelectorAll("main details[data-print]")) { d.open = false; delete d.dataset.print; } });

  // Keys. They can be turned off where people speak to their browser.
  const store = "countersign.keys";
  const off = () => { try { return localStorage.getItem(store) === "off"; } catch { return false; } };
  const rows = () => all(".item h3 a");
  function move(by) {
    const list = rows();
    if (!list.length) return;
    const at = list.indexOf(document.activeElement.closest(".item")?.querySelector("h3 a"));
    list[Math.max(0, Math.min(list.length - 1, at < 0 && by < 0 ? 0 : at + by))].focus();
  }
  const focus = (what) => { const e = document.querySelector(what); e?.focus(); return !!e; };
  const keys = {
    "?": [() => help(), t("Show or hide this list")],
    "/": [() => focus("#q"), t("Search"), "#q"],
    j: [() => move(1), t("Next in the list"), ".item h3 a"],
    k: [() => move(-1), t("Previous in the list"), ".item h3 a"],
    x: [() => document.activeElement.closest?.(".item")?.querySelector("input[name=on]")?.click(), t("Select or unselect"), "input[name=on]"],
    c: [() => focus("#comment"), t("Write a comment"), "#comment"],
    a: [() => focus("main button[value=approve]"), t("Go to Approve; Enter presses it"), "main button[value=approve]"],
    r: [() => focus("main button[value=reject]"), t("Go to Reject; Enter presses it"), "main button[value=reject]"],
  };
  let dialog;
  function help() {
    if (dialog?.open) return dialog.close();
    dialog?.remove();
    const make = (name, ...inner) => { const e = document.createElement(name); e.append(...inner); return e; };
    const list = make("dl");
    for (const [key, [, text, needs]] of Object.entries(keys)) {
      if (!needs || document.querySelector(needs)) list.append(make("div", make("dt", make("kbd", key)), make("dd", text)));
    }
    const box = make("input");
    box.type = "checkbox";
    box.checked = !off();
    box.addEventListener("change", () => { try { localStorage.setItem(store, box.checked ? "on" : "off"); } catch { /* it holds for this page */ } });
    const close = make("button", t("Close"));
    close.addEventListener("click", () => dialog.close());
    dialog = make("dialog", make("h2", t("Keyboard shortcuts")), list, make("label", box, " " + t("Use single keys on this device")), close);
    dialog.className = "card keys";
    dialog.setAttribute("aria-label", t("Keyboard shortcuts"));
    document.body.append(dialog);
    dialog.showModal();
  }
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || !main()) return;
    if (e.target.matches?.("input:not([type=checkbox]), textarea, select") || e.key !== "?" && (off() || dialog?.open)) return;
    if (Object.hasOwn(keys, e.key)) { e.preventDefault(); keys[e.key][0](); }
  });
})();
