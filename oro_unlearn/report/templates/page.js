"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  const source = document.getElementById("datatables");
  if (source) {
    const url = URL.createObjectURL(new Blob([source.textContent], { type: "text/javascript" }));
    import(url).then(({ default: DataTable }) => {
      for (const table of document.querySelectorAll("table.sortable")) {
        const search = table.dataset.search === "yes";
        new DataTable(table, { paging: false, info: false, searching: search, order: [], autoWidth: false });
      }
    });
  }

  const methods = document.getElementById("methods");
  if (!methods) return;
  const { figures, names, chosen: first, rows, classes, shares } = JSON.parse(methods.textContent);
  const [a, b] = ["method-a", "method-b"].map((id) => document.getElementById(id));
  const place = document.getElementById("side-by-side");
  const make = (tag, text, set = {}) => Object.assign(document.createElement(tag), { textContent: text }, set);

  const line = (figure, [one, other]) => {
    const row = document.createElement("tr");
    row.append(make("th", figure.name, { scope: "row" }), make("td", one?.text ?? "–"), make("td", other?.text ?? "–"));
    row.append(make("td", figure.range), make("td", ""));
    row.lastChild.append(drawn(figure, [one, other]));
    return row;
  };
  const drawn = (figure, pair) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const ends = [figure.low, figure.high, ...pair.map((one) => one?.value)].filter((value) => Number.isFinite(value));
    if (ends.length < 2) return document.createTextNode("");
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const x = (value) => 6 + (108 * (value - low)) / (high - low || 1);
    const add = (tag, set) => {
      const part = document.createElementNS(svg.namespaceURI, tag);
      for (const [name, value] of Object.entries(set)) part.setAttribute(name, value);
      svg.append(part);
    };
    svg.setAttribute("viewBox", "0 0 120 16");
    svg.setAttribute("class", "strip");
    svg.setAttribute("aria-hidden", "true");
    add("line", { class: "axis", x1: 4, x2: 116, y1: 8, y2: 8 });
    if (Number.isFinite(figure.low) && Number.isFinite(figure.high))
      add("rect", { class: "range", x: x(figure.low), width: Math.max(2, x(figure.high) - x(figure.low)), y: 3, height: 10, rx: 3 });
    pair.forEach((one, index) => {
      if (Number.isFinite(one?.value)) add("circle", { class: index ? "other" : "after", cx: x(one.value), cy: 8, r: 4 });
    });
    return svg;
  };
  const redirected = () => {
    const table = document.createElement("table");
    const head = document.createElement("tr");
    const chosen = [a.value, b.value, ...(shares.retrained ? ["retrained"] : [])];
    for (const name of ["predicted class", ...chosen.map((key) => names[key])]) head.append(make("th", name, { scope: "col" }));
    table.append(make("caption", "Where forgotten test images go, mean over the requests"), make("thead", ""), make("tbody", ""));
    table.tHead.append(head);
    classes.forEach((name, place) => {
      const row = document.createElement("tr");
      row.append(make("th", name, { scope: "row" }));
      for (const key of chosen) {
        const cell = make("td", `${(100 * shares[key][place]).toFixed(1)}%`, { className: "bar" });
        cell.style.setProperty("--share", `${100 * shares[key][place]}%`);
        row.append(cell);
      }
      table.tBodies[0].append(row);
    });
    return table;
  };
  const compare = () => {
    const table = document.createElement("table");
    const head = document.createElement("tr");
    for (const name of ["figure", names[a.value], names[b.value], "retrained, range", "on one line"])
      head.append(make("th", name, { scope: "col" }));
    table.append(make("caption", `${names[a.value]} beside ${names[b.value]}`), make("thead", ""), make("tbody", ""));
    table.tHead.append(head);
    for (const figure of figures) table.tBodies[0].append(line(figure, [a, b].map((one) => rows[one.value][figure.key])));
    place.replaceChildren(table, ...(classes.length ? [redirected()] : []));
  };
  [a, b].forEach((select, index) => {
    for (const [key, name] of Object.entries(names)) select.append(make("option", name, { value: key }));
    select.value = first[index] ?? first[0];
    select.addEventListener("change", compare);
  });
  document.querySelector(".explorer").hidden = false;
  compare();
})();
