"use strict";
// The report reads without this script; it adds sorting and filtering to the tables.
(() => {
  const key = (row, column) => {
    let end = 0; // a row without a result has one cell for several columns
    const cell = [...row.cells].find((each) => (end += each.colSpan) > column);
    if (!cell) return "";
    if (cell.dataset.sort !== undefined) return cell.dataset.sort;
    if (cell.querySelector(":scope > .absent")) return "";
    const number = cell.querySelector("data");
    return number ? number.value : cell.textContent.trim();
  };
  const compare = (a, b) => {
    // Rows without a value stay last whichever way the column is sorted.
    const x = Number(a), y = Number(b);
    if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, document.documentElement.lang, { numeric: true });
  };
  const sort = (table, heading, column) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return Number(a === "") - Number(b === "");
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table")) {
    if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.ariaLabel = table.dataset.sort.replace("{column}", heading.textContent.trim());
      heading.append(button);
      // The words stay outside the button: Chromium leaves buttons out of headings it repeats in print.
      heading.addEventListener("click", () => sort(table, heading, column));
    });
    if (table.dataset.filter) addFilter(table);
  }
  function addFilter(table) {
    const tools = document.createElement("div");
    tools.className = "tools";
    const label = document.createElement("label");
    const input = document.createElement("input");
    const output = document.createElement("output");
    input.type = "search";
    label.append(table.dataset.filter, input);
    tools.append(label, output);
    table.parentElement.before(tools);
    const rows = [...table.tBodies[0].rows];
    input.addEventListener("input", () => {
      const wanted = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLocaleLowerCase();
        row.hidden = !wanted.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      output.textContent = wanted.length === 0 ? "" :
        table.dataset.result.replace("{shown}", shown).replace("{all}", rows.length);
    });
  }
  // A scroll area that has nothing to scroll needs no tab stop.
  const measure = () => {
    for (const area of document.querySelectorAll(".scroll")) {
      if (area.scrollWidth > area.clientWidth) area.tabIndex = 0;
      else area.removeAttribute("tabindex");
    }
  };
  measure();
  addEventListener("resize", measure);
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not(.data, [open])")) {
      part.open = true;
      opened.push(part);
    }
  });
  addEventListener("afterprint", () => {
    for (const part of opened.splice(0)) part.open = false;
  });
})();
