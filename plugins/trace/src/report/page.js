
// The address contains what is shown, so that it can be shared: #show=ADD+failed&call=7&delegate=0.

function updateAddress() {
  const parameters = new URLSearchParams(selected.size ? { show: [...selected].join(" ") } : {});
  history.replaceState(null, "", location.href.split("#")[0] + (parameters.size ? `#${parameters}` : ""));
}

function openFromAddress() {
  const place = new URLSearchParams(location.hash.slice(1));
  const call = calls[place.get("call") ?? -1];
  if (!call) return at("details").close();
  const delegate = place.get("delegate") ?? undefined;
  if (delegate === undefined || call.delegates[delegate]) openCall(call, delegate);
}

function showHead() {
  const bad = calls.filter(failed).length;
  const ends = [calls[0], calls.at(-1)].map((call) => call && date(call.start).slice(0, 19));
  const containers = new Set(calls.filter((call) => call.id).map(key)).size;
  document.title = `${data.files.join(", ")} · calls of CNI plugins`;
  at("about").textContent = [
    count(calls.length, "call"), ...calls.length ? [`${count(containers, "attachment")}`, `${bad} failed`, `${ends[0]} to ${ends[1]} UTC`] : [],
    visible(data.files.join(", ")), `by ${data.by}`,
  ].join(" · ");
  at("notes").hidden = !data.notes.length;
  at("notes").open = data.notes.length <= 5;
  at("notes-title").textContent = count(data.notes.length, "note");
  at("notes-list").append(...data.notes.map((note) => make("li", {}, visible(note))));
}

function showToggles() {
  for (const word of [...VERBS, "failed"]) {
    const number = calls.filter((call) => (word === "failed" ? failed(call) : call.verb === word)).length;
    const press = () => {
      if (!selected.delete(word)) selected.add(word);
      filter();
      updateAddress();
    };
    at("verbs").append(make("button", { type: "button", "data-word": word, "aria-pressed": "false", disabled: number === 0, onclick: press }, `${word} `, make("span", { class: "label" }, String(number))));
  }
}

function filter() {
  select();
  for (const button of at("verbs").children) button.setAttribute("aria-pressed", selected.has(button.dataset.word));
  at("shown").textContent = `${shown.length} of ${calls.length}`;
  at("none").hidden = shown.length > 0 || !calls.length;
  showFirst();
  showTimeline();
}

function clearFilter() {
  selected.clear();
  at("query").value = "";
  filter();
  updateAddress();
  at("query").focus();
}

showHead();
showToggles();
for (const word of new URLSearchParams(location.hash.slice(1)).get("show")?.split(" ") ?? []) if ([...VERBS, "failed"].includes(word)) selected.add(word);
filter();
at("query").addEventListener("input", filter);
at("filter").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", clearFilter);
at("more").addEventListener("click", showMore);
at("details").addEventListener("click", (event) => { if (event.target === at("details")) at("details").close(); });
at("details").addEventListener("close", updateAddress);
// Observed again after each batch, since one that stays visible is not reported twice.
const observer = new IntersectionObserver(([entry]) => {
  if (!entry.isIntersecting) return;
  showMore();
  observer.unobserve(at("rest"));
  observer.observe(at("rest"));
}, { rootMargin: "50%" });
observer.observe(at("rest"));
addEventListener("hashchange", openFromAddress);
openFromAddress();
