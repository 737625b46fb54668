"use strict";
// Marks the bytes of the field under the pointer or the focus, and the field of those bytes. The page works without it.
let marked = [];
const target = () => document.getElementById(location.hash.slice(1));
const others = each => [...each.closest(".pair").querySelectorAll(`[data-f="${each.dataset.f}"]`)]
  .filter(one => one.closest(".content, .wire") === each.closest(".content, .wire"));
const fieldAt = node => {
  const each = node instanceof Element ? node.closest("[data-f]") : null;
  return each && each.closest(".pair") ? each : null;
};
const show = (pane, each) => {
  const box = each.getBoundingClientRect(), frame = pane.getBoundingClientRect();
  if (box.top < frame.top) pane.scrollTop -= frame.top - box.top + 20;
  else if (box.bottom > frame.bottom) pane.scrollTop += Math.min(box.bottom - frame.bottom, box.top - frame.top) + 20;
};
const mark = each => {
  marked.forEach(one => one.classList.remove("on"));
  const lasting = fieldAt(target());
  marked = [each, lasting].flatMap(one => one ? others(one) : []);
  marked.forEach(one => one.classList.add("on"));
  const seen = new Set(each ? [each.closest(".scrolled")] : []);
  for (const one of each ? others(each) : []) {
    const pane = one.closest(".scrolled");
    if (pane && !seen.has(pane)) show(pane, one);
    seen.add(pane);
  }
};
const follow = () => {
  const each = target();
  if (!each) return;
  if (each.closest(".secret") && !each.checkVisibility()) {
    const box = document.getElementById("attacker");
    if (box) box.checked = false;
  }
  for (let around = each.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  if (each.matches(".record")) each.querySelectorAll(":scope > details").forEach(one => { one.open = true; });
  const pane = each.closest(".scrolled");
  each.closest("details, .record, body *").scrollIntoView();
  if (pane) show(pane, each);
  const box = each.getBoundingClientRect();
  if (box.top < 0 || box.bottom > innerHeight) each.scrollIntoView({block: "center"});
  mark(fieldAt(each));
};
document.addEventListener("pointerover", event => {
  const each = fieldAt(event.target);
  if (each) mark(each);
});
document.addEventListener("focusin", event => {
  const each = fieldAt(event.target);
  if (each) mark(each);
});
document.addEventListener("click", event => {
  const each = fieldAt(event.target);
  if (each && each.matches("a:not([href])")) {
    location.hash = others(each).find(one => one.matches("tr")).id;
  }
});
document.addEventListener("keydown", event => {
  const row = event.target.closest && event.target.closest(".fields tr");
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!row || !step) return;
  const rows = [...row.closest(".scrolled").querySelectorAll("tr")].filter(each => each.checkVisibility());
  const next = rows[rows.indexOf(row) + step];
  if (!next) return;
  event.preventDefault();
  next.querySelector("td + td a").focus();
});
document.querySelector(".buttons").hidden = false;
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => {
    document.querySelectorAll("details").forEach(each => { each.open = Boolean(button.dataset.open); });
  });
}
// The encrypted and the decrypted bytes of a record scroll together.
document.addEventListener("scroll", event => {
  const pane = event.target;
  if (!(pane instanceof Element) || !pane.matches(".sides > .scrolled")) return;
  for (const other of pane.parentElement.children) if (other !== pane) other.scrollTop = pane.scrollTop;
}, {capture: true, passive: true});
addEventListener("hashchange", follow);
follow();
