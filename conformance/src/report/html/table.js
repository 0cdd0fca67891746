
const WORST_FIRST = ["fail", "broken", "warn", "info", "pass", "skip"];
const sign = (verdict, more = "") => make("span", { class: `sign ${verdict} ${more}`, "aria-hidden": "true" }, data.signs[verdict]);

/// Returns one of our own sentences, which have code between backticks.
const sentence = (text) => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

// The columns: the versions of one report, or the plugins of several.

const columns = data.reports.length === 1
  ? data.reports[0].versions.map((version) => ({ label: version, report: data.reports[0], title: `${data.labels[0]} in ${version}`, version }))
  : data.reports.map((report, index) => ({ label: data.labels[index], report, title: data.labels[index] }));
for (const column of columns) column.cases = new Map(column.report.cases.map((one) => [one.id, one]));

/// Returns the worst verdict of a case, or the one in the column's version; nothing if it does not apply.
function verdict(column, id) {
  const found = column.cases.get(id);
  if (!column.version) return found?.verdict;
  return found?.runs.find((run) => run.version === column.version)?.verdict;
}

const first = (id) => columns.map((column) => column.cases.get(id)).find(Boolean);
const area = (id) => id.split(".")[0];
const verdictsOf = (id) => columns.map((column) => verdict(column, id)).filter(Boolean);

// The head.

function showHead() {
  const [report] = data.reports;
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const place = `${report.harness} on Linux ${report.host.kernel}, ${report.host.arch}`;
  if (data.reports.length === 1) {
    const { name, profile } = report.subject;
    document.title = `${name} · CNI conformance`;
    at("title").textContent = `${name} · CNI conformance`;
    at("about").append(
      `${report.result} at the level ${report.level} · profile ${profile} · ${count(data.ids.length, "requirement")} · ${report.date.slice(0, 10)} · by cni-conformance ${place} · `,
      make("button", { type: "button", id: "whole", class: "link", onclick: () => openPlugin(0) }, "details"),
    );
  } else {
    const dates = data.reports.map((one) => one.date.slice(0, 10)).sort();
    const when = [...new Set([dates[0], dates.at(-1)])].join(" to ");
    const hosts = new Set(data.reports.map((one) => `${one.harness} ${one.host.kernel}`));
    at("about").textContent = [
      count(data.reports.length, "report"), count(data.ids.length, "requirement"), when,
      ...(hosts.size === 1 ? [`by cni-conformance ${place}`] : []),
    ].join(" · ");
  }
}

// The filter.

const selected = new Set();

function showVerdicts() {
  for (const word of WORST_FIRST) {
    const number = data.ids.filter((id) => verdictsOf(id).includes(word)).length;
    const press = () => {
      if (!selected.delete(word)) selected.add(word);
      filter();
      updateAddress();
    };
    at("verdicts").append(make("button", { type: "button", "data-verdict": word, "aria-pressed": "false", disabled: number === 0, onclick: press }, sign(word), `${word} `, make("span", { class: "label" }, String(number))));
  }
}

function filter() {
  const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of document.querySelectorAll("#matrix tbody")) {
    let some = false;
    for (const row of group.querySelectorAll("tr[data-id]")) {
      const id = row.dataset.id;
      const match = (!selected.size || verdictsOf(id).some((one) => selected.has(one))) && words.every((word) => row.dataset.text.includes(word));
      row.hidden = !match;
      if (match) { some = true; shown += 1; }
    }
    group.hidden = !some;
  }
  for (const cell of document.querySelectorAll("td button.sign")) {
    cell.classList.toggle("pale", selected.size > 0 && !selected.has(cell.dataset.verdict));
  }
  for (const button of at("verdicts").children) button.setAttribute("aria-pressed", selected.has(button.dataset.verdict));
  at("shown").textContent = `${shown} of ${data.ids.length}`;
  at("none").hidden = shown > 0;
  document.querySelector("#matrix thead").hidden = shown === 0;
  const [cell] = cells().flat();
  if (cell && !cells().flat().some((one) => one.tabIndex === 0)) choose(cell);
}

function clearFilter() {
  selected.clear();
  at("query").value = "";
  filter();
  updateAddress();
  at("query").focus();
}

// The matrix.

function showMatrix() {
  const head = columns.map((column, index) => make("th", { scope: "col" }, make("button", { type: "button", title: column.title, onclick: () => openPlugin(index) }, columnName(column))));
  const groups = groupBy(data.ids, area);
  at("matrix").classList.toggle("many", !columns[0]?.version && columns.length > 3);
  at("matrix").append(
    make("thead", {}, make("tr", {}, make("td", {}), head)),
    ...[...groups].map(([name, ids]) => make("tbody", {},
      make("tr", { class: "area" }, make("th", { scope: "rowgroup" }, name), columns.map(() => make("td", {}))),
      ids.map(row))),
  );
}

/// A version; or the name of a plugin, and below it its profile or what else tells it from others of that name.
function columnName({ version, label, report: { subject } }) {
  if (version) return version;
  return [subject.name, make("small", {}, label.slice(subject.name.length).replace(/[()]/g, "").trim() || subject.profile)];
}

function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function row(id) {
  const { sentence: text, code } = first(id);
  const name = make("th", { scope: "row" }, make("span", { class: "id" }, id.slice(area(id).length + 1)), make("small", {}, sentence(text)));
  return make("tr", { "data-id": id, "data-text": `${id} ${code} ${text}`.toLowerCase() }, name, columns.map((column, index) => cell(column, index, id)));
}

function cell(column, index, id) {
  const found = verdict(column, id);
  if (!found) return make("td", { class: "not-for" }, "·");
  const known = column.cases.get(id).known && ["fail", "warn", "info"].includes(found);
  const label = `${id}, ${column.title}: ${found}${known ? ", known" : ""}`;
  return make("td", {}, make("button", {
    type: "button", class: `sign ${found}${known ? " known" : ""}`, "data-verdict": found, "data-column": index, tabindex: "-1", "aria-label": label, title: label,
    onclick: (event) => { choose(event.currentTarget); openCase(index, id); },
  }, data.signs[found]));
}

/// The cells that can be reached, line by line.
const cells = () => [...document.querySelectorAll("#matrix tbody:not([hidden]) tr[data-id]:not([hidden])")].map((row) => [...row.querySelectorAll("button.sign")]);

/// One cell is reached by Tab, the others from there by arrow keys.
function choose(cell) {
  for (const other of document.querySelectorAll("td button.sign[tabindex='0']")) other.tabIndex = -1;
  cell.tabIndex = 0;
}

function move(event) {
  const cell = event.target.closest("td button.sign");
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity] }[event.key];
  if (!cell || !step || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const lines = cells().filter((line) => line.length);
  const clamp = (number, length) => Math.min(Math.max(number, 0), length - 1);
  const y = lines.findIndex((line) => line.includes(cell));
  const line = lines[clamp(y + step[0], lines.length)];
  const near = (one) => Math.abs(one.dataset.column - cell.dataset.column);
  const next = step[0] ? [...line].sort((a, b) => near(a) - near(b))[0] : line[clamp(line.indexOf(cell) + step[1], line.length)];
  choose(next);
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}
