// Forms: what cannot be undone asks once, nothing is sent twice, and the first thing read after a
// mistake is the list of what to put right. Without this script a required box asks instead.

const dialog = document.querySelector("dialog[data-confirm]");

function ask(form, button) {
  dialog.querySelector("[data-confirm-title]").textContent = button.textContent;
  dialog.querySelector("[data-confirm-text]").textContent = form.dataset.consequence;
  const yes = dialog.querySelector("[data-confirm-yes]");
  yes.textContent = button.textContent;
  yes.onclick = () => {
    dialog.close();
    form.querySelector("[name=confirmed]").checked = true;
    form.requestSubmit(button);
  };
  dialog.querySelector("[data-confirm-no]").onclick = () => dialog.close();
  dialog.onclose = () => button.focus();
  dialog.showModal();
}

function prepare(root) {
  for (const box of root.querySelectorAll("[data-consequence-ask]")) {
    box.hidden = true;
    box.querySelector("[name=confirmed]").required = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  const button = event.submitter ?? form.querySelector("[type=submit]");
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  const confirmed = form.querySelector("[name=confirmed]");
  if (form.dataset.consequence && confirmed && !confirmed.checked && dialog) {
    event.preventDefault();
    ask(form, button);
    return;
  }
  form.dataset.sending = "yes";
  button?.setAttribute("aria-disabled", "true");
});

// A page that comes back from the browser's memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) {
    delete form.dataset.sending;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form");
  if (form) form.dataset.typed = "yes";
});

prepare(document);
document.addEventListener("county:renewed", () => prepare(document));
document.querySelector("[data-focus]")?.focus();

// A link of the error summary leads to the control itself, also where that is a group.
for (const link of document.querySelectorAll(".errors a")) {
  link.addEventListener("click", (event) => {
    const target = document.getElementById(link.hash.slice(1));
    const control = target?.matches("input, select, textarea") ? target : target?.querySelector("input, select, textarea, button");
    if (!control) return;
    event.preventDefault();
    control.closest("details")?.setAttribute("open", "");
    control.focus();
    (control.closest(".field") ?? control).scrollIntoView({ block: "center" });
  });
}
