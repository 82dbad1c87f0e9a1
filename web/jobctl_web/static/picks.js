// Ticked rows: one box for all, and a line that says how many.

export function watchPicks() {
  const form = document.querySelector("#bulk");
  if (!form) return;
  const boxes = () => [...document.querySelectorAll('input[name="job"]')];

  function tell() {
    const ticked = boxes().filter((box) => box.checked).length;
    const all = document.querySelector("[data-pick-all]");
    if (all) {
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    }
    for (const count of document.querySelectorAll("[data-picked]")) {
      count.textContent = ticked ? `${ticked} selected` : count.dataset.picked;
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches('[data-pick-all], input[name="job"]')) tell();
  });
  document.addEventListener("jobctl:parts", tell);
  tell();
}
