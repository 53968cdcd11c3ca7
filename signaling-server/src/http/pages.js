// The landing page's times once more, in the zone of whoever reads it. Without this the page is whole, too.
const line = document.querySelector("#landing [data-from]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (line !== null && zone !== undefined && zone !== line.dataset.zone) {
  const format = new Intl.DateTimeFormat(document.getElementById("landing").lang, {
    weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
  });
  line.querySelector("time").textContent = format.formatRange(new Date(line.dataset.from), new Date(line.dataset.until));
  line.hidden = false;
}
