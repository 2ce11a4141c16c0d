// What pages do beyond plain HTML. Without this script everything can still be done.
(() => {
  "use strict";

  // Times are shown in the reader's own zone, in the same width as they came; UTC stays in the title.
  const two = (number) => String(number).padStart(2, "0");
  const local = (at) =>
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

  function showTimes(root) {
    for (const time of root.querySelectorAll("time:not(.ago)")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.textContent = local(at).slice(0, time.textContent.length);
    }
    for (const time of root.querySelectorAll("time.ago")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = `${local(at)} (${time.dateTime})`;
    }
    for (const label of root.querySelectorAll("[data-time]")) {
      const at = new Date(label.dataset.time);
      if (Number.isNaN(at.getTime())) continue;
      const text = local(at);
      label.textContent = label.textContent.includes(":") ? text.slice(11, 16) : text.slice(5, 10);
    }
    const zone = document.querySelector("[data-zone]");
    if (zone) {
      const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "local";
      zone.textContent = name === "UTC" ? "Times are UTC" : `Times: ${name}`;
    }
  }

  // A form with changes that were not saved is not left without asking.
  let saving = false;
  const unsaved = () => document.querySelector("form[data-guard][data-dirty]");
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-guard]");
    if (form) form.dataset.dirty = "";
  });
  // Heard on its way down: nobody can keep it from getting here.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-guard]")) saving = true;
  }, true);
  window.addEventListener("pageshow", () => { saving = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!saving && unsaved()) event.preventDefault();
  });

  // Enter in a part of a form presses that part's own button, and not the first of the whole form.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input:not([type=checkbox], [type=radio])")) return;
    const part = event.target.closest("[data-enter]");
    const button = part && part.querySelector(part.dataset.enter);
    if (button) {
      event.preventDefault();
      button.click();
    }
  });

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("button[data-copy]");
    if (!copy) return;
    const from = document.getElementById(copy.dataset.copy);
    if (!from) return;
    // Browsers give the clipboard to encrypted pages only; elsewhere the text is selected, to be copied by hand.
    const select = () => document.getSelection().selectAllChildren(from);
    if (!navigator.clipboard) {
      select();
      return;
    }
    navigator.clipboard.writeText(from.textContent).then(() => {
      const words = copy.textContent;
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = words; }, 2000);
    }, select);
  });

  // A time that is typed is meant in the reader's own zone, and sent in UTC. Empty filters are left out of
  // the address.
  for (const input of document.querySelectorAll("input[data-utc][data-at]")) {
    const at = new Date(input.dataset.at);
    if (!Number.isNaN(at.getTime())) input.value = local(at).replace(" ", "T");
  }
  document.addEventListener("formdata", (event) => {
    for (const input of event.target.querySelectorAll("input[data-utc]")) {
      const at = new Date(input.value);
      if (!Number.isNaN(at.getTime())) event.formData.set(input.name, at.toISOString().replace(".000", ""));
    }
    if (!event.target.matches("form.filters")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });

  // A selection that changes what else is asked for sends the form at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  // A file goes into the field beside it, where it can be read before it is sent.
  document.addEventListener("change", (event) => {
    const into = event.target.matches("input[type=file][data-into]") && document.getElementById(event.target.dataset.into);
    const file = into && event.target.files[0];
    if (file) file.text().then((text) => { into.value = text; into.focus(); });
  });

  // What is being typed is newer than any answer that comes meanwhile, and what somebody has unfolded stays so
  // when the part around it is exchanged.
  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => {
      const typing = name === "value" && element === document.activeElement && element.matches("input, textarea");
      const unfolded = name === "open" && element.matches("details");
      return !typing && !unfolded;
    };
  }

  // Live parts rest while nobody looks, and while somebody has a menu or a selection open in them.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.target.matches("[data-live]")) return;
    const selected = String(document.getSelection());
    if (document.hidden || selected !== "") event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", () => showTimes(document));
  document.addEventListener("htmx:afterSettle", () => { showTimes(document); lead(); });

  // The keyboard goes where the work goes on: to a new field, or to the first that is wrong.
  function lead() {
    const wanted = document.querySelector("[data-focus]");
    if (!wanted) return;
    wanted.removeAttribute("data-focus");
    for (let part = wanted.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    wanted.focus();
  }

  // A live part that can't be had is said to be old, and not shown as if it were new.
  document.addEventListener("htmx:sendError", () => document.body.classList.add("offline"));
  document.addEventListener("htmx:afterOnLoad", () => document.body.classList.remove("offline"));

  // The code of the first sign-in stands behind the address's #, which is sent to nobody.
  // A link that is pasted into the open page changes nothing but what stands there.
  const code = document.querySelector("input[data-from-fragment]");
  function takeCode() {
    if (location.hash.length < 2) return;
    code.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
  }
  if (code) {
    takeCode();
    window.addEventListener("hashchange", takeCode);
  }

  showTimes(document);
  lead();
})();
