"use strict";
// Everything that is seen is made here from text nodes, so that no word of a plugin can become markup.

const data = JSON.parse(document.getElementById("data").textContent);
const BY_GRAVITY = ["fail", "broken", "warn", "info", "pass", "skip"];
const at = (id) => document.getElementById(id);

/// An element with attributes and children; a child that is no element is text.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return element;
}

const sign = (verdict, more = "") => make("span", { class: `sign ${verdict} ${more}`, "aria-hidden": "true" }, data.signs[verdict]);

/// Our own sentences have code between backticks.
const sentence = (text) => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

/// What a plugin printed, with what could not be seen, or would turn the text around, made visible.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const visible = (text) => text.replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/// JSON on several lines. Only the space between its words changes: keys that stand twice and long numbers stay.
function pretty(text) {
  try { JSON.parse(text); } catch { return text.replace(/\s+$/, ""); }
  const words = text.match(/"(?:[^"\\]|\\.)*"|[^\s"{}[\]:,]+|[{}[\]:,]/g) ?? [];
  let depth = 0;
  return words.map((word, index) => {
    const line = () => `\n${"  ".repeat(depth)}`;
    const empty = "{[".includes(words[index - 1]) && "}]".includes(word);
    if (word === "{" || word === "[") depth += 1;
    if (word === "}" || word === "]") { depth -= 1; return empty ? word : line() + word; }
    if (word === ",") return word + line();
    if (word === ":") return ": ";
    const opens = (word === "{" || word === "[") && !"}]".includes(words[index + 1]);
    return opens ? word + line() : word;
  }).join("");
}

// The columns: the versions of one report, or the plugins of several.

const columns = data.reports.length === 1
  ? data.reports[0].versions.map((version) => ({ label: version, report: data.reports[0], title: `${data.labels[0]} in ${version}`, version }))
  : data.reports.map((report, index) => ({ label: data.labels[index], report, title: data.labels[index] }));
for (const column of columns) column.cases = new Map(column.report.cases.map((one) => [one.id, one]));

/// How a case ended in a column: its gravest verdict, or the one of the column's version; nothing when it is not for it.
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
      make("button", { type: "button", id: "whole", class: "link", onclick: () => openPlugin(0) }, "all about it"),
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

const wanted = new Set();

function showVerdicts() {
  for (const word of BY_GRAVITY) {
    const number = data.ids.filter((id) => verdictsOf(id).includes(word)).length;
    const press = () => {
      if (!wanted.delete(word)) wanted.add(word);
      filter();
      tell();
    };
    at("verdicts").append(make("button", { type: "button", "data-verdict": word, "aria-pressed": "false", disabled: number === 0, onclick: press }, sign(word), `${word} `, make("span", { class: "label" }, String(number))));
  }
}

function filter() {
  const words = at("words").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of document.querySelectorAll("#matrix tbody")) {
    let some = false;
    for (const row of group.querySelectorAll("tr[data-id]")) {
      const id = row.dataset.id;
      const match = (!wanted.size || verdictsOf(id).some((one) => wanted.has(one))) && words.every((word) => row.dataset.words.includes(word));
      row.hidden = !match;
      if (match) { some = true; shown += 1; }
    }
    group.hidden = !some;
  }
  for (const cell of document.querySelectorAll("td button.sign")) {
    cell.classList.toggle("pale", wanted.size > 0 && !wanted.has(cell.dataset.verdict));
  }
  for (const button of at("verdicts").children) button.setAttribute("aria-pressed", wanted.has(button.dataset.verdict));
  at("shown").textContent = `${shown} of ${data.ids.length}`;
  at("none").hidden = shown > 0;
  document.querySelector("#matrix thead").hidden = shown === 0;
  const [cell] = cells().flat();
  if (cell && !cells().flat().some((one) => one.tabIndex === 0)) choose(cell);
}

function clearFilter() {
  wanted.clear();
  at("words").value = "";
  filter();
  tell();
  at("words").focus();
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
  return make("tr", { "data-id": id, "data-words": `${id} ${code} ${text}`.toLowerCase() }, name, columns.map((column, index) => cell(column, index, id)));
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

// What is behind a verdict.

function show(place, ...children) {
  at("story").replaceChildren(...children.flat(Infinity).filter(Boolean));
  tell(place);
  if (!at("details").open) at("details").showModal();
  at("details").scrollTop = 0;
}

const pairs = (list) => make("dl", {}, list.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]));
const words = (text) => (text === undefined || text === null ? undefined : make("code", {}, visible(text)));
const block = (text, more = "") => make("pre", { class: more }, visible(text));

