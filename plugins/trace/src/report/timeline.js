
// The bars.

/// The duration that fills a bar: the longest, unless a few calls are much longer than all others.
const FULL = (() => {
  const sorted = calls.map((call) => call.micros).sort((a, b) => a - b);
  const usual = 4 * (sorted[Math.floor(sorted.length * 0.95)] ?? 0);
  return Math.max(1, Math.min(sorted.at(-1) ?? 1, usual));
})();

const address = (call, delegate) => `#call=${call.index}${delegate === undefined ? "" : `&delegate=${delegate}`}`;

function bar(one, offset, full) {
  const begin = Math.min(offset / full, 1);
  const width = Math.min(one.micros / full, 1 - begin);
  const torn = offset + one.micros > full * 1.001;
  const filled = make("span", { class: `bar${failed(one) ? " bad" : ""}${torn ? " torn" : ""}` });
  // Not an attribute, which the policy does not allow.
  filled.style.left = `min(${begin * 100}%, 100% - 3px)`;
  filled.style.width = `${width * 100}%`;
  return make("span", { class: "track", "aria-hidden": "true" }, filled);
}

/// A line of a call, or of one of its delegates.
function line(call, delegate, full = FULL) {
  const one = delegate === undefined ? call : call.delegates[delegate];
  const what = delegate === undefined ? call.verb : `${visible(one.plugin)} ${one.verb}`;
  return make("a", { class: `line ${delegate === undefined ? "call" : "delegate"}`, href: address(call, delegate) },
    make("span", { class: "when" }, delegate === undefined ? clock(call.start) : ""),
    make("span", { class: "what" }, visible(what), " ", failed(one) && make("span", { class: "bad code" }, "✘ ", make("span", { class: "hidden" }, "failed with code "), String(one.code))),
    bar(one, delegate === undefined ? 0 : one.offset, full),
    make("span", { class: "took" }, duration(one.micros)));
}

const lines = (call, full) => [line(call, undefined, full), call.delegates.map((_, index) => line(call, index, full))];

// The failed and the slow calls.

const LISTED = 10;

/// Returns which delegate is the reason for a place in the lists, and what it says.
function why(call) {
  if (failed(call)) {
    const delegate = call.delegates.find(failed);
    return `${delegate ? `${delegate.plugin}: ` : ""}${call.msg.split("\n")[0].slice(0, 300)}`;
  }
  const [slowest] = [...call.delegates].sort((a, b) => b.micros - a.micros);
  return slowest ? `${duration(slowest.micros)} of it for ${slowest.plugin}` : "";
}

function listed(place, title, some, all) {
  const rest = some.length - (all ? Infinity : LISTED);
  const item = (call) => make("li", {}, make("a", { href: address(call) },
    make("span", { class: "what" }, `${visible(call.verb)} `, failed(call) && make("span", { class: "bad code" }, `✘ ${call.code}`)),
    make("span", { class: "id" }, visible(name(call) || call.network)),
    make("span", { class: "took" }, duration(call.micros)),
    make("span", { class: "why" }, visible(why(call)))));
  at(place).replaceChildren(...some.length ? [
    make("h2", {}, `${title} `, make("span", { class: "label" }, String(some.length))),
    make("ol", {}, some.slice(0, all ? undefined : LISTED).map(item)),
    ...rest > 0 ? [make("button", { type: "button", class: "link", onclick: () => listed(place, title, some, true) }, `Show ${rest} more`)] : [],
  ] : []);
}

function showFirst() {
  listed("failed", "Failed", shown.filter(failed));
  const slowest = shown.filter((call) => !failed(call)).sort((a, b) => b.micros - a.micros);
  listed("slow", "Slowest", slowest.slice(0, LISTED / 2));
}

// The calls by container. They are made when they are about to become visible.

const BATCH = 20;
const PAUSE = 1e6;
let waiting = [];

function group(some) {
  const [first] = some;
  const of = first.id
    ? [make("span", { class: "id" }, visible(first.id)), ` ${visible(first.ifname)} in ${visible(first.network)}`]
    : [make("span", { class: "id" }, visible(first.network)), " without a container"];
  const bad = some.filter(failed).length;
  const later = (call, index) => {
    const gap = index ? call.start - some[index - 1].start - some[index - 1].micros : 0;
    return gap >= PAUSE && make("li", { class: "gap" }, `${pause(gap)} later`);
  };
  return make("section", { class: "group" },
    make("h2", {}, of, make("span", { class: "label" }, ` ${date(first.start).slice(0, 10)} · ${count(some.length, "call")}${bad ? `, ${bad} failed` : ""}`)),
    make("ol", {}, some.map((call, index) => [later(call, index), make("li", {}, lines(call))])));
}

function showMore() {
  at("timeline").append(...waiting.splice(0, BATCH).map(group));
  at("rest").hidden = !waiting.length;
}

function showTimeline() {
  const groups = new Map();
  for (const call of shown) {
    const one = groups.get(key(call));
    if (one) one.push(call);
    else groups.set(key(call), [call]);
  }
  waiting = [...groups.values()];
  at("timeline").replaceChildren();
  showMore();
}
