// Plays the film of a run's page: the page's script on as much of a document as it touches.
const html = require("fs").readFileSync(process.argv[2], "utf8");
const element = (dataset = {}) => {
  const classes = new Set(), heard = {};
  const toggle = (name, on = !classes.has(name)) => (classes[on ? "add" : "delete"](name), on);
  const add = (...names) => names.forEach((name) => classes.add(name));
  return {
    dataset, classes, classList: { toggle, add }, setAttribute() {},
    addEventListener: (event, act) => (heard[event] = act),
    fire: (event) => heard[event](),
  };
};
const frames = [...html.matchAll(/<tr data-epoch="(\d+)"/g)].map(([, epoch]) => element({ epoch }));
const [play, range, told, all] = [element(), element(), element(), element()];
const film = element();
film.querySelectorAll = () => frames;
film.querySelector = () => ({ children: [play, range, told, all] });
let tick = null;
global.setInterval = (act) => ((tick = act), 1);
global.clearInterval = () => (tick = null);
global.document = { querySelectorAll: () => [film], getElementById: element };
const seen = [];
const note = () => {
  const shown = frames.filter((frame) => frame.classes.has("now")).map((f) => f.dataset.epoch);
  seen.push([shown.join(), told.textContent, play.textContent, film.classes.has("one")]);
};
eval(html.split("<script>").pop().split("</script>")[0]);
note();
range.value = "1"; range.fire("input"); note();
play.fire("click"); note();
while (tick) tick();
note();
play.fire("click"); note();
all.fire("click"); note();
console.log(JSON.stringify(seen));