function openCase(index, id) {
  const column = columns[index];
  const found = column.cases.get(id);
  const { subject } = column.report;
  const mine = column.version ?? found.runs.find((run) => run.verdict === found.verdict)?.version;
  show({ column: column.label, case: id },
    make("h2", { id: "heading", class: "id", tabindex: "-1", autofocus: true }, id),
    make("p", { class: "for" }, `${subject.name} · profile ${subject.profile}`),
    make("p", { class: "sentence" }, sentence(found.sentence)),
    pairs([
      ["weight", [...new Set(found.runs.map((run) => run.severity))].join(", ")],
      ["written", found.link?.startsWith("https://") ? make("a", { href: found.link, rel: "noreferrer" }, found.section) : found.section],
      ["code", found.code],
      ["the case", sentence(found.does)],
    ]),
    found.known && make("p", { class: "reason" }, make("strong", {}, "Known: "), visible(found.known)),
    make("h3", {}, "By version"),
    found.runs.map((run) => showRun(found, run, run.version === mine)),
  );
}

function showRun(found, run, open) {
  const title = [sign(run.verdict), make("span", {}, `${run.version} `, make("strong", {}, run.verdict)), make("span", { class: "ending" }, run.severity), make("span", { class: "time" }, `${run.millis} ms`)];
  return make("details", { class: "run", open }, make("summary", {}, title), make("div", {},
    pairs([["expected", words(run.expected)], ["actual", words(run.actual)], [run.verdict === "skip" || run.verdict === "broken" ? "why" : "seen", words(run.note)]]),
    make("span", { class: "label" }, "Repeat it"),
    block(`${found.again} --spec ${run.version}`, "command"),
    run.exchanges?.length
      ? [make("span", { class: "label" }, "The calls"), run.exchanges.map((call, index) => showCall(call, index === run.exchanges.length - 1 && run.verdict !== "pass"))]
      : make("span", { class: "label" }, "This report does not hold the calls of this run (--exchanges)."),
  ));
}

function showCall(call, open) {
  const ending = Number.isInteger(call.exit) ? `exit ${call.exit}` : Number.isInteger(call.signal) ? `signal ${call.signal}` : "did not end";
  const variables = Object.entries(call.environment).map(([key, value]) => `${key}=${value}`).join("\n");
  const part = (name, text) => [make("span", { class: "label" }, name), text.trim() ? block(text) : make("span", { class: "label" }, " – nothing"), make("div", {})];
  return make("details", { class: "call", open },
    make("summary", {}, make("span", {}, visible(call.call)), make("span", { class: "ending" }, ending), make("span", { class: "time" }, `${call.millis} ms`)),
    make("div", {},
      part("environment", variables), part("stdin", pretty(call.stdin)), part("stdout", pretty(call.stdout)), part("stderr", call.stderr),
      call.heldOpen && make("p", { class: "label" }, "A process that it left behind held its outputs open.")));
}

function openPlugin(index) {
  const { report, label } = columns[index];
  const { subject, host } = report;
  const json = (value) => (Object.keys(value ?? {}).length ? words(pretty(JSON.stringify(value))) : undefined);
  show({ column: label },
    make("h2", { id: "heading", tabindex: "-1", autofocus: true }, subject.name),
    make("p", { class: "for" }, visible(subject.about ?? "")),
    pairs([
      ["result", `${report.result} at the level ${report.level}`],
      ["cases", BY_GRAVITY.map((word) => `${report.counts[word] ?? 0} ${word}`).join(", ")],
      ["profile", subject.profile],
      ["versions", report.versions.join(", ")],
      ["program", words(subject.plugin)],
      ["sha256", words(subject.sha256)],
      ["configuration", json(subject.config)],
      ["runtimeConfig", json(subject.runtimeConfig)],
      ["host", `Linux ${host.kernel}, ${host.arch}, ${host.rootless ? "without root" : "as root"}`],
      ["made", `${report.date} by cni-conformance ${report.harness}`],
    ]),
    report.unusableVersions?.map((one) => make("p", { class: "reason" }, `Not judged in ${one.version}, where no ADD succeeds: ${visible(one.reason)}`)),
    report.gone?.map((id) => make("p", { class: "reason" }, make("code", {}, id), " is known as a deviation, but was not seen.")),
    make("span", { class: "label" }, "Repeat it"),
    block(report.command, "command"),
  );
}

// The address says what is shown, so that others can be sent there: #show=fail+warn&column=portmap&case=del.twice-succeeds.

function tell(place = {}) {
  const words = new URLSearchParams({ ...(wanted.size ? { show: [...wanted].join(" ") } : {}), ...place });
  history.replaceState(null, "", location.href.split("#")[0] + (words.size ? `#${words}` : ""));
}

function openFromAddress() {
  const place = new URLSearchParams(location.hash.slice(1));
  wanted.clear();
  for (const word of place.get("show")?.split(" ") ?? []) if (BY_GRAVITY.includes(word)) wanted.add(word);
  filter();
  const index = columns.findIndex((column) => column.label === place.get("column"));
  if (index < 0) return;
  const id = place.get("case");
  if (id === null) openPlugin(index);
  else if (columns[index].cases.has(id)) openCase(index, id);
}

showHead();
showVerdicts();
showMatrix();
at("words").addEventListener("input", filter);
at("filter").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", clearFilter);
at("matrix").addEventListener("keydown", move);
at("details").addEventListener("click", (event) => { if (event.target === at("details")) at("details").close(); });
at("details").addEventListener("close", () => tell());
addEventListener("hashchange", openFromAddress);
openFromAddress();
