
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
