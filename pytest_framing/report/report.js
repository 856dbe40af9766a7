"use strict";
(() => {
  const table = document.getElementById("case-table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map((row) => ({
    row,
    cells: [...row.cells].slice(0, heads.length).map((cell) => cell.textContent.trim()),
  }));
  const answer = heads.findIndex((head) => head.textContent === "answer");
  for (const one of rows) {
    one.text = one.cells.filter((_, place) => place !== answer).join("\n").toLowerCase();
  }
  const search = document.getElementById("search");
  const flipped = document.getElementById("flipped");
  const shown = document.getElementById("shown");
  const chosen = new Map();

  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const one of rows) {
      const fits =
        (!wanted || one.text.includes(wanted)) &&
        (!flipped.checked || one.row.classList.contains("flip")) &&
        [...chosen].every(([place, select]) => !select.value || one.cells[place] === select.value);
      one.row.hidden = !fits;
      count += fits ? 1 : 0;
    }
    shown.textContent = `${count} of ${rows.length} cases`;
  };

  const sort = (head, place) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    const order = new Intl.Collator("en", { numeric: true }).compare;
    const number = "number" in head.dataset;
    const value = (one) => (one.cells[place] === "" ? Infinity : Number(one.cells[place]));
    rows.sort((a, b) => sign * (number ? value(a) - value(b) || 0 : order(a.cells[place], b.cells[place])));
    body.append(...rows.map((one) => one.row));
  };

  heads.forEach((head, place) => {
    if (place === answer) return;
    const name = head.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => sort(head, place));
    head.replaceChildren(button);
    if ("choose" in head.dataset) {
      const select = document.createElement("select");
      const values = [...new Set(rows.map((one) => one.cells[place]))].sort();
      select.append(new Option("all", ""), ...values.filter(Boolean).map((value) => new Option(value, value)));
      select.dataset.column = name;
      select.addEventListener("change", filter);
      const label = document.createElement("label");
      label.append(`${name} `, select);
      document.getElementById("choices").append(label, " ");
      chosen.set(place, select);
    }
  });
  search.addEventListener("input", filter);
  flipped.addEventListener("change", filter);
  document.getElementById("reset").addEventListener("click", () => {
    search.value = "";
    flipped.checked = false;
    for (const select of chosen.values()) select.value = "";
    filter();
  });
  document.querySelector(".filters").hidden = false;
  filter();
})();
